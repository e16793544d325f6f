"""A grid in a notebook: a table that stays in the saved file, and buttons while it runs."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets
from IPython.display import display

from labdock import gridschema, gridtable, results, wording
from labdock.schema import ENDED
from labdock.submission import Step
from labdock.widgets import button, endpoint_name, in_background, link, page

if TYPE_CHECKING:
    from labdock.trials import Grid

_WITHOUT_WIDGETS = "The grid's buttons are shown here while the notebook's kernel runs."


class GridWidgetView:
    """Widgets of one grid; every text is escaped."""

    def __init__(self) -> None:
        self._grid: Grid | None = None
        self._bar = ipywidgets.FloatProgress(min=0, max=1, layout={"width": "100%"})
        self._note = ipywidgets.HTML()
        self._tensorboard = ipywidgets.HTML(layout={"margin": "2px"})
        self._stop = button("Stop", "stop", self._stop_jobs)
        self._name = ipywidgets.Text(description="Endpoint", layout={"width": "20em"})
        self._deploy = button("Deploy best", "cloud-upload", self._deploy_best)
        self._kept = display({"text/plain": ""}, raw=True, display_id=True)
        widgets = self._box()._repr_mimebundle_()
        display({**widgets, "text/plain": _WITHOUT_WIDGETS}, raw=True)

    def _box(self) -> Any:
        buttons = [self._tensorboard, self._stop, self._name, self._deploy]
        self._buttons = ipywidgets.HBox(
            buttons, layout={"align_items": "center", "flex_flow": "wrap", "display": "none"}
        )
        self._enable(stop=False, deploy=False)
        return ipywidgets.VBox([self._bar, self._buttons, self._note])

    def step(self, step: Step) -> None:
        """Say what is done before there is a grid."""
        self._keep(f"<b>{html.escape(step.message)}</b>", step.message)
        self._bar.value = step.share or 0.0

    def begin(self, grid: Grid) -> None:
        """Show the grid, and the buttons for it."""
        self._grid = grid
        self._name.value = endpoint_name(grid.name)
        address = page(grid.tensorboard_url, in_hub=grid.client.connection.in_hub)
        self._tensorboard.value = link(address, "TensorBoard")
        self._buttons.layout.display = "flex"
        self.changed(grid.record)

    def changed(self, record: gridschema.Grid) -> None:
        """Show the jobs' states and metrics."""
        table = gridtable.table(record)
        headline = wording.grid_headline(record)
        self._keep(
            f"<b>{html.escape(headline)}</b>{gridtable.as_html(table)}",
            f"{headline}\n{gridtable.as_text(table)}",
        )
        shares = [wording.done(job) for job in record.jobs]
        self._bar.value = sum(shares) / max(1, len(shares))
        best = results.best(record.jobs, results.chosen_metric(record.jobs))
        running = not ENDED.issuperset(record.states)
        self._enable(stop=running, deploy=bool(best and best.models))

    def trouble(self, message: str | None) -> None:
        """Say that the service is away, or nothing more of it."""
        self._note.value = html.escape(f"{message} Trying again." if message else "")

    def _keep(self, formatted: str, text: str) -> None:
        """Put it into the notebook itself, where it stays when it is saved."""
        self._kept.update({"text/html": formatted, "text/plain": text}, raw=True)

    def _enable(self, *, stop: bool, deploy: bool) -> None:
        self._stop.disabled = not stop
        self._deploy.disabled = self._name.disabled = not deploy

    def _stop_jobs(self) -> None:
        if self._grid is not None:
            self._stop.disabled = True
            in_background(self._note, self._grid.stop)

    def _deploy_best(self) -> None:
        if self._grid is not None:
            self._deploy.disabled = True
            self._note.value = "The model server starts …"
            in_background(self._note, self._deploy_named)

    def _deploy_named(self) -> None:
        assert self._grid is not None
        try:
            job = self._grid.best()
            endpoint = job.deploy(self._name.value.strip())
        finally:
            self._deploy.disabled = False
        self._note.value = (
            f"{html.escape(job.name)} answers at <code>{html.escape(endpoint.url)}</code>. "
            f"A key for programs: <code>labdock.endpoint({endpoint.name!r}).create_key()</code>"
        )
