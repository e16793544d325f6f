"""A prediction: JSON in, JSON out, and nothing of HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labdock_model_server import json_text, tensors
from labdock_model_server.answers import column_answer, row_answer
from labdock_model_server.errors import RequestError
from labdock_model_server.model import Signature


@dataclass(frozen=True, slots=True)
class Document:
    """What a request says. `numeric`: no `true` and no `false` is in its text."""

    values: dict[str, Any]
    signature: str
    numeric: bool


def read(body: bytes) -> Document:
    """The document in a body. Raises RequestError."""
    values = json_text.read(body)
    signature = values.get("signature_name", "")
    if not isinstance(signature, str):
        raise RequestError(
            f"JSON Value: {json_text.show(values)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return Document(values, signature, b"true" not in body and b"false" not in body)


def predict(signature: Signature, document: Document) -> bytes:
    """Answer a document. Raises RequestError."""
    values = document.values
    try:
        if "instances" in values:
            inputs = tensors.rows(_instances(values), signature.inputs, document.numeric)
            return row_answer(signature.run(inputs))
        if "inputs" in values:
            inputs = tensors.columns(values["inputs"], signature.inputs, document.numeric)
            return column_answer(signature.run(inputs))
    except RecursionError:
        raise tensors.too_deep() from None
    raise RequestError("Missing 'inputs' or 'instances' key")


def _instances(values: dict[str, Any]) -> list[Any]:
    instances = values["instances"]
    if "inputs" in values:
        problem = (
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    elif not isinstance(instances, list):
        problem = "Expecting 'instances' to be an list/array"
    elif not instances:
        problem = "No values in 'instances' array"
    else:
        return instances
    raise RequestError(f"JSON Value: {json_text.show(values)} {problem}")
