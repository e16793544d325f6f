"""One attempt of a job: its workers run, or are ended; when all have ended it is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from sqlalchemy.orm import Session

from labdock_service.engines.base import WorkerStatus
from labdock_service.engines.processtree import TOLD_TO_END
from labdock_service.folders import delete_folder
from labdock_service.reconciler.harvest import FoundModel, Left
from labdock_service.reconciler.harvester import Harvester, Trouble
from labdock_service.reconciler.judge import End, Ending, Verdict, judge, without_files
from labdock_service.reconciler.parts import Parts
from labdock_service.reconciler.states import change, note
from labdock_service.reconciler.watching import Watcher
from labdock_service.store import active, leases, workers
from labdock_service.store.tables import AttemptRow, JobRow, WorkerRow

FINISH_SECONDS = 30.0
"""How long the other workers may go on after the chief ended well."""


@dataclass
class Attempts:
    """Looks after the attempt that a job is in."""

    parts: Parts
    watcher: Watcher
    harvester: Harvester
    _chief_ended: dict[tuple[str, int], float] = field(default_factory=dict)
    """When the chief of an attempt was seen to have ended."""

    def advance(self, job: JobRow) -> tuple[Verdict, list[FoundModel]] | None:
        """Take the attempt a step further; what it came to, once everything is kept."""
        with self.parts.store.read() as session:
            attempt = session.get_one(AttemptRow, (job.id, job.attempt))
            gang = workers.of_attempt(session, job.id, job.attempt)
            outages = workers.outages(session, job) if attempt.ending == "outage" else 0
        if job.target != "stopped" and _is_outage(attempt, gang):
            self._begin_end(job, gang, "outage")
            return None
        if all(worker.state == "ended" for worker in gang):
            return self._conclude(job, attempt, gang, outages)
        ending = self._why_end(job, attempt, gang)
        if ending != attempt.ending:
            self._begin_end(job, gang, ending)
        if ending is not None:
            self._end_live(gang)
        elif attempt.started is None and all(worker.state == "running" for worker in gang):
            self._begin(job)
        return None

    def clear(self, job: JobRow) -> None:
        """Delete the working copies of an attempt that was written down; logs are kept."""
        self._chief_ended.pop((job.id, job.attempt), None)
        self.harvester.forget(job.id, job.attempt)
        self.watcher.ingest.forget(job.id)
        self.watcher.secrets.forget(job.id)
        for rank in range(job.workers):
            status = self.watcher.seen.get(worker_id(job.id, job.attempt, rank))
            if status is not None:
                _delete_copy(status)

    def sweep(self) -> None:
        """Delete the working copies that a killed reconciler had no time for."""
        ended = [one for one in self.parts.engine.look() if one.state == "ended"]
        with self.parts.store.read() as session:
            for status in ended:
                key = (status.labels.get("job"), status.labels.get("attempt"))
                attempt = session.get(AttemptRow, key) if all(key) else None
                if attempt is not None and attempt.ended is not None:
                    _delete_copy(status)

    def excuse(self) -> None:
        """Mark attempts all of whose workers vanished while no reconciler was there to see it.

        A power cut took them: as after a suspension, they are tried again and do not count.
        """
        seen = {status.id: status for status in self.parts.engine.look()}
        with self.parts.store.read() as session:
            gangs = [
                workers.of_attempt(session, job.id, job.attempt) for job in _under_way(session)
            ]
        for gang in gangs:
            if gang and all(_vanished(worker, seen.get(worker.id)) for worker in gang):
                self._mark_outage(gang)

    def _mark_outage(self, gang: list[WorkerRow]) -> None:
        with self.parts.write() as session:
            attempt = session.get_one(AttemptRow, (gang[0].job_id, gang[0].attempt))
            attempt.ending = attempt.ending or "outage"
            for worker in gang:
                session.get_one(WorkerRow, worker.id).stopping = True

    def _why_end(self, job: JobRow, attempt: AttemptRow, gang: list[WorkerRow]) -> Ending | None:
        """Why the workers must end now; a person's stop comes before every other reason."""
        if job.target == "stopped":
            return "stop"
        if attempt.ending is not None:
            return cast(Ending, attempt.ending)
        if self.parts.suspending:
            return "suspend"
        if any(worker.state == "ended" and worker.exit_code != 0 for worker in gang):
            return "gang_lost"
        return self._too_late(job, attempt, gang)

    def _too_late(self, job: JobRow, attempt: AttemptRow, gang: list[WorkerRow]) -> Ending | None:
        deadlines: list[tuple[float, Ending]] = []
        if attempt.started is None:
            deadlines.append((attempt.planned + self.parts.limits.gang_timeout, "gang_timeout"))
        elif job.time_limit is not None:
            deadlines.append((attempt.started + job.time_limit, "time_limit"))
        now = self.parts.clock()
        if gang[0].state == "ended":
            seen = self._chief_ended.setdefault((job.id, job.attempt), now)
            deadlines.append((seen + FINISH_SECONDS, "finished"))
        for deadline, ending in deadlines:
            if now >= deadline:
                return ending
            self.parts.remind(deadline)
        return None

    def _begin(self, job: JobRow) -> None:
        with self.parts.write() as session:
            now = self.parts.clock()
            session.get_one(AttemptRow, (job.id, job.attempt)).started = now
            fresh = session.get_one(JobRow, job.id)
            fresh.started = fresh.started or now
            change(session, fresh, "running", _runs(fresh))

    def _begin_end(self, job: JobRow, gang: list[WorkerRow], ending: Ending | None) -> None:
        """Write down that the workers are being ended, before they are."""
        with self.parts.write() as session:
            session.get_one(AttemptRow, (job.id, job.attempt)).ending = ending
            for worker in gang:
                if worker.state != "ended":
                    self._mark(session.get_one(WorkerRow, worker.id))
            if ending == "stop":
                fresh = session.get_one(JobRow, job.id)
                change(session, fresh, "stopping", "Stops, and saves a checkpoint.")

    def _mark(self, worker: WorkerRow) -> None:
        worker.stopping = True
        if worker.id not in self.watcher.seen:
            worker.state, worker.reason = "ended", "it was never started"

    def _end_live(self, gang: list[WorkerRow]) -> None:
        for worker in gang:
            status = self.watcher.seen.get(worker.id)
            if status is not None and status.state != "ended":
                self.parts.engine.stop(worker.id)

    def _conclude(
        self, job: JobRow, attempt: AttemptRow, gang: list[WorkerRow], outages: int
    ) -> tuple[Verdict, list[FoundModel]] | None:
        verdict = judge(
            [_end_of(worker) for worker in gang],
            cast("Ending | None", attempt.ending),
            attempt.failures,
            time_limit=job.time_limit,
            outages=outages,
        )
        self._release(job)
        found = self.harvester.results(self._left(job, verdict))
        if isinstance(found, Trouble):
            if found.final:
                return without_files(verdict), []
            self._say_not_kept(job, found.error)
            return None
        return None if found is None else (verdict, found)

    def _release(self, job: JobRow) -> None:
        """Give back what the attempt leased: others may start while its files are kept."""
        with self.parts.store.read() as session:
            if not leases.holds(session, "job", job.id):
                return
        with self.parts.write() as session:
            leases.release(session, "job", job.id)

    def _say_not_kept(self, job: JobRow, error: BaseException) -> None:
        reason = error.strerror if isinstance(error, OSError) else None
        message = f"Its files cannot be kept yet: {reason or 'it is tried again'}."
        if job.message != message:
            with self.parts.write() as session:
                note(session, session.get_one(JobRow, job.id), message)

    def _left(self, job: JobRow, verdict: Verdict) -> Left:
        chief = self.watcher.seen.get(worker_id(job.id, job.attempt, 0))
        return Left(
            job=job.id,
            attempt=job.attempt,
            work=chief.work if chief else None,
            code=self.parts.layers(job.snapshot)["code"],
            folder=self.parts.job_folder(job.id),
            drawn=self.parts.drawn_curves(job),
            shown=self.parts.shown_curves(job),
            lost=chief is None or chief.exit_code is None,
            models=self.parts.state.models,
            with_models=verdict.outcome == "succeeded",
        )


