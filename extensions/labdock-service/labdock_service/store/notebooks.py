"""People's servers and the GPUs they want: asked for here, leased by the reconciler."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from labdock.gpuschema import LeaseState, NotebookLease
from labdock_service.errors import Conflict
from labdock_service.ids import personal_project_id
from labdock_service.store import events
from labdock_service.store.tables import LeaseRow, NotebookRow

KIND = "notebook"
"""The kind of holder that a person's server is."""

_NOT_STARTED = "This is for your notebook server, which does not run: start it first."
_NO_DEVICE = (
    "Your server was started without a GPU, and none can be given to it while it runs: "
    "stop it, and start it with one."
)


def title(row: NotebookRow) -> str:
    """The server as people know it."""
    return f"{row.person.name}'s notebook server"


def every(session: Session) -> list[NotebookRow]:
    """Every server that was started and not said to have ended."""
    return list(session.scalars(select(NotebookRow).order_by(NotebookRow.person_id)))


def asking(session: Session) -> list[NotebookRow]:
    """Servers that wait for GPUs, and that hold none."""
    held = select(LeaseRow.id).where(
        LeaseRow.holder_kind == KIND,
        LeaseRow.holder_id == NotebookRow.person_id,
    )
    query = select(NotebookRow).where(NotebookRow.polls > 0, ~held.exists())
    return list(session.scalars(query.order_by(NotebookRow.asked)))


def begin(
    session: Session,
    person_id: str,
    start: str,
    gpus: int,
    *,
    keeps_devices: bool,
    now: float,
) -> NotebookRow:
    """Note a start of a person's server, and what it wants; the same start again changes nothing.

    What an earlier start still holds is given back.
    """
    row = session.get(NotebookRow, person_id)
    if row is None:
        row = NotebookRow(person_id=person_id, start="", attempt=0)
        session.add(row)
    if row.start != start:
        row.start, row.keeps_devices, row.devices = start, keeps_devices, []
        _want(row, gpus, now)
    _poll(row)
    session.flush()
    return row


def end(session: Session, person_id: str, start: str) -> None:
    """Note that this start of a server is over: what it holds is given back."""
    row = session.get(NotebookRow, person_id)
    if row is not None and row.start == start:
        session.delete(row)


def acquire(session: Session, person_id: str, gpus: int, now: float) -> NotebookRow:
    """Want so many GPUs for a server that runs. Raises Conflict.

    Who waits already keeps the place in the queue.
    """
    row = _started(session, person_id)
    if why := _never(row):
        raise Conflict(why)
    if row.gpus not in (0, gpus):
        raise Conflict(f"Your server has {row.gpus} GPUs or waits for them: give them back first.")
    if row.gpus == 0:
        _want(row, gpus, now)
    _poll(row)
    return row


def _never(row: NotebookRow) -> str:
    """Why it can be given no GPU while it runs; empty where it can."""
    return _NO_DEVICE if row.keeps_devices and not row.devices else ""


def withdraw(session: Session, person_id: str, attempt: int) -> None:
    """Want nothing any more, unless the GPUs came at the last moment."""
    row = session.get(NotebookRow, person_id)
    if row is not None and row.attempt == attempt and row.polls:
        row.gpus = row.polls = 0


def release(session: Session, person_id: str, now: float) -> NotebookRow:
    """Give back what a server holds, and wait for nothing. Raises Conflict."""
    row = _started(session, person_id)
    _want(row, 0, now)
    return row


def _started(session: Session, person_id: str) -> NotebookRow:
    row = session.get(NotebookRow, person_id)
    if row is None:
        raise Conflict(_NOT_STARTED)
    return row


def _want(row: NotebookRow, gpus: int, now: float) -> None:
    row.attempt += 1
    row.gpus, row.asked, row.message = gpus, now, ""
    row.polls = 1 if gpus else 0


def _poll(row: NotebookRow) -> None:
    """Say that somebody waits still."""
    row.polls += 1 if row.polls else 0


def note(session: Session, person_id: str, actor: str, what: str, devices: Sequence[str]) -> None:
    """Append an event to the person's own project: what became of their server's GPUs."""
    project, data = personal_project_id(person_id), {"devices": list(devices)}
    events.add(session, project, actor, f"notebook.gpus_{what}", data=data)


def leased(session: Session, row: NotebookRow) -> list[LeaseRow]:
    """What it holds now; not what it is about to give back."""
    query = select(LeaseRow).where(
        LeaseRow.holder_kind == KIND,
        LeaseRow.holder_id == row.person_id,
        LeaseRow.attempt == row.attempt,
    )
    return list(session.scalars(query.order_by(LeaseRow.id)))


def view(row: NotebookRow | None, held: Sequence[LeaseRow]) -> NotebookLease:
    """A server's GPUs as its person sees them."""
    if row is None:
        return NotebookLease(message="Your notebook server does not run.")
    state: LeaseState = "held" if held else "waiting" if row.gpus else "none"
    gone = [lease.device for lease in held if lease.lost is not None]
    message = f"Its machine lists {', '.join(map(str, gone))} no longer." if gone else row.message
    return NotebookLease(
        state=state,
        gpus=row.gpus,
        devices=[lease.device for lease in held if lease.device],
        message=message,
        unavailable=_never(row),
    )
