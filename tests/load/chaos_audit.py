"""What was promised, held against what is there: each sentence found is a broken promise."""

from __future__ import annotations

import math
import re
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.load.chaos_desk import Followed
from tests.load.chaos_evidence import Evidence
from tests.load.chaos_plan import FAILURES, STEPS, Task
from tests.load.chaos_strikes import Struck
from tests.load.scripts.steps import expected

from labdock.schema import ENDED, Attempt, LogLine, Worker

NEXT = {
    "submitted": {"queued", "packaging", "failed", "stopped"},
    "packaging": {"queued", "failed", "stopped"},
    "queued": {"starting", "packaging", "stopped"},
    "starting": {"running", "stopping", "queued", "succeeded", "failed", "stopped"},
    "running": {"stopping", "queued", "succeeded", "failed", "stopped"},
    "stopping": {"queued", "succeeded", "failed", "stopped"},
}
"""States that a job may come into from another one."""

TRAINED = 2.84568
"""The loss that `fit.py` comes to in eight epochs undisturbed, on one worker or on two."""
LINE = re.compile(r"(out|err) (\d+) .* \.{60}")
END = re.compile(r"end (\d+)")
KILLED = re.compile(r"(?:Its worker|Worker (\d+) of \d+) was (killed|lost): ")


def audit_job(evidence: Evidence, journal: Sequence[Struck]) -> Iterator[str]:
    """Every promise about one job."""
    for promise in (_end, _history, _epochs, _models, _logs):
        yield from promise(evidence)
    yield from _reasons(evidence, journal)


def audit_followed(followed: Followed, evidence: Evidence) -> Iterator[str]:
    """Whoever followed a log saw each line of it once."""
    if followed.error:
        yield f"following was given up: {followed.error}"
    shown = [(line.attempt, line.stream, line.text) for line in followed.lines]
    kept = [(line.attempt, line.stream, line.text) for line in evidence.lines_of_chief()]
    if shown != kept:
        yield f"of {len(kept)} lines a follower was shown {len(shown)}, or others"


def _end(evidence: Evidence) -> Iterator[str]:
    """It ended as it would have, or because of what was done to it."""
    job, task = evidence.job, evidence.task
    if job.state not in ENDED:
        yield f"it has not ended: {job.state}, {job.message}"
    elif job.state == task.state:
        if task.failure not in (job.failure.reason if job.failure else ""):
            yield f"it failed for another reason: {job.message}"
        if job.state == "succeeded" and not _is_right(evidence):
            yield f"its result is {evidence.value}"
    elif job.state != "failed" or not KILLED.match(job.message):
        yield f"it should have {task.state} and has {job.state}: {job.message}"
    elif sum(_counts(attempt) for attempt in job.attempts) < job.max_attempts:
        yield f"it was given up before its last attempt: {job.message}"


def _is_right(evidence: Evidence) -> bool:
    task = evidence.task
    if task.script == "fit.py":
        return evidence.value is not None and math.isclose(evidence.value, TRAINED, abs_tol=1e-4)
    return bool(evidence.value == expected(task.epochs, STEPS, task.workers))


def _counts(attempt: Attempt) -> bool:
    """Whether it is one of those that a job may have so many of."""
    return not (attempt.reason or "").startswith(("Suspended", "Nothing of it was left"))


def _history(evidence: Evidence) -> Iterator[str]:
    """States follow each other as they may, each attempt starts once, and one end is told."""
    ids = [event.id for event in evidence.events]
    if ids != sorted(set(ids)):
        yield "its events are not in order"
    known = {f"job.{state}": state for state in (*NEXT, *ENDED)}
    states = [known[kind] for kind in evidence.kinds() if kind in known]
    for before, after in pairwise(states):
        if after not in NEXT.get(before, set()):
            yield f"it went from {before} to {after}"
    if sum(state in ENDED for state in states) != 1:
        yield f"its end was told {sum(state in ENDED for state in states)} times"
    for kind in ("job.starting", "job.running"):
        attempts = [event.data["attempt"] for event in evidence.events if event.kind == kind]
        if len(attempts) != len(set(attempts)):
            yield f"{kind} was told twice of an attempt: {attempts}"
    if [attempt.number for attempt in evidence.job.attempts] != [
        event.data["attempt"] for event in evidence.events if event.kind == "job.starting"
    ]:
        yield "its attempts are not those that were told"


