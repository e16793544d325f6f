"""JSON to tensors, in TensorFlow Serving's row and column formats.

Numbers take a fast way where numpy alone can tell that every value passes. What it cannot
tell goes the slow way, which follows TensorFlow Serving value by value and so finds the
same error.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labdock_model_server.errors import RequestError
from labdock_model_server.json_text import show, type_of

Array = NDArray[Any]

_EXACT = {"float": 2**24 - 1, "double": 2**53 - 1}
"""The largest integer that every smaller one can be told apart from, by floating type."""


@dataclass(frozen=True)
class TensorSpec:
    """A named tensor of a signature. `type` is TensorFlow's name of its type.

    In its shape None is any size; where there is no shape, any will do.
    """

    name: str
    type: str
    shape: tuple[int | None, ...] | None = None
    dtype: np.dtype[Any] = field(init=False)

    def __post_init__(self) -> None:
        numpy_names = {"float": "float32", "double": "float64", "string": "object"}
        known = self.type in _CONVERTERS
        dtype = np.dtype(numpy_names.get(self.type, self.type) if known else object)
        object.__setattr__(self, "dtype", dtype)


def wrong_shape(arrays: list[Array], specs: list[TensorSpec]) -> str | None:
    """A sentence about the first tensor that has not the shape its input takes."""
    for array, spec in zip(arrays, specs, strict=True):
        if spec.shape is not None and not _fits(array.shape, spec.shape):
            takes = ", ".join("any" if size is None else str(size) for size in spec.shape)
            given = ", ".join(map(str, array.shape))
            return f"The input '{spec.name}' takes the shape [{takes}], and was given [{given}]."
    return None


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        size is None or size == has for has, size in zip(shape, wanted, strict=True)
    )


def rows(instances: list[Any], specs: list[TensorSpec], numeric: bool) -> list[Array]:
    """Tensors from `instances`. `numeric`: no `true` and no `false` is in the text."""
    arrays = _rows_at_once(instances, specs, numeric)
    return _rows_one_by_one(instances, specs) if arrays is None else arrays


def columns(inputs: Any, specs: list[TensorSpec], numeric: bool) -> list[Array]:
    """Tensors from `inputs`, which may hold more than the signature takes."""
    if not isinstance(inputs, dict) or _is_base64(inputs):
        if len(specs) > 1:
            raise RequestError(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        return [_column(inputs, specs[0], numeric)]
    for spec in specs:
        if spec.name not in inputs:
            raise RequestError(f"Missing named input: {spec.name} in 'inputs' object.")
    return [_column(inputs[spec.name], spec, numeric) for spec in specs]


def _column(value: Any, spec: TensorSpec, numeric: bool) -> Array:
    array = _at_once(value, spec, numeric)
    if array is not None:
        return array
    shape, values = _one_by_one(value, spec)
    return _array(values, shape, spec)


def _at_once(value: Any, spec: TensorSpec, numeric: bool) -> Array | None:
    """The value as an array where numpy finds nothing doubtful in it, else None."""
    kind = spec.dtype.kind
    if kind == "O" or not (numeric or kind == "b"):
        return None
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    if array.dtype.kind not in ("b" if kind == "b" else "iuf" if kind == "f" else "iu"):
        return None
    if array.size and kind != "b" and not _within(array, spec):
        return None
    return array.astype(spec.dtype, copy=False)


def _within(array: Array, spec: TensorSpec) -> bool:
    if spec.dtype.kind == "f":
        limit = _EXACT[spec.type]
        return bool(-limit <= array.min() and array.max() <= limit)
    limits = np.iinfo(spec.dtype)
    return bool(limits.min <= array.min() and array.max() <= limits.max)


def _rows_at_once(
    instances: list[Any], specs: list[TensorSpec], numeric: bool
) -> list[Array] | None:
    if len(specs) == 1 and not isinstance(instances[0], dict):
        array = _at_once(instances, specs[0], numeric)
        return None if array is None else [array]
    arrays = []
    for spec in specs:
        try:
            values = [row[spec.name] for row in instances if len(row) == len(specs)]
        except (KeyError, TypeError):
            return None
        array = _at_once(values, spec, numeric) if len(values) == len(instances) else None
        if array is None:
            return None
        arrays.append(array)
    return arrays


def _rows_one_by_one(instances: list[Any], specs: list[TensorSpec]) -> list[Array]:
    named = _is_named(instances[0])
    if not isinstance(instances[0], dict) and len(specs) > 1:
        raise RequestError(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    batches = {spec.name: _Batch(spec) for spec in specs}
    for index, row in enumerate(instances):
        if named:
            _add_named(row, batches, index)
        elif _is_named(row):
            raise RequestError(f"Expecting value/list but got object at item {index} of input list")
        else:
            _add(row, batches[specs[0].name], f"Failed to process element: {index}")
    return [batches[spec.name].array() for spec in specs]


def _add_named(row: Any, batches: dict[str, _Batch], index: int) -> None:
    if not _is_named(row):
        raise RequestError(f"Expecting object but got list at item {index} of input list")
    for name, value in row.items():
        _add(value, batches.get(name) or name, f"Failed to process element: {index} key: {name}")
    if row.keys() != batches.keys():
        raise RequestError(
            f"Failed to process element: {index} of 'instances' list. JSON object: {show(row)} "
            f"keys must be equal to: {','.join(sorted(batches))}"
        )


def _add(value: Any, batch: _Batch | str, place: str) -> None:
    try:
        if isinstance(batch, str):
            raise RequestError(f"JSON object: does not have named input: {batch}")
        batch.add(value)
    except RequestError as error:
        raise RequestError(
            f"{place} of 'instances' list. Error: {error.code}: {error}", error.code
        ) from None


class _Batch:
    """The values of one input, row after row, all of the first row's shape."""

    def __init__(self, spec: TensorSpec) -> None:
        self._spec = spec
        self._shape: list[int] | None = None
        self._values: list[Any] = []
        self._rows = 0

    def add(self, value: Any) -> None:
        shape, values = _one_by_one(value, self._spec)
        if self._shape is None:
            self._shape = shape
        size = len(self._values) // self._rows if self._rows else len(values)
        if size != len(values):
            raise RequestError(f"Expecting tensor size: {size} but got: {len(values)}")
        if self._shape != shape:
            raise RequestError(
                f"Expecting shape {_show_shape(self._shape)} but got: {_show_shape(shape)}"
            )
        self._values += values
        self._rows += 1

    def array(self) -> Array:
        return _array(self._values, [self._rows, *(self._shape or [])], self._spec)


