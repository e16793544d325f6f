"""A SavedModel, loaded so that calling it costs as little as TensorFlow allows.

It is called through a session's callable, which took a fifth of the time of the loaded
signature on a small model: nothing is looked up, wrapped or copied between Python and the
graph, and the graph runs in the calling thread. A call lets other Python threads run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import config_pb2, error_codes_pb2

from labdock_model_server.errors import LoadError, RequestError
from labdock_model_server.tensors import Array, TensorSpec, wrong_shape

DEFAULT_SIGNATURE = "serving_default"
_LOOPS = frozenset({"While", "StatelessWhile", "Enter", "RefEnter"})


@dataclass(frozen=True)
class Signature:
    """A way to call a model: named tensors in, named tensors out, by name sorted."""

    inputs: list[TensorSpec]
    outputs: list[str]
    call: Callable[..., list[Array]]

    def run(self, tensors: list[Array]) -> dict[str, Array]:
        """Call the graph with a tensor for each input. Raises RequestError with its reason."""
        try:
            return dict(zip(self.outputs, self.call(*tensors), strict=True))
        except tf.errors.OpError as error:
            if said := wrong_shape(tensors, self.inputs):
                raise RequestError(said) from None
            raise RequestError(error.message, _code(error)) from None


@dataclass(frozen=True)
class Model:
    """A version of a model. `definitions` are its signatures as TensorFlow describes them.

    A `steady` one has no loop: inputs of one size take one time.
    """

    name: str
    version: int
    signatures: Mapping[str, Signature]
    definitions: Mapping[str, Any]
    steady: bool

    def signature(self, name: str) -> Signature:
        """The signature of that name, or the default one. Raises RequestError."""
        found = self.signatures.get(name or DEFAULT_SIGNATURE)
        if found is not None:
            return found
        if name in self.definitions:
            raise RequestError(f"Failed to get input map for signature: {name}")
        raise RequestError(
            f'Serving signature name: "{name or DEFAULT_SIGNATURE}" not found in signature def'
        )


def newest_version(base: Path) -> Path:
    """The folder of a SavedModel whose name is the highest whole number. Raises LoadError."""
    versions = [
        folder
        for folder in base.iterdir()
        if folder.name.isdecimal() and (folder / "saved_model.pb").is_file()
    ]
    if not versions:
        raise LoadError(
            "There is no model under --model_base_path: it must hold a folder with a whole "
            "number as its name, and in it saved_model.pb."
        )
    return max(versions, key=lambda folder: int(folder.name))


def load(name: str, base: Path) -> Model:
    """Load the newest version of the model under a folder. Raises LoadError."""
    folder = newest_version(base)
    version = int(folder.name)
    try:
        session, meta_graph = _load_session(folder)
    except (tf.errors.OpError, RuntimeError, OSError, ValueError) as error:
        reason = str(error).replace(str(folder), folder.name)
        raise LoadError(f"Version {version} of model {name} cannot be loaded: {reason}") from error
    definitions = meta_graph.signature_def
    signatures = {
        key: _signature(session, definition)
        for key, definition in definitions.items()
        if definition.inputs and definition.outputs
    }
    steady = not any(node.op in _LOOPS for node in _nodes(meta_graph.graph_def))
    return Model(name, version, signatures, definitions, steady)


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _load_session(folder: Path) -> tuple[Any, Any]:
    """A session of its own thread for each call: one call is one core, calls run side by side."""
    tf.get_logger().setLevel("ERROR")
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=1,
        inter_op_parallelism_threads=1,
        gpu_options=tf.compat.v1.GPUOptions(allow_growth=True),
    )
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph, config=config)
    with graph.as_default():
        meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
    return session, meta_graph


def _signature(session: Any, definition: Any) -> Signature:
    inputs, outputs = sorted(definition.inputs), sorted(definition.outputs)
    options = config_pb2.CallableOptions()
    options.feed.extend(definition.inputs[name].name for name in inputs)
    options.fetch.extend(definition.outputs[name].name for name in outputs)
    options.run_options.inter_op_thread_pool = -1  # the calling thread: nearly twice the calls
    return Signature(
        inputs=[_tensor_spec(name, definition.inputs[name]) for name in inputs],
        outputs=outputs,
        call=session._make_callable_from_options(options),
    )


def _tensor_spec(name: str, info: Any) -> TensorSpec:
    sizes = tuple(None if each.size < 0 else each.size for each in info.tensor_shape.dim)
    shape = None if info.tensor_shape.unknown_rank else sizes
    return TensorSpec(name, type_name(info.dtype), shape)


def type_name(enum: int) -> str:
    """TensorFlow's own name of a type: `float` for DT_FLOAT."""
    return str(types_pb2.DataType.Name(enum)).removeprefix("DT_").lower()


def _code(error: Any) -> str:
    return str(error_codes_pb2.Code.Name(error.error_code))