def _epochs(evidence: Evidence) -> Iterator[str]:
    """Each epoch is told once, in order."""
    told = [event.data["epoch"] for event in evidence.events if event.kind == "job.epoch"]
    wanted = list(range(1, evidence.task.epochs + 1))
    if evidence.job.state == "succeeded" and told != wanted:
        yield f"of {len(wanted)} epochs it told {told}"
    if told != wanted[: len(told)]:
        yield f"its epochs were told as {told}"


def _models(evidence: Evidence) -> Iterator[str]:
    wanted = evidence.task.model and evidence.job.state == "succeeded"
    saved = evidence.kinds().count("model.saved")
    if not len(evidence.job.models) == saved == int(wanted):
        yield f"it has {len(evidence.job.models)} models, and {saved} were told"


def _logs(evidence: Evidence) -> Iterator[str]:
    """Numbered without a gap or a double; to the end, where the worker came to its end."""
    if evidence.task.script != "steps.py":
        return
    for attempt in evidence.job.attempts:
        for worker in attempt.workers:
            lines = evidence.logs.get((attempt.number, worker.rank), [])
            whole = worker.exit_code == 0 or _failed_by_design(evidence.task, attempt, worker)
            for trouble in _log(lines, whole=whole):
                yield f"the log of rank {worker.rank} in attempt {attempt.number}: {trouble}"


def _failed_by_design(task: Task, attempt: Attempt, worker: Worker) -> bool:
    """Whether it is the one that was to fail, did so, and its supervisor saw that."""
    meant = task.failure in FAILURES.values() and task.failure in (attempt.reason or "")
    last = worker.rank == len(attempt.workers) - 1
    return meant and last and worker.exit_code not in (None, -signal.SIGKILL)


def _log(lines: list[LogLine], *, whole: bool) -> Iterator[str]:
    counts = Counter[str]()
    said = [END.fullmatch(line.text) for line in lines]
    last = {line.stream: line for line in lines}
    for line in lines:
        match = LINE.fullmatch(line.text)
        if match is None:
            if line.text.startswith(("out ", "err ")) and (whole or line is not last[line.stream]):
                yield f"a broken line: {line.text[:40]}"
            continue
        if match[1] != line.stream.removeprefix("std"):
            yield f"a line of {match[1]} on {line.stream}"
        counts[match[1]] += 1
        if int(match[2]) != counts[match[1]]:
            yield f"{match[1]} {match[2]} is its line {counts[match[1]]}"
            return
    ends = [int(end[1]) for end in said if end]
    if whole and not ends:
        yield "it does not end"
    if any(counts != Counter(out=end, err=end) for end in ends):
        yield f"it had {ends} lines and has {dict(counts)}"


def _reasons(evidence: Evidence, journal: Sequence[Struck]) -> Iterator[str]:
    """What is said of an attempt that was cut off was done to it."""
    for attempt in evidence.job.attempts:
        if not any(_explains(struck, evidence, attempt) for struck in journal):
            last = attempt is evidence.job.attempts[-1]
            if not (last and _is_own_end(evidence, attempt)):
                yield f"attempt {attempt.number} ended without a cause: {attempt.reason}"


def _is_own_end(evidence: Evidence, attempt: Attempt) -> bool:
    reason = attempt.reason or ""
    if evidence.job.state == "failed":
        return bool(evidence.task.failure) and evidence.task.failure in reason
    return reason == {"succeeded": "Succeeded.", "stopped": "Stopped."}.get(evidence.job.state)


def _explains(struck: Struck, evidence: Evidence, attempt: Attempt) -> bool:
    """Whether the reason given is true of this strike."""
    reason = attempt.reason or ""
    during = (attempt.started or 0) <= struck.ended and struck.began <= (attempt.ended or 0)
    if reason.startswith("Suspended"):
        return struck.target == "down" and during
    if reason.startswith("Nothing of it was left"):
        return _took_all(struck, evidence, attempt) or (struck.target == "everything" and during)
    match = KILLED.match(reason)
    if match is None:
        return False
    if struck.target == "everything":
        return match[2] == struck.how and during
    worker = f"job-{evidence.job.id}-{attempt.number}-{match[1] or 0}"
    return struck.worker == worker and struck.how == match[2]


def _took_all(struck: Struck, evidence: Evidence, attempt: Attempt) -> bool:
    """Whether it took a supervisor that was the only one, as nobody may have been there to see."""
    only = f"job-{evidence.job.id}-{attempt.number}-0"
    return evidence.job.workers == 1 and (struck.target, struck.worker) == ("supervisor", only)
