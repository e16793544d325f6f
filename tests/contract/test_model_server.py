"""The model server against TensorFlow Serving's contract, on real SavedModels."""

from __future__ import annotations

import base64
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

pytestmark = pytest.mark.tensorflow

PREDICT = "/v1/models/kit:predict"
X = [[1.0, 2.0, 3.0]]


@pytest.fixture(scope="module")
def models(tensorflow_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_models(tensorflow_python, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def server(tensorflow_python: Path, models: Path) -> Iterator[ModelServer]:
    with model_server(tensorflow_python, models / "kit") as running:
        yield running


def signature(name: str, **document: Any) -> dict[str, Any]:
    return {"signature_name": name, **document}


ANSWERS: list[tuple[Any, Any]] = [
    ({"instances": X}, {"predictions": [[2, 4, 6]]}),
    ({"instances": [[1, 2, 3], [4, 5, 6]]}, {"predictions": [[2, 4, 6], [8, 10, 12]]}),
    ({"instances": [{"x": [1, 2, 3]}]}, {"predictions": [[2, 4, 6]]}),
    ({"inputs": X}, {"outputs": [[2, 4, 6]]}),
    ({"inputs": {"x": X, "extra": 1}}, {"outputs": [[2, 4, 6]]}),
    ({"signature_name": "", "instances": X}, {"predictions": [[2, 4, 6]]}),
    (
        signature("pair", instances=[{"a": [1, 2], "b": 3}, {"b": 5, "a": [0, 0]}]),
        {
            "predictions": [
                {"both": [1, 2], "next": 4, "total": 3},
                {"both": [0, 0], "next": 6, "total": 0},
            ]
        },
    ),
    (
        signature("pair", inputs={"a": [[1, 2]], "b": [3]}),
        {"outputs": {"both": [[1, 2]], "next": [4], "total": [3]}},
    ),
    (
        signature("text", instances=["é", {"b64": base64.b64encode(b"\xffa").decode()}]),
        {
            "predictions": [
                {"upper": "é", "word_bytes": {"b64": "w6k="}},
                {"upper": "\ufffdA", "word_bytes": {"b64": "/2E="}},
            ]
        },
    ),
    (signature("string", inputs={"b64": "YQ"}), {"outputs": "a"}),
    (signature("string", inputs=[["a"], ["b"]]), {"outputs": [["a"], ["b"]]}),
    (signature("total", inputs=[1, 2]), {"outputs": 3}),
    (signature("uneven", inputs=[1, 2]), {"outputs": {"long": [1, 2], "short": [1]}}),
    (signature("bool", instances=[True, False]), {"predictions": [True, False]}),
    (signature("int64", instances=[2**63 - 1]), {"predictions": [2**63 - 1]}),
    (signature("uint64", instances=[2**64 - 1]), {"predictions": [2**64 - 1]}),
    (signature("float64", instances=[1e300, 2**53 - 1]), {"predictions": [1e300, 2**53 - 1]}),
    (signature("int32", inputs=[[], []]), {"outputs": [[], []]}),
    (signature("int32", inputs=7), {"outputs": 7}),
]


@pytest.mark.parametrize(("document", "answer"), ANSWERS, ids=str)
def test_predict(server: ModelServer, document: Any, answer: Any) -> None:
    reply = server.predict(document)
    assert (reply.status, reply.json) == (200, answer)
    assert reply.headers["Content-Type"] == "application/json"


INT32 = "Type: Number is not of expected type: int32"
ERRORS: list[tuple[Any, int, str]] = [
    ("", 400, "JSON Parse error: The document is empty"),
    (" ", 400, "JSON Parse error: The document is empty. at offset: 1"),
    ("{", 400, "JSON Parse error: Missing a name for object member. at offset: 1"),
    (
        '{"a" 1}',
        400,
        "JSON Parse error: Missing a colon after a name of object member. at offset: 5",
    ),
    (
        '{"a":[1 2]}',
        400,
        "JSON Parse error: Missing a comma or ] after an array element. at offset: 8",
    ),
    (
        '{"é":1 2}',
        400,
        "JSON Parse error: Missing a comma or } after an object member. at offset: 8",
    ),
    ('{"a":x}', 400, "JSON Parse error: Invalid value. at offset: 5"),
    (
        "{} {}",
        400,
        "JSON Parse error: The document root must not be followed by other values. at offset: 3",
    ),
    ("[1]", 400, "JSON Value: [\n    1\n] Is not object"),
    ("{}", 400, "Missing 'inputs' or 'instances' key"),
    (
        '{"inputs": 1, "instances": 2}',
        400,
        'JSON Value: {\n    "inputs": 1,\n    "instances": 2\n} Not formatted correctly expecting '
        "only one of 'inputs' or 'instances' keys to exist ",
    ),
    (
        '{"instances": 1}',
        400,
        "JSON Value: {\n    \"instances\": 1\n} Expecting 'instances' to be an list/array",
    ),
    (
        '{"instances": []}',
        400,
        "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array",
    ),
    (
        '{"signature_name": 1, "instances": [1]}',
        400,
        'JSON Value: {\n    "signature_name": 1,\n    "instances": [\n        1\n    ]\n} not '
        "formatted correctly. 'signature_name' key must be a string value.",
    ),
    (signature("x", instances=X), 400, 'Serving signature name: "x" not found in signature def'),
    (
        {"instances": [["a", 1, 2]]},
        400,
        "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
        'JSON Value: "a" Type: String is not of expected type: float',
    ),
    (
        {"instances": [[None, True, 2]]},
        400,
        "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON Value: null Type: Null is not of expected type: float",
    ),
    (
        {"instances": [[1.5, True, 2]]},
        400,
        "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON Value: true Type: True is not of expected type: float",
    ),
    (
        {"instances": [[1, 2, 3], [1, 2]]},
        400,
        "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
        "Expecting tensor size: 3 but got: 2",
    ),
    (
        {"instances": [[[1, 2]], [[1], [2]]]},
        400,
        "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
        "Expecting shape [1,2] but got: [2,1]",
    ),
    (
        {"inputs": [[1, 2, 3], [1, 2]]},
        400,
        "Encountered list at unexpected size: 2 at level: 1 expected size: 3",
    ),
    (
        {"inputs": [1, [2]]},
        400,
        "Encountered list at unexpected level: 1 expected < 1",
    ),
    (
        {"inputs": [[1], 2]},
        400,
        "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
    ),
    ({"inputs": {"y": 1}}, 400, "Missing named input: x in 'inputs' object."),
    (
        signature("pair", inputs=[1]),
        400,
        "inputs is a plain value/list, but expecting an object as multiple input tensors required "
        "as per tensorinfo_map",
    ),
    (
        signature("pair", instances=[1]),
        400,
        "instances is a plain list, but expecting list of objects as multiple input tensors "
        "required as per tensorinfo_map",
    ),
    (
        signature("pair", instances=[{"a": [1, 2]}]),
        400,
        "Failed to process element: 0 of 'instances' list. JSON object: {\n"
        '    "a": [\n        1,\n        2\n    ]\n} keys must be equal to: a,b',
    ),
    (
        signature("pair", instances=[{"a": [1, 2], "b": 1, "z": 1}]),
        400,
        "Failed to process element: 0 key: z of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON object: does not have named input: z",
    ),
    (
        signature("pair", instances=[{"a": [1, 2], "b": 1}, 5]),
        400,
        "Expecting object but got list at item 1 of input list",
    ),
    (
        {"instances": [[1, 2, 3], {"x": [1, 2, 3]}]},
        400,
        "Expecting value/list but got object at item 1 of input list",
    ),
    (signature("int32", inputs=[1, 1.0]), 400, f"JSON Value: 1.0 {INT32}"),
    (signature("int32", inputs=[2**31]), 400, f"JSON Value: 2147483648 {INT32}"),
    (
        signature("bool", inputs=[1]),
        400,
        "JSON Value: 1 Type: Number is not of expected type: bool",
    ),
    (
        signature("string", inputs=[1]),
        400,
        "JSON Value: 1 Type: Number is not of expected type: string",
    ),
    (
        signature("string", inputs=[{"b64": "YQ==", "a": 1}]),
        400,
        'JSON Value: {\n    "b64": "YQ==",\n    "a": 1\n} not formatted correctly for base64 data',
    ),
    (signature("string", inputs={"b64": "?"}), 400, "Unable to base64 decode"),
    (
        {"inputs": [[16777216, 0, 0]]},
        400,
        "Cannot convert JSON value: 16777216 to float without loss of precision.",
    ),
    (
        {"inputs": [[1e39, 0, 0]]},
        400,
        "Cannot convert JSON value: 1e+39 to float without loss of precision.",
    ),
    (signature("float16", inputs=[1]), 501, "Conversion of JSON Value: 1 to type: half"),
    (signature("bfloat16", inputs=[1]), 501, "Conversion of JSON Value: 1 to type: bfloat16"),
    (signature("total", instances=[1]), 400, "Tensor name: y has no shape information "),
    (
        signature("uneven", instances=[1, 2]),
        400,
        "Tensor name: short has inconsistent batch size: 1 expecting: 2",
    ),
]


@pytest.mark.parametrize(("document", "status", "message"), ERRORS, ids=str)
def test_predict_refuses(server: ModelServer, document: Any, status: int, message: str) -> None:
    reply = server.predict(document)
    assert (reply.status, reply.error) == (status, message)
    assert reply.body.startswith(b'{\n    "error": "')


def test_a_wrong_shape_is_told_in_the_graphs_own_words(server: ModelServer) -> None:
    reply = server.predict(signature("pair", inputs={"a": [1, 2], "b": [3]}))
    assert reply.status == 400
    assert "Invalid reduction dimension" in reply.error


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


ADDRESSES = [
    ("POST", PREDICT.upper(), 404, "Servable not found for request: Latest(KIT)"),
    ("POST", "/V1/Models/kit:Predict", 200, ""),
    ("POST", "/v1/models/%6bit:predict", 200, ""),
    ("POST", "/v1/models/kit:predict?a=b", 200, ""),
    ("POST", "/v1/models/kit/versions/10:predict", 200, ""),
    ("POST", "/v1/models/foo:predict", 404, "Servable not found for request: Latest(foo)"),
    (
        "POST",
        "/v1/models/kit/versions/9:predict",
        404,
        "Servable not found for request: Specific(kit, 9)",
    ),
    (
        "POST",
        "/v1/models/kit/versions/99999999999999999999:predict",
        400,
        "Failed to convert version: 99999999999999999999 to numeric.",
    ),
    (
        "POST",
        "/v1/models/kit/labels/new:predict",
        400,
        "Unrecognized servable version label: new",
    ),
    ("POST", "/v1/models/kit", 400, "Malformed request: POST /v1/models/kit"),
    ("PUT", "/v1/models/kit", 400, "Malformed request: PUT /v1/models/kit"),
    ("GET", PREDICT, 400, f"Malformed request: GET {PREDICT}"),
    ("GET", "/", 400, "Malformed request: GET /"),
    ("GET", "/v1/models", 400, "Missing model name in request."),
    ("GET", "/v1/models/kit", 200, ""),
    ("GET", "/v1/models/kit/versions/10", 200, ""),
    ("GET", "/v1/models/kit/labels/any", 200, ""),
    ("GET", "/v1/models/foo", 404, "Could not find any versions of model foo"),
    ("GET", "/v1/models/kit/versions/7", 404, "Could not find version 7 of model kit"),
    ("GET", "/v1/models/foo/metadata", 404, "Servable not found for request: Latest(foo)"),
    (
        "GET",
        "/v1/models/kit/versions/7/metadata",
        404,
        "Servable not found for request: Specific(kit, 7)",
    ),
]


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
    flag = "--rest_api_timeout_in_ms=1000"
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
        ended.join(30)
        assert server.process.returncode == 0
        with pytest.raises(OSError):
            server.ask("GET", "/v1/models/spin")


FLAGS = [
    (["--rest_api_port=1"], "--model_base_path is missing."),
    (["--model_base_path={base}"], "--rest_api_port is missing."),
    (["--rest_api_port=x"], "--rest_api_port must be a whole number from 1 to 65535, not 'x'."),
    (["--rest_api_port"], "--rest_api_port needs a value: write --rest_api_port=VALUE."),
    (["--port=8500"], "This server answers REST only: set --port=0."),
    (["--model_name=a/b"], "--model_name must be a name without '/' and ':', not 'a/b'."),
    (
        ["--enable_batching=true"],
        "'--enable_batching=true' is no flag of this server, which has --port, --rest_api_port, "
        "--model_name, --model_base_path, --rest_api_timeout_in_ms.",
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
            timeout=60,
        )
        assert ended.returncode == 2, flags
        assert ended.stderr.splitlines()[-1].startswith(sentence)
        assert str(models) not in ended.stderr
