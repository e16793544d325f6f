"""No GPU has two holders, and none is lost: random starts, stops and kills of all that holds one.

Workers are on paper here, and so are people's servers; the store and the reconciler are real. What
is looked at is what runs and which devices it was given, not what the ledger says of itself.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.support.api import fresh_database
from tests.support.invented import Died, Written, gpus
from tests.support.reconciling import Deployment, eventually, make

from labdock.schema import ENDED, JobRequest, Resources
from labdock_service.engines.base import Node
from labdock_service.errors import Conflict
from labdock_service.ids import new_id
from labdock_service.packaging.layers import LayerStore
from labdock_service.reconciler.loop import Reconciler
from labdock_service.reconciler.parts import log
from labdock_service.reconciler.returning import GONE_SECONDS, PATIENCE
from labdock_service.statefolder import StateFolder
from labdock_service.store import (
    Store,
    endpoints,
    jobs,
    leases,
    models,
    notebooks,
    people,
    snapshots,
)
from labdock_service.store.tables import (
    EndpointRow,
    JobRow,
    LeaseRow,
    NotebookRow,
    SnapshotRow,
)

PEOPLE = ("ada", "grace")
CREATED = "2026-01-01T00:00:00Z"
WHO = st.sampled_from(PEOPLE)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where a commit takes no disk's time."""


class DyingStore(Store):
    """Dies before or after its n-th write."""

    def __init__(self, url: str, writes: int, *, after: bool) -> None:
        super().__init__(url)
        self._left, self._after = writes, after

    @contextmanager
    def fenced(self, number: int) -> Iterator[Session]:
        self._left -= 1
        with super().fenced(number) as session:
            yield session
            if not self._left and not self._after:
                raise Died
        if not self._left:
            raise Died


class Errors(logging.Handler):
    """What the reconciler logs as an error of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(logging.Formatter().format(record))


@dataclass
class Servers:
    """People's servers: which start of each runs, and the devices that its kernels see."""

    running: dict[str, str] = field(default_factory=dict)
    uses: dict[str, list[str]] = field(default_factory=dict)
    hub: str = "there"
    """`away` answers nothing, and `starting` knows none of its servers yet."""

    def __call__(self, _person_id: str, name: str) -> bool | None:
        if self.hub == "away":
            return None
        return name in self.running and self.hub == "there"


