"""What happens right after `import tensorflow`: devices, the gang, and the job's strategy."""

from __future__ import annotations

import signal
import threading
from typing import Any

from labdock_runtime import randomness
from labdock_runtime.devices import let_settings_pass
from labdock_runtime.failures import RETRY, Refused
from labdock_runtime.gang import absence, meet
from labdock_runtime.loading import load_outside
from labdock_runtime.own_loops import run_whole_steps
from labdock_runtime.quiet import quiet_first_operation
from labdock_runtime.run import Run
from labdock_runtime.shares import share_batches
from labdock_runtime.signals import handle_stop

LATE = 60
"""Seconds beyond the gang's time limit after which a constructor that hangs is ended."""


def after_tensorflow(run: Run, tf: Any) -> None:
    """Prepare TensorFlow, and set the strategy that this job's workers and devices ask for."""
    tf.get_logger().setLevel("WARNING")
    quiet_first_operation()
    randomness.after_tensorflow(run, tf)
    if not run.job.does("strategy"):
        return
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    run.strategy = _strategy(run, tf, gpus)
    _refuse_others(tf)
    if run.strategy is None:
        return
    tf.distribute.experimental_set_strategy(run.strategy)
    _give_for_own(run.strategy, tf)
    share_batches(run, tf)
    run_whole_steps(run, tf)
    load_outside(run, tf)
    let_settings_pass(run, tf)
    handle_stop(run)


def _strategy(run: Run, tf: Any, gpus: list[Any]) -> Any:
    if run.job.workers > 1:
        return _form_gang(run, tf)
    if run.job.local_devices > 1 and not gpus:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * run.job.local_devices
        tf.config.set_logical_device_configuration(cpu, parts)
        return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(len(parts))])
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else None


def _form_gang(run: Run, tf: Any) -> Any:
    """Meet the other workers, then make the strategy.

    Its constructor holds Python's lock while it waits, so that no handler of ours would run:
    SIGTERM and an alarm end the process in it.
    """
    job = run.job
    if len(job.gang) != job.workers:
        raise Refused(f"This worker needs a TF_CONFIG that names its {job.workers} workers.")
    missing = meet(job.gang, job.rank, f"{job.id}-{job.attempt}", job.gang_timeout)
    if missing:
        run.events.failed(absence(missing, job.workers, job.gang_timeout), RETRY)
        run.leave(RETRY)
    if threading.current_thread() is not threading.main_thread():
        return tf.distribute.MultiWorkerMirroredStrategy()
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.alarm(int(job.gang_timeout) + LATE)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGTERM, before)


def _give_for_own(strategy: Any, tf: Any) -> None:
    """Make the constructors of mirrored strategies return the job's strategy."""
    family = [
        tf.distribute.MirroredStrategy,
        tf.distribute.MultiWorkerMirroredStrategy,
        tf.distribute.experimental.MultiWorkerMirroredStrategy,
        tf.distribute.OneDeviceStrategy,
    ]
    for kind in family:
        kind.__new__ = _always(strategy, family)
        kind.__init__ = _unless_made(strategy, kind.__init__)


def _always(strategy: Any, family: list[Any]) -> Any:
    def make(kind: Any, *arguments: Any, **options: Any) -> Any:
        del arguments, options
        return strategy if kind in family else object.__new__(kind)

    return staticmethod(make)


def _unless_made(strategy: Any, original: Any) -> Any:
    def initialise(self: Any, *arguments: Any, **options: Any) -> None:
        if self is not strategy:
            original(self, *arguments, **options)

    return initialise


def _refuse_others(tf: Any) -> None:
    experimental = tf.distribute.experimental
    for name in ("ParameterServerStrategy", "TPUStrategy", "CentralStorageStrategy"):
        for module in (tf.distribute, experimental):
            if hasattr(module, name):
                getattr(module, name).__new__ = _refuse(name)


def _refuse(name: str) -> Any:
    def make(*arguments: Any, **options: Any) -> Any:
        del arguments, options
        raise Refused(
            f"{name} does not work in a Labdock job. Remove it: the job sets a mirrored strategy "
            "for its workers and devices, and tf.distribute.get_strategy() gives it."
        )

    return staticmethod(make)
