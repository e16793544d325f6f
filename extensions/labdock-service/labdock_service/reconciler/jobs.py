"""Jobs from state to state: packaging → queued → starting → running → an end."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from labdock.schema import ENDED, Failure, JobState
from labdock_service.reconciler.attempts import Attempts
from labdock_service.reconciler.harvest import FoundModel
from labdock_service.reconciler.judge import Verdict
from labdock_service.reconciler.parts import Parts, apart, log
from labdock_service.reconciler.states import change, note
from labdock_service.reconciler.telling import tell_end
from labdock_service.scheduling.queue import TURN
from labdock_service.store import active, models, snapshots, workers
from labdock_service.store.tables import AttemptRow, JobRow, WorkerRow


@dataclass
class Jobs:
    """Takes every job one step further, where there is one to take."""

    parts: Parts
    attempts: Attempts

    def advance(self) -> None:
        """Look at every job in motion."""
        with self.parts.store.read() as session:
            rows = active.jobs(session)
        for job in rows:
            with apart(f"Job {job.id}"):
                self._advance(job)

    def _advance(self, job: JobRow) -> None:
        if job.state in ENDED:
            self._run_again(job)
        elif job.state == "packaging":
            self._wait_for_image(job)
        elif job.state == "queued":
            if job.target == "stopped":
                self._end_unstarted(job, "stopped", "Stopped before it started.")
        elif (come_to := self.attempts.advance(job)) is not None:
            self._settle(job, *come_to)

    def _run_again(self, job: JobRow) -> None:
        with self.parts.write() as session:
            fresh = session.get_one(JobRow, job.id)
            fresh.retries_seen = fresh.retries
            fresh.counted, fresh.retried_after = 0, fresh.attempt
            fresh.queued = self.parts.clock()
            fresh.ended, fresh.failure, fresh.progress, fresh.warnings = None, None, {}, []
            if fresh.snapshot.state == "failed":
                snapshots.package_again(fresh.snapshot)
            ready = fresh.snapshot.state == "ready"
            change(session, fresh, "queued" if ready else "packaging", "Waits to run again.")

    def _wait_for_image(self, job: JobRow) -> None:
        if job.target == "stopped":
            self._end_unstarted(job, "stopped", "Stopped before it started.")
        elif job.snapshot.state == "failed":
            reason = job.snapshot.error or "Packaging failed."
            self._end_unstarted(job, "failed", reason)
        elif job.snapshot.state == "ready":
            with self.parts.write() as session:
                change(session, session.get_one(JobRow, job.id), "queued", TURN)
        else:
            self._note(job, job.snapshot.step or "Makes its image.")

    def _end_unstarted(self, job: JobRow, state: JobState, message: str) -> None:
        with self.parts.write() as session:
            fresh = session.get_one(JobRow, job.id)
            failure = Failure(reason=message) if state == "failed" else None
            self._end(session, fresh, state, message, failure)

    def _note(self, job: JobRow, message: str) -> None:
        if job.message != message:
            with self.parts.write() as session:
                note(session, session.get_one(JobRow, job.id), message)

    def _settle(self, job: JobRow, verdict: Verdict, found: list[FoundModel]) -> None:
        """Write down how the attempt ended, its models with it, and what comes next."""
        with self.parts.write() as session:
            fresh = session.get_one(JobRow, job.id)
            attempt = session.get_one(AttemptRow, (job.id, job.attempt))
            _note_times(attempt, workers.of_attempt(session, job.id, job.attempt))
            attempt.reason = verdict.reason
            fresh.started = fresh.started or attempt.started
            for model in found:
                _record_model(session, fresh, model)
            self._come_to(session, fresh, verdict, found)
        self.attempts.clear(job)

    def _come_to(
        self, session: Session, job: JobRow, verdict: Verdict, found: list[FoundModel]
    ) -> None:
        outcome, reason = verdict.outcome, verdict.reason
        if outcome == "suspended":
            job.counted -= 1
            change(session, job, "queued", reason)
        elif outcome == "succeeded":
            saved = " and ".join(model.name for model in found)
            self._end(session, job, outcome, f"Succeeded and saved {saved}." if saved else reason)
        elif outcome == "stopped" or (outcome == "retry" and job.target == "stopped"):
            self._end(session, job, "stopped", "Stopped.")
        elif outcome == "retry" and job.counted < job.max_attempts:
            tried = f"attempt {job.counted} of {job.max_attempts}"
            change(session, job, "queued", f"{reason} It is tried again, after {tried}.")
        else:
            if outcome == "retry" and job.counted > 1:
                reason = f"{reason} It was tried {job.counted} times."
            self._end(session, job, "failed", reason, verdict.failure)

    def _end(
        self,
        session: Session,
        job: JobRow,
        state: JobState,
        message: str,
        failure: Failure | None = None,
    ) -> None:
        job.ended = self.parts.clock()
        job.failure = msgspec.to_builtins(failure)
        change(session, job, state, message)
        session.flush()
        try:
            with session.begin_nested():
                tell_end(session, job, job.ended)
        except Exception:
            log.exception("Job %s has ended, and its owner is not told", job.id)


def _note_times(attempt: AttemptRow, gang: list[WorkerRow]) -> None:
    """When it ran, as its workers say: one that is short is over before it was seen to run."""
    starts = [worker.started for worker in gang if worker.started is not None]
    ends = [worker.ended for worker in gang if worker.ended is not None]
    attempt.started = attempt.started or max(starts, default=None)
    attempt.ended = max(ends, default=attempt.planned)


def _record_model(session: Session, job: JobRow, model: FoundModel) -> None:
    models.create(
        session,
        model.id,
        job,
        name=model.name,
        digest=model.digest,
        size=model.size,
        signature=model.signature,
        metrics=model.metrics,
        check=model.check,
        sample=model.sample,
    )