class Ledger(RuleBasedStateMachine):
    """What people, jobs, models, the hub and a reconciler that dies do to each other."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="labdock-ledger-", dir=MEMORY))
        state = StateFolder(self.folder / "state")
        state.root.mkdir()
        state.database.write_bytes(fresh_database())
        self.place = Deployment(self.folder)
        self.engine, self.servers, self.ahead = Written(), Servers(), 0.0
        self.reconciler: Reconciler | None = None
        self.eager = True
        self.errors = Errors()
        log.addHandler(self.errors)
        self.starts = 0
        self.snapshot = self._snapshot()
        self.model = self._model()
        with self.place.store.write() as session:
            made = [people.ensure_person(session, name, CREATED) for name in PEOPLE]
            self.people = {person.name: person.id for person in made}

    def _snapshot(self) -> str:
        made = self.place.snapshot({"train.py": "print(1)"}, "train.py")
        layers = []
        for role in ("runtime", "dependencies", "code"):
            digest = "sha256:" + f"{role:0<64}"
            LayerStore(self.place.state).unpacked(digest).mkdir(parents=True)
            layers.append({"role": role, "digest": digest, "size": 1, "diff_id": digest})
        with self.place.store.write() as session:
            row = session.get_one(SnapshotRow, made)
            row.state, row.layers = "ready", layers
        return made

    def _model(self) -> str:
        job = self._submit(0, 1)
        with self.place.acting() as (session, _, _project):
            row = session.get_one(JobRow, job)
            row.target = "stopped"
            made = models.create(
                session,
                new_id("m"),
                row,
                name="m",
                digest="sha256:" + "d" * 64,
                size=1,
                signature={},
                metrics={},
            )
            return made.id

    # People's servers

    @rule(who=WHO, count=st.integers(0, 2), keeps=st.booleans())
    def start_server(self, who: str, count: int, keeps: bool) -> None:
        if who in self.servers.running:
            return
        self.starts += 1
        self.servers.running[who] = f"start-{self.starts}"
        self._begin(who, count, keeps)

    def _begin(self, who: str, count: int, keeps: bool) -> None:
        start, at = self.servers.running[who], self._now()
        with self.place.store.write() as session:
            notebooks.begin(session, self.people[who], start, count, keeps_devices=keeps, now=at)

    @rule(who=WHO)
    def stop_server(self, who: str) -> None:
        self._end(who, self.servers.running.get(who, "never"))

    def _end(self, who: str, start: str) -> None:
        self.servers.running.pop(who, None)
        self.servers.uses.pop(who, None)
        with self.place.store.write() as session:
            notebooks.end(session, self.people[who], start)

    @rule(who=WHO)
    def kill_server(self, who: str) -> None:
        """Nobody says so."""
        self.servers.running.pop(who, None)
        self.servers.uses.pop(who, None)

    @rule(who=WHO, number=st.integers(0, 5))
    def hear_of_an_old_end(self, who: str, number: int) -> None:
        if self.servers.running.get(who) != f"start-{number}":
            with self.place.store.write() as session:
                notebooks.end(session, self.people[who], f"start-{number}")

    @rule(who=WHO)
    def release(self, who: str) -> None:
        self.servers.uses.pop(who, None)
        with self.place.store.write() as session, contextlib.suppress(Conflict):
            notebooks.release(session, self.people[who], self._now())

    @rule(who=WHO, count=st.integers(1, 2))
    def acquire(self, who: str, count: int) -> None:
        if who in self.servers.running:
            with self.place.store.write() as session, contextlib.suppress(Conflict):
                notebooks.acquire(session, self.people[who], count, self._now())

    # Jobs and models

    @rule(count=st.integers(0, 3), workers=st.integers(1, 2))
    def submit(self, count: int, workers: int) -> None:
        self._submit(count, workers)

    def _submit(self, count: int, workers: int) -> str:
        with self.place.acting() as (session, person, _project):
            row = snapshots.find(session, self.snapshot)
            assert row
            asked = Resources(cpus=1, memory=2**20, gpus=count)
            request = JobRequest(snapshot=row.id, workers=workers, resources=asked)
            return jobs.create(session, row, person, request).id

    @rule(data=st.data())
    def stop_a_job(self, data: st.DataObject) -> None:
        with self.place.store.read() as session:
            live = list(session.scalars(select(JobRow.id).where(JobRow.state.not_in(ENDED))))
        if live:
            self.place.stop(data.draw(st.sampled_from(sorted(live))))

    @rule(count=st.integers(1, 2))
    def deploy(self, count: int) -> None:
        with self.place.acting() as (session, person, project):
            model = models.find(session, self.model)
            assert model
            endpoint = endpoints.ensure(session, project, "digits", person)
            asked = Resources(cpus=1, memory=2**20, gpus=count)
            endpoints.deploy(session, endpoint, model, asked, "ada")

    @rule()
    def delete_the_endpoint(self) -> None:
        with self.place.acting() as (session, _person, project):
            endpoint = endpoints.find_named(session, project.id, "digits")
            if endpoint is not None:
                endpoints.delete(session, endpoint, "ada")

    @rule(data=st.data(), code=st.sampled_from([0, 1, -9]))
    def end_a_worker(self, data: st.DataObject, code: int) -> None:
        if live := [spec.id for spec in self.engine.running()]:
            self.engine.end(data.draw(st.sampled_from(live)), code)

    @rule()
    def workers_end_as_they_were_told(self) -> None:
        for worker in self.engine.stopping & set(self.engine.specs):
            self.engine.end(worker, 0)

    # Verifications of images

    @rule(most=st.integers(1, 2))
    def verify(self, most: int) -> None:
        """Its process runs before it has anything."""
        self.starts += 1
        process = f"process-{self.starts}"
        self.engine.verifying[process] = []
        there = [device.uuid for device in self.engine.devices]
        with self.place.store.write() as session:
            taken = leases.take_free(session, process, "local", there, most)
        self.engine.verifying[process] = taken

    @precondition(lambda self: self.engine.verifying)
    @rule(data=st.data(), said=st.booleans())
    def end_a_verification(self, data: st.DataObject, said: bool) -> None:
        """Some are killed, and give nothing back themselves."""
        process = data.draw(st.sampled_from(sorted(self.engine.verifying)))
        del self.engine.verifying[process]
        if said:
            with self.place.store.write() as session:
                leases.release(session, leases.VERIFICATION, process)

    # The machine, the hub and the reconciler

    @rule(count=st.integers(1, 3))
    def devices_come_and_go(self, count: int) -> None:
        self.engine.devices = gpus(count)

    @rule(hub=st.sampled_from(["there", "there", "away", "starting"]))
    def hub_changes(self, hub: str) -> None:
        self.servers.hub = hub

    @precondition(lambda self: self.servers.hub != "starting")
    @rule(seconds=st.sampled_from([1.0, GONE_SECONDS + 1, PATIENCE + 1, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.look()
        self.ahead += seconds

    @rule()
    def look(self) -> None:
        self._reconciler().settle()

    @rule(writes=st.integers(1, 4), after=st.booleans())
    def die_at_a_write(self, writes: int, after: bool) -> None:
        self._close()
        self.reconciler = self._make(DyingStore(self.place.url, writes, after=after))
        with contextlib.suppress(Died):
            self.reconciler.settle()
        self._close()

    @rule(dies=st.sampled_from(["before", "after"]))
    def die_at_a_start(self, dies: str) -> None:
        self.engine.dies = dies
        with contextlib.suppress(Died):
            self.look()
        self.engine.dies = ""
        self._close()

    def _reconciler(self) -> Reconciler:
        if self.reconciler is None:
            self.reconciler = self._make(None)
        return self.reconciler

    def _make(self, store: Store | None) -> Reconciler:
        made = make(self.place, store, self.engine)
        made.parts.clock, made.parts.servers = self._now, self.servers
        return made

    def _close(self) -> None:
        if self.reconciler is not None:
            self.reconciler.close()
            self.reconciler = None

    def _now(self) -> float:
        return time.time() + self.ahead

    # What must be

    @rule(eager=st.sampled_from([True, True, False]))
    def reconciler_may_be_slow(self, eager: bool) -> None:
        self.eager = eager

    @invariant()
    def no_device_has_two_holders(self) -> None:
        if self.eager:
            self.look()
        with self.place.store.read() as session:
            for row in notebooks.every(session):
                if self.servers.running.get(row.person.name) == row.start:
                    held = notebooks.view(row, notebooks.leased(session, row)).devices
                    self.servers.uses[row.person.name] = held
        in_use = [device for spec in self.engine.running() for device in spec.devices]
        in_use += [device for held in self.servers.uses.values() for device in held]
        in_use += [device for taken in self.engine.verifying.values() for device in taken]
        twice = [device for device, count in Counter(in_use).items() if count > 1]
        assert not twice, twice

    @invariant()
    def everything_in_use_is_leased(self) -> None:
        with self.place.store.read() as session:
            leased = set(session.scalars(select(LeaseRow.device)))
        in_use = {device for spec in self.engine.running() for device in spec.devices}
        in_use |= {device for held in self.servers.uses.values() for device in held}
        in_use |= {device for taken in self.engine.verifying.values() for device in taken}
        assert in_use <= leased

    def teardown(self) -> None:
        try:
            self._empty()
        finally:
            log.removeHandler(self.errors)
            self._close()
            self.place.store.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _empty(self) -> None:
        """All are gone, and nobody said so of the servers: everything is given back."""
        self.servers = Servers()
        self.engine.verifying.clear()
        self._close()
        with self.place.acting() as (session, _person, _project):
            for job in session.scalars(select(JobRow).where(JobRow.state.not_in(ENDED))):
                jobs.request_stop(session, job, "ada")
            for endpoint in session.scalars(select(EndpointRow)):
                if endpoint.deleted is None:
                    endpoints.delete(session, endpoint, "ada")

        def nothing_left() -> bool:
            self.look()
            self.ahead += GONE_SECONDS
            for spec in self.engine.running():
                self.engine.end(spec.id, 0)
            with self.place.store.read() as session:
                rows = [*session.scalars(select(LeaseRow)), *session.scalars(select(NotebookRow))]
            return not rows

        eventually(nothing_left)
        assert not self.errors.seen


def test_a_gpu_has_one_holder_whatever_happens() -> None:
    run_state_machine_as_test(
        Ledger, settings=settings(max_examples=12, stateful_step_count=40, deadline=None)
    )


def test_a_model_server_that_takes_too_long_keeps_its_gpu_until_it_has_ended() -> None:
    ledger = Ledger()
    try:
        ledger.engine.devices = gpus(1)
        ledger.deploy(1)
        ledger.look()
        (server,) = ledger.engine.running()
        waiting = ledger._submit(1, 1)
        ledger.look()
        ledger.ahead += 400
        ledger.look()
        assert server.id in ledger.engine.stopping
        assert ledger.engine.running() == [server]
        ledger.no_device_has_two_holders()
        ledger.workers_end_as_they_were_told()
        ledger.look()
        (worker,) = ledger.engine.running()
        assert (worker.labels["job"], worker.devices) == (waiting, ("GPU-0",))
    finally:
        ledger.teardown()


@dataclass
class Overtaken(Written):
    """A verification takes GPUs when the queue has been read and is not yet planned."""

    store: Store | None = None

    def nodes(self) -> list[Node]:
        if self.store is not None and not self.verifying:
            self.verifying["process"] = []
            with self.store.write() as session:
                there = [device.uuid for device in self.devices]
                taken = leases.take_free(session, "process", "local", there, 1)
            self.verifying["process"] = taken
        return super().nodes()


@pytest.mark.parametrize("who", ["a job", "a notebook", "a revision"])
def test_who_is_overtaken_by_a_verification_starts_after_it(who: str) -> None:
    ledger = Ledger()
    try:
        engine = ledger.engine = Overtaken(devices=gpus(1))
        if who == "a job":
            ledger._submit(1, 1)
        elif who == "a revision":
            ledger.deploy(1)
        else:
            ledger.start_server("ada", 1, keeps=False)
        engine.store = ledger.place.store
        ledger.look()
        assert engine.verifying == {"process": ["GPU-0"]}
        ledger.no_device_has_two_holders()
        assert not engine.running() and not any(ledger.servers.uses.values())
        engine.store, engine.verifying = None, {}  # it was killed
        ledger.no_device_has_two_holders()
        in_use = [spec.devices for spec in engine.running()]
        assert in_use == [("GPU-0",)] or ledger.servers.uses == {"ada": ["GPU-0"]}
    finally:
        ledger.teardown()
