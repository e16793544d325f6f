"""A prediction: JSON in, JSON out, and nothing of HTTP."""

from __future__ import annotations

from typing import Any

from labdock_model_server import json_text, tensors
from labdock_model_server.answers import column_answer, row_answer
from labdock_model_server.errors import RequestError
from labdock_model_server.model import Model


def predict(model: Model, document: dict[str, Any], numeric: bool) -> bytes:
    """Answer a request's document. `numeric`: no `true` and no `false` is in its text."""
    try:
        signature = model.signature(document.get("signature_name", ""))
        if "instances" in document:
            inputs = tensors.rows(_instances(document), signature.inputs, numeric)
            return row_answer(signature.run(inputs))
        if "inputs" in document:
            inputs = tensors.columns(document["inputs"], signature.inputs, numeric)
            return column_answer(signature.run(inputs))
    except RecursionError:
        raise RequestError("The request's lists are nested too deeply.") from None
    raise RequestError("Missing 'inputs' or 'instances' key")


def read(body: bytes) -> tuple[dict[str, Any], bool]:
    """The document in a body, and whether its text is free of `true` and `false`."""
    document = json_text.read(body)
    if not isinstance(document.get("signature_name", ""), str):
        raise RequestError(
            f"JSON Value: {json_text.show(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return document, b"true" not in body and b"false" not in body


def _instances(document: dict[str, Any]) -> list[Any]:
    instances = document["instances"]
    if "inputs" in document:
        problem = (
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    elif not isinstance(instances, list):
        problem = "Expecting 'instances' to be an list/array"
    elif not instances:
        problem = "No values in 'instances' array"
    else:
        return instances
    raise RequestError(f"JSON Value: {json_text.show(document)} {problem}")
