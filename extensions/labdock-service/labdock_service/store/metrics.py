"""What jobs told of their metrics, out of the table of events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from labdock.schema import MetricHistory, MetricPoint
from labdock_service.store.events import EPOCH, PROGRESS
from labdock_service.store.tables import EventRow

CHUNK = 500
"""Ids in one statement: SQLite takes a limited number."""

Told = tuple[float, str, dict[str, Any]]
"""Time, kind and data of an event."""


def history(session: Session, job_id: str, after: int, most: int) -> MetricHistory:
    """Points of a job's curves after an event: ends of epochs first, then what lies between."""
    query = select(EventRow.id, EventRow.kind).where(
        EventRow.job_id == job_id, EventRow.kind.in_((EPOCH, PROGRESS)), EventRow.id > after
    )
    found = session.execute(query.order_by(EventRow.id)).all()
    ends = _spread([row.id for row in found if row.kind == EPOCH], most)
    between = _spread([row.id for row in found if row.kind == PROGRESS], most - len(ends))
    told = _read(session, sorted([*ends, *between]))
    begin = _reached(session, job_id, after) if after else (1, 0.0)
    return MetricHistory(at=found[-1].id if found else after, points=list(_forward(told, *begin)))


def _spread(ids: list[int], most: int) -> list[int]:
    """So many of them, evenly, the last among them."""
    if len(ids) <= most:
        return ids
    return [ids[(number + 1) * len(ids) // most - 1] for number in range(most)]


def _read(session: Session, ids: list[int]) -> Iterator[Told]:
    for start in range(0, len(ids), CHUNK):
        query = select(EventRow.time, EventRow.kind, EventRow.data)
        query = query.where(EventRow.id.in_(ids[start : start + CHUNK])).order_by(EventRow.id)
        yield from session.execute(query)


def _reached(session: Session, job_id: str, until: int) -> tuple[int, float]:
    """The call of `fit` and the epoch of it that the last end of an epoch told of."""
    query = select(EventRow.data).where(
        EventRow.job_id == job_id, EventRow.kind == EPOCH, EventRow.id <= until
    )
    data = session.scalar(query.order_by(EventRow.id.desc()).limit(1)) or {}
    return data.get("fit") or 1, float(data.get("epoch") or 0)


def _forward(told: Iterable[Told], fit: int, reached: float) -> Iterator[MetricPoint]:
    """Points in order; what an attempt runs again, up to where one was already, is passed over."""
    for time, kind, data in told:
        at = _position(data)
        if kind == EPOCH:
            fit, at = data.get("fit") or 1, float(data.get("epoch") or 0)
        elif at is None or at <= reached:
            continue
        reached = at or 0.0
        if data.get("metrics"):
            yield MetricPoint(time=time, fit=fit, epoch=reached, metrics=data["metrics"])


def _position(data: dict[str, Any]) -> float | None:
    epoch, step, steps = data.get("epoch"), data.get("step"), data.get("steps")
    return epoch - 1 + min(step / steps, 1.0) if epoch and step is not None and steps else None
