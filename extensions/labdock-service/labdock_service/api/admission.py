"""What a job must be before it is taken, alone or in a grid: refused here, it never ran."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from labdock.declarations import NotReadable, declared
from labdock.inputs import Parameter
from labdock.parameters import Problem
from labdock.schema import JobRequest, Person, Resources, Source
from labdock_service.api.access import find_snapshot, person_row
from labdock_service.api.availability import check_still_available
from labdock_service.api.parts import Parts
from labdock_service.errors import Conflict, Invalid
from labdock_service.scheduling.ledger import Capacity, Need, limited
from labdock_service.scheduling.queue import never_fits
from labdock_service.statefolder import StateFolder
from labdock_service.store import notify, secrets, snapshots, sources
from labdock_service.store.tables import PersonRow, SnapshotRow

LARGEST_NOTEBOOK = 10_000_000
"""Bytes of a notebook's code up to which its parameters are read."""


@dataclass(frozen=True)
class Admitted:
    """Of what a job is made that may run."""

    snapshot: SnapshotRow
    owner: PersonRow


def admit(
    parts: Parts,
    session: Session,
    caller: Person,
    body: JobRequest,
    parameters: list[Parameter] | None,
) -> Admitted:
    """Refuse a job that could not run; its parameters are looked at by who knows all of them."""
    snapshot = find_snapshot(session, caller, body.snapshot)
    if snapshot.state == "failed":
        raise Conflict(f"This snapshot could not be packaged: {snapshot.error}", field="snapshot")
    _check_name(body.name)
    check_still_available(parts, session, snapshot.environment)
    check_fits(parts, nodes_here(parts), body.workers, body.resources)
    owner = person_row(session, caller)
    secrets.check_there(session, body.secrets, owner, snapshot.project)
    if body.notify:
        notify.check_set(session, owner)
    snapshots.keep_parameters(snapshot, parameters)
    return Admitted(snapshot, owner)


def refuse(problem: Problem | None, within: str = "") -> None:
    """Refuse what cannot be used; `within` is the part of the request that it is in."""
    if problem is not None:
        field = problem.field if problem.field.startswith("grid") else within + problem.field
        raise Invalid(problem.sentence, field=field[:200])


def job_parameters(parts: Parts, caller: Person, job: JobRequest) -> list[Parameter] | None:
    """The parameters of a job's entry, known before anybody has to wait for the database."""
    with parts.store.read() as session:
        row = find_snapshot(session, caller, job.snapshot)
    return entry_parameters(parts, row.project_id, row.source)


def entry_parameters(parts: Parts, project_id: str, digest: str) -> list[Parameter] | None:
    """What the entry of a project's source sets in its cell of parameters; none without one.

    A file is read where it was not before: no transaction that writes may wait for that.
    """
    with parts.store.read() as session:
        if known := snapshots.looked_into(session, project_id, digest):
            return snapshots.parameters(known)
        source = sources.find(session, project_id, digest)
    return _read_parameters(parts.state, source) if source else None


def _read_parameters(state: StateFolder, source: Source) -> list[Parameter] | None:
    entry = next((file for file in source.files if file.path == source.entry), None)
    if entry is None or entry.digest is None or not entry.path.endswith(".ipynb"):
        return None
    if entry.size > LARGEST_NOTEBOOK:
        return None
    try:
        return declared(state.blob(entry.digest).read_bytes())
    except (NotReadable, OSError):
        return None


def _check_name(name: str | None) -> None:
    if name is not None and not name.strip():
        raise Invalid("'name' must not be blank.", field="name")
    if any(unicodedata.category(character) == "Cc" for character in name or ""):
        raise Invalid("'name' must be one line, without control characters.", field="name")


def nodes_here(parts: Parts) -> list[Capacity]:
    """The machines as far as work may use them."""
    limits = parts.settings.limits
    return limited(parts.engine.nodes(), cpus=limits.cpus, memory=limits.memory)


def check_fits(parts: Parts, nodes: Sequence[Capacity], workers: int, each: Resources) -> None:
    """Refuse what no machine of now could run, were it empty. Raises Invalid."""
    need = Need(cpus=each.cpus, memory=each.memory, gpus=each.gpus)
    if lacking := never_fits(need, workers, nodes):
        raise Invalid(f"{lacking}: ask for less.", field="resources")
    if each.gpus and (why := parts.engine.why_no_gpu()):
        raise Invalid(why, field="resources")
