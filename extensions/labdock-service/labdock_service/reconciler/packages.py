"""Snapshots to images, in packaging processes of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path

import msgspec

from labdock_service.diskspace import shortage
from labdock_service.errors import PackagingFailed, Unavailable
from labdock_service.packaging.environments import find_environments
from labdock_service.packaging.request import Packaged, PackagingRequest, jobs_repository
from labdock_service.reconciler.modelservers import package_folder
from labdock_service.reconciler.parts import ACTOR, Parts, apart, log
from labdock_service.reconciler.pool import Pool
from labdock_service.store import events, snapshots, sources
from labdock_service.store.tables import SnapshotRow

AGAIN_SECONDS = 5.0
"""Before a registry that did not answer is asked again."""
MOST_TRIES = 3
"""How often packaging may break off before the snapshot fails."""


class Packages:
    """Packages every snapshot that waits for it. A killed packaging process is replaced."""

    def __init__(self, parts: Parts, pipe: Path, wake: Callable[[], None]) -> None:
        self._parts = parts
        self._pool = Pool(parts.state, pipe, wake)
        self._running: dict[str, Future[Packaged]] = {}
        self._tries: Counter[str] = Counter()
        self._waits: dict[str, float] = {}
        """Until when a snapshot waits for the registry."""

    def advance(self) -> None:
        """Begin what waits, and write down what is done."""
        self._collect()
        self._note_steps(self._pool.steps())
        with self._parts.store.read() as session:
            waiting = snapshots.packaging(session)
        fresh = [snapshot for snapshot in waiting if self._may_begin(snapshot.id)]
        short = shortage(self._parts.state.root) if fresh else None
        for snapshot in fresh:
            with apart(f"Snapshot {snapshot.id}"):
                if short is None:
                    self._begin(snapshot)
                elif snapshot.step != short:
                    self._note_steps({snapshot.id: short})
        self._pool.keep(busy=bool(self._running))

    def close(self) -> None:
        """Package nothing more; what was begun is done again at the next start."""
        self._pool.close()

    def _may_begin(self, snapshot: str) -> bool:
        due = self._waits.get(snapshot, 0.0)
        if due > self._parts.clock():
            self._parts.remind(due)
            return False
        return snapshot not in self._running

    def _begin(self, snapshot: SnapshotRow) -> None:
        request = self._request(snapshot)
        if isinstance(request, str):
            self._fail(snapshot.id, request)
            return
        self._running[snapshot.id] = self._pool.submit(snapshot.id, request)

    def _request(self, snapshot: SnapshotRow) -> PackagingRequest | str:
        """What to package, or a sentence that says why it cannot be."""
        kind = self._parts.engine.environments
        known = {found.digest: found for found in find_environments(self._parts.state, kind)}
        environment = known.get(snapshot.environment)
        with self._parts.store.read() as session:
            source = sources.find(session, snapshot.project_id, snapshot.source)
            if source is None:
                return "Its source is not there any more: submit it again."
            if environment is None:
                return (
                    "Its environment is no longer installed: choose one of `labdock environments`."
                )
            kept = sources.kept_lock(
                session,
                snapshot.project_id,
                snapshots.requirements_digest(source.requirements),
                snapshot.foundation,
            )
        return PackagingRequest(
            source=source,
            environment=environment,
            runtime=package_folder("labdock_runtime"),
            registry=self._parts.registry,
            repository=jobs_repository(snapshot.project_id),
            lock=kept if snapshot.lock is None else snapshot.lock,
            renew=snapshot.renew_lock and snapshot.lock is None,
        )

    def _collect(self) -> None:
        for snapshot, future in list(self._running.items()):
            if future.done():
                with apart(f"Snapshot {snapshot}"):
                    self._settle(snapshot, future)
                del self._running[snapshot]

    def _settle(self, snapshot: str, future: Future[Packaged]) -> None:
        try:
            self._succeed(snapshot, future.result())
        except PackagingFailed as error:
            self._fail(snapshot, str(error))
        except Unavailable as error:
            self._waits[snapshot] = self._parts.clock() + AGAIN_SECONDS
            self._note_steps({snapshot: f"{error} It is tried again."})
        except BrokenExecutor:
            self._try_again(snapshot, "Packaging was killed again and again: is memory short?")
        except Exception:
            log.exception("Packaging snapshot %s broke off", snapshot)
            self._try_again(snapshot, "Packaging broke off: the reconciler's log says why.")

    def _try_again(self, snapshot: str, reason: str) -> None:
        self._tries[snapshot] += 1
        if self._tries[snapshot] >= MOST_TRIES:
            self._fail(snapshot, reason)

    def _succeed(self, snapshot: str, packaged: Packaged) -> None:
        with self._parts.write() as session:
            row = session.get_one(SnapshotRow, snapshot)
            source = sources.find(session, row.project_id, row.source)
            if source is not None and row.lock is None:
                requirements = snapshots.requirements_digest(source.requirements)
                sources.keep_lock(
                    session, row.project_id, requirements, row.foundation, packaged.lock
                )
            row.state, row.step, row.lock = "ready", None, packaged.lock
            row.runtime = packaged.runtime
            row.digest, row.image = packaged.snapshot_digest, packaged.image_digest
            row.layers = msgspec.to_builtins(packaged.layers)
            data = {"snapshot": row.id, "image": row.image}
            events.add(session, row.project_id, ACTOR, "snapshot.ready", data=data)

    def _fail(self, snapshot: str, reason: str) -> None:
        self._tries.pop(snapshot, None)
        with self._parts.write() as session:
            row = session.get_one(SnapshotRow, snapshot)
            row.state, row.step, row.error = "failed", None, reason
            data = {"snapshot": row.id, "error": reason}
            events.add(session, row.project_id, ACTOR, "snapshot.failed", data=data)

    def _note_steps(self, steps: dict[str, str]) -> None:
        if not steps:
            return
        with self._parts.write() as session:
            for snapshot, sentence in steps.items():
                row = session.get_one(SnapshotRow, snapshot)
                if row.state == "packaging":
                    row.step = sentence
