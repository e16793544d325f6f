"""The figures of a chaos run, and the page that shows them."""

from __future__ import annotations

import datetime
import json
import os
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.load.chaos_evidence import Evidence
from tests.load.chaos_plan import TARGETS, Target
from tests.load.chaos_run import Ran
from tests.load.chaos_strikes import Struck

CHECKOUT = Path(__file__).parents[2]
PAGES = {
    "process": CHECKOUT / "docs/explanation/chaos.md",
    "docker": CHECKOUT / "docs/explanation/chaos-on-docker.md",
}
HEADS = {
    "process": ("Killing everything", "make chaos"),
    "docker": ("Killing everything on Docker", "make chaos ENGINE=docker"),
}

WORDS: dict[Target, tuple[str, str]] = {
    "service": ("the service", "its API answers"),
    "reconciler": ("the reconciler", "a job goes on"),
    "hub": ("the hub", "`up` has been said and its API answers"),
    "supervisor": ("a worker's supervisor, or its container", "the job's next attempt runs"),
    "worker": ("a worker", "the job's next attempt runs"),
    "chief": ("the chief of a gang", "the job's next attempt runs"),
    "everything": ("everything at once, workers too", "`up` has been said and its API answers"),
    "registry": ("the registry", "it was started again, and answers"),
    "down": ("`labdock down`, all at rest", "`up` has been said and its API answers"),
}

TEXT = """\
# {title}

Made by `{command}`. A deployment as it is shipped runs {jobs} jobs of 1 to 3 workers, ten at a
time: most count in steps, their workers adding up over the gang's own addresses; some save models,
some train with Keras, some fail in a way that is known before, some are stopped by a person.
Meanwhile its parts are killed with `kill -9`, at moments drawn from a seed. After the hub's end and
after everything's somebody says `labdock up`, up to two seconds later. At the end everything is
looked at from outside:

- each job has ended, once, with the result that it would have had, or failed for the reason that
  was done to it, and its states followed each other as they may;
- every line of every log is there once and in its place: all of them where the worker came to its
  end, all up to some line where it was killed; and the same was shown to those who followed a log;
- every epoch is in the history once, and in TensorBoard once; every model that was saved is a
  version once;
- no worker ran twice, nor two attempts of a job at the same time;
- no process or container is left, no lease is held, no folder is without a record, and the
  database is whole.

How long it takes to go on depends on what else the machine does; nothing else in the tables does.

{date}, {cores} cores, seed {seed}, {minutes:.1f} minutes:

| | |
|---|---|
| jobs | {jobs} |
| workers started | {workers} |
| attempts | {attempts} |
| jobs that went on after their workers were killed, or all was stopped | {recovered} |
| {ends} |
| lines of logs checked | {lines} |
| epochs checked | {epochs} |
| **promises broken** | **{broken}** |

| taken away | times | median seconds until | |
|---|---|---|---|
{strikes}
"""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A run in numbers."""

    date: str
    seed: int
    cores: int
    minutes: float
    jobs: int
    ended: dict[str, int]
    workers: int
    attempts: int
    recovered: int
    lines: int
    epochs: int
    strikes: dict[str, int]
    seconds: dict[str, float]
    """The median time until what was taken away, or the job that it was taken from, goes on."""
    broken: list[str]


def figures(ran: Ran, evidence: Sequence[Evidence], broken: list[str]) -> Figures:
    """Count."""
    times: dict[str, list[float]] = {target: [] for target in TARGETS}
    jobs = {found.job.id: found for found in evidence}
    for struck in ran.striker.journal:
        if (seconds := _until_going_on(struck, ran, jobs)) is not None:
            times[struck.target].append(seconds)
    attempts = [attempt for found in evidence for attempt in found.job.attempts]
    return Figures(
        date=str(datetime.date.today()),
        seed=ran.plan.seed,
        cores=len(os.sched_getaffinity(0)),
        minutes=(ran.ended - ran.began) / 60,
        jobs=len(evidence),
        ended=dict(Counter(found.job.state for found in evidence)),
        workers=sum(len(attempt.workers) for attempt in attempts),
        attempts=len(attempts),
        recovered=sum(
            found.job.state == "succeeded" and len(found.job.attempts) > 1 for found in evidence
        ),
        lines=sum(len(lines) for found in evidence for lines in found.logs.values()),
        epochs=sum(found.kinds().count("job.epoch") for found in evidence),
        strikes=dict(Counter(struck.target for struck in ran.striker.journal)),
        seconds={target: statistics.median(found) for target, found in times.items() if found},
        broken=broken,
    )


def _until_going_on(struck: Struck, ran: Ran, jobs: dict[str, Evidence]) -> float | None:
    """Seconds from the strike; None where nothing had to go on, as the job was at its end."""
    if struck.worker is not None:
        job, attempt = struck.worker.split("-")[1:3]
        later = [a for a in jobs[job].job.attempts if a.number > int(attempt) and a.started]
        return (later[0].started or 0) - struck.began if later else None
    if struck.target == "registry":
        return struck.ended - struck.began
    if struck.target == "reconciler":
        events = (event for found in jobs.values() for event in found.events)
        moments = [(event.time, event.time) for event in events if event.actor == "reconciler"]
    else:
        moments = ran.pulse.beats
    since = struck.up or struck.began
    goes_on = [end for begin, end in moments if begin > since]
    return min(goes_on) - struck.began if goes_on else None


def write_page(found: Figures, page: Path, engine: str) -> None:
    """Write the page, and the figures beside the other built things."""
    kept = CHECKOUT / "build/chaos/figures.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(asdict(found), indent=1))
    ends = " |\n| ".join(
        f"jobs that ended as {state} | {count}" for state, count in sorted(found.ended.items())
    )
    rows = [
        f"| {WORDS[target][0]} | {found.strikes.get(target, 0)} | {_shown(found, target)} "
        f"| {WORDS[target][1]} |"
        for target in TARGETS
        if target in found.strikes
    ]
    title, command = HEADS[engine]
    told = {**asdict(found), "broken": len(found.broken), "ends": ends, "strikes": "\n".join(rows)}
    told |= {"title": title, "command": command}
    told |= {"lines": f"{found.lines:,}", "epochs": f"{found.epochs:,}"}
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(TEXT.format(**told), encoding="utf-8")


def _shown(found: Figures, target: Target) -> str:
    seconds = found.seconds.get(target)
    return "" if seconds is None else f"{seconds:.1f}"
