"""One thread per process that refreshes the claims it holds."""

from __future__ import annotations

import threading

from dsx.study.claims import Claim

REFRESH_EVERY_S = 30.0


class Heartbeat:
    """One thread that refreshes the claims held by this process. `lost` is cheap enough for every step."""

    def __init__(self, every_s: float = REFRESH_EVERY_S) -> None:
        self._every_s = every_s
        self._held: set[Claim] = set()
        self._lost: set[Claim] = set()
        self._guard = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, held: Claim) -> None:
        """Refresh a claim from now on."""
        with self._guard:
            self._held.add(held)
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="dsx-heartbeat", daemon=True)
            self._thread.start()

    def remove(self, held: Claim) -> None:
        """Refresh a claim no longer."""
        with self._guard:
            self._held.discard(held)
            self._lost.discard(held)

    def lost(self, held: Claim) -> bool:
        """Whether somebody else was seen to have taken the run."""
        return held in self._lost

    def stop(self) -> None:
        """End the thread."""
        self._wake.set()

    def _beat(self) -> None:
        while not self._wake.wait(self._every_s):
            with self._guard:
                held = list(self._held)
            for claim in held:
                if not claim.refresh():
                    with self._guard:
                        if claim in self._held:
                            self._lost.add(claim)
