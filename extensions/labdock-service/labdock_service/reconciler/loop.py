"""The loop: woken through a pipe, it makes passes until nothing changes any more."""

from __future__ import annotations

import math
import os
import select
import time
from pathlib import Path

from labdock_service.reconciler.attempts import Attempts
from labdock_service.reconciler.deleting import Deleting
from labdock_service.reconciler.deploys import Deploys
from labdock_service.reconciler.harvester import Harvester
from labdock_service.reconciler.ingest import Ingest
from labdock_service.reconciler.jobs import Jobs
from labdock_service.reconciler.launching import Launcher
from labdock_service.reconciler.lost import LostDevices
from labdock_service.reconciler.packages import Packages
from labdock_service.reconciler.parts import Parts, apart
from labdock_service.reconciler.post import Post
from labdock_service.reconciler.probing import Probes
from labdock_service.reconciler.queueing import Queue
from labdock_service.reconciler.returning import Returns
from labdock_service.reconciler.routes import write_routes
from labdock_service.reconciler.secrets import JobSecrets
from labdock_service.reconciler.watching import Watcher
from labdock_service.statefolder import StateFolder
from labdock_service.store import active, clock, workers
from labdock_service.wakeup import drain, open_pipe, wake

SLOW_SECONDS = 3.0
"""Between two looks when nobody wakes the loop."""
MOST_PASSES = 20
"""Passes in a row: what still changes after so many waits for the next look."""
SUSPEND_SECONDS = 60.0


def own_pipe(state: StateFolder) -> Path:
    """What the API and the supervisors wake the reconciler through."""
    return state.run / "reconciler.pipe"


class Reconciler:
    """Chases what is wanted with what was seen."""

    def __init__(self, parts: Parts) -> None:
        pipe = own_pipe(parts.state)
        self.parts = parts
        self._pipe = open_pipe(pipe)
        self._stopping = False
        self._harvester = Harvester(lambda: wake(pipe))
        self._probes = Probes(lambda: wake(pipe))
        self._packages = Packages(parts, pipe, lambda: wake(pipe))
        self._watcher = Watcher(parts, Ingest(parts.clock), JobSecrets(parts))
        self._attempts = Attempts(parts, self._watcher, self._harvester)
        self._jobs = Jobs(parts, self._attempts)
        self._queue = Queue(parts)
        self._deploys = Deploys(parts, self._watcher, self._probes, self._queue)
        self._returns = Returns(parts, self._watcher)
        self._lost = LostDevices(parts)
        self._launcher = Launcher(parts, self._watcher)
        self._post = Post(parts, lambda: wake(pipe))
        self._deleting = Deleting(parts)

    def run(self) -> None:
        """Go on until `stop`."""
        with apart("The sweep"):
            self._attempts.sweep()
        self._excuse()
        while not self._stopping:
            self.settle()
            self._wait()

    def stop(self) -> None:
        """End after this pass; workers go on, and are adopted by the next reconciler."""
        self._stopping = True
        wake(own_pipe(self.parts.state))

    def suspend(self) -> bool:
        """Put everything to rest: jobs keep a checkpoint and go on at the next start.

        False where something still runs after all patience.
        """
        self.parts.suspending = True
        deadline = time.monotonic() + SUSPEND_SECONDS
        self._excuse()
        self.settle()
        while self._unfinished() and time.monotonic() < deadline:
            self._wait()
            self.settle()
        return not self._unfinished()

    def close(self) -> None:
        """Let go of processes, threads and files."""
        self._packages.close()
        self._probes.close()
        self._harvester.close()
        self._post.close()
        self.parts.store.close()
        os.close(self._pipe)

    def settle(self) -> None:
        """Make passes until one changes nothing."""
        for _ in range(MOST_PASSES):
            self.parts.wrote, self.parts.due = False, math.inf
            self._pass()
            if not self.parts.wrote:
                return
            wake(self.parts.state.run / "api.pipe")

    def _excuse(self) -> None:
        with apart("The look at the clock"), self.parts.write() as session:
            clock.set_right(session, self.parts.clock())
        with apart("The look at what vanished"):
            self._attempts.excuse()

    def _pass(self) -> None:
        if not self.parts.suspending:
            with apart("Packaging"):
                self._packages.advance()
        with apart("The look at the workers"):
            self._watcher.watch()
            self._jobs.advance()
            self._deploys.advance()
            self._returns.advance()
            self._lost.advance()
            if not self.parts.suspending:
                self._queue.advance()
                self._launcher.advance()
            write_routes(self.parts)
        with apart("What is to be sent"):
            self._post.advance()
        with apart("What was deleted"):
            self._deleting.advance()

    def _wait(self) -> None:
        patience = min(SLOW_SECONDS, max(0.0, self.parts.due - self.parts.clock()))
        select.select([self._pipe], [], [], patience)
        drain(self._pipe)

    def _unfinished(self) -> bool:
        with self.parts.store.read() as session:
            return bool(workers.live(session)) or active.any_running(session)
