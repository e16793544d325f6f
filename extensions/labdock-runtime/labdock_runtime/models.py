"""Models that the code saved become model versions; where it saved none, the last one fitted.

A SavedModel folder is copied. A `.keras` file is loaded, outside the strategy, and exported. Of
files that differ only in numbers (checkpoints of epochs) the newest counts.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from labdock_runtime.checks import Original, examine
from labdock_runtime.memory import weights_digest
from labdock_runtime.outside import in_thread
from labdock_runtime.run import Run

DEFAULT_NAME = "model"
NOT_EXPORTED = "No model in memory is known of it: it was not exported by Keras."
GONE = "The model was no longer in memory when the job ended."
TRAINED_ON = "The model in memory was trained on after it was exported."
NEEDS_ALL = "Keras 2 asks all workers for a model's answer, and the chief alone saves it."


class NoSignature(Exception):
    """A SavedModel that no server could answer for."""


def collect(run: Run) -> None:
    """Put what this run saved or fitted where the service takes models from."""
    run.memory.over = True
    if not run.job.models or not (saved := saved_models(Path(run.job.folder), run.started)):
        _fitted(run, bool(run.job.models))
        return
    taken = [_take(run, name, path) for name, path in sorted(saved.items())]
    if not any(taken):
        _fitted(run, True)


def saved_models(folder: Path, since: float) -> dict[str, Path]:
    """Name and place of each model that was written under a folder since a time."""
    groups: dict[str, list[Path]] = {}
    for path in sorted(_candidates(folder), key=lambda p: (p.is_dir(), _changed(p))):
        if _changed(path) >= since:
            groups.setdefault(_without_numbers(name_of(path, folder)), []).append(path)
    return {
        (name_of(paths[-1], folder) if _one_name(paths, folder) else name): paths[-1]
        for name, paths in groups.items()
    }


def _one_name(paths: list[Path], folder: Path) -> bool:
    return len({name_of(path, folder) for path in paths}) == 1


def _without_numbers(name: str) -> str:
    return re.sub(r"-?\d+", "", name).strip("-") or DEFAULT_NAME


def name_of(path: Path, folder: Path) -> str:
    """A model's name: its file's or folder's, or the folder's above one that is a number."""
    stem = path.stem if path.suffix == ".keras" else path.name
    if stem.isdigit() and path.parent != folder:
        stem = path.parent.name
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:63].strip("-")
    return name or DEFAULT_NAME


def _changed(path: Path) -> float:
    return (path / "saved_model.pb" if path.is_dir() else path).stat().st_ctime


def _candidates(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if "saved_model.pb" in files:
            folders.clear()
            yield Path(place)
            continue
        yield from (Path(place, name) for name in files if name.endswith(".keras"))


def _take(run: Run, name: str, path: Path) -> bool:
    """Take one saved model, or warn that it cannot be taken."""
    try:
        if path.is_dir():
            _place(run, name, lambda target: _copy(run, path, target))
        else:
            _place(run, name, lambda target: _export_file(run, path, target))
    except Exception as error:
        shown = path.relative_to(run.job.folder)
        run.events.warn(f"{shown} is not a model version: {_reason(error)}")
        return False
    return True


def _reason(error: Exception) -> str:
    first = str(error).strip().split("\n", 1)[0]
    return first[:300] or type(error).__name__


def _fitted(run: Run, wanted: bool) -> None:
    if run.model is None or not wanted:
        return
    name = _fitted_name(run)
    try:
        _place(run, name, lambda target: _export_fitted(run, target))
    except Exception as error:
        run.events.warn(f"The last model fitted could not be exported: {_reason(error)}")


def accompany(run: Run) -> None:
    """Do as the chief does where Keras 2 reads variables of all workers to do it."""
    run.memory.over = True
    alone = run.model is None or not run.job.models or not _is_legacy(run.model)
    if not alone and not saved_models(Path(run.job.folder), run.started):
        with tempfile.TemporaryDirectory() as place:
            _export(run.model, Path(place, DEFAULT_NAME))
        run.model.get_weights()


def _is_legacy(model: Any) -> bool:
    return any(kind.__module__.startswith("tf_keras") for kind in type(model).__mro__)


def _export(model: Any, target: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        model.export(str(target))


def _fitted_name(run: Run) -> str:
    stem = Path(run.job.entry).stem
    return name_of(Path(stem), Path())


def _export_fitted(run: Run, target: Path) -> Original:
    _export(run.model, target)
    if run.job.workers > 1 and _is_legacy(run.model):
        return _copied(run, run.model.get_weights())
    return _in_memory(run, run.model)


def _copied(run: Run, weights: list[Any]) -> Original:
    """A copy in memory of the fitted model, which the chief may ask alone."""
    given = _given(run, run.model)

    def copy() -> Any:
        made = sys.modules["tf_keras"].models.clone_model(run.model)
        if not made.built:
            made.build(run.model.input_shape)
        made.set_weights(weights)
        return made

    try:
        return Original(in_thread(copy), given=given, outside=True)
    except Exception:  # Keras cannot make every model anew
        return Original(why_not=NEEDS_ALL, given=given)


def _export_file(run: Run, path: Path, target: Path) -> Original:
    """Export what a file holds, to answer as the model that was saved in it."""
    models = sys.modules["tensorflow"].keras.models
    loaded = in_thread(lambda: models.load_model(str(path), compile=False))
    in_thread(lambda: _export(loaded, target))
    saved = run.memory.saved(path)
    if saved is None:
        return Original(loaded, given=_given(run, run.model), outside=True)
    return replace(_in_memory(run, saved.model), file=path)


def _copy(run: Run, path: Path, target: Path) -> Original:
    """Copy an exported model, to answer as the one that was exported."""
    shutil.copytree(path, target)
    saved = run.memory.saved(path)
    if saved is None:
        return Original(why_not=NOT_EXPORTED, given=_given(run, run.model))
    original = _in_memory(run, saved.model)
    if original.model is not None and weights_digest(original.model) != saved.weights:
        return Original(why_not=TRAINED_ON, given=original.given)
    return original


def _in_memory(run: Run, model: Any) -> Original:
    """A model of this process, which the chief may ask alone; None of one that is gone."""
    if model is None:
        return Original(why_not=GONE, given=_given(run, run.model))
    given = _given(run, model)
    if run.job.workers > 1 and _is_legacy(model):
        return Original(why_not=NEEDS_ALL, given=given)
    return Original(model, given=given)


def _given(run: Run, model: Any) -> Any:
    return run.memory.given(model) if run.job.does("sample") else None


def _place(run: Run, name: str, make: Callable[[Path], Original]) -> None:
    """Make a SavedModel beside its place, and move it there when it is whole and examined."""
    models = Path(run.job.models)
    models.mkdir(parents=True, exist_ok=True)
    making = models / f".{name}.making"
    shutil.rmtree(making, ignore_errors=True)
    try:
        original = make(making)
        about = {"name": name, "signature": signature(making), "metrics": run.metrics}
        found = examine(making, original)
        (models / f"{name}.json").write_text(json.dumps({**about, **found}))
        making.replace(models / name)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    run.events.emit("model", name=name, path=name)
    if found["check"]["state"] == "different":
        reason = found["check"]["reason"]
        run.events.warn(f"The exported model {name} is not what was trained. {reason}")


def signature(folder: Path) -> dict[str, Any]:
    """Inputs and outputs (name to dtype and shape) that a server answers for."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    found = saved.meta_graphs[0].signature_def
    names = sorted(name for name in found if not name.startswith("__"))
    if not names:
        raise NoSignature("it has no signatures; give tf.saved_model.save some to deploy it.")
    chosen = found["serving_default" if "serving_default" in names else names[0]]
    return {"inputs": _tensors(chosen.inputs), "outputs": _tensors(chosen.outputs)}


def _tensors(tensors: Any) -> dict[str, Any]:
    from tensorflow import dtypes

    return {
        name: {
            "dtype": dtypes.as_dtype(info.dtype).name,
            "shape": None
            if info.tensor_shape.unknown_rank
            else [None if d.size < 0 else d.size for d in info.tensor_shape.dim],
        }
        for name, info in tensors.items()
    }
