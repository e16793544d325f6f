"""A grid in a notebook: a table that stays in the saved file, and buttons while it runs."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import ipywidgets
from IPython.display import display

from labdock import gridschema, gridtable, results, wording
from labdock.controls import Controls
from labdock.gridschema import ended
from labdock.submission import Step

if TYPE_CHECKING:
    from labdock.trials import Grid

_WITHOUT_WIDGETS = "The grid's buttons are shown here while the notebook's kernel runs."


class GridWidgetView:
    """Widgets of one grid; every text is escaped."""

    def __init__(self) -> None:
        self._bar = ipywidgets.FloatProgress(min=0, max=1, layout={"width": "100%"})
        self.controls = Controls("Deploy best")
        self._troubles = ipywidgets.HTML()
        self._kept = display({"text/plain": ""}, raw=True, display_id=True)
        parts = [self._bar, self._troubles, self.controls.row, self.controls.note]
        box = ipywidgets.VBox(parts)
        display({**box._repr_mimebundle_(), "text/plain": _WITHOUT_WIDGETS}, raw=True)

    def step(self, step: Step) -> None:
        """Say what is done before there is a grid."""
        self._keep(f"<b>{html.escape(step.message)}</b>", step.message)
        self._bar.value = step.share or 0.0

    def begin(self, grid: Grid) -> None:
        """Show the grid, and the buttons for it."""
        self.controls.begin(grid, grid.best)
        self.changed(grid.record)

    def changed(self, record: gridschema.Grid) -> None:
        """Show the jobs' states and metrics."""
        table = gridtable.table(record)
        headline = wording.grid_headline(record)
        self._keep(
            f"<b>{html.escape(headline)}</b>{gridtable.as_html(table)}",
            f"{headline}\n{gridtable.as_text(table)}",
        )
        troubles = wording.grid_troubles(record)
        self._troubles.value = "<br>".join(f"⚠ {html.escape(text)}" for text in troubles)
        shares = [wording.done(job) for job in record.jobs]
        self._bar.value = sum(shares) / max(1, len(shares))
        best = results.best(record.jobs, results.chosen_metric(record.jobs))
        self.controls.enable(stop=not ended(record), deploy=bool(best and best.models))

    def trouble(self, message: str | None) -> None:
        """Say that the service is away, or nothing more of it."""
        self.controls.trouble(message)

    def _keep(self, formatted: str, text: str) -> None:
        """Put it into the notebook itself, where it stays when it is saved."""
        self._kept.update({"text/html": formatted, "text/plain": text}, raw=True)
