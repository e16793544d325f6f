"""What this process knows of the models in it: rows that they were given, and their files.

Nothing here may disturb a person's run: what cannot be noted is not noted, and a dataset, which
may be a generator that others read from, is only looked into when the run is over.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from weakref import ReferenceType, WeakKeyDictionary, ref

ROWS = 3
LARGEST = 50_000_000
"""Bytes of rows beyond which none is kept."""


class Saved(NamedTuple):
    """A model that was saved, and the digest of its weights then where it was exported.

    It is not kept alive by this: what the person's code drops is gone.
    """

    held: ReferenceType[Any]
    weights: str

    @property
    def model(self) -> Any:
        """The model; None where it is gone."""
        return self.held()


class Memory:
    """Models by what they were given, and by where they were saved."""

    def __init__(self) -> None:
        self._given: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._saved: dict[Path, Saved] = {}
        self.over = False
        """Whether the person's code has ended, so that what follows is the runtime's own."""

    def note_given(self, model: Any, x: Any = None, *_: Any, **__: Any) -> None:
        """Keep the first rows that a model is given, or the dataset that they come from."""
        if model not in self._given and (kept := x if is_dataset(x) else first_rows(x)) is not None:
            self._given[model] = kept

    def note_saved(self, model: Any, filepath: Any, *_: Any, **__: Any) -> None:
        """Keep which model a file is of."""
        self._saved[Path(filepath).resolve()] = Saved(ref(model), "")

    def note_exported(self, model: Any, filepath: Any, *_: Any, **__: Any) -> None:
        """Keep which model a folder is of, and its weights' digest: it may be trained on."""
        if not self.over:
            self._saved[Path(filepath).resolve()] = Saved(ref(model), weights_digest(model))

    def given(self, model: Any) -> Any:
        """Rows that a model was given, or a dataset, if any are known."""
        return None if model is None else self._given.get(model)

    def saved(self, path: Path) -> Saved | None:
        """The model that a file or folder is of."""
        return self._saved.get(path.resolve())


def watch(memory: Memory, model_class: Any) -> None:
    """Note what the models of a class are given, and where they are saved."""
    for name in ("fit", "evaluate", "predict"):
        _note_before(model_class, name, memory.note_given)
    _note_before(model_class, "save", memory.note_saved)
    _note_before(model_class, "export", memory.note_exported)


def _note_before(model_class: Any, name: str, note: Callable[..., None]) -> None:
    owner = next(kind for kind in model_class.__mro__ if name in vars(kind))
    original = vars(owner)[name]

    @functools.wraps(original)
    def noted(*arguments: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        with contextlib.suppress(Exception):
            note(*arguments, **options)
        return original(*arguments, **options)

    setattr(owner, name, noted)


def is_dataset(x: Any) -> bool:
    """Whether batches are read from it: TensorFlow's datasets, and Keras's by number."""
    by_number = hasattr(x, "__getitem__") and hasattr(x, "__len__") and hasattr(x, "on_epoch_end")
    return (hasattr(x, "element_spec") and hasattr(x, "take")) or by_number


def first_rows(x: Any) -> Any:
    """A copy of the first rows of arrays, in the structure they come in; None of anything else."""
    if isinstance(x, Mapping):
        parts = {name: first_rows(part) for name, part in x.items()}
        return None if any(part is None for part in parts.values()) else parts
    if isinstance(x, list | tuple):
        rows = [first_rows(part) for part in x]
        return None if not rows or any(part is None for part in rows) else rows
    if not hasattr(x, "shape") or not hasattr(x, "__getitem__"):
        return None
    part = x[:ROWS]
    if getattr(part, "nbytes", 0) > LARGEST:
        return None
    return part.copy() if hasattr(part, "copy") else part


def weights_digest(model: Any) -> str:
    """A digest of a model's weights."""
    import hashlib

    whole = hashlib.sha256()
    for weights in model.get_weights():
        whole.update(weights.tobytes())
    return whole.hexdigest()
