"""Secrets: stored sealed, listed by name, and opened for a job's worker alone."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from labdock.personal import Secret
from labdock_runtime.masking import hidden_lines
from labdock_service.errors import Conflict, Invalid, NotFound
from labdock_service.sealing import Seal, Unsealable
from labdock_service.store import events, people
from labdock_service.store.tables import JobRow, PersonRow, ProjectRow, SecretRow

MOST = 100
"""Secrets of one project."""

LONGEST = 32_768
"""Bytes of a value: what a variable can hold on every machine, and more than any key needs."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LABDOCKS = re.compile(
    r"LABDOCK_.*|LD_.*|PYTHON.*|PATH|HOME|TMPDIR|TF_CONFIG|CUDA_VISIBLE_DEVICES", re.IGNORECASE
)


class Withheld(Exception):
    """A secret that a job shall get and cannot; the message says why."""


def put(
    session: Session, seal: Seal, project: ProjectRow, name: str, value: str, person: PersonRow
) -> Secret:
    """Set a secret, new or not. Raises Invalid where it could be no variable of a job's."""
    check_name(name)
    _check_value(value)
    row = find(session, project.id, name)
    if row is None:
        _check_room(session, project)
        row = SecretRow(project_id=project.id, name=name)
        session.add(row)
    row.sealed = seal.close(project.id, name, value)
    row.masked = bool(hidden_lines(value))
    row.owner, row.owner_id, row.changed = person, person.id, time.time()
    row.project = project
    session.flush()
    events.add(session, project.id, person.name, "secret.set", data={"name": name})
    return view(row)


def find(session: Session, project_id: str, name: str) -> SecretRow | None:
    """A project's secret of that name."""
    return session.get(SecretRow, (project_id, name))


def listed(session: Session, projects: Collection[str]) -> list[Secret]:
    """The secrets of these project ids, by project and name."""
    query = select(SecretRow).join(SecretRow.project).where(SecretRow.project_id.in_(projects))
    return [view(row) for row in session.scalars(query.order_by(ProjectRow.name, SecretRow.name))]


def delete(session: Session, row: SecretRow, actor: str) -> None:
    """Forget a secret."""
    session.delete(row)
    events.add(session, row.project_id, actor, "secret.deleted", data={"name": row.name})


def check_there(
    session: Session, names: Iterable[str], owner: PersonRow, project: ProjectRow
) -> None:
    """Raise NotFound for a name that neither the person nor the project has a secret of."""
    own = people.personal_project(session, owner).id
    for name in names:
        if not any(find(session, place, name) for place in (own, project.id)):
            also = "" if project.id == own else f", and project {project.name} has none either"
            raise NotFound(
                f"You have no secret '{name[:64]}'{also}: `labdock secrets set` makes one.",
                field="secrets",
            )


def value_for(session: Session, seal: Seal, job: JobRow, name: str) -> str:
    """A value for a job, now: its owner's own, else the project's. Raises Withheld."""
    places = (people.personal_project(session, job.owner).id, job.project_id)
    row = next((found for place in places if (found := find(session, place, name))), None)
    if row is None:
        raise Withheld(f"The secret {name} was deleted: set it again, then retry the job.")
    try:
        return seal.open(row.project_id, name, row.sealed)
    except Unsealable:
        raise Withheld(f"The secret {name} can't be read any more: set it again.") from None


def renew(session: Session, seal: Seal) -> list[str]:
    """Seal every secret with the newest key; the names of those that cannot be read any more."""
    lost = []
    for row in session.scalars(select(SecretRow)):
        try:
            row.sealed = seal.renew(row.sealed)
        except Unsealable:
            lost.append(f"{row.project.name}/{row.name}")
    return lost


def view(row: SecretRow) -> Secret:
    """The secret's wire form, which has no value."""
    return Secret(
        name=row.name,
        project=row.project.name,
        changed=row.changed,
        changed_by=row.owner.name,
        masked=row.masked,
    )


def check_name(name: str) -> None:
    """Raise Invalid for a name that no variable of a job's may have."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            "A secret's name is a variable's: letters, digits and _, 64 at most, no digit first.",
            field="name",
        )
    if _LABDOCKS.fullmatch(name):
        raise Invalid(f"{name} is set by Labdock itself: choose another name.", field="name")


def _check_value(value: str) -> None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Invalid("The value is no text.", field="value") from None
    if size > LONGEST:
        raise Invalid(f"The value has {size:,} bytes: {LONGEST:,} at most.", field="value")


def _check_room(session: Session, project: ProjectRow) -> None:
    if len(listed(session, [project.id])) >= MOST:
        raise Conflict(f"Project {project.name} has {MOST} secrets: delete one first.")
