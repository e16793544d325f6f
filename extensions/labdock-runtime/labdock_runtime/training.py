"""What happens right after `import keras`: `fit` gets the job's callbacks."""

from __future__ import annotations

import functools
import inspect
import sys
from pathlib import Path
from typing import Any

from labdock_runtime import keras_workers
from labdock_runtime.agreement import check_data, check_weights
from labdock_runtime.backup import Backup
from labdock_runtime.batchnorm import Averaging
from labdock_runtime.callbacks import Callback, Curves, Flush, Observer
from labdock_runtime.downloads import guard_downloads
from labdock_runtime.failures import STOPPED, Refused
from labdock_runtime.keras_losses import mend_losses
from labdock_runtime.legacybackup import LegacyBackup
from labdock_runtime.memory import watch
from labdock_runtime.run import Run

OWN_LIST = (
    "There is no backup, no curves and no progress of this training, because its callbacks are in "
    "a CallbackList of its own kind. Give `fit` a plain list."
)


def after_keras(run: Run, keras: Any) -> None:
    """Mend Keras 3 for several workers, and add the job's callbacks to `fit`.

    TensorFlow imports Keras while it is imported itself, so there is no strategy yet.
    """
    backend = keras.config.backend()
    if backend != "tensorflow":
        if run.job.workers > 1:
            raise Refused(
                f"Keras runs on {backend} here, and only its TensorFlow backend trains on several "
                "workers. Leave KERAS_BACKEND unset, or use one worker."
            )
        return
    if run.job.workers > 1 and run.job.does("strategy") and run.job.does("keras"):
        keras_workers.mend(keras)
    if run.job.does("keras") and keras.__version__ == keras_workers.TESTED_KERAS:
        mend_losses(run, sys.modules["tensorflow"])
        keras_workers.build_undrawn()
    keras_workers.build_before_restoring(run)
    _wrap_fit(run, keras, keras.Model)
    guard_downloads(keras)
    watch(run.memory, keras.Model)
    if run.job.does("callbacks"):
        _print_a_line_an_epoch(keras.callbacks.ProgbarLogger)


def after_tf_keras(run: Run, keras: Any) -> None:
    """Keras 2 knows several workers; it gets the callbacks only."""
    _wrap_fit(run, keras, keras.Model)
    guard_downloads(keras)
    watch(run.memory, keras.Model)


def _print_a_line_an_epoch(logger: Any) -> None:
    """Where `verbose` was left to Keras, print lines for a log, not a bar for a terminal."""
    original = logger.set_params

    @functools.wraps(original)
    def set_params(self: Any, params: dict[str, Any]) -> None:
        quiet = {**params, "verbose": 2} if params.get("verbose") == "auto" else params
        original(self, quiet)

    logger.set_params = set_params


