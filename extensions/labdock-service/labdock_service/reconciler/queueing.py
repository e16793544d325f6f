"""The queue: who starts now gets leases, an attempt and workers' records, all at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from labdock_service.diskspace import shortage
from labdock_service.reconciler.attempts import worker_id
from labdock_service.reconciler.modelservers import settle_server
from labdock_service.reconciler.parts import ACTOR, Parts, apart
from labdock_service.reconciler.states import change, note
from labdock_service.scheduling.ledger import Capacity, Need, leases_of, limited
from labdock_service.scheduling.queue import Ask, Place, Plan, plan
from labdock_service.store import active, asking, leases, notebooks, snapshots, workers
from labdock_service.store.tables import (
    AttemptRow,
    JobRow,
    LeaseRow,
    NotebookRow,
    RevisionRow,
    WorkerRow,
)

DEPLOY_FIRST = 0.0
"""Place in the queue of a model server: it takes no CPU from jobs, and people wait for it."""

MODELS_FIRST = "Starts when the models that people use answer again."


@dataclass
class Queue:
    """Plans with the whole ledger: jobs and notebooks that wait, revisions that want a server."""

    parts: Parts
    revisions: dict[str, RevisionRow] = field(default_factory=dict)
    """Revisions that want a model server, said anew in every pass."""
    missed: set[str] = field(default_factory=set)
    """Revisions that people ask for and that are about to answer again, said anew too."""

    def advance(self) -> None:
        """Start who can start, and tell the others what they wait for."""
        with self.parts.store.read() as session:
            waiting = {job.id: job for job in active.queue(session)}
            held = [leases.in_ledger(row) for row in leases.held(session)]
            servers = notebooks.asking(session)
        asks = [asking.of_job(job) for job in waiting.values()]
        asks += [_revision_ask(revision) for revision in self.revisions.values()]
        asks += [asking.of_notebook(row) for row in servers]
        if not asks:
            return
        self._carry_out(
            plan(self._nodes(), held, asks), waiting, {row.person_id for row in servers}
        )

    def _carry_out(
        self, planned: Plan, waiting: dict[str, active.QueuedJob], servers: Collection[str]
    ) -> None:
        made = self._without_jobs_held_back(planned, waiting)
        for holder, places in made.starts.items():
            with apart(f"The start of {holder}"):
                if holder in servers:
                    self._lease_notebook(holder, places[0])
                else:
                    self._start(holder, waiting, places)
        self._tell_notebooks({one: made.waits[one] for one in made.waits if one in servers})
        rest = {one: text for one, text in made.waits.items() if one not in servers}
        self._tell(rest, waiting)

    def _without_jobs_held_back(self, made: Plan, jobs: Collection[str]) -> Plan:
        """The plan without its jobs while the disk is short, or a missed model comes back."""
        comes_back = any(one not in self.revisions or one in made.starts for one in self.missed)
        why = shortage(self.parts.state.root) or (MODELS_FIRST if comes_back else None)
        if why is None:
            return made
        others = {one: made.starts[one] for one in made.starts if one not in jobs}
        held = dict.fromkeys(made.starts.keys() - others.keys(), why)
        return Plan(starts=others, waits=made.waits | held)

    def _nodes(self) -> list[Capacity]:
        limits = self.parts.limits
        nodes = self.parts.engine.nodes()
        return limited(nodes, cpus=limits.cpus, memory=limits.memory)

    def _start(self, holder: str, waiting: Collection[str], places: list[Place]) -> None:
        if holder in waiting:
            self._start_job(holder, places)
        else:
            self._start_revision(self.revisions[holder], places[0])

    def _start_job(self, job_id: str, places: Sequence[Place]) -> None:
        """Write the intent; the workers themselves are started from it, however often it takes."""
        with self.parts.store.read() as session:
            job = session.get_one(JobRow, job_id)
        layers = self.parts.layers(job.snapshot).values()
        if job.snapshot.state != "ready" or not all(layer.is_dir() for layer in layers):
            self._package_again(job)
            return
        names = [worker_id(job.id, job.attempt + 1, rank) for rank in range(len(places))]
        addresses = self._addresses(names, places) if len(places) > 1 else [None]
        with self.parts.write() as session:
            if not _are_free(session, places):
                return
            fresh = session.get_one(JobRow, job.id)
            fresh.attempt += 1
            fresh.counted += 1
            fresh.progress = {}
            session.add(
                AttemptRow(
                    job_id=job.id, number=fresh.attempt, planned=self.parts.clock(), failures={}
                )
            )
            session.flush()
            for rank, (place, address) in enumerate(zip(places, addresses, strict=True)):
                row = _worker(names[rank], place, address)
                row.job_id, row.attempt, row.rank = job.id, fresh.attempt, rank
                _hold(session, row, asking.job_title(job), place, asking.job_need(job))
            count = "1 worker" if job.workers == 1 else f"{job.workers} workers"
            change(session, fresh, "starting", f"Starts {count}.")

    def _package_again(self, job: JobRow) -> None:
        with self.parts.write() as session:
            fresh = session.get_one(JobRow, job.id)
            if fresh.snapshot.state == "ready":
                snapshots.package_again(fresh.snapshot)
            change(
                session,
                fresh,
                "packaging",
                "Its image is made again: it is gone, or layers of it are.",
            )

    def _start_revision(self, revision: RevisionRow, place: Place) -> None:
        address = self.parts.engine.reserve_port(place.node)
        with self.parts.write() as session:
            if not _are_free(session, [place]):
                return
            fresh = session.get_one(RevisionRow, revision.id)
            if not fresh.attempt or workers.of_revision(session, fresh.id, fresh.attempt):
                fresh.attempt += 1
            name = f"revision-{fresh.id}-{fresh.attempt}-0"
            row = _worker(name, place, address)
            row.revision_id, row.attempt, row.rank = fresh.id, fresh.attempt, 0
            _hold(session, row, f"revision {fresh.id}", place, _revision_need(fresh))
            settle_server(self.parts, session, fresh)
            fresh.state, fresh.changed = "starting", self.parts.clock()
            fresh.message = "Starts its model server."

    def _lease_notebook(self, person_id: str, place: Place) -> None:
        """Lease to a server that still wants what was planned for it."""
        with self.parts.write() as session:
            row = session.get(NotebookRow, person_id)
            if row is None or not row.polls or row.gpus != len(place.devices):
                return
            if not _are_free(session, [place]):
                return
            row.polls, row.message = 0, ""
            if row.keeps_devices and not row.devices:
                row.devices = list(place.devices)
            for device in place.devices:
                session.add(_notebook_lease(row, place.node, device))
            notebooks.note(session, person_id, ACTOR, "leased", place.devices)

    def _tell_notebooks(self, waits: dict[str, str]) -> None:
        with self.parts.store.read() as session:
            rows = {row.person_id: row for row in notebooks.every(session)}
        if all(one not in rows or rows[one].message == text for one, text in waits.items()):
            return
        with self.parts.write() as session:
            for person_id, text in waits.items():
                if (row := session.get(NotebookRow, person_id)) is not None:
                    row.message = text

    def _addresses(self, names: Sequence[str], places: Sequence[Place]) -> list[str | None]:
        found: dict[str, str] = {}
        for node in {place.node for place in places}:
            here = [name for name, place in zip(names, places, strict=True) if place.node == node]
            found |= zip(here, self.parts.engine.addresses(node, here), strict=True)
        return [found[name] for name in names]

    def _tell(self, waits: dict[str, str], waiting: dict[str, active.QueuedJob]) -> None:
        """Write down what is waited for, where it is something else than before."""
        rows: dict[str, active.QueuedJob | RevisionRow] = {**waiting, **self.revisions}
        news = {holder: text for holder, text in waits.items() if rows[holder].message != text}
        if not news:
            return
        with self.parts.write() as session:
            for holder, text in news.items():
                if holder in waiting:
                    note(session, session.get_one(JobRow, holder), text)
                else:
                    session.get_one(RevisionRow, holder).message = text


def _revision_ask(revision: RevisionRow) -> Ask:
    return Ask(
        holder=revision.id,
        title=f"revision {revision.id}",
        since=DEPLOY_FIRST,
        workers=1,
        need=_revision_need(revision),
    )


def _notebook_lease(row: NotebookRow, node: str, device: str) -> LeaseRow:
    return LeaseRow(
        holder_kind=notebooks.KIND,
        holder_id=row.person_id,
        title=notebooks.title(row),
        attempt=row.attempt,
        node=node,
        cpus=0.0,
        memory=0,
        device=device,
    )


def _revision_need(revision: RevisionRow) -> Need:
    """A model server leases memory and GPUs, and shares the CPUs: it mostly waits for requests."""
    asked = revision.resources
    return Need(memory=asked["memory"], gpus=asked["gpus"])


def _worker(name: str, place: Place, address: str | None) -> WorkerRow:
    return WorkerRow(
        id=name,
        node=place.node,
        address=address,
        state="starting",
        stopping=False,
        event_offset=0,
    )


def _are_free(session: Session, places: Sequence[Place]) -> bool:
    """Whether no verification took the devices of a plan meanwhile; the next pass plans anew."""
    with_gpus = [place for place in places if place.devices]
    return all(leases.are_free(session, place.node, place.devices) for place in with_gpus)


def _hold(session: Session, worker: WorkerRow, title: str, place: Place, need: Need) -> None:
    """Record a worker with what it leases."""
    session.add(worker)
    session.flush()
    kind, holder = ("job", worker.job_id) if worker.job_id else ("revision", worker.revision_id)
    for lease in leases_of(worker.id, title, place.node, need, place.devices):
        session.add(
            LeaseRow(
                holder_kind=kind,
                holder_id=holder,
                title=title,
                attempt=worker.attempt,
                worker_id=worker.id,
                node=lease.node,
                cpus=lease.cpus,
                memory=lease.memory,
                device=lease.device,
            )
        )
