"""A sample input of an exported model: rows that the model was given, or made-up ones that fit.

It has the form of a request to a model server, `{"inputs": {NAME: ROWS}}`, and what the exported
model answers to it beside them.
"""

from __future__ import annotations

import base64
import json
import math
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labdock_runtime.memory import ROWS, is_dataset

LARGEST = 100_000
"""Characters of JSON beyond which a sample is not kept."""
READ_SECONDS = 10.0
"""How long a dataset may take to give its first batch."""
DIGITS = {"float64": 17, "float32": 9}
"""Digits that tell any two numbers apart; of smaller types, six do."""


@dataclass(frozen=True)
class Inputs:
    """Tensors by the signature's names, and as the model in memory takes them."""

    named: dict[str, Any]
    structure: Any
    made: bool


def choose(given: Any, specs: Mapping[str, Any], model: Any) -> Inputs:
    """Inputs for a signature: of what the model was given where that fits, else made up."""
    try:
        rows = _first_batch(given) if is_dataset(given) else given
        if rows is not None:
            return _few_enough(_fitting(rows, specs, model), specs)
    except Exception:  # a person's data may fail in any way of its own
        return make_up(specs, model)
    return make_up(specs, model)


def make_up(specs: Mapping[str, Any], model: Any) -> Inputs:
    """Made-up inputs: numbers from 0 to 1, and of whole numbers, texts and truths the least."""
    named = {name: _made(spec) for name, spec in specs.items()}
    return Inputs(named, _as_taken(named, model), made=True)


def _first_batch(data: Any) -> Any:
    """The inputs of a dataset's first batch, or None if they take too long to come."""
    found: list[Any] = []

    def read() -> None:
        found.append(next(iter(data.take(1))) if hasattr(data, "take") else data[0])

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(READ_SECONDS)
    batch = found[0] if found else None
    return batch[0] if isinstance(batch, tuple) and batch else batch


def _fitting(given: Any, specs: Mapping[str, Any], model: Any) -> Inputs:
    """The rows as tensors of the signature's types. Raises ValueError where they do not fit."""
    nest = sys.modules["tensorflow"].nest
    if isinstance(given, Mapping) and set(specs) <= set(given):
        named = {name: _tensor(given[name], spec) for name, spec in specs.items()}
        return Inputs(named, named, made=False)
    parts = nest.flatten(given)
    names = _names(specs, model)
    if len(parts) != len(names):
        raise ValueError("there are more inputs or fewer than the signature has")
    tensors = [_tensor(part, specs[name]) for part, name in zip(parts, names, strict=True)]
    structure = nest.pack_sequence_as(given, tensors)
    return Inputs(dict(zip(names, tensors, strict=True)), structure, made=False)


def _names(specs: Mapping[str, Any], model: Any) -> list[str]:
    """The signature's inputs in the order in which the model takes them."""
    if len(specs) == 1:
        return list(specs)
    names = [str(part.name).split(":")[0] for part in getattr(model, "inputs", None) or []]
    if sorted(names) != sorted(specs):
        raise ValueError("which input is which is not known")
    return names


def _as_taken(named: dict[str, Any], model: Any) -> Any:
    """Inputs as the model takes them; by name where it does not say."""
    if len(named) == 1:
        return next(iter(named.values()))
    try:
        ordered = [named[name] for name in _names(named, model)]
        return sys.modules["tensorflow"].nest.pack_sequence_as(model.input, ordered)
    except (AttributeError, TypeError, ValueError):
        return named


def _tensor(rows: Any, spec: Any) -> Any:
    """Rows as a tensor of this type and shape; Keras gives or takes a last axis of one too."""
    tf = sys.modules["tensorflow"]
    rows = tf.convert_to_tensor(rows)[:ROWS]
    tensor = rows if rows.dtype == spec.dtype else tf.cast(rows, spec.dtype)
    if spec.shape.rank is not None and tensor.shape.rank == spec.shape.rank - 1:
        tensor = tensor[..., None]
    elif spec.shape.rank is not None and tensor.shape.rank == spec.shape.rank + 1:
        tensor = tf.squeeze(tensor, -1)
    if not spec.shape.is_compatible_with(tensor.shape):
        raise ValueError(f"{tensor.shape} is not of the signature's shape")
    return tensor


def _made(spec: Any) -> Any:
    tf = sys.modules["tensorflow"]
    shape = [1] if spec.shape.rank is None else [size or 1 for size in spec.shape.as_list()]
    if spec.dtype.is_floating:
        return tf.cast(tf.random.stateless_uniform(shape, (1, 2)), spec.dtype)
    return tf.zeros(shape, spec.dtype)


def _few_enough(inputs: Inputs, specs: Mapping[str, Any]) -> Inputs:
    """As many of the rows as may be kept; at least one, or all where the signature counts them."""
    nest = sys.modules["tensorflow"].nest
    open_ended = all(spec.shape.rank != 0 and spec.shape[0] is None for spec in specs.values())
    fewer: tuple[Any, Any] = (inputs.named, inputs.structure)
    for count in range(ROWS, 0, -1) if open_ended else ():
        fewer = nest.map_structure(lambda tensor, n=count: tensor[:n], fewer)
        if len(json.dumps(request(fewer[0]))) <= LARGEST:
            break
    return Inputs(*fewer, made=inputs.made)


def described(inputs: Inputs, outputs: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The sample as it is kept, without what is too large or has a number that JSON has not."""
    kept: dict[str, Any] | None = None
    try:
        for name, tensors in {"inputs": inputs.named, "outputs": outputs}.items():
            larger = {**(kept or {"made": inputs.made}), name: tensors and request(tensors)}
            if len(json.dumps(larger)) > LARGEST:
                return kept
            kept = larger
    except ValueError:
        return kept
    return kept


def request(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors by name as a model server takes them. Raises ValueError where JSON has no numbers."""
    tf = sys.modules["tensorflow"]
    plain = {}
    for name, tensor in tensors.items():
        digits = DIGITS.get(tensor.dtype.name, 6)
        short = tensor.dtype.is_floating and digits == 6
        values = (tf.cast(tensor, tf.float32) if short else tensor).numpy()
        plain[name] = _plain(values.tolist() if hasattr(values, "tolist") else values, digits)
    return plain


def _plain(value: Any, digits: int) -> Any:
    if isinstance(value, list):
        return [_plain(part, digits) for part in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("JSON has no such number")
        return float(f"{value:.{digits}g}")
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    return value