def worker_id(job: str, attempt: int, rank: int) -> str:
    """Names a job's worker on every engine."""
    return f"job-{job}-{attempt}-{rank}"


def _under_way(session: Session) -> list[JobRow]:
    """Jobs with workers that nobody asked to stop."""
    rows = active.jobs(session)
    return [job for job in rows if job.state in ("starting", "running") and job.target != "stopped"]


def _vanished(worker: WorkerRow, status: WorkerStatus | None) -> bool:
    """Whether it was there when a reconciler last looked, and ended without an exit code."""
    was_there = worker.state != "ended"
    return was_there and status is not None and (status.state, status.exit_code) == ("ended", None)


def _is_outage(attempt: AttemptRow, gang: list[WorkerRow]) -> bool:
    """Whether Docker or the machine, about to end or to start again, ended some of it.

    Others may have been seen first, which only lost these.
    """
    told = ((worker.reason or "").startswith(TOLD_TO_END) for worker in gang)
    return attempt.ending in (None, "gang_lost") and any(told)


def _delete_copy(worker: WorkerStatus) -> None:
    if worker.work is not None and worker.work.exists():
        delete_folder(worker.work)


def _end_of(worker: WorkerRow) -> End:
    return End(
        rank=worker.rank,
        exit_code=worker.exit_code,
        reason=worker.reason,
        ended=worker.ended,
        ours=worker.stopping,
    )


def _runs(job: JobRow) -> str:
    on = "1 worker" if job.workers == 1 else f"{job.workers} workers"
    again = f", attempt {job.counted} of {job.max_attempts}" if job.counted > 1 else ""
    return f"Runs on {on}{again}."
