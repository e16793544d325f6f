"""The first request to a model server, made from what it says of its inputs."""

from __future__ import annotations

from typing import Any

import pytest

from labdock_service.reconciler.probing import is_certain, look, signature_inputs, zeros


def tensor(dtype: str, *sizes: int) -> dict[str, Any]:
    return {"dtype": dtype, "tensor_shape": {"dim": [{"size": str(size)} for size in sizes]}}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (tensor("DT_FLOAT", -1, 3), [[0.0, 0.0, 0.0]]),
        (tensor("DT_INT64", -1), [0]),
        (tensor("DT_BOOL", -1, 1), [[False]]),
        (tensor("DT_STRING", -1), [""]),
        (tensor("DT_FLOAT", -1, -1, 2), [[[0.0, 0.0]]]),
        ({"dtype": "DT_FLOAT", "tensor_shape": {"unknown_rank": True}}, 0.0),
        (tensor("DT_FLOAT"), 0.0),
    ],
)
def test_zeros_of_every_kind(given: dict[str, Any], wanted: Any) -> None:
    assert zeros(given) == wanted
    assert repr(zeros(given)) == repr(wanted)


def test_only_numbers_of_known_shape_must_predict() -> None:
    assert is_certain(tensor("DT_FLOAT", -1, 28, 28))
    assert not is_certain(tensor("DT_FLOAT", -1, -1))
    assert not is_certain(tensor("DT_STRING", -1))
    assert not is_certain({"tensor_shape": {"unknown_rank": True}})


def test_the_signature_that_serves_is_asked() -> None:
    signatures = {"other": {"inputs": {}}, "serving_default": {"inputs": {"x": tensor("DT_INT8")}}}
    metadata = {"metadata": {"signature_def": {"signature_def": signatures}}}
    assert list(signature_inputs(metadata)) == ["x"]
    assert signature_inputs({}) == {}


def test_nobody_there_is_silence() -> None:
    assert look("127.0.0.1:1", "digits").state == "silent"
