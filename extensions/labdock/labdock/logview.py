"""A job's logs in a notebook: the chief's as it comes, and another worker's where one is chosen."""

from __future__ import annotations

import collections
import html
import threading
from typing import TYPE_CHECKING, Any

import ipywidgets

from labdock import wording
from labdock.errors import LabdockError

if TYPE_CHECKING:
    from labdock.running import Job

LINES = 500
"""Log lines that are kept in view; `job.logs()` has them all."""

BREATH = 0.2
"""Seconds between two updates of the log's text, so that a fast log does not flood."""


class LogView:
    """The chief's log, and of several workers a choice of whose log is shown."""

    def __init__(self) -> None:
        self.chief = LogBox()
        self._boxes = {0: self.chief}
        self._job: Job | None = None
        self._whose = ipywidgets.Dropdown(description="Log of", layout={"display": "none"})
        self._whose.observe(self._choose, "value")
        self.widget = ipywidgets.VBox([self._whose, self.chief.widget])

    def begin(self, job: Job) -> None:
        """Offer the logs of the job's workers."""
        self._job = job
        others = [(f"worker {rank}", rank) for rank in range(1, job.record.workers)]
        self._whose.options = [("the chief", 0), *others]
        if others:
            self._whose.layout.display = "flex"

    def _choose(self, change: Any) -> None:
        rank: int = change["new"] or 0
        if rank not in self._boxes:
            self._boxes[rank] = LogBox()
            reading = threading.Thread(target=self._follow, args=(rank,), daemon=True)
            reading.start()
        self.widget.children = (self._whose, self._boxes[rank].widget)

    def _follow(self, rank: int) -> None:
        assert self._job is not None
        box = self._boxes[rank]
        try:
            for line in self._job.logs(rank).follow():
                box.add(wording.plain(line.text))
        except LabdockError as error:
            box.add(str(error))


class LogBox:
    """The last lines of a log, drawn again at most every BREATH seconds."""

    def __init__(self) -> None:
        self.widget = ipywidgets.HTML()
        self._lines: collections.deque[str] = collections.deque(maxlen=LINES)
        self._lock = threading.Lock()
        self._due: threading.Timer | None = None

    def add(self, line: str) -> None:
        """Write a line."""
        with self._lock:
            self._lines.append(line)
            if self._due is None:
                self._due = threading.Timer(BREATH, self._draw)
                self._due.daemon = True
                self._due.start()

    def show_traceback(self, text: str) -> None:
        """End the log with the person's own traceback, where it does not show it already."""
        lines = [wording.plain(line) for line in text.splitlines()]
        if lines and lines[-1] not in self._lines:
            for line in lines:
                self.add(line)

    def _draw(self) -> None:
        with self._lock:
            self._due = None
            text = "\n".join(self._lines)
        # The reversed column keeps the newest line in view.
        self.widget.value = (
            '<div style="display:flex;flex-direction:column-reverse;max-height:18em;overflow:auto">'
            f'<pre style="flex:none;margin:0;line-height:1.3">{html.escape(text)}</pre></div>'
        )
