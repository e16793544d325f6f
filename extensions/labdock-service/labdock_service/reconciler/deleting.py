"""Deleted jobs: TensorBoard shows them no more, and after some days their files go."""

from __future__ import annotations

from dataclasses import dataclass

from labdock_service.folders import delete_folder
from labdock_service.reconciler import handing
from labdock_service.reconciler.parts import Parts, apart
from labdock_service.store import active, jobs
from labdock_service.store.tables import JobRow

KEPT_SECONDS = 7 * 24 * 3600.0
"""How long a deleted job can be restored."""


@dataclass
class Deleting:
    """Makes of a job's files what a person wants of them."""

    parts: Parts

    def advance(self) -> None:
        """Hide deleted jobs, show restored ones, and clear away those that stay deleted."""
        with self.parts.store.read() as session:
            rows = active.deleted_jobs(session)
        for job in rows:
            with apart(f"The deletion of job {job.id}"):
                self._advance(job)

    def _advance(self, job: JobRow) -> None:
        if job.files == "leaving":
            self._delete_files(job)
            self._note(job, "gone")
        elif job.deleted is None:
            self._show(job)
            self._note(job, "shown")
        elif self.parts.clock() - job.deleted > KEPT_SECONDS:
            self._note(job, "leaving")
        elif job.files == "shown":
            self.parts.shown_curves(job).unlink(missing_ok=True)
            self._note(job, "hidden")

    def _note(self, job: JobRow, files: str) -> None:
        """Write it down, unless the person wants something else by now."""
        with self.parts.write() as session:
            fresh = session.get_one(JobRow, job.id)
            if fresh.deleted == job.deleted:
                fresh.files = files

    def _show(self, job: JobRow) -> None:
        drawn = self.parts.drawn_curves(job)
        attempts = [int(place.name) for place in drawn.glob("*") if place.name.isdecimal()]
        if attempts:
            handing.show(drawn, max(attempts), self.parts.shown_curves(job))

    def _delete_files(self, job: JobRow) -> None:
        with self.parts.store.read() as session:
            workers = jobs.workers(session, [job.id])
        for worker in workers:
            self.parts.engine.remove(worker.id)
        self.parts.shown_curves(job).unlink(missing_ok=True)
        for folder in (self.parts.drawn_curves(job), self.parts.job_folder(job.id)):
            if folder.is_dir():
                delete_folder(folder)
