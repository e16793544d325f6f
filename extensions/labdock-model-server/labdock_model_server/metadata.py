"""What a model's status and metadata look like over REST."""

from __future__ import annotations

import json
from typing import Any

from tensorflow.core.framework import types_pb2

from labdock_model_server.model import Model


def status_body(model: Model) -> bytes:
    """The answer to a model's status: the one version that is served."""
    state = {
        "version": str(model.version),
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    return _text({"model_version_status": [state]})


def metadata_body(model: Model) -> bytes:
    """The answer to a model's metadata: its signatures."""
    spec = {"name": model.name, "signature_name": "", "version": str(model.version)}
    signatures = {name: _signature(model.definitions[name]) for name in sorted(model.definitions)}
    metadata = {"signature_def": {"signature_def": signatures}}
    return _text({"model_spec": spec, "metadata": metadata})


def _text(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def _signature(definition: Any) -> dict[str, Any]:
    return {
        "inputs": {name: _tensor(definition.inputs[name]) for name in sorted(definition.inputs)},
        "outputs": {name: _tensor(definition.outputs[name]) for name in sorted(definition.outputs)},
        "method_name": definition.method_name,
        "defaults": {},
    }


def _tensor(info: Any) -> dict[str, Any]:
    dimensions = [{"size": str(each.size), "name": each.name} for each in info.tensor_shape.dim]
    return {
        "dtype": types_pb2.DataType.Name(info.dtype),
        "tensor_shape": {"dim": dimensions, "unknown_rank": info.tensor_shape.unknown_rank},
        "name": info.name,
    }
