"""How things are said to a person: lengths of time, sizes, a job and its progress in a line."""

from __future__ import annotations

import re

from labdock.gridschema import Grid
from labdock.schema import ENDED, Job, Progress

_STEPS = ("B", "kB", "MB", "GB", "TB")
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles and links of a terminal
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def size(count: float) -> str:
    """Bytes as `512 B`, `1.2 MB`, `4 GB`."""
    for unit in _STEPS:
        if count < 999.5 or unit == _STEPS[-1]:
            break
        count /= 1000
    return f"{count:.{0 if count >= 100 else 1}f}".removesuffix(".0") + f" {unit}"


def duration(seconds: float) -> str:
    """Seconds as `8 s`, `1 min 12 s`, `2 h`, `30 days`."""
    whole = max(0, round(seconds))
    if whole >= 48 * 3600:
        return f"{round(whole / 86400)} days"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    amounts = ((hours, "h"), (minutes, "min")) if hours else ((minutes, "min"), (rest, "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in amounts if amount) or "0 s"


def plain(text: str) -> str:
    """A log line without colours, cursor movements and other control characters."""
    shown = text.rstrip("\r").rpartition("\r")[2]
    return _CONTROL.sub("", shown)


def one_line(text: str) -> str:
    """A text without anything that would move the rest of its line."""
    return _CONTROL.sub("", re.sub(r"[\t\n\r\v\f\x85\u2028\u2029]+", " ", text))


def again(error: Exception) -> str:
    """A mistake of the moment."""
    return f"{error} Trying again."


def trouble(message: str | None) -> str:
    """What following a job meets: the service is away, or back where there is no message."""
    return message or "Labdock answers again."


def warning(text: str) -> str:
    """A job's warning on a line of its own."""
    return f"Warning: {plain(text)}"


def metrics(values: dict[str, float]) -> list[str]:
    """`loss 0.123`, `accuracy 0.97`."""
    return [f"{name} {value:.4g}" for name, value in values.items()]


def progress(job: Job) -> str:
    """Epoch, step, metrics and time left in a line; empty where nothing is known yet."""
    now = job.progress
    parts = [
        _counted("cell", now.cell, now.cells),
        _counted("epoch", now.epoch, now.epochs),
        _counted("step", now.step, now.steps),
        *metrics(now.metrics),
    ]
    if now.seconds_left is not None and job.state not in ENDED:
        parts.append(f"{duration(now.seconds_left)} left")
    return " · ".join(part for part in parts if part)


def _counted(word: str, at: int | None, of: int | None) -> str:
    if at is None:
        return ""
    return f"{word} {at}/{of}" if of else f"{word} {at}"


def share(now: Progress) -> float | None:
    """How much of the training is done, from 0 to 1, where it is known."""
    if now.epoch is None or not now.epochs:
        return None
    within = now.step / now.steps if now.step is not None and now.steps else 0.0
    return min(1.0, (max(now.epoch - 1, 0) + min(within, 1.0)) / now.epochs)


def done(job: Job) -> float:
    """How much of the job is done, from 0 to 1; all of one that has ended."""
    return 1.0 if job.state in ENDED else share(job.progress) or 0.0


def grid_headline(grid: Grid) -> str:
    """The grid in a line: what, which, and how many jobs are in which state."""
    total = sum(grid.states.values())
    jobs = "1 job" if total == 1 else f"{total} jobs"
    return f"{one_line(grid.name)} · {grid.id} · {jobs}: {states(grid)}"


def grid_troubles(grid: Grid) -> list[str]:
    """Each warning once, with the jobs that it is of, and why each of the failed ones failed."""
    warned: dict[str, list[str]] = {}
    for job in grid.jobs:
        for text in job.warnings:
            warned.setdefault(warning(text), []).append(job.id)
    told = [f"{text} ({_whose(grid, ids)})" for text, ids in warned.items()]
    return [*told, *(headline(job) for job in grid.jobs if job.failure is not None)]


def _whose(grid: Grid, ids: list[str]) -> str:
    return "all jobs" if len(ids) == len(grid.jobs) else ", ".join(ids)


def grid_ending(grid: Grid) -> str:
    """How a grid ended, in a sentence."""
    return f"Grid {one_line(grid.name)} has ended: {states(grid)}."


def states(grid: Grid) -> str:
    """`2 running, 1 succeeded`."""
    return ", ".join(f"{count} {state}" for state, count in sorted(grid.states.items()))


def headline(job: Job) -> str:
    """The job in a line: what, which, its state, and how long or why."""
    words = [one_line(job.name), job.id, _state(job)]
    if job.state == "succeeded":
        words.extend(metrics(job.progress.metrics))
    elif job.failure:
        words.append(job.failure.reason)
    elif job.message:
        words.append(job.message)
    return " · ".join(words)


def ending(job: Job) -> str:
    """How a job ended, in a sentence."""
    told = f"Job {one_line(job.name)} {_state(job)}"
    if job.state == "succeeded":
        return " · ".join([told, *metrics(job.progress.metrics)])
    reason = job.failure.reason if job.failure else ""
    return f"{told}: {one_line(reason)}" if reason else f"{told}."


def _state(job: Job) -> str:
    if job.started is not None and job.ended is not None:
        return f"{job.state} after {duration(job.ended - job.started)}"
    return job.state
