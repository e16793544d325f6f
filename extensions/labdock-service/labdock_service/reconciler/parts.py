"""What every stage of the reconciler works with."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.orm import Session

from labdock_service.delivery.messages import MailServer
from labdock_service.diskspace import is_full
from labdock_service.engines.base import Engine
from labdock_service.findings import Policy
from labdock_service.packaging.layers import LayerStore
from labdock_service.reconciler.clock import SteadyClock
from labdock_service.registry import RegistryPlace
from labdock_service.statefolder import StateFolder
from labdock_service.store import Fenced, Store
from labdock_service.store.tables import JobRow, SnapshotRow

log = logging.getLogger("labdock.reconciler")

ACTOR = "reconciler"
"""Who acted, in events of what the reconciler saw or did."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the deployment lets work use; None is all there is."""

    cpus: float | None = None
    memory: int | None = None
    gang_timeout: float = 120.0


@dataclass(kw_only=True)
class Parts:
    """The reconciler's parts, and whether this pass wrote anything."""

    store: Store
    fence: int
    engine: Engine
    state: StateFolder
    registry: RegistryPlace | None = None
    """Where images go on the container engines."""
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    """Which findings of a scan keep a model server's image out."""
    mail: MailServer = field(default_factory=MailServer)
    webhook_hosts: Sequence[str] = ()
    """Those that webhooks may lead to although their addresses are not public."""
    address: str = ""
    """The hub's, as people reach it."""
    clock: Callable[[], float] = field(default_factory=SteadyClock)
    servers: Callable[[str, str], bool | None] = lambda _person_id, _name: None
    """Whether a person's server runs or starts; None where nobody can say."""
    suspending: bool = False
    """Everything is being put to rest: nothing new starts."""
    wrote: bool = False
    due: float = math.inf
    """When the next pass must be, though nobody wakes the loop."""

    def remind(self, at: float) -> None:
        """Look again by then."""
        self.due = min(self.due, at)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that fails with `Fenced` where a newer reconciler has begun."""
        with self.store.fenced(self.fence) as session:
            yield session
        self.wrote = True

    def layers(self, snapshot: SnapshotRow) -> dict[str, Path]:
        """Where the layers of an image lie unpacked, by role."""
        store = LayerStore(self.state)
        return {layer["role"]: store.unpacked(layer["digest"]) for layer in snapshot.layers}

    def job_folder(self, job_id: str) -> Path:
        """Where a job's artifacts, checkpoints and models lie."""
        return self.state.jobs / job_id

    def drawn_curves(self, job: JobRow) -> Path:
        """Where a job's attempts write their curves."""
        return self.state.curves / job.project_id / job.id

    def shown_curves(self, job: JobRow) -> Path:
        """Where TensorBoard finds a job's curves."""
        return self.state.tensorboard / job.project_id / job.run


@contextmanager
def apart(what: str) -> Iterator[None]:
    """One thing's error is logged and holds up no other; it is tried again in the next pass."""
    try:
        yield
    except Fenced:
        raise
    except Exception as error:
        if is_full(error):
            log.warning("%s waits until the disk has space again", what)
        else:
            log.exception("%s failed and is tried again", what)