def _show_shape(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _array(values: list[Any], shape: list[int], spec: TensorSpec) -> Array:
    try:
        return np.array(values, dtype=spec.dtype).reshape(shape)
    except ValueError:
        raise too_deep() from None


def too_deep() -> RequestError:
    """What lists in lists in lists without end answer with."""
    return RequestError("The request's lists are nested too deeply for a tensor.")


def _one_by_one(value: Any, spec: TensorSpec) -> tuple[list[int], list[Any]]:
    """The shape that a value's first elements have, and its leaves, each checked."""
    shape: list[int] = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    leaves: list[Any] = []
    _walk(value, 0, shape, spec, leaves)
    return shape, leaves


def _walk(value: Any, level: int, shape: list[int], spec: TensorSpec, leaves: list[Any]) -> None:
    rank = len(shape)
    if not isinstance(value, list):
        if level != rank:
            raise RequestError(
                f"JSON Value: {show(value)} found at incorrect level: {level + 1} "
                f"in the JSON DOM. Expected at level: {rank}"
            )
        leaves.append(_convert(value, spec))
        return
    if level >= rank:
        raise RequestError(f"Encountered list at unexpected level: {level} expected < {rank}")
    if len(value) != shape[level]:
        raise RequestError(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    for element in value:
        _walk(element, level + 1, shape, spec, leaves)


def _convert(value: Any, spec: TensorSpec) -> Any:
    if isinstance(value, dict) and spec.type != "string":
        raise _wrong_type(value, spec)
    converter = _CONVERTERS.get(spec.type)
    if converter is None:
        raise RequestError(
            f"Conversion of JSON Value: {show(value)} to type: {spec.type}", "UNIMPLEMENTED"
        )
    return converter(value, spec)


def _wrong_type(value: Any, spec: TensorSpec) -> RequestError:
    return RequestError(
        f"JSON Value: {show(value)} Type: {type_of(value)} is not of expected type: {spec.type}"
    )


def _to_float(value: Any, spec: TensorSpec) -> float:
    if type(value) is float:
        lossless = not np.isfinite(value) or abs(value) <= float(np.finfo(spec.dtype).max)
    elif type(value) is int:
        lossless = abs(value) <= _EXACT[spec.type]
    else:
        raise _wrong_type(value, spec)
    if not lossless:
        raise RequestError(
            f"Cannot convert JSON value: {show(value)} to {spec.type} without loss of precision."
        )
    return float(value)


def _to_integer(value: Any, spec: TensorSpec) -> int:
    limits = np.iinfo(spec.dtype)
    if type(value) is not int or not limits.min <= value <= limits.max:
        raise _wrong_type(value, spec)
    return value


def _to_boolean(value: Any, spec: TensorSpec) -> bool:
    if type(value) is not bool:
        raise _wrong_type(value, spec)
    return value


def _to_string(value: Any, spec: TensorSpec) -> bytes:
    if type(value) is str:
        return value.encode()
    if not isinstance(value, dict):
        raise _wrong_type(value, spec)
    if not _is_base64(value):
        raise RequestError(f"JSON Value: {show(value)} not formatted correctly for base64 data")
    try:
        return base64.b64decode(value["b64"] + "=" * (-len(value["b64"]) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise RequestError("Unable to base64 decode") from None


_CONVERTERS: dict[str, Callable[[Any, TensorSpec], Any]] = {
    "float": _to_float,
    "double": _to_float,
    "string": _to_string,
    "bool": _to_boolean,
} | dict.fromkeys(("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64"), _to_integer)


def _is_base64(value: dict[str, Any]) -> bool:
    return len(value) == 1 and isinstance(value.get("b64"), str)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not _is_base64(value)
