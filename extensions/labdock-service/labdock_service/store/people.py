"""People and projects: ids of their own, so that a name used again inherits nothing."""

from __future__ import annotations

import time

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from labdock_service.ids import derived_id, new_id
from labdock_service.store.tables import PersonRow, ProjectRow


class NameTaken(Exception):
    """A hub group's project has the name that a new person's own project would have."""


def ensure_person(session: Session, name: str, created: str) -> PersonRow:
    """The person whom the hub made under this name at that time, with a project of their own.

    Where an older person had the name, they and their own project are retired. Raises
    NameTaken where a group's project has it.
    """
    person_id = derived_id("p", name, created)
    person = session.get(PersonRow, person_id)
    if person is None:
        project = find_project(session, name)
        if project is not None and project.person_id is None:
            raise NameTaken(name)
        _retire_namesakes(session, name)
        person = PersonRow(id=person_id, name=name, created=time.time())
        session.add(person)
        session.flush()
        _make_project(session, name, person)
    return person


def find_person(session: Session, name: str) -> PersonRow | None:
    """The living person of that name."""
    return session.scalar(
        select(PersonRow).where(PersonRow.name == name, PersonRow.retired.is_(None))
    )


def personal_project(session: Session, person: PersonRow) -> ProjectRow:
    """The project of the person's own."""
    return session.scalars(select(ProjectRow).where(ProjectRow.person_id == person.id)).one()


def ensure_group_project(
    session: Session, name: str, project_id: str | None = None
) -> ProjectRow | None:
    """The project of the hub group of this name; None where a person's own project has the name.

    With `project_id`, which the hub keeps for the group, a project of that name and another
    id is an older group's and is retired.
    """
    project = find_project(session, name)
    if project is not None and project.person_id is not None:
        return None
    if project is not None and project_id not in (None, project.id):
        project.retired = time.time()
        session.flush()
        project = None
    return project or _known_project(session, name, project_id)


def find_project(session: Session, name: str) -> ProjectRow | None:
    """The living project of that name."""
    return session.scalar(
        select(ProjectRow).where(ProjectRow.name == name, ProjectRow.retired.is_(None))
    )


def retire_project(session: Session, name: str) -> None:
    """Free a deleted group's name: a later group of that name starts empty."""
    project = find_project(session, name)
    if project is not None and project.person_id is None:
        project.retired = time.time()


def _retire_namesakes(session: Session, name: str) -> None:
    now = time.time()
    for table in (PersonRow, ProjectRow):
        session.execute(
            update(table).where(table.name == name, table.retired.is_(None)).values(retired=now)
        )


def _known_project(session: Session, name: str, project_id: str | None) -> ProjectRow:
    """The project of that id under its new name, or a new one."""
    known = session.get(ProjectRow, project_id) if project_id else None
    if known is None or known.person_id is not None:
        return _make_project(session, name, None, project_id)
    known.name, known.retired = name, None
    session.flush()
    return known


def _make_project(
    session: Session, name: str, person: PersonRow | None, project_id: str | None = None
) -> ProjectRow:
    project = ProjectRow(
        id=derived_id("g", person.id) if person else project_id or new_id("g"),
        name=name,
        person_id=person.id if person else None,
        created=time.time(),
    )
    session.add(project)
    session.flush()
    return project
