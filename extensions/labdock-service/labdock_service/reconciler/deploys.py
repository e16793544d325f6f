"""Revisions: their model servers, and the traffic that moves once one has answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from labdock.servingschema import RevisionState, Sample
from labdock_service.engines.base import Engine
from labdock_service.errors import ServiceError
from labdock_service.reconciler.modelservers import fall_back, without_place
from labdock_service.reconciler.parts import ACTOR, Parts, apart
from labdock_service.reconciler.probing import Answer, Probes
from labdock_service.reconciler.queueing import Queue
from labdock_service.reconciler.watching import Watcher
from labdock_service.serving.revisions import Act, Seen, backoff, decide, gives_up, is_missed
from labdock_service.store import active, events, leases, models, workers
from labdock_service.store.tables import EndpointRow, ModelRow, RevisionRow, WorkerRow

CANNOT_SERVE = 2
"""Exit code of a model server that says why on its last line."""

AGAIN_SECONDS = 1.0
"""Between two looks at a revision that starts, answers first or drains."""


@dataclass
class Deploys:
    """Takes every revision that is wanted, or not at rest, one step further."""

    parts: Parts
    watcher: Watcher
    probes: Probes
    queue: Queue

    def advance(self) -> None:
        """Look at every revision in motion."""
        self.queue.revisions.clear()
        self.queue.missed.clear()
        with self.parts.store.read() as session:
            found = [
                (row, row.endpoint, workers.of_revision(session, row.id, row.attempt))
                for row in active.revisions(session)
            ]
        for revision, endpoint, server in found:
            with apart(f"Revision {revision.id}"):
                self._advance(revision, endpoint, server)

    def _advance(
        self, revision: RevisionRow, endpoint: EndpointRow, server: WorkerRow | None
    ) -> None:
        answer = self.probes.answer(server.id) if server else Answer("silent")
        seen = self._seen(revision, endpoint, server, answer)
        act = decide(seen)
        if is_missed(seen):
            self.queue.missed.add(revision.id)
        if revision.state in ("starting", "warming", "draining"):
            self.parts.remind(self.parts.clock() + AGAIN_SECONDS)
        if self.parts.suspending:
            self._suspend(revision, server)
        elif act == "start":
            self.queue.revisions[revision.id] = revision
        elif server is not None and act == "ask":
            self._ask(revision, server, answer)
        elif server is not None and act == "stop":
            self._stop(server)
        elif server is not None and act == "failure":
            self._note_failure(revision, server)
        elif act == "fail":
            self._fail(revision, server, answer.reason or "its model server took too long")
        else:
            self._settle(revision, server, act)

    def _seen(
        self,
        revision: RevisionRow,
        endpoint: EndpointRow,
        server: WorkerRow | None,
        answer: Answer,
    ) -> Seen:
        here = endpoint.deleted is None and endpoint.wanted is not None
        return Seen(
            state=revision.state,  # type: ignore[arg-type]
            wanted=here and endpoint.wanted == revision.id,
            in_traffic=here and any(x["revision"] == revision.id for x in endpoint.traffic),
            server=server.state if server else "none",  # type: ignore[arg-type]
            age=self.parts.clock() - revision.changed,
            failures=revision.failures,
            answered=answer.state == "answered",
            refused=answer.state == "refused",
        )

    def _ask(self, revision: RevisionRow, server: WorkerRow, answer: Answer) -> None:
        if server.stopping:  # it could not serve the model, and another one will
            self._stop(server)
            return
        if answer.state == "available" and revision.state == "starting":
            self._change(revision, "warming", "Answers a first request.", keep_time=True)
        if server.state != "running" or not server.address:
            return
        name = revision.model.name
        if answer.state == "available":
            self.probes.warm_up(server.id, server.address, name, self._sample(revision))
        else:
            self.probes.look(server.id, server.address, name)

    def _sample(self, revision: RevisionRow) -> Sample | None:
        """What its model has to answer; a model that is not what was trained answers anything."""
        with self.parts.store.read() as session:
            sample = models.sample(session.get_one(ModelRow, revision.model_id))
        return replace(sample, outputs=None) if sample and revision.anyway else sample

    def _settle(self, revision: RevisionRow, server: WorkerRow | None, act: Act) -> None:
        if server is not None and act == "serve":
            self._serve(revision, server)
        elif act == "drain":
            self._change(revision, "draining", "Finishes the requests that it has.", then=_leave)
        elif act == "retire":
            self._change(revision, "retired", "Retired.", then=_rest)

    def _serve(self, revision: RevisionRow, server: WorkerRow) -> None:
        """Give it the traffic, where it is the one that shall have it."""
        status = self.watcher.seen.get(server.id)
        version = status.labels.get("server") if status else None

        def take_traffic(session: Session, row: RevisionRow) -> None:
            row.failures, row.served = 0, row.served or self.parts.clock()
            if row.endpoint.wanted == row.id:
                row.endpoint.traffic = [{"revision": row.id, "weight": 100}]
                _tell(session, row, "endpoint.serving", server=version)

        self._change(revision, "serving", "Serves.", then=take_traffic)

    def _stop(self, server: WorkerRow) -> None:
        """End a model server that nobody needs; it answers what it has first."""
        if not server.stopping:
            with self.parts.write() as session:
                fresh = session.get_one(WorkerRow, server.id)
                fresh.stopping = True
                if server.id not in self.watcher.seen:
                    fresh.state, fresh.reason = "ended", "it was never started"
        if server.id in self.watcher.seen:
            self.parts.engine.stop(server.id)
        self.probes.forget(server.id)

    def _note_failure(self, revision: RevisionRow, server: WorkerRow) -> None:
        """Its model server ended: another one is started, or it has failed."""
        self.probes.forget(server.id)
        reason = self._why_ended(revision, server)
        served = revision.served is not None and not revision.image  # else another can be had
        if not server.stopping and gives_up(revision.failures, served=served):
            self._fail(revision, None, reason)
            return
        failures = revision.failures + (0 if server.stopping else 1)

        def start_over(session: Session, row: RevisionRow) -> None:
            row.attempt, row.failures = row.attempt + 1, failures
            leases.release(session, "revision", row.id)

        wait = backoff(failures)
        again = f"it is started again in {wait:g} seconds" if wait else "it is started again"
        text = f"Its model server ended ({reason}); {again}."
        message = "Goes on at the next start." if server.stopping else text
        self._change(revision, "starting", message, then=start_over)

    def _why_ended(self, revision: RevisionRow, server: WorkerRow) -> str:
        code = server.exit_code or 0
        if code == CANNOT_SERVE or (revision.image and code > 0 and not server.reason):
            said = asyncio.run(_last_line(self.parts.engine, server.id))
            said = without_place(self.parts.state, revision, said)
            return said.strip().rstrip(".") or "it cannot serve this model"
        if server.exit_code is None:
            return server.reason or "it was lost"
        return server.reason or f"with exit code {server.exit_code}"

    def _fail(self, revision: RevisionRow, server: WorkerRow | None, reason: str) -> None:
        if revision.image:
            self._fall_back(revision, server, reason)
            return

        def note(session: Session, row: RevisionRow) -> None:
            if server is None:  # else its GPUs are free once it has ended
                leases.release(session, "revision", row.id)
            _tell(session, row, "endpoint.revision_failed")

        others = [target["revision"] for target in revision.endpoint.traffic]
        kept = " The revision before it goes on serving." if others else ""
        self._change(revision, "failed", f"{_sentence(reason)}{kept}", then=note)
        if server is not None:
            self._stop(server)

    def _fall_back(self, revision: RevisionRow, server: WorkerRow | None, reason: str) -> None:
        """Go on with Labdock's own model server, once the other one has ended."""

        reason = without_place(self.parts.state, revision, reason)

        def go_on(session: Session, row: RevisionRow) -> None:
            fall_back(row, reason)
            if server is None:
                row.attempt += 1
                leases.release(session, "revision", row.id)

        message = f"Goes on with Labdock's own model server: {reason}"
        self._change(revision, "starting", _sentence(message), then=go_on)
        if server is not None:
            self._stop(server)

    def _suspend(self, revision: RevisionRow, server: WorkerRow | None) -> None:
        if server is None:
            return
        if server.state != "ended":
            self._stop(server)
        elif revision.state not in ("retired", "failed"):
            self._note_failure(revision, server)

    def _change(
        self,
        revision: RevisionRow,
        state: RevisionState,
        message: str,
        *,
        then: Callable[[Session, RevisionRow], None] | None = None,
        keep_time: bool = False,
    ) -> None:
        """Bring a revision into a state, with what belongs to it in the same transaction."""
        with self.parts.write() as session:
            row = session.get_one(RevisionRow, revision.id)
            row.state, row.message = state, message
            if not keep_time:
                row.changed = self.parts.clock()
            if then is not None:
                then(session, row)


def _leave(_session: Session, row: RevisionRow) -> None:
    """Out of the router's table, where an admin stopped it and nothing takes its place."""
    endpoint = row.endpoint
    endpoint.traffic = [one for one in endpoint.traffic if one["revision"] != row.id]


def _rest(session: Session, row: RevisionRow) -> None:
    row.failures = 0
    leases.release(session, "revision", row.id)


def _tell(session: Session, row: RevisionRow, kind: str, **more: str | None) -> None:
    data = {"revision": row.id, "model": row.model_id, "message": row.message, **more}
    project = row.endpoint.project_id
    events.add(session, project, ACTOR, kind, endpoint=row.endpoint_id, data=data)


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:].rstrip(".") + "."


async def _last_line(engine: Engine, worker: str) -> str:
    """The last thing that a model server said before it ended."""
    text = ""
    try:
        async for record in engine.log(worker):
            text = record.text or text
    except ServiceError:
        return ""
    return text[:500]
