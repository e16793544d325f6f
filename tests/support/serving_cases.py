"""What TensorFlow Serving answers about the model `kit`, case by case."""

from __future__ import annotations

import base64
from typing import Any

X = [[1.0, 2.0, 3.0]]


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


ADDRESSES = [
    ("POST", "/V1/MODELS/KIT:PREDICT", 404, "Servable not found for request: Latest(KIT)"),
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
    ("GET", "/v1/models/kit:predict", 400, "Malformed request: GET /v1/models/kit:predict"),
    ("GET", "/", 400, "Malformed request: GET /"),
    ("GET", "/v1/models", 400, "Missing model name in request."),
    ("GET", "/v1/models/kit", 200, ""),
    ("GET", "/v1/models/kit/versions/10", 200, ""),
    (
        "GET",
        f"/v1/models/kit/versions/{'9' * 5000}",
        400,
        f"Failed to convert version: {'9' * 5000} to numeric.",
    ),
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
