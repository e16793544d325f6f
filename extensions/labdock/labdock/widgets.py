"""A job in a notebook: a headline that stays in the saved file, and widgets while it runs."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets
from IPython.display import display

from labdock import schema, wording
from labdock.controls import Controls
from labdock.logview import LogView
from labdock.schema import ENDED
from labdock.submission import Step

if TYPE_CHECKING:
    from labdock.running import Job

_WITHOUT_WIDGETS = "The job's progress and log are shown here while the notebook's kernel runs."
_BAR_STYLES = {"succeeded": "success", "failed": "danger", "stopped": "warning"}


class WidgetView:
    """Widgets of one submission; every text is escaped."""

    def __init__(self) -> None:
        self._logs = LogView()
        self._headline = ipywidgets.HTML()
        self._bar = ipywidgets.FloatProgress(min=0, max=1, layout={"width": "100%"})
        self._progress = ipywidgets.HTML()
        self._warnings = ipywidgets.HTML()
        self.controls = Controls("Deploy")
        self._kept = display(_bundle(""), raw=True, display_id=True)
        widgets = self._box()._repr_mimebundle_()
        display({**widgets, "text/plain": _WITHOUT_WIDGETS}, raw=True)

    def _box(self) -> Any:
        row, note = self.controls.row, self.controls.note
        return ipywidgets.VBox(
            [self._bar, self._progress, self._warnings, row, note, self._logs.widget]
        )

    def step(self, step: Step) -> None:
        """Say what is done before there is a job."""
        self._keep(step.message)
        self._bar.value = step.share or 0.0

    def begin(self, job: Job) -> None:
        """Show the job, and the buttons for it."""
        self.controls.begin(job, lambda: job)
        self._logs.begin(job)
        self.changed(job.record)

    def changed(self, record: schema.Job) -> None:
        """Show the job's state and progress."""
        self._keep(wording.headline(record))
        self._progress.value = html.escape(wording.progress(record))
        self._warnings.value = "<br>".join(f"⚠ {html.escape(text)}" for text in record.warnings)
        done = 1.0 if record.state == "succeeded" else wording.share(record.progress)
        self._bar.value = done if done is not None else 0.0
        self._bar.bar_style = _BAR_STYLES.get(record.state, "info")
        ended = record.state in ENDED
        stoppable = not ended and record.state != "stopping"
        self.controls.enable(stop=stoppable, deploy=bool(record.models))
        if record.failure and record.failure.traceback:
            self._logs.chief.show_traceback(record.failure.traceback)

    def line(self, line: schema.LogLine) -> None:
        """Add a line to the log."""
        self._logs.chief.add(wording.plain(line.text))

    def trouble(self, message: str | None) -> None:
        """Say that the service is away, or nothing more of it."""
        self.controls.trouble(message)

    def _keep(self, text: str) -> None:
        """Put the headline into the notebook itself, where it stays when it is saved."""
        self._kept.update(_bundle(text), raw=True)


def _bundle(text: str) -> dict[str, str]:
    """The headline, as a notebook keeps it."""
    return {"text/html": f"<b>{html.escape(text)}</b>", "text/plain": text}
