"""The model server against TensorFlow Serving's contract, on real SavedModels."""

from __future__ import annotations

import gzip
import http.client
import json
import math
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.model_server import CODE, ModelServer, model_server, read_reply
from tests.support.models import make_models
from tests.support.serving_cases import ADDRESSES, ANSWERS, ERRORS, X, signature

pytestmark = pytest.mark.tensorflow

PREDICT = "/v1/models/kit:predict"


@pytest.fixture(scope="module")
def models(tensorflow_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_models(tensorflow_python, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def server(tensorflow_python: Path, models: Path) -> Iterator[ModelServer]:
    with model_server(tensorflow_python, models / "kit") as running:
        yield running


@pytest.mark.parametrize(("document", "answer"), ANSWERS, ids=str)
def test_predict(server: ModelServer, document: Any, answer: Any) -> None:
    reply = server.predict(document)
    assert (reply.status, reply.json) == (200, answer)
    assert reply.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(("document", "status", "message"), ERRORS, ids=str)
def test_predict_refuses(server: ModelServer, document: Any, status: int, message: str) -> None:
    reply = server.predict(document)
    assert (reply.status, reply.error) == (status, message)
    assert reply.body.startswith(b'{\n    "error": "')


def test_a_wrong_shape_is_told_with_the_right_one(server: ModelServer) -> None:
    reply = server.predict(signature("pair", inputs={"a": [1, 2], "b": [3]}))
    assert reply.status == 400
    assert reply.error == "The input 'a' takes the shape [any, 2], and was given [2]."
    reply = server.predict({"instances": [[1, 2], [3, 4]]})
    assert (reply.status, reply.json) == (200, {"predictions": [[2, 4], [6, 8]]})


def test_what_the_graph_itself_refuses_is_told_in_its_own_words(server: ModelServer) -> None:
    reply = server.predict(signature("same", inputs={"a": [1, 2], "b": [3, 4, 5]}))
    assert reply.status == 400
    assert "Incompatible shapes: [2] vs. [3]" in reply.error


def test_lists_nested_without_end_are_refused(server: ModelServer) -> None:
    for depth in (500, 5_000, 500_000):
        reply = server.predict('{"inputs": ' + "[" * depth + "]" * depth + "}")
        assert reply.status == 400


def test_nan_and_infinity_come_in_and_go_out(server: ModelServer) -> None:
    reply = server.predict('{"instances": [[NaN, Infinity, -Infinity], [1, 2.5, 3]]}')
    first, second = reply.json["predictions"]
    assert math.isnan(first[0])
    assert first[1:] == [math.inf, -math.inf]
    assert second == [2, 5, 6]
    assert b"[NaN,Infinity,-Infinity]" in reply.body


def test_floats_come_out_as_short_as_they_can_be(server: ModelServer) -> None:
    reply = server.predict({"instances": [[0.1, 0.05, 4]]})
    assert b"[0.2,0.1,8.0]" in reply.body


@pytest.mark.parametrize(("method", "path", "status", "message"), ADDRESSES)
def test_addresses(server: ModelServer, method: str, path: str, status: int, message: str) -> None:
    body = json.dumps({"instances": X}).encode() if method == "POST" else b""
    reply = server.ask(method, path, body)
    assert (reply.status, reply.json.get("error", "")) == (status, message)


def test_malformed_json_is_told_before_a_missing_model(server: ModelServer) -> None:
    assert server.predict("{", "foo").status == 400


def test_status(server: ModelServer) -> None:
    state = {
        "version": "10",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    assert server.ask("GET", "/v1/models/kit").json == {"model_version_status": [state]}


def test_metadata(server: ModelServer) -> None:
    answer = server.ask("GET", "/v1/models/kit/metadata").json
    assert answer["model_spec"] == {"name": "kit", "signature_name": "", "version": "10"}
    double = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert double["method_name"] == "tensorflow/serving/predict"
    x = double["inputs"]["x"]
    assert (x["dtype"], x["tensor_shape"]["unknown_rank"]) == ("DT_FLOAT", False)
    assert [each["size"] for each in x["tensor_shape"]["dim"]] == ["-1", "3"]
    assert answer["metadata"]["signature_def"]["signature_def"]["int8"]["inputs"]["x"][
        "tensor_shape"
    ] == {"dim": [], "unknown_rank": True}


def test_gzip_in(server: ModelServer) -> None:
    text = json.dumps({"instances": X * 20_000}).encode()
    reply = server.ask("POST", PREDICT, gzip.compress(text), {"Content-Encoding": "gzip"})
    assert len(reply.json["predictions"]) == 20_000
    assert server.ask("POST", PREDICT, text, {"Content-Encoding": "gzip"}).status == 400
    bomb = gzip.compress(b" " * 80_000_000)
    assert server.ask("POST", PREDICT, bomb, {"Content-Encoding": "gzip"}).status == 413


def test_a_slow_prediction_is_given_up_in_time_and_blocks_nobody(
    tensorflow_python: Path, models: Path
) -> None:
    flag = "--rest_api_timeout_in_ms=4000"
    with model_server(tensorflow_python, models / "spin", flag) as server:
        for _ in range(5):
            assert server.predict({"instances": [1]}, "spin").status == 200
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(server.predict, {"instances": [500_000]}, "spin")
            answered = 0
            while not waiting.done():
                assert server.ask("GET", "/v1/models/spin").status == 200
                answered += 1
        assert waiting.result().status == 504
        assert answered > 10


def test_sigterm_answers_what_is_in_flight_and_ends(tensorflow_python: Path, models: Path) -> None:
    with model_server(tensorflow_python, models / "spin") as server:
        connections = [http.client.HTTPConnection("127.0.0.1", server.port) for _ in range(3)]
        busy, half, idle = connections
        idle.request("GET", "/v1/models/spin")
        assert read_reply(idle).status == 200
        path, body = "/v1/models/spin:predict", json.dumps({"instances": [1]}).encode()
        half.putrequest("POST", path)
        half.putheader("Content-Length", str(len(body)))
        half.endheaders(body[:5])
        busy.request("POST", path, json.dumps({"instances": [5000]}))
        idle.request("GET", "/v1/models/spin")
        assert read_reply(idle).status == 200
        ended = threading.Thread(target=server.stop)
        ended.start()
        assert read_reply(busy).headers["Connection"] == "close"
        half.send(body[5:])
        late = read_reply(half)
        assert (late.status, late.headers["Connection"]) == (200, "close")
        ended.join(120)
        assert server.process.returncode == 0
        with pytest.raises(OSError):
            server.ask("GET", "/v1/models/spin")


FLAGS = [
    (["--rest_api_port=1"], "--model_base_path is missing."),
    (["--model_base_path={base}"], "--rest_api_port is missing."),
    (["--rest_api_port=x"], "--rest_api_port must be a whole number from 1 to 65535, not 'x'."),
    (["--rest_api_port"], "--rest_api_port needs a value: write --rest_api_port=VALUE."),
    (["--host=here"], "--host must be an address such as 0.0.0.0, not 'here'."),
    (["--port=8500"], "This server answers REST only: set --port=0."),
    (["--model_name=a/b"], "--model_name must be a name without '/' and ':', not 'a/b'."),
    (
        ["--enable_batching=true"],
        "'--enable_batching=true' is no flag of this server, which has --port, --rest_api_port, "
        "--model_name, --model_base_path, --rest_api_timeout_in_ms, --host.",
    ),
    (
        ["--rest_api_port=1", "--model_base_path={nowhere}"],
        "--model_base_path must be a folder that holds a model's versions.",
    ),
    (
        ["--rest_api_port=1", "--model_base_path={empty}"],
        "There is no model under --model_base_path: it must hold a folder with a whole number as "
        "its name, and in it saved_model.pb.",
    ),
    (
        ["--rest_api_port=1", "--model_name=bad", "--model_base_path={base}/broken"],
        "Version 1 of model bad cannot be loaded: ",
    ),
]


def test_what_it_cannot_start_with_is_one_sentence(
    tensorflow_python: Path, models: Path, tmp_path: Path
) -> None:
    places = {"base": models, "nowhere": tmp_path / "nowhere", "empty": tmp_path}
    for flags, sentence in FLAGS:
        ended = subprocess.run(
            [tensorflow_python, "-m", "labdock_model_server", *(f.format(**places) for f in flags)],
            env={**os.environ, "PYTHONPATH": str(CODE)},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert ended.returncode == 2, flags
        assert ended.stderr.splitlines()[-1].startswith(sentence)
        assert str(models) not in ended.stderr
