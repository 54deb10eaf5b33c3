// Browsers allow no workers on pages opened from disk: there the search runs in a hidden frame in a worker's place.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.place = frame.contentWindow;
      const page = frame.contentDocument;
      page.open();
      page.write(`<script>postMessage = data => parent.postMessage(data, "*")<\/script><script src="${url}"><\/script>`);
      page.close();
      this.ready = new Promise(resolve => this.place.addEventListener("load", resolve));
      window.addEventListener("message", event => {
        if (event.source === this.place) this.dispatchEvent(new MessageEvent("message", { data: event.data }));
      });
    }

    postMessage(data) {
      this.ready.then(() => this.place.dispatchEvent(new MessageEvent("message", { data })));
    }
  };
}
