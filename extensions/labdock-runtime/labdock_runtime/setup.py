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
    from labdock_runtime import randomness
    from labdock_runtime.signals import handle_stop

    handle_stop(run)
    Run.current = run
    if run.job.attempt > 1:
        _take_up_curves(run)
    randomness.seed_python(run)
    AfterImport(
        {
            "numpy": partial(randomness.after_numpy, run),
            "tensorflow": partial(_after_tensorflow, run),
            "keras": partial(_after_keras, run),
            "tf_keras": partial(_after_tf_keras, run),
            "tensorflow_datasets": _after_tfds,
        },
        around={"tensorflow": quiet},
    ).install()


def _take_up_curves(run: Run) -> None:
    from labdock_runtime import curvefiles

    curvefiles.take_up(run)


def finish(run: Run) -> None:
    """Collect models, wait for the other workers, and delete the backups."""
    if "tensorflow" not in sys.modules:
        return
    from labdock_runtime import keeper, models

    if run.job.chief:
        models.collect(run)
    else:
        models.accompany(run)
    if run.job.workers > 1 and run.strategy is not None:
        tf = sys.modules["tensorflow"]
        run.strategy.reduce("SUM", tf.constant(1.0), axis=None)
    if run.job.chief and run.job.checkpoints:
        keeper.remove_all(run)


def _after_tensorflow(run: Run, tensorflow: Any) -> None:
    from labdock_runtime import curvefiles, hparams, strategy

    strategy.after_tensorflow(run, tensorflow)
    curvefiles.watch_writers(run, tensorflow)
    hparams.begin(run)


def _after_keras(run: Run, keras: Any) -> None:
    from labdock_runtime.training import after_keras

    after_keras(run, keras)


def _after_tf_keras(run: Run, keras: Any) -> None:
    from labdock_runtime.training import after_tf_keras

    after_tf_keras(run, keras)


def _after_tfds(tfds: Any) -> None:
    from labdock_runtime.downloads import guard_datasets

    guard_datasets(tfds)
