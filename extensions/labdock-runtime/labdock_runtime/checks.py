"""Whether an exported model answers its sample input as the model in memory does."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labdock_runtime import samples
from labdock_runtime.failures import in_one_line, places, without_places
from labdock_runtime.outside import in_thread
from labdock_runtime.samples import Inputs

ROUNDING = {"float64": 1e-6, "float32": 1e-4, "float16": 0.02, "bfloat16": 0.02}
"""What answers may differ by, of their size, by the coarsest type that they are computed in."""
LARGEST = 2_000_000_000
"""Bytes of a model beyond which a second one in memory might cost the job its life."""


@dataclass(frozen=True)
class Original:
    """The model that an exported one should answer as, or why there is none to ask."""

    model: Any = None
    why_not: str = ""
    given: Any = None
    """Rows that the model was given, or a dataset."""
    outside: bool = False
    """Whether it was made outside the job's strategy."""
    file: Path | None = None
    """Where its weights lie: in memory it may have been trained on."""


class _CannotTell(Exception):
    """The answers cannot be compared; the text says why."""


def examine(folder: Path, original: Original) -> dict[str, Any]:
    """The sample of an exported model, and how its answers compare with the original's."""
    with contextlib.redirect_stdout(io.StringIO()):
        return _examine(folder, original)


def _examine(folder: Path, original: Original) -> dict[str, Any]:
    sample = None
    try:
        if sum(file.stat().st_size for file in folder.rglob("*")) > LARGEST:
            raise _CannotTell("It is too large to be loaded once more while the job runs.")
        exported = in_thread(lambda: Exported(folder))
        inputs = samples.choose(original.given, exported.specs, original.model)
        answer, again = exported.answer(inputs), exported.answer(inputs)
        steady = _difference(answer, again) <= _allowed(answer, original.model)
        sample = samples.described(inputs, answer if steady else None)
        if original.model is None:
            raise _CannotTell(original.why_not)
        if not steady:
            raise _CannotTell("The model's answers differ from one call to the next.")
        check = _compare(answer, _ask(original, inputs, list(answer)), original.model)
    except _CannotTell as reason:
        check = {"state": "unchecked", "reason": str(reason)}
    except Exception as error:
        said = in_one_line(type(error).__name__, str(error).replace(str(folder), "the model"))
        why_not = f"It could not be asked. {without_places(said, places())}"
        check = {"state": "unchecked", "reason": why_not}
    return {"sample": sample, "check": check}


class Exported:
    """A SavedModel as a server loads it."""

    def __init__(self, folder: Path) -> None:
        self._model = sys.modules["tensorflow"].saved_model.load(str(folder))
        signatures = self._model.signatures
        chosen = "serving_default" if "serving_default" in signatures else min(signatures)
        self._call: Callable[..., Mapping[str, Any]] = signatures[chosen]
        self.specs: dict[str, Any] = dict(signatures[chosen].structured_input_signature[1])

    def answer(self, inputs: Inputs) -> dict[str, Any]:
        """What it answers, by the outputs' names."""
        return dict(in_thread(lambda: self._call(**inputs.named)))


def _ask(original: Original, inputs: Inputs, names: list[str]) -> dict[str, Any]:
    """What the model in memory answers, by the names of the exported one's outputs."""

    def call() -> Any:
        with _as_saved(original):
            return original.model(inputs.structure, training=False)

    said = in_thread(call) if original.outside else call()
    if isinstance(said, Mapping) and set(said) == set(names):
        return dict(said)
    parts = sys.modules["tensorflow"].nest.flatten(said)
    ordered = _order(names, original.model)
    if len(parts) != len(ordered):
        raise _CannotTell("The exported model has other outputs than the model in memory.")
    return dict(zip(ordered, parts, strict=True))


@contextlib.contextmanager
def _as_saved(original: Original) -> Iterator[None]:
    """The model with the weights that were saved; other files may be of it, too."""
    if original.file is None:
        yield
        return
    latest = original.model.get_weights()
    try:
        original.model.load_weights(str(original.file))
        yield
    finally:
        original.model.set_weights(latest)


def _order(names: list[str], model: Any) -> list[str]:
    """Outputs in the order in which the model gives them."""
    own = getattr(model, "output_names", None) or []
    return list(own) if set(own) == set(names) else sorted(names, key=lambda n: (len(n), n))


def _compare(ours: Mapping[str, Any], theirs: Mapping[str, Any], model: Any) -> dict[str, Any]:
    found, allowed = _difference(ours, theirs), _allowed(theirs, model)
    if found <= allowed:
        return {"state": "equal", "difference": found, "allowed": allowed}
    if found == float("inf"):
        reason = "It answers with other values than the model in memory, or of another shape."
        return {"state": "different", "reason": reason}
    reason = (
        f"Its answers differ by up to {found:.2g} from those of the model in memory, "
        f"where {allowed:.2g} may be rounding."
    )
    return {"state": "different", "difference": found, "allowed": allowed, "reason": reason}


def _difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    """The largest difference of two answers; infinite where they are not alike."""
    return max((_apart(ours[name], theirs[name]) for name in ours), default=0.0)


def _apart(ours: Any, theirs: Any) -> float:
    tf = sys.modules["tensorflow"]
    if ours.shape != theirs.shape:
        return float("inf")
    if not ours.dtype.is_floating:
        return 0.0 if bool(tf.reduce_all(tf.equal(ours, theirs))) else float("inf")
    ours, theirs = tf.cast(ours, tf.float64), tf.cast(theirs, tf.float64)
    same = tf.equal(ours, theirs) | (tf.math.is_nan(ours) & tf.math.is_nan(theirs))
    apart = tf.where(same, tf.zeros_like(ours), tf.abs(ours - theirs))
    largest = float(tf.reduce_max(apart)) if apart.shape.num_elements() else 0.0
    return largest if largest == largest else float("inf")


def _allowed(answer: Mapping[str, Any], model: Any) -> float:
    """How far answers of this size may be apart by rounding alone."""
    numbers = [part for part in answer.values() if part.dtype.is_floating]
    types = {part.dtype.name for part in numbers} | _types(model)
    coarsest = max((ROUNDING[name] for name in types if name in ROUNDING), default=0.0)
    return coarsest * max([1.0, *map(_size, numbers)])


def _size(numbers: Any) -> float:
    tf = sys.modules["tensorflow"]
    finite = tf.where(tf.math.is_finite(numbers), numbers, tf.zeros_like(numbers))
    return float(tf.reduce_max(tf.abs(tf.cast(finite, tf.float64))))


def _types(model: Any) -> set[str]:
    """What a model computes in: its parts may do so in other types than its outputs have."""
    parts = [model, *getattr(model, "layers", [])]
    return {str(part.compute_dtype) for part in parts if getattr(part, "compute_dtype", None)}
