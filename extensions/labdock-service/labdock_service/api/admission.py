"""What a job must be before it is taken, alone or in a grid: refused here, it never ran."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from labdock.declarations import NotReadable, declared
from labdock.inputs import Parameter
from labdock.parameters import Problem
from labdock.schema import JobRequest, Person, Source
from labdock_service.api.access import find_snapshot, person_row
from labdock_service.api.parts import Parts
from labdock_service.errors import Conflict, Invalid
from labdock_service.scheduling.ledger import Need, limited
from labdock_service.scheduling.queue import never_fits
from labdock_service.statefolder import StateFolder
from labdock_service.store import notify, secrets, sources
from labdock_service.store.tables import PersonRow, SnapshotRow

LARGEST_NOTEBOOK = 10_000_000
"""Bytes of a notebook's code up to which its parameters are read."""


@dataclass(frozen=True)
class Admitted:
    """Of what a job is made that may run, and the parameters that its entry has."""

    snapshot: SnapshotRow
    owner: PersonRow
    known: list[Parameter] | None


def admit(parts: Parts, session: Session, caller: Person, body: JobRequest) -> Admitted:
    """Refuse a job that could not run; its parameters are looked at by who knows all of them."""
    snapshot = find_snapshot(session, caller, body.snapshot)
    if snapshot.state == "failed":
        raise Conflict(f"This snapshot could not be packaged: {snapshot.error}", field="snapshot")
    _check_name(body.name)
    _check_fits(body, parts)
    owner = person_row(session, caller)
    secrets.check_there(session, body.secrets, owner, snapshot.project)
    if body.notify:
        notify.check_set(session, owner)
    return Admitted(snapshot, owner, _known(parts.state, session, snapshot))


def refuse(problem: Problem | None, within: str = "") -> None:
    """Refuse what cannot be used; `within` is the part of the request that it is in."""
    if problem is not None:
        field = problem.field if problem.field.startswith("grid") else within + problem.field
        raise Invalid(problem.sentence, field=field[:200])


def entry_parameters(state: StateFolder, source: Source) -> list[Parameter] | None:
    """What a source's entry sets in its cell of parameters; none where it has none."""
    entry = next((file for file in source.files if file.path == source.entry), None)
    if entry is None or entry.digest is None or not entry.path.endswith(".ipynb"):
        return None
    if entry.size > LARGEST_NOTEBOOK:
        return None
    try:
        return declared(state.blob(entry.digest).read_bytes())
    except (NotReadable, OSError):
        return None


def _known(state: StateFolder, session: Session, row: SnapshotRow) -> list[Parameter] | None:
    """The snapshot's parameters, read now where it is older than their reading."""
    if row.parameters is not None:
        return msgspec.convert(row.parameters, list[Parameter])
    source = sources.find(session, row.project_id, row.source)
    return entry_parameters(state, source) if source else None


def _check_name(name: str | None) -> None:
    if name is not None and not name.strip():
        raise Invalid("'name' must not be blank.", field="name")
    if any(unicodedata.category(character) == "Cc" for character in name or ""):
        raise Invalid("'name' must be one line, without control characters.", field="name")


def _check_fits(body: JobRequest, parts: Parts) -> None:
    """Refuse what no machine of now could run, were it empty."""
    limits, each = parts.settings.limits, body.resources
    nodes = limited(parts.engine.nodes(), cpus=limits.cpus, memory=limits.memory)
    need = Need(cpus=each.cpus, memory=each.memory, gpus=each.gpus)
    if lacking := never_fits(need, body.workers, nodes):
        raise Invalid(f"{lacking}: ask for less.", field="resources")
