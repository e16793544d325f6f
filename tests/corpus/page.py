"""The page of the corpus: what runs, with its figures, and what is refused."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.corpus.catalogue import Entry
from tests.corpus.judging import farthest, numbers
from tests.corpus.kept import Runs
from tests.corpus.running import Outcome

PAGE = Path(__file__).parents[2] / "docs/explanation/corpus.md"
ENTRIES = "../../tests/corpus/entries"

HEAD = """# Any ordinary notebook

What people write runs as a job without a changed line, on one worker and on several. This page
shows it on notebooks and scripts as people write them. `make corpus` runs each on one worker and on
two, compares every metric at the end of each `fit` and every number that the code prints at its
end, and writes this page. It fails where an entry does not end as it should.

On two workers it also checks that the workers end each `fit` with the same weights, to the last
bit, that they print the same numbers, and that nothing is left behind among the checkpoints.
"""

RUNS = """## What runs

“Apart” is the largest difference between any two of an entry's numbers, as a share of the number
where that is above 1. Seconds are of a whole run, most of them for importing TensorFlow; several
entries run at the same time, and the machine may have done other work too.
"""

REFUSED = """## What is refused

Each with a sentence that says what to do instead.
"""

WARNED = """## What is warned of

These run, and the job says this.
"""


def write_page(results: Mapping[Entry, Runs]) -> None:
    """Write the page from runs of the whole corpus."""
    run = {e: runs for e, runs in results.items() if not (e.refused or e.refused_gang)}
    refused = {entry: runs for entry, runs in results.items() if entry not in run}
    parts = [HEAD, machine(), RUNS, *table(run), "", REFUSED, *refusals(refused), "", WARNED]
    PAGE.write_text("\n".join([*parts, *warnings(run)]).rstrip() + "\n", encoding="utf-8")


def machine() -> str:
    """When and where it ran."""
    cores = len(os.sched_getaffinity(0))
    return f"Written {datetime.date.today()} from each entry's last run, {cores} cores.\n"


def table(results: Mapping[Entry, Runs]) -> Iterator[str]:
    """A row an entry that runs."""
    yield "| entry | shows | 1 worker | 2 workers | apart | allowed | seconds |"
    yield "|---|---|---|---|---|---|---|"
    for entry, (one, two) in results.items():
        name = last(entry, one)
        shown = [f"{name} {numbers(runs)[name]:.4g}" for runs in (one, two)]
        allowed = f"{entry.tolerance:g}: {entry.because}" if entry.tolerance else "0"
        seconds = f"{one.seconds:.0f}, {two.seconds:.0f}"
        cells = [link(entry), entry.shows, *shown, f"{farthest(one, two):.2g}", allowed, seconds]
        yield f"| {' | '.join(cells)} |"


def last(entry: Entry, outcome: Outcome) -> str:
    """The number that stands for an entry: the last that it names."""
    return entry.figures[-1] if entry.figures else list(numbers(outcome))[-1]


def link(entry: Entry) -> str:
    """An entry's name, leading to its file."""
    return f"[{entry.name}]({ENTRIES}/{entry.name}/{entry.file})"


def refusals(results: Mapping[Entry, Runs]) -> Iterator[str]:
    """A row an entry that is refused."""
    yield "| entry | shows | on | the sentence |"
    yield "|---|---|---|---|"
    for entry, (_, two) in results.items():
        where = "any number of workers" if entry.refused else "several workers"
        yield f"| {link(entry)} | {entry.shows} | {where} | {two.failed} |"


def warnings(results: Mapping[Entry, Runs]) -> Iterator[str]:
    """A row a warning."""
    yield "| entry | workers | the sentence |"
    yield "|---|---|---|"
    for entry, runs in results.items():
        for workers, outcome in enumerate(runs, 1):
            for warning in outcome.warnings:
                yield f"| {link(entry)} | {workers} | {warning} |"