def _wrap_fit(run: Run, keras: Any, model_class: Any) -> None:
    owner = next(kind for kind in model_class.__mro__ if "fit" in vars(kind))
    original = owner.fit
    signature = inspect.signature(original)

    @functools.wraps(original)
    def fit(self: Any, *arguments: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        if run.fitting:
            return original(self, *arguments, **options)
        call = signature.bind(self, *arguments, **options)
        _add_callbacks(run, keras, call)
        if _is_legacy(keras) and call.arguments.get("verbose", "auto") == "auto":
            call.arguments["verbose"] = 2
        return _watched(run, original, self, call)

    owner.fit = fit


def _watched(run: Run, original: Any, model: Any, call: inspect.BoundArguments) -> Any:
    __tracebackhide__ = True
    run.model, run.metrics = model, {}
    run.fitting += 1
    run.training_data = True
    try:
        return _checked(run, original, model, call)
    except Exception:
        if run.stopping:
            run.leave(STOPPED)
        raise
    finally:
        run.fitting -= 1
        run.restoring = run.training_data = False


def _checked(run: Run, original: Any, model: Any, call: inspect.BoundArguments) -> Any:
    """Train, and see to it that all workers train on the same and come to the same."""
    __tracebackhide__ = True
    if run.job.workers == 1 or run.strategy is None:
        return original(*call.args, **call.kwargs)
    names = ("x", "y", "sample_weight", "validation_data")
    check_data(run, [call.arguments.get(name) for name in names])
    history = original(*call.args, **call.kwargs)
    check_weights(run, model)
    return history


def _add_callbacks(run: Run, keras: Any, call: inspect.BoundArguments) -> None:
    given = call.arguments.get("callbacks")
    run.fits += 1
    kind = keras.callbacks.CallbackList
    if isinstance(given, kind) and type(given) is not kind:
        run.events.warn(OWN_LIST)
        return
    given = given.callbacks if isinstance(given, kind) else given  # Keras makes one of its own
    own = list(given) if isinstance(given, list | tuple) else [given] if given else []
    kept, every = _without_backups(run, keras, own)
    last = _last(run, keras, kept, backup_every=run.job.backup_every or every)
    call.arguments["callbacks"] = [*_first(run), *kept, *last]


def _is_legacy(keras: Any) -> bool:
    return bool(keras.__name__.startswith("tf_keras"))


def _first(run: Run) -> list[Callback]:
    several = run.strategy is not None and run.strategy.num_replicas_in_sync > 1
    return [Averaging(run.strategy)] if several and run.job.does("batchnorm") else []


def _last(run: Run, keras: Any, own: list[Any], *, backup_every: int) -> list[Callback]:
    """An epoch is in the curves before it is saved, and told after: then none is there twice."""
    added: list[Callback] = []
    seen = run.job.chief and run.job.does("callbacks")
    if seen:
        added += _curves(run, keras, own)
    if run.job.checkpoints and run.job.does("backup"):
        kind = LegacyBackup if _is_legacy(keras) else Backup
        added.append(kind(run, own, backup_every))
    if seen:
        added.append(Observer(run))
    return added


def _without_backups(run: Run, keras: Any, own: list[Any]) -> tuple[list[Any], int]:
    """The person's callbacks without BackupAndRestore, whose place the job's own takes.

    Theirs writes into a copy of the code that the next attempt does not see. Its number of
    steps between two backups, 0 for epochs, is given too.
    """
    kind = getattr(keras.callbacks, "BackupAndRestore", None)
    if kind is None or not run.job.does("backup"):
        return own, 0
    theirs = [callback for callback in own if isinstance(callback, kind)]
    given = [getattr(callback, "save_freq", None) for callback in theirs]
    steps = [steps for steps in given if isinstance(steps, int)]
    return [callback for callback in own if callback not in theirs], min(steps, default=0)


def _curves(run: Run, keras: Any, own: list[Any]) -> list[Callback]:
    """Curves for TensorBoard, or the person's own callback turned to the job's folder."""
    theirs = [callback for callback in own if isinstance(callback, keras.callbacks.TensorBoard)]
    if not run.job.tensorboard:
        return []
    if theirs:
        for callback in theirs:
            callback.log_dir = _in_job(run, str(callback.log_dir))
        return [Flush(callback) for callback in theirs]
    if not _has_summaries():
        run.events.warn("There are no curves, because the environment has no tensorboard package.")
        return []
    folder = run.job.tensorboard
    if run.fits > 1:
        folder = f"{folder}/fit-{run.fits}"
    return [Curves(sys.modules["tensorflow"], folder)]


def _in_job(run: Run, log_dir: str) -> str:
    """A person's log folder under the job's own."""
    place, folder = Path.cwd() / log_dir, Path(run.job.folder)
    inside = place.is_relative_to(folder) and ".." not in place.parts
    return str(Path(run.job.tensorboard, place.relative_to(folder) if inside else place.name))


def _has_summaries() -> bool:
    from importlib.util import find_spec

    return find_spec("tensorboard") is not None
