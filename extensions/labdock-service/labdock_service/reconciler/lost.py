"""GPUs that a machine no longer lists: who holds one is told."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from labdock_service.reconciler.parts import ACTOR, Parts, log
from labdock_service.store import events, leases, notebooks
from labdock_service.store.tables import JobRow, LeaseRow, RevisionRow


@dataclass
class LostDevices:
    """Compares what is leased with what there is."""

    parts: Parts

    def advance(self) -> None:
        """Note which leased devices are gone, and which are there again."""
        with self.parts.store.read() as session:
            held = [row for row in leases.held(session) if row.device is not None]
        if not held:
            return
        listed = {
            (node.name, device.uuid)
            for node in self.parts.engine.nodes()
            for device in node.devices
        }
        news = [row for row in held if (row.lost is None) != ((row.node, row.device) in listed)]
        if not news:
            return
        with self.parts.write() as session:
            for row in news:
                fresh = session.get_one(LeaseRow, row.id)
                fresh.lost = self.parts.clock() if row.lost is None else None
                if row.lost is None:
                    _tell(session, fresh)


def _tell(session: Session, lease: LeaseRow) -> None:
    """Tell the holder; a notebook's person reads it with their lease, too."""
    text = f"The machine no longer lists GPU {lease.device}, which this was given."
    log.warning("GPU %s is gone; %s %s has it", lease.device, lease.holder_kind, lease.holder_id)
    if lease.holder_kind == "job":
        _tell_job(session, session.get_one(JobRow, lease.holder_id), text)
    elif lease.holder_kind == notebooks.KIND:
        notebooks.note(session, lease.holder_id, ACTOR, "lost", [str(lease.device)])
    elif lease.holder_kind == "revision":
        _tell_revision(session, session.get_one(RevisionRow, lease.holder_id), text)


def _tell_job(session: Session, job: JobRow, text: str) -> None:
    if text not in job.warnings:
        job.warnings = [*job.warnings, text]
    data = {"message": text, "attempt": job.attempt}
    events.add(session, job.project_id, ACTOR, "job.gpu_lost", job=job.id, data=data)


def _tell_revision(session: Session, revision: RevisionRow, text: str) -> None:
    revision.message = text
    endpoint = revision.endpoint
    data = {"revision": revision.id, "message": text}
    kind = "endpoint.gpu_lost"
    events.add(session, endpoint.project_id, ACTOR, kind, endpoint=endpoint.id, data=data)
