"""Prepares a process, a script's or a notebook kernel's, and ends its training."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from labdock_runtime.hooks import AfterImport
from labdock_runtime.quiet import quiet
from labdock_runtime.run import Run


def prepare(run: Run) -> None:
    """Set what must be set before a person's code, and hooks for what it may import."""
    from labdock_runtime import strategy
    from labdock_runtime.signals import handle_stop

    handle_stop(run)
    strategy.seed_python(run)
    AfterImport(
        {
            "numpy": partial(strategy.after_numpy, run),
            "tensorflow": partial(strategy.after_tensorflow, run),
            "keras": partial(_after_keras, run),
            "tf_keras": partial(_after_tf_keras, run),
        },
        around={"tensorflow": quiet},
    ).install()


def finish(run: Run) -> None:
    """Collect models, wait for the other workers, and delete the backups."""
    if "tensorflow" not in sys.modules:
        return
    from labdock_runtime import backup, models

    if run.job.chief:
        models.collect(run)
    else:
        models.accompany(run)
    if run.job.workers > 1 and run.strategy is not None:
        tf = sys.modules["tensorflow"]
        run.strategy.reduce("SUM", tf.constant(1.0), axis=None)
    if run.job.chief and run.job.checkpoints:
        backup.remove_all(run.job.checkpoints)


def _after_keras(run: Run, keras: Any) -> None:
    from labdock_runtime.training import after_keras

    after_keras(run, keras)


def _after_tf_keras(run: Run, keras: Any) -> None:
    from labdock_runtime.training import after_tf_keras

    after_tf_keras(run, keras)
