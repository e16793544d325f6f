"""A job in a notebook: a headline that stays in the saved file, and widgets while it runs."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import ipywidgets
from IPython.display import display

from labdock import schema, wording
from labdock.errors import LabdockError
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
        self._job: Job | None = None
        self._logs = LogView()
        self._headline = ipywidgets.HTML()
        self._bar = ipywidgets.FloatProgress(min=0, max=1, layout={"width": "100%"})
        self._progress = ipywidgets.HTML()
        self._warnings = ipywidgets.HTML()
        self._note = ipywidgets.HTML()
        self._tensorboard = ipywidgets.HTML(layout={"margin": "2px"})
        self._stop = button("Stop", "stop", self._stop_job)
        self._name = ipywidgets.Text(description="Endpoint", layout={"width": "20em"})
        self._deploy = button("Deploy", "cloud-upload", self._deploy_model)
        self._kept = display(_bundle(""), raw=True, display_id=True)
        widgets = self._box()._repr_mimebundle_()
        display({**widgets, "text/plain": _WITHOUT_WIDGETS}, raw=True)

    def _box(self) -> Any:
        buttons = [self._tensorboard, self._stop, self._name, self._deploy]
        row = ipywidgets.HBox(buttons, layout={"align_items": "center", "flex_flow": "wrap"})
        self._buttons = row
        row.layout.display = "none"
        self._enable(stop=False, deploy=False)
        return ipywidgets.VBox(
            [self._bar, self._progress, self._warnings, row, self._note, self._logs.widget]
        )

    def step(self, step: Step) -> None:
        """Say what is done before there is a job."""
        self._keep(step.message)
        self._bar.value = step.share or 0.0

    def begin(self, job: Job) -> None:
        """Show the job, and the buttons for it."""
        self._job = job
        self._name.value = endpoint_name(job.name)
        self._tensorboard.value = link(
            page(job.tensorboard_url, in_hub=job.client.connection.in_hub), "TensorBoard"
        )
        self._buttons.layout.display = "flex"
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
        self._enable(stop=not ended and record.state != "stopping", deploy=bool(record.models))
        if record.failure and record.failure.traceback:
            self._logs.chief.show_traceback(record.failure.traceback)

    def line(self, line: schema.LogLine) -> None:
        """Add a line to the log."""
        self._logs.chief.add(wording.plain(line.text))

    def trouble(self, message: str | None) -> None:
        """Say that the service is away, or nothing more of it."""
        self._note.value = html.escape(f"{message} Trying again." if message else "")

    def _keep(self, text: str) -> None:
        """Put the headline into the notebook itself, where it stays when it is saved."""
        self._kept.update(_bundle(text), raw=True)

    def _enable(self, *, stop: bool, deploy: bool) -> None:
        self._stop.disabled = not stop
        self._deploy.disabled = self._name.disabled = not deploy

    def _stop_job(self) -> None:
        if self._job is not None:
            self._stop.disabled = True
            in_background(self._note, self._job.stop)

    def _deploy_model(self) -> None:
        if self._job is not None:
            self._deploy.disabled = True
            self._note.value = "The model server starts …"
            in_background(self._note, self._deploy_named)

    def _deploy_named(self) -> None:
        assert self._job is not None
        try:
            endpoint = self._job.deploy(self._name.value.strip())
        finally:
            self._deploy.disabled = False
        self._note.value = (
            f"{html.escape(endpoint.name)} answers at <code>{html.escape(endpoint.url)}</code>. "
            f"A key for programs: <code>labdock.endpoint({endpoint.name!r}).create_key()</code>"
        )


def _bundle(text: str) -> dict[str, str]:
    """The headline, as a notebook keeps it."""
    return {"text/html": f"<b>{html.escape(text)}</b>", "text/plain": text}


def button(text: str, icon: str, press: Callable[[], None]) -> Any:
    """A button that calls `press`."""
    made = ipywidgets.Button(description=text, icon=icon, layout={"width": "auto"})
    made.on_click(lambda _: press())
    return made


def in_background(note: Any, do: Callable[[], object]) -> None:
    """Do it in a thread, so that the notebook goes on; a mistake is shown as a note."""

    def guarded() -> None:
        try:
            do()
        except LabdockError as error:
            note.value = html.escape(str(error))

    threading.Thread(target=guarded, daemon=True, name="labdock button").start()


def link(address: str, text: str) -> str:
    """A link that looks like a button."""
    return (
        f'<a class="jupyter-button" target="_blank" rel="noopener" style="margin:0;padding:0 10px;'
        f'display:block;text-decoration:none" href="{html.escape(address)}">{html.escape(text)}</a>'
    )


def page(address: str, *, in_hub: bool) -> str:
    """An address under the hub, for the browser that shows the notebook.

    On the hub that is a path: the browser knows the hub's name, which may be another here.
    """
    return urlsplit(address)._replace(scheme="", netloc="").geturl() if in_hub else address


def endpoint_name(text: str) -> str:
    """An endpoint's name made from a job's: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "model"
