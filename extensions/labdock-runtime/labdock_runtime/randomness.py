"""Random choices: the same in every worker and attempt of a job, or a warning.

All workers run the same code, and have to split and shuffle the same way. So every generator
that nobody seeded gets its seed from the job, and not from the machine.
"""

from __future__ import annotations

import functools
import os
import random
import secrets
import sys
from collections.abc import Callable
from typing import Any

from labdock_runtime.hashing import seed
from labdock_runtime.place import is_person_code, place
from labdock_runtime.run import Run


def seed_python(run: Run) -> None:
    """Seed `random`, also where it is told to seed itself."""
    if not run.job.does("seed"):
        return
    random.seed(seed(run.job))
    random.seed = _seeding(random.seed, random.Random(seed(run.job)))
    if run.job.workers > 1:
        _watch(run, os, "urandom")
        for name in ("choice", "randbelow", "randbits", "token_bytes", "token_hex"):
            _watch(run, secrets, name)


def _seeding(original: Callable[..., None], source: random.Random) -> Callable[..., None]:
    @functools.wraps(original)
    def seed_or_own(a: Any = None, version: int = 2) -> None:
        original(source.getrandbits(64) if a is None else a, version)

    return seed_or_own


def after_numpy(run: Run, numpy: Any) -> None:
    """Seed what `train_test_split` draws from, and `default_rng()` and its like."""
    if not run.job.does("seed"):
        return
    source = random.Random(seed(run.job))
    if hasattr(numpy.random.bit_generator, "randbits"):
        numpy.random.bit_generator.randbits = source.getrandbits
    numpy.random.seed(seed(run.job))


def after_tensorflow(run: Run, tf: Any) -> None:
    """Seed initial weights, dropout and the shuffling of datasets."""
    if not run.job.does("seed"):
        return
    tf.random.set_seed(seed(run.job))
    if run.job.workers > 1:
        _watch(run, tf.random.Generator, "from_non_deterministic_state")


def _watch(run: Run, owner: Any, name: str) -> None:
    """Warn where the person's own code takes what no seed can make the same."""
    original = getattr(owner, name)
    told: set[tuple[str, int]] = set()

    @functools.wraps(original)
    def watched(*arguments: Any, **options: Any) -> Any:
        caller = sys._getframe(1)
        line = (caller.f_code.co_filename, caller.f_lineno)
        if run.job.chief and line not in told and is_person_code(run, caller):
            told.add(line)
            run.events.warn(
                f"{place(run)} calls {name}, which gives every worker another answer. Write a "
                "seed down where data or the model come of it."
            )
        return original(*arguments, **options)

    setattr(owner, name, watched)
