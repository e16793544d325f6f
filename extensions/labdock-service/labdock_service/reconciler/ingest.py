"""What workers say of themselves: their event lines become events, progress and failures.

The lines come from a person's process, so nothing in them is believed beyond its shape.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from labdock.schema import Failure, Progress
from labdock_service.reconciler.losscurve import extended
from labdock_service.reconciler.parts import ACTOR
from labdock_service.store import events
from labdock_service.store.tables import AttemptRow, JobRow, WorkerRow

FORM = 1
"""The `v` of event lines that are understood. A runtime that means something else by a field says
another; kinds and fields that are new need none, and are passed over here."""
PROGRESS_SECONDS = 1.0
"""Least time between two progress events of one job; the end of an epoch is never left out."""
LONGEST_TEXT = 20_000
MOST_WARNINGS = 20
"""How many different warnings a job keeps."""
LONGEST_WARNING = 1_000
LONGEST_DIGEST = 100
MOST_COUNTED = 2**53
MORE_WARNINGS = "… and more warnings, which are not kept."
"""Said in the place of the last one that is kept."""

TOLD = frozenset(Progress.__dataclass_fields__) - {"curve"}
"""What workers say of their progress; the curve is drawn here."""

Point = tuple[int, int]
"""A call of `fit`, counted from 1, and an epoch of it."""


class Ingest:
    """Reads event lines. It remembers only what it may forget: it can be found again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._reached: dict[str, Point] = {}

    def take(
        self,
        session: Session,
        job: JobRow,
        attempt: AttemptRow,
        worker: WorkerRow,
        lines: Iterable[bytes],
    ) -> None:
        """Apply a worker's lines to its job, within the caller's transaction."""
        told = [said for said in map(_decode, lines) if said is not None]
        for said in told:
            if said["kind"] == "failed":
                self._failed(attempt, worker, said)
            elif said["kind"] == "warning":
                _warn(session, job, worker, _text(said.get("message")))
            elif said["kind"] == "fit":
                _fitted(session, job, worker, said)
        if worker.rank == 0:
            self._progress(session, job, attempt, told)

    def forget(self, job_id: str) -> None:
        """A job has ended, or its attempt has."""
        self._told.pop(job_id, None)
        self._reached.pop(job_id, None)

    def _failed(self, attempt: AttemptRow, worker: WorkerRow, said: dict[str, Any]) -> None:
        rank = str(worker.rank)
        if rank not in attempt.failures:
            failure = Failure(
                reason=_text(said.get("reason")) or "The code failed.",
                cell=said["cell"] if isinstance(said.get("cell"), int) else None,
                traceback=_text(said.get("traceback")) or None,
            )
            code = {"exit": said["exit"]} if isinstance(said.get("exit"), int) else {}
            attempt.failures = attempt.failures | {rank: msgspec.to_builtins(failure) | code}

    def _progress(
        self, session: Session, job: JobRow, attempt: AttemptRow, told: list[dict[str, Any]]
    ) -> None:
        """Every epoch's end is an event; of what lies between them the latest, now and then."""
        now = self._clock()
        before = latest = Progress(**job.progress)
        for said in told:
            if said["kind"] not in ("progress", "cell", "epoch"):
                continue
            latest = _merge(latest, said)
            latest = replace(latest, curve=extended(latest, ended=said["kind"] == "epoch"))
            if said["kind"] == "epoch" and self._is_new(session, attempt, said):
                more = {"attempt": attempt.number, "fit": _point(said)[0]}
                self._tell(session, job, events.EPOCH, latest, now, **more)
        if latest != before:
            job.progress = msgspec.to_builtins(latest)
            if now - self._told.get(job.id, 0.0) >= PROGRESS_SECONDS:
                self._tell(session, job, events.PROGRESS, latest, now)

    def _is_new(self, session: Session, attempt: AttemptRow, said: dict[str, Any]) -> bool:
        """Whether no earlier attempt came so far: an epoch that is run again is told once."""
        if attempt.number == 1:
            return True
        if attempt.job_id not in self._reached:
            before = events.latest(session, attempt.job_id, events.EPOCH, attempt.number)
            self._reached[attempt.job_id] = _point(before or {})
        return _point(said) > self._reached[attempt.job_id]

    def _tell(
        self, session: Session, job: JobRow, kind: str, progress: Progress, now: float, **more: Any
    ) -> None:
        self._told[job.id] = now
        data = msgspec.to_builtins(progress) | more
        del data["curve"]
        events.add(session, job.project_id, ACTOR, kind, job=job.id, data=data)


def _warn(session: Session, job: JobRow, worker: WorkerRow, message: str) -> None:
    """Keep a warning, unless another worker, or an earlier attempt, said the same."""
    message = message[:LONGEST_WARNING]
    if message in job.warnings or len(job.warnings) >= MOST_WARNINGS:
        return
    if len(job.warnings) == MOST_WARNINGS - 1:
        message = MORE_WARNINGS
    job.warnings = [*job.warnings, message]
    data = {"message": message, "rank": worker.rank}
    events.add(session, job.project_id, ACTOR, "job.warning", job=job.id, data=data)


def _fitted(session: Session, job: JobRow, worker: WorkerRow, said: dict[str, Any]) -> None:
    """Keep the digest of the weights that a worker of a gang came to."""
    data = {
        "attempt": worker.attempt,
        "rank": worker.rank,
        "fit": _point(said)[0],
        "weights": _text(said.get("weights"))[:LONGEST_DIGEST],
    }
    events.add(session, job.project_id, ACTOR, "job.fit", job=job.id, data=data)


def _point(said: dict[str, Any]) -> Point:
    """Which call of `fit` and which epoch of it."""
    return _count(said.get("fit"), 1), _count(said.get("epoch"), 0)


def _count(value: object, default: int) -> int:
    """A number of bearable size, or else the default."""
    return value if isinstance(value, int) and 0 <= value <= MOST_COUNTED else default


def _decode(line: bytes) -> dict[str, Any] | None:
    """What a line says, if it is in a form that is known here."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("kind"), str):
        return None
    return said if said.get("v", FORM) == FORM else None


def _merge(progress: Progress, said: dict[str, Any]) -> Progress:
    """The progress with what a line says of it; what it does not mention stays."""
    known = {name: said[name] for name in TOLD if name in said}
    if "metrics" in known:
        known["metrics"] = _finite(known["metrics"])
    try:
        fresh = msgspec.convert(known, Progress, strict=False)
    except msgspec.ValidationError:
        return progress
    if not math.isfinite(fresh.seconds_left or 0.0):
        return progress
    return replace(progress, **{name: getattr(fresh, name) for name in known})


def _finite(metrics: object) -> dict[str, float]:
    """Metrics that JSON has numbers for."""
    if not isinstance(metrics, dict):
        return {}
    return {
        _text(name)[:200]: float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and abs(value) <= sys.float_info.max
    }


def _text(value: object) -> str:
    """Text of bearable length, without what a database or UTF-8 refuses."""
    if not isinstance(value, str):
        return ""
    return value[:LONGEST_TEXT].replace("\0", "").encode(errors="replace").decode()
