"""People and projects: ids of their own, so that a name used again inherits nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from labdock_service.ids import derived_id, new_id
from labdock_service.store.tables import PersonRow, ProjectRow


class NameTaken(Exception):
    """A hub group's project has the name that a new person's own project would have."""


@dataclass(frozen=True)
class Known:
    """What is recorded of a person: their id, their own project, and those they share."""

    id: str
    own: ProjectRow
    shared: list[ProjectRow]


def find_known(
    session: Session, name: str, created: str, groups: Mapping[str, str | None]
) -> Known | None:
    """What is recorded of a person in these groups; None where a part of it is missing.

    A group's project id is the hub's, where the hub keeps one.
    """
    person = session.get(PersonRow, derived_id("p", name, created))
    if person is None:
        return None
    shared = []
    for group, project_id in groups.items():
        project = find_project(session, group)
        if project is None or _is_older_groups(project, project_id):
            return None
        if project.person_id is None:
            shared.append(project)
    return Known(person.id, personal_project(session, person), shared)


def ensure_known(
    session: Session, name: str, created: str, groups: Mapping[str, str | None]
) -> Known:
    """The same, recorded where it is missing. Raises NameTaken as `ensure_person` does."""
    person = ensure_person(session, name, created)
    found = [ensure_group_project(session, group, groups[group]) for group in groups]
    shared = [project for project in found if project is not None]
    return Known(person.id, personal_project(session, person), shared)


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
    if project is not None and _is_older_groups(project, project_id):
        project.retired = time.time()
        session.flush()
        project = None
    return project or _known_project(session, name, project_id)


def _is_older_groups(project: ProjectRow, project_id: str | None) -> bool:
    """Whether a project is of a group that was deleted, and whose name another group has now."""
    return project.person_id is None and project_id not in (None, project.id)


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
