"use strict";
/* Draws the two charts of a dsx report from the JSON in #data, and the network under the pointer. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const narrow = () => window.innerWidth < 640;
  const config = () => ({
    responsive: true, displaylogo: false, displayModeBar: !narrow(),
    /* named one by one: by itself plotly also offers to upload the chart */
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
  });
  const byId = (id) => document.getElementById(id);
  document.body.classList.remove("no-script");

  const short = (value) => {
    if (value === null || value === undefined) return "–";
    for (const [suffix, scale] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
      if (Math.abs(value) >= scale && (suffix !== "k" || Math.abs(value) >= 1e4)) return +(value / scale).toPrecision(4) + suffix;
    }
    return String(+value.toPrecision(4));
  };
  const count = (n) => n.toLocaleString("en");
  const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

  /* of errors less is better; the metric they are of may be of another kind, as 100 − error */
  const worth = (error) => data.metric.zero + data.metric.sign * error;
  const side = data.metric.sign > 0 ? "below" : "above";

  /* ---- one network in words and as a picture ---- */

  const perStage = (stages, at) => stages.map((stage) => stage[at]).join(", ");

  const inWords = (study, i) => {
    const stages = study.stages[i];
    const parts = [`${data.metric.words} ${short(worth(study.error[i]))}${data.metric.unit}`, `rank ${count(study.rank[i])} of ${count(study.n)}`];
    if (study.state[i] === "diverged") parts.push(`diverged, counted at chance ${data.metric.words}`);
    for (const name of ["flops", "params", "acts"]) {
      const values = study.values[name];
      if (values && values[i] !== null) parts.push(`${short(values[i])} ${name}`);
    }
    const lines = [parts.join(", ")];
    if (stages) {
      lines.push(`depths ${perStage(stages, 0)}; widths ${perStage(stages, 1)}`);
      const extra = [];
      if (stages.some((s) => s[2] !== 1)) extra.push(`bottleneck ratios ${perStage(stages, 2)}`);
      if (stages.some((s) => s[3] > 0)) extra.push(`group widths ${perStage(stages, 3)}`);
      if (extra.length) lines.push(extra.join("; "));
    }
    return lines;
  };

  const label = (study, i) =>
    `<b>${escaped(study.name)}</b> ${escaped(study.id[i])}<br>` + inWords(study, i).map(escaped).join("<br>");

  const element = (tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  /* a bar per block, as high as it is wide in channels; stages are set apart */
  const picture = (study, i) => {
    const stages = study.stages[i];
    const widest = Math.max(...stages.map((s) => s[1]));
    const blocks = stages.reduce((sum, s) => sum + s[0], 0);
    const [width, height, gap] = [420, 110, 14];
    const step = Math.min(26, (width - gap * (stages.length - 1)) / blocks);
    const svg = element("svg", { viewBox: `0 0 ${width} ${height + 20}`, role: "img", "aria-label": inWords(study, i).join("; ") });
    let x = 0;
    for (const [depth, channels] of stages) {
      const high = Math.max(2, (channels / widest) * (height - 18));
      svg.append(element("text", { x: x + (depth * step) / 2, y: height - high - 5, "font-size": 12, "text-anchor": "middle", fill: "#444" }, channels));
      for (let block = 0; block < depth; block++, x += step) {
        svg.append(element("rect", { x: x + step * 0.08, y: height - high, width: step * 0.84, height: high, fill: study.color }));
      }
      svg.append(element("text", { x: x - (depth * step) / 2, y: height + 15, "font-size": 12, "text-anchor": "middle", fill: "#777" }, `×${depth}`));
      x += gap;
    }
    return svg;
  };

  const show = (panel, study, i) => {
    const title = document.createElement("p");
    const name = document.createElement("strong");
    name.textContent = study.name;
    title.append(name, ` ${study.id[i]}`);
    const lines = inWords(study, i).map((line) => Object.assign(document.createElement("p"), { textContent: line }));
    panel.replaceChildren(title, ...lines);
    if (study.stages[i]) panel.append(picture(study, i));
  };

  /* until a model is pointed at, the best of all is shown */
  const start = (panel, study) => {
    show(panel, study, 0);
    const hint = Object.assign(document.createElement("p"), { className: "hint", textContent: panel.dataset.hint });
    panel.prepend(hint);
  };

  const listen = (chart, panel, studyOf) => {
    const told = (event) => {
      const point = event.points.find((p) => p.customdata !== undefined);
      if (point) show(panel, studyOf(point), point.customdata);
    };
    chart.on("plotly_hover", told);
    chart.on("plotly_click", told);
  };

  /* ---- shared looks ---- */

  const axis = (title) => ({ title: { text: title, standoff: 8 }, automargin: true, gridcolor: "#e6e6e6", zeroline: false, linecolor: "#888", ticks: "outside" });
  const look = () => ({
    margin: { l: narrow() ? 44 : 58, r: 12, t: narrow() ? 12 : 32, b: 48 }, showlegend: false, hovermode: "closest", dragmode: narrow() ? false : "zoom",
    paper_bgcolor: "#fff", plot_bgcolor: "#fff", font: { family: "system-ui, sans-serif", size: 13, color: "#1b1b1b" },
    hoverlabel: { align: "left", bgcolor: "#fff", font: { size: 12 } },
  });
  /* a tooltip would cover a phone's whole chart; there the panel below tells */
  const hover = () => (narrow() ? { hoverinfo: "none" } : { hovertemplate: "%{text}<extra></extra>" });

  /* ---- error distributions ---- */

  const shown = new Set(data.studies.map((study) => study.name));
  const edf = byId("edf");
  const dashes = ["solid", "dash", "dot", "dashdot"];

  const edfTraces = () =>
    data.studies.flatMap((study, index) => {
      const log = byId("edf-log").checked;
      const visible = shown.has(study.name);
      const low = log ? Math.min(...study.error.filter((e) => e > 0), data.limits[1]) / 1.2 : Math.min(data.limits[0], study.error[0]);
      const high = Math.max(data.limits[1], study.error[study.error.length - 1]);
      const x = [...study.error, high];
      const clipped = (shift) => [0, ...study.share, 1].map((s) => Math.min(1, Math.max(0, s + shift)));
      const line = { shape: "hv", color: study.color, width: 2, dash: dashes[Math.floor(index / 7) % 4] };
      const steps = [low, ...x].map(worth);
      const edge = { x: steps, mode: "lines", hoverinfo: "skip", visible: visible && byId("edf-band").checked, line: { ...line, width: 0 } };
      return [
        { ...edge, y: clipped(-study.half) },
        { ...edge, y: clipped(study.half), fill: "tonexty", fillcolor: study.color + "22" },
        { x: steps, y: [0, ...study.share, 1], mode: "lines", hoverinfo: "skip", visible, line },
        {
          x: study.error.map(worth), y: study.share, mode: "markers", visible, name: study.name, meta: index,
          marker: { color: study.color, size: study.error.length > 200 ? 4 : 6 }, customdata: study.error.map((_, i) => i),
          text: study.error.map((_, i) => label(study, i)), ...hover(),
        },
      ];
    });

  const edfLayout = () => {
    const log = byId("edf-log").checked;
    const positive = data.studies.flatMap((s) => s.error).filter((e) => e > 0);
    const all = [Math.log10(Math.min(...positive)) - 0.03, Math.log10(Math.max(...positive)) + 0.03];
    return {
      ...look(),
      xaxis: { ...axis(data.metric.symbol), type: log ? "log" : "linear", range: log ? all : data.limits.map(worth) },
      yaxis: { ...axis(narrow() ? `share ${side} e` : `F(e): share of models ${side} e`), range: [0, 1.02] },
    };
  };

  const edfNote = () => {
    const log = byId("edf-log").checked;
    const zeros = data.studies.reduce((sum, study) => sum + study.error.filter((e) => e <= 0).length, 0);
    const beyond = !log && data.beyond ? `Beyond the right end: ${data.beyond} The log axis shows all.` : "";
    byId("edf-note").textContent = log && zeros ? `${zeros} drawn models with error 0 have no place on a log axis.` : beyond;
  };

  const drawEdf = () => {
    edfNote();
    return Plotly.react(edf, edfTraces(), edfLayout(), config());
  };

  for (const study of data.studies) {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
    swatch.style.background = study.color;
    const chip = document.createElement("label");
    chip.append(box, swatch, `${study.name} (n ${count(study.n)})`);
    byId("edf-studies").append(chip);
    box.addEventListener("change", () => {
      shown[box.checked ? "add" : "delete"](study.name);
      drawEdf();
    });
  }
  byId("edf-log").disabled = data.metric.sign < 0;
  byId("edf-log").addEventListener("change", drawEdf);
  byId("edf-band").addEventListener("change", drawEdf);
  drawEdf();
  start(byId("edf-network"), data.studies.reduce((best, study) => (study.error[0] < best.error[0] ? study : best)));
  listen(edf, byId("edf-network"), (point) => data.studies[point.data.meta]);

  /* ---- error against any quantity ---- */

  const scatter = byId("scatter");
  const [studyBox, columnBox] = [byId("scatter-study"), byId("scatter-column")];
  const options = (box, texts) => box.replaceChildren(...texts.map(([value, text]) => new Option(text, value)));
  const columnsOf = (study) => data.columns.filter((column) => study.ranges[column.name]);
  const chosen = () => {
    const study = data.studies[studyBox.value];
    return [study, data.columns.find((column) => column.name === columnBox.value) || columnsOf(study)[0]];
  };

  const fillColumns = () => {
    const before = columnBox.value;
    const columns = columnsOf(data.studies[studyBox.value]);
    options(columnBox, columns.map((column) => [column.name, column.label]));
    if (columns.some((column) => column.name === before)) columnBox.value = before;
  };

  const drawScatter = () => {
    const [study, column] = chosen();
    if (!column) return;
    const scaled = (value) => (value === null ? null : value / column.scale);
    const [low, median, high] = study.ranges[column.name].map(scaled);
    const x = study.values[column.name].map(scaled);
    const at = (value) => (column.log ? Math.log10(value) : value);
    const band = { type: "rect", xref: "x", yref: "paper", y0: 0, y1: 1, line: { width: 0 }, layer: "below" };
    const known = x.filter((value) => value !== null);
    const [least, most] = [Math.min(...known), Math.max(...known)].map(at);
    const pad = (most - least || 1) * 0.05;
    const layout = {
      ...look(),
      xaxis: { ...axis(column.label), type: column.log ? "log" : "linear", range: [least - pad, most + pad] },
      yaxis: { ...axis(data.metric.axis), range: study.limits.map(worth) },
      shapes: [
        { ...band, x0: low, x1: high, fillcolor: study.color + "22" },
        { ...band, type: "line", x0: median, x1: median, line: { color: study.color, width: 2 } },
      ],
    };
    const points = {
      x, y: study.error.map(worth), mode: "markers", meta: +studyBox.value, marker: { color: study.color, size: 8, opacity: 0.6 },
      customdata: study.error.map((_, i) => i), text: study.error.map((_, i) => label(study, i)), ...hover(),
    };
    const above = study.error.filter((e) => e > study.limits[1]).length;
    byId("scatter-note").textContent =
      `Best ${short(median)} (${100 * data.level} % range ${short(low)}–${short(high)}), of all ${count(study.n)} models.` +
      (above ? ` ${above} drawn models lie above the top.` : "");
    Plotly.react(scatter, [points], layout, config());
  };

  options(studyBox, data.studies.map((study, index) => [index, study.name]));
  fillColumns();
  const startScatter = () => start(byId("scatter-network"), data.studies[studyBox.value]);
  startScatter();
  studyBox.addEventListener("change", () => { fillColumns(); drawScatter(); startScatter(); });
  columnBox.addEventListener("change", drawScatter);
  drawScatter();
  listen(scatter, byId("scatter-network"), (point) => data.studies[point.data.meta]);

  /* a page turned from tall to wide gets the other look; a printed one shows all that is folded */
  let before = narrow();
  window.addEventListener("resize", () => {
    if (narrow() !== before) { before = narrow(); drawEdf(); drawScatter(); }
  });
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((part) => { part.open = false; }));
})();
