"""What a chaos run will do, out of a seed: jobs with the ends they should have, and strikes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from labdock.schema import JobState

Target = Literal[
    "service",
    "reconciler",
    "hub",
    "supervisor",
    "worker",
    "chief",
    "everything",
    "down",
    "registry",
]
"""What a strike takes away by kill -9; `down` alone asks. A worker's supervisor is its container on
the Docker engine, which alone has a registry."""

TARGETS: tuple[Target, ...] = get_args(Target)
ENGINES: dict[str, tuple[Target, ...]] = {
    "process": tuple(target for target in TARGETS if target != "registry"),
    "docker": TARGETS,
}
STARTS: tuple[Target, ...] = ("hub", "everything", "down")
"""After these somebody has to say `up`, which takes longest: there are few of them."""

FAILURES = {
    "raise": "ValueError: this is where it was meant to fail",
    "exit": "The script ended with exit code 7.",
    "crash": "crashed with SIGSEGV",
}
TIME_LIMIT = "It ran longer than its limit of 2 s."
STEPS = 5
FOR_EVER = 10_000
"""Epochs of a job that only a person or its time limit ends."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A job to submit, and how it ends where nothing but itself ends it."""

    name: str
    state: JobState
    epochs: int
    workers: int = 1
    pause: float = 0.05
    failure: str = ""
    time_limit: float | None = None
    script: Literal["steps.py", "fit.py"] = "steps.py"
    model: bool = False
    own_image: bool = False
    """Whether its source is like no other's, so that it is packaged."""
    more: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        """The script's command line."""
        own = ["--steps", str(STEPS), *self.more] if self.script == "steps.py" else []
        return ["--epochs", str(self.epochs), "--pause", str(self.pause), *own]


@dataclass(frozen=True, kw_only=True)
class Strike:
    """Something that is taken away, once so many jobs have ended and a moment has passed."""

    target: Target
    after: float
    moment: float


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    seed: int
    tasks: list[Task] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)


def make_plan(seed: int, jobs: int, *, training: int, engine: str = "process") -> Plan:
    """So many jobs, of which `training` train for real, and about half as many strikes.

    One of those that train does so on two workers.
    """
    chance = random.Random(seed)
    kinds = ["train"] * training + [_kind(number) for number in range(jobs - training)]
    kinds[:1] = ["gang"] if training else kinds[:1]
    chance.shuffle(kinds)
    tasks = [_task(f"chaos-{n:03d}", kind, chance) for n, kind in enumerate(kinds)]
    return Plan(seed, tasks, _strikes(jobs, ENGINES[engine], chance))


def _kind(number: int) -> str:
    """Of twelve jobs eight count, one saves a model, one is stopped and two fail."""
    ends = ["raise", "exit", "crash", "late"]
    return {
        0: "model",
        3: "stopped",
        6: ends[number // 12 % 4],
        9: ends[(number // 12 + 2) % 4],
    }.get(number % 12, "count")


def _task(name: str, kind: str, chance: random.Random) -> Task:
    workers = chance.choice([1, 1, 2, 3])
    own_image = chance.random() < 0.25
    epochs = chance.randint(6, 16)
    if kind in ("train", "gang"):
        return Task(
            name=name,
            state="succeeded",
            script="fit.py",
            epochs=8,
            workers=2 if kind == "gang" else 1,
            pause=0.3,
            model=True,
        )
    if kind in FAILURES:
        return Task(
            name=name,
            state="failed",
            epochs=epochs,
            workers=workers,
            failure=FAILURES[kind],
            more=("--fail", kind, "--at", str(chance.randint(1, epochs))),
        )
    if kind in ("late", "stopped"):
        return Task(
            name=name,
            state="failed" if kind == "late" else "stopped",
            epochs=FOR_EVER,
            workers=workers,
            failure=TIME_LIMIT if kind == "late" else "",
            time_limit=2.0 if kind == "late" else None,
        )
    return Task(
        name=name,
        state="succeeded",
        epochs=epochs,
        workers=workers,
        own_image=own_image,
        model=kind == "model",
        more=("--model",) if kind == "model" else (),
    )


def _strikes(jobs: int, targets: Sequence[Target], chance: random.Random) -> list[Strike]:
    few = [target for target in STARTS for _ in range(max(1, jobs // 50))]
    others = [target for target in targets if target not in STARTS]
    many = [others[number % len(others)] for number in range(max(len(others), jobs * 2 // 5))]
    chosen = [*few, *many]
    chance.shuffle(chosen)
    return [
        Strike(
            target=target,
            after=number * 0.8 * jobs / len(chosen),
            moment=chance.uniform(0.0, 1.5),
        )
        for number, target in enumerate(chosen)
    ]
