"""Ends that came while nobody looked: said after the next cell that the person runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labdock import session


@dataclass(frozen=True)
class _End:
    """What to say, but not after the cell that shows what has ended."""

    line: str
    cell: int


@dataclass
class Endings:
    """Counts the cells of this notebook from the first that shows a job on."""

    cell: int = 0
    """The number of the cell that runs, or that ran last."""
    _unsaid: dict[str, _End] = field(default_factory=dict)

    def expect(self) -> int:
        """Have ends said from now on, where somebody looks; the number of this cell."""
        kernel, shell = session.this_kernel(), session.ipython()
        seen = kernel is not None and not kernel.headless
        if seen and self._say not in shell.events.callbacks["post_run_cell"]:
            shell.events.register("pre_run_cell", self._count)
            shell.events.register("post_run_cell", self._say)
        return self.cell

    def tell(self, what: str, line: str, cell: int) -> None:
        """Have an end said, unless the cell that shows what has ended runs still."""
        self._unsaid[what] = _End(line, cell)

    def _count(self, _info: Any) -> None:
        self.cell += 1

    def _say(self, _result: Any) -> None:
        for what in list(self._unsaid):
            end = self._unsaid.pop(what)
            if end.cell != self.cell:
                print(end.line)


ENDINGS = Endings()
