"""Asks a model server whether it is there, and for a first prediction, beside the loop.

The first prediction is of the model's own sample, where there is one, and has to be what the model
answered when it was exported.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, Literal

from labdock.servingschema import Sample
from labdock_service.serving.likeness import difference

STATUS_SECONDS = 5.0
PREDICT_SECONDS = 120.0
"""A first prediction may compile."""

State = Literal["silent", "available", "answered", "refused"]


@dataclass(frozen=True)
class Answer:
    """What a model server said; `reason` where it refused."""

    state: State
    reason: str = ""


class Probes:
    """One question at a time to each model server, in a thread; `wake` is called for an answer."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="probe")
        self._asked: dict[str, Future[Answer]] = {}
        self._answers: dict[str, Answer] = {}

    def answer(self, worker: str) -> Answer:
        """The latest answer of this model server."""
        future = self._asked.get(worker)
        if future is not None and future.done():
            del self._asked[worker]
            self._answers[worker] = future.result()
        return self._answers.get(worker, Answer("silent"))

    def look(self, worker: str, address: str, model: str) -> None:
        """Ask whether the model is loaded, unless a question is under way."""
        self._ask(worker, look, address, model)

    def warm_up(self, worker: str, address: str, model: str, sample: Sample | None) -> None:
        """Ask for a first prediction, unless a question is under way."""
        if sample is None:
            self._ask(worker, predict_zeros, address, model)
        else:
            self._ask(worker, predict_sample, address, model, sample)

    def _ask(self, worker: str, question: Callable[..., Answer], *about: Any) -> None:
        if worker not in self._asked:
            self._asked[worker] = self._threads.submit(question, *about)
            self._asked[worker].add_done_callback(lambda future: self._told(future))

    def forget(self, worker: str) -> None:
        """The model server serves, or has ended."""
        self._asked.pop(worker, None)
        self._answers.pop(worker, None)

    def close(self) -> None:
        """Ask nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _told(self, future: Future[Answer]) -> None:
        if not future.cancelled() and future.result().state != "silent":
            self._wake()


def look(address: str, model: str) -> Answer:
    """Whether the model is loaded."""
    try:
        status, body = _request(address, "GET", f"/v1/models/{model}", None, STATUS_SECONDS)
    except (OSError, HTTPException, ValueError):
        return Answer("silent")
    states = body.get("model_version_status", []) if status == 200 else []
    loaded = any(version.get("state") == "AVAILABLE" for version in states)
    return Answer("available" if loaded else "silent")


def predict_sample(address: str, model: str, sample: Sample) -> Answer:
    """Ask for a prediction of the model's sample, and compare it with the one that was kept."""
    request = {"inputs": sample.inputs}
    try:
        path = f"/v1/models/{model}:predict"
        status, body = _request(address, "POST", path, request, PREDICT_SECONDS)
    except (OSError, HTTPException, ValueError) as error:
        return Answer("refused", f"its model server gave no first prediction: {error}")
    if status != 200:
        return Answer("refused", f"it could not predict its sample: {_error(status, body)}")
    if sample.outputs is None:
        return Answer("answered")
    apart = difference(sample.outputs, body.get("outputs"))
    if apart is None:
        return Answer("answered")
    return Answer("refused", f"it does not answer its sample as it did in its job: {apart}")


def predict_zeros(address: str, model: str) -> Answer:
    """Ask for a prediction made of zeros.

    Zeros fit every model whose inputs are numbers of known shape, so such a model must
    predict; of another one it is enough that it answers.
    """
    path = f"/v1/models/{model}"
    try:
        _, metadata = _request(address, "GET", f"{path}/metadata", None, STATUS_SECONDS)
        inputs = signature_inputs(metadata)
        request = {"inputs": {name: zeros(tensor) for name, tensor in inputs.items()}}
        status, body = _request(address, "POST", f"{path}:predict", request, PREDICT_SECONDS)
    except (OSError, HTTPException, ValueError) as error:
        return Answer("refused", f"its model server gave no first prediction: {error}")
    certain = all(is_certain(tensor) for tensor in inputs.values())
    if status == 200 or (status < 500 and not certain):
        return Answer("answered")
    return Answer("refused", f"it could not predict zeros: {_error(status, body)}")


def _error(status: int, body: dict[str, Any]) -> str:
    return str(body.get("error", f"status {status}"))[:500]


def signature_inputs(metadata: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The inputs of the signature that serves."""
    signatures = metadata.get("metadata", {}).get("signature_def", {}).get("signature_def", {})
    chosen: dict[str, Any] = signatures.get("serving_default") or next(
        iter(signatures.values()), {}
    )
    inputs: dict[str, dict[str, Any]] = chosen.get("inputs", {})
    return inputs


def is_certain(tensor: dict[str, Any]) -> bool:
    """Whether only the batch size is left open."""
    dimensions = _dimensions(tensor)
    return (
        tensor.get("dtype") != "DT_STRING"
        and dimensions is not None
        and all(size >= 0 for size in dimensions[1:])
    )


def zeros(tensor: dict[str, Any]) -> Any:
    """The smallest value of this dtype and shape; what is left open is one."""
    value: Any = {"DT_STRING": "", "DT_BOOL": False}.get(tensor.get("dtype", ""), 0)
    if tensor.get("dtype") in ("DT_FLOAT", "DT_DOUBLE"):
        value = 0.0
    for size in reversed(_dimensions(tensor) or []):
        value = [value] * (size if size >= 0 else 1)
    return value


def _dimensions(tensor: dict[str, Any]) -> list[int] | None:
    """Sizes, -1 for one that is left open; None where even their number is."""
    shape = tensor.get("tensor_shape", {})
    if shape.get("unknown_rank"):
        return None
    return [int(dimension["size"]) for dimension in shape.get("dim", [])]


def _request(
    address: str, method: str, path: str, body: object, timeout: float
) -> tuple[int, dict[str, Any]]:
    connection = HTTPConnection(address, timeout=timeout)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        return response.status, answer if isinstance(answer, dict) else {}
    finally:
        connection.close()
