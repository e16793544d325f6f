"""Tensors to JSON, in TensorFlow Serving's row and column formats."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from labdock_model_server.errors import RequestError

Array = NDArray[Any]

_NULL = re.compile(rb"null")


def row_answer(outputs: Mapping[str, Array]) -> bytes:
    """The body that answers `instances`: one element for each row."""
    batch = _rows(outputs)
    if len(outputs) == 1:
        ((name, array),) = outputs.items()
        return b'{\n    "predictions": %b\n}' % _tensor(name, array)
    elements = b",\n        ".join(
        _object({name: array[index] for name, array in outputs.items()}) for index in range(batch)
    )
    return b'{\n    "predictions": [\n        %b\n    ]\n}' % elements


def column_answer(outputs: Mapping[str, Array]) -> bytes:
    """The body that answers `inputs`: whole tensors."""
    if len(outputs) == 1:
        ((name, array),) = outputs.items()
        return b'{\n    "outputs": %b\n}' % _tensor(name, array)
    return b'{\n    "outputs": %b\n}' % _object(outputs)


def _rows(outputs: Mapping[str, Array]) -> int:
    """The number of rows that all outputs have. Raises RequestError where they differ."""
    batch = 0
    for name, array in outputs.items():
        if not array.ndim:
            raise RequestError(f"Tensor name: {name} has no shape information ")
        size = array.shape[0]
        if size < 1:
            raise RequestError(f"Tensor name: {name} has invalid batch size: {size}")
        if batch not in (0, size):
            raise RequestError(
                f"Tensor name: {name} has inconsistent batch size: {size} expecting: {batch}"
            )
        batch = size
    return batch


def _object(tensors: Mapping[str, Any]) -> bytes:
    members = (orjson.dumps(name) + b": " + _tensor(name, tensors[name]) for name in tensors)
    return b"{" + b", ".join(members) + b"}"


def _tensor(name: str, tensor: Any) -> bytes:
    """A tensor, or the element of one that a row has, as JSON."""
    array = np.asarray(tensor)
    if array.dtype.kind in "OSU":
        return orjson.dumps(
            _nested(array.tolist(), _as_bytes if name.endswith("_bytes") else _as_text)
        )
    if array.dtype.kind not in "biuf" or array.dtype == np.float16:
        raise RequestError(f"Failed to write JSON value for tensor type: {_type_name(array)}")
    # orjson knows arrays of every kind of number, but not every kind of a single one.
    text = orjson.dumps(np.ascontiguousarray(array), option=orjson.OPT_SERIALIZE_NUMPY)
    text = text if array.ndim else text[1:-1]
    return text if b"null" not in text else _with_non_finite(text, array)


def _type_name(array: Array) -> str:
    return "half" if array.dtype == np.float16 else array.dtype.name


def _with_non_finite(text: bytes, array: Array) -> bytes:
    """Put NaN and Infinity where orjson, which knows neither, wrote null."""
    names = (
        b"NaN" if np.isnan(value) else b"Infinity" if value > 0 else b"-Infinity"
        for value in array[~np.isfinite(array)]
    )
    return _NULL.sub(lambda _: next(names), text)


def _nested(value: Any, convert: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_nested(element, convert) for element in value]
    return convert(value)


def _as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _as_bytes(value: Any) -> dict[str, str]:
    raw = value if isinstance(value, bytes) else str(value).encode()
    return {"b64": base64.b64encode(raw).decode()}
