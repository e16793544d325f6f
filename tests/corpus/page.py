"""The page of the corpus: what runs, with its figures, and what is refused."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.corpus.catalogue import Entry
from tests.corpus.judging import farthest, numbers
from tests.corpus.kept import Origin, Run
from tests.corpus.running import Outcome

DOCS = Path(__file__).parents[2] / "docs/explanation"
PAGES = {"process": DOCS / "corpus.md", "docker": DOCS / "corpus-on-docker.md"}
"""The page of each engine."""
ENTRIES = "../../tests/corpus/entries"

HEAD = """# Any ordinary notebook

What people write runs as a job without a changed line, on one worker and on several. This page
shows it on notebooks and scripts as people write them. `make corpus` starts a deployment, submits
each of them as the command line does, with what it requires, once for one worker and once for two,
and writes this page. It fails where an entry does not end as it should.

All that is judged is what a person can see of a job: its state and reason, its warnings, every
worker's log, its history, its files and its models.

- On one worker and on two, every metric at the end of each `fit` and every number that the code
  prints is the same up to a tolerance, and the same files are left.
- The workers of a gang print the same numbers, and end each `fit` with the same weights, to the
  last bit: each tells a digest of its own, which the job's history has as `job.fit`. An entry with
  a loop of its own prints such a digest, and the workers' logs are compared.
- Every model version answers its sample input as the model in the job's memory did: its check says
  `equal`.
- No warning is there that does not belong there, and nothing is left behind among the backups.
"""

DOCKER_HEAD = """# Any ordinary notebook, in containers

[The same notebooks and scripts](corpus.md), under the same rules, on the Docker engine: each worker
in a container of its own, from images that the same run built. `make corpus ENGINE=docker` writes
this page.
"""

RUNS = """## What runs

“Apart” is the largest difference between any two of an entry's numbers, as a share of the number
where that is above 1. Seconds are of a whole job, from its start to its end, most of them for
importing TensorFlow; up to four workers share the machine, which may have done other work too.
"""

REFUSED = """## What is refused

Each with a sentence that says what to do instead.
"""

WARNED = """## What is warned of

These run, and the job says this.
"""


def write_page(results: Mapping[Entry, Run], engine: str) -> None:
    """Write the page from runs of the whole corpus."""
    ran = {e: run for e, run in results.items() if not (e.refused or e.refused_gang)}
    refused = {entry: run for entry, run in results.items() if entry not in ran}
    head = HEAD if engine == "process" else DOCKER_HEAD
    parts = [head, origins(results), RUNS, *table(ran), "", REFUSED, *refusals(refused), "", WARNED]
    PAGES[engine].write_text("\n".join([*parts, *warnings(ran)]).rstrip() + "\n", encoding="utf-8")


def origins(results: Mapping[Entry, Run]) -> str:
    """When the entries ran, and at which commit; those of the largest run are not named."""
    runs: dict[Origin, list[str]] = defaultdict(list)
    for entry, run in results.items():
        runs[run.origin].append(entry.name)
    largest, *more = sorted(runs, key=lambda origin: -len(runs[origin]))
    lines = [
        f"Run on {largest.day} at commit {largest.commit}, {len(os.sched_getaffinity(0))} cores."
    ]
    lines += [f"Again by themselves on {o.day} at {o.commit}: {', '.join(runs[o])}." for o in more]
    return "\n".join(lines) + "\n"


def table(results: Mapping[Entry, Run]) -> Iterator[str]:
    """A row an entry that runs."""
    yield "| entry | shows | 1 worker | 2 workers | apart | allowed | seconds |"
    yield "|---|---|---|---|---|---|---|"
    for entry, run in results.items():
        one, two = run.one, run.two
        name = last(entry, one)
        shown = [f"{name} {numbers(outcome)[name]:.4g}" for outcome in (one, two)]
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


def refusals(results: Mapping[Entry, Run]) -> Iterator[str]:
    """A row an entry that is refused."""
    yield "| entry | shows | on | the sentence |"
    yield "|---|---|---|---|"
    for entry, run in results.items():
        where = "any number of workers" if entry.refused else "several workers"
        yield f"| {link(entry)} | {entry.shows} | {where} | {run.two.reason} |"


def warnings(results: Mapping[Entry, Run]) -> Iterator[str]:
    """A row a warning."""
    yield "| entry | workers | the sentence |"
    yield "|---|---|---|"
    for entry, run in results.items():
        for workers, outcome in enumerate((run.one, run.two), 1):
            for warning in outcome.warnings:
                yield f"| {link(entry)} | {workers} | {warning} |"
