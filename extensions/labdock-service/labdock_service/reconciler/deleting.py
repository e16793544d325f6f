"""Deleted jobs: TensorBoard shows them no more, and after some days their files go."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
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
    """Makes of a job's files what a person wants of them.

    That a job is hidden is written down before it is done, and that it is shown after: so
    whatever a person wants meanwhile is found in the next pass, and what a crash left undone
    in the first.
    """

    parts: Parts
    _certain: bool = False
    """Whether the jobs that are written down as hidden are."""

    def advance(self) -> None:
        """Hide deleted jobs, show restored ones, and clear away one that stays deleted."""
        expired = self.parts.clock() - KEPT_SECONDS
        with self.parts.store.read() as session:
            rows = active.deleted_jobs(session, expired if self._certain else math.inf)
        self._certain = True
        for job in rows:
            if job.files != "leaving":
                with self._apart(job):
                    self._advance(job, expired)
        self._clear_away([job for job in rows if job.files == "leaving"])

    @contextmanager
    def _apart(self, job: JobRow) -> Iterator[None]:
        """Look at all of them again after an error."""
        with apart(f"The deletion of job {job.id}"):
            try:
                yield
            except Exception:
                self._certain = False
                raise

    def _advance(self, job: JobRow, expired: float) -> None:
        if job.deleted is None:
            self._show(job)
            if not self._note(job, "shown"):
                self._hide(job)
        elif job.deleted < expired:
            self._note(job, "leaving")
        elif job.files == "hidden" or self._note(job, "hidden"):
            self._hide(job)

    def _clear_away(self, rows: list[JobRow]) -> None:
        """Delete the files of one: others wait for nothing, and what was written is told."""
        for job in rows:
            with self._apart(job):
                self._delete_files(job)
                self._note(job, "gone")
                return

    def _note(self, job: JobRow, files: str) -> bool:
        """Write it down, unless the person wants something else by now; whether it was."""
        with self.parts.write() as session:
            fresh = session.get_one(JobRow, job.id)
            if fresh.deleted != job.deleted:
                return False
            fresh.files = files
        return True

    def _show(self, job: JobRow) -> None:
        drawn = self.parts.drawn_curves(job)
        attempts = [int(place.name) for place in drawn.glob("*") if place.name.isdecimal()]
        if attempts:
            handing.show(drawn, max(attempts), self.parts.shown_curves(job))

    def _hide(self, job: JobRow) -> None:
        drawn, shown = self.parts.drawn_curves(job), self.parts.shown_curves(job)
        handing.hide(drawn, max(1, job.attempt), shown)

    def _delete_files(self, job: JobRow) -> None:
        with self.parts.store.read() as session:
            workers = jobs.workers(session, [job.id])
        for worker in workers:
            self.parts.engine.remove(worker.id)
        self._hide(job)
        for folder in (self.parts.drawn_curves(job), self.parts.job_folder(job.id)):
            if folder.is_dir():
                delete_folder(folder)
