"""What a person may choose for their server, and what becomes of a choice that cannot be met."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ByteSize, TypeAdapter, ValidationError

from labdock_service.engines.pulling import Pull
from labdock_service.errors import Conflict, Invalid
from labdock_service.packaging.environments import (
    PinnedEnvironment,
    choose_environment,
)
from labdock_service.people.gpulease import Gpus
from labdock_service.sections import LEAST_MEMORY

OPTIONS = ("environment", "cpus", "memory", "gpus")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a server is started with."""

    environment: PinnedEnvironment
    cpus: float
    memory: int
    """Bytes."""
    gpus: int


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What there is now."""

    environments: Sequence[PinnedEnvironment]
    default_environment: str
    """What the settings name; empty for the one that is marked as default."""
    default_cpus: float
    default_memory: int
    cpus: float
    """The most that one server may have: this machine's."""
    memory: int
    gpus: Gpus = field(default_factory=Gpus)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    """Why environments cannot be chosen, by their digests, as the service says."""
    unverified: Collection[str] = ()
    """The digests of environments that were not verified on this machine yet."""
    pulls: Mapping[str, Pull] = field(default_factory=dict)
    """How far each notebook image is, by its name."""

    @property
    def preselected(self) -> PinnedEnvironment | None:
        """The default environment or, while it cannot be started, the first that can."""
        wanted = [self.default.environment, *self.environments]
        return next((item for item in wanted if not self.problem(item)), None)

    @property
    def default(self) -> Choice:
        """What one click starts. Raises Invalid where there is no environment."""
        return Choice(
            environment=choose_environment(self.environments, self.default_environment),
            cpus=min(self.default_cpus, self.cpus),
            memory=min(self.default_memory, self.memory),
            gpus=0,
        )

    def cpu_choices(self) -> list[float]:
        """Numbers of CPUs to choose from, the default among them."""
        return _steps(1.0, self.cpus, self.default.cpus)

    def memory_choices(self) -> list[int]:
        """Bytes to choose from, the default among them."""
        return [int(step) for step in _steps(1e9, self.memory, self.default.memory)]

    def problem(self, environment: PinnedEnvironment) -> str:
        """Why an environment cannot be started now, in sentences; empty where it can."""
        if environment.gpu and not self.gpus.total:
            offers = (
                f"can give it none. {self.gpus.problem}" if self.gpus.problem else "offers none."
            )
            return f"{environment.title} needs a GPU, and this machine {offers}"
        if why := self.unavailable.get(environment.digest):
            return f"{environment.title} cannot be chosen. {why}"
        pull = self.pulls.get(environment.notebook)
        return f"{environment.title} {pull.sentence}" if pull and not pull.here else ""

    def settle(self, options: Mapping[str, Any]) -> Choice:
        """The choice that a form or a request means. Raises Invalid, or Conflict for the moment."""
        if unknown := sorted(set(options) - set(OPTIONS)):
            raise Invalid(f"There is nothing called '{unknown[0][:50]}' to choose.")
        environment = choose_environment(
            self.environments, self.default_environment, str(options.get("environment") or "")
        )
        choice = Choice(
            environment=environment,
            cpus=_number(options, "cpus", self.default.cpus),
            memory=_bytes(options, self.default.memory),
            gpus=int(_number(options, "gpus", 1 if environment.gpu else 0)),
        )
        self._check_environment(environment)
        self._check_size(choice)
        self._check_gpus(choice)
        return choice

    def _check_size(self, choice: Choice) -> None:
        if not 0 < choice.cpus <= self.cpus:
            raise Invalid(f"Choose more than 0 and at most {self.cpus:g} CPUs.", field="cpus")
        if not LEAST_MEMORY <= choice.memory <= self.memory:
            least, most = LEAST_MEMORY / 1e9, self.memory / 1e9
            raise Invalid(f"Choose {least:g} to {most:.1f} GB of memory.", field="memory")
        if not 0 <= choice.gpus <= self.gpus.total:
            raise Invalid(
                self.gpus.problem or f"This machine offers {_count(self.gpus.total)}.", field="gpus"
            )

    def _check_environment(self, environment: PinnedEnvironment) -> None:
        if said := self.problem(environment):
            others = ", ".join(item.title for item in self._startable())
            instead = f" What can be started now: {others}." if others else ""
            raise Conflict(said + instead, field="environment")

    def _check_gpus(self, choice: Choice) -> None:
        if choice.gpus > self.gpus.free:
            when = self.gpus.next_free
            soon = f" The next is expected at {when:%H:%M} UTC." if when else ""
            raise Conflict(
                f"{_count(choice.gpus)} asked for and {self.gpus.free} free now.{soon}"
                f"{self._instead(choice.environment)}",
                field="gpus",
            )

    def _instead(self, environment: PinnedEnvironment) -> str:
        """What starts at once though there are fewer GPUs than somebody wants."""
        if self.gpus.free:
            return f" With {_count(self.gpus.free)} a server starts at once."
        if not environment.gpu:
            return " Without one a server starts at once."
        others = ", ".join(item.title for item in self._startable() if not item.gpu)
        return f" What can be started without one: {others}." if others else ""

    def _startable(self) -> list[PinnedEnvironment]:
        return [item for item in self.environments if not self.problem(item)]


def _steps(least: float, most: float, default: float) -> list[float]:
    doubled = [least * 2**power for power in range(20)]
    return sorted({*(step for step in doubled if step < most), default, most})


def _number(options: Mapping[str, Any], name: str, default: float) -> float:
    said = options.get(name)
    if said in (None, ""):
        return default
    try:
        number = float(said)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise Invalid(f"'{str(said)[:50]}' is no number of {name}.", field=name)
    return number


def _bytes(options: Mapping[str, Any], default: int) -> int:
    said = options.get("memory")
    if said in (None, ""):
        return default
    try:
        return int(TypeAdapter(ByteSize).validate_python(said))
    except ValidationError:
        raise Invalid(
            f"'{str(said)[:50]}' is no size of memory: write it as in '4GB'.", field="memory"
        ) from None


def _count(gpus: int) -> str:
    return "no GPU" if gpus == 0 else "1 GPU" if gpus == 1 else f"{gpus} GPUs"
