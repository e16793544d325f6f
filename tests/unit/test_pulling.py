"""Docker's words while it fetches an image, as per cent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from labdock_service.engines.pulling import Pull, PullRecord, percents


def said(status: str, layer: str = "a", current: int = 0, total: int = 0) -> dict[str, Any]:
    detail = {"current": current, "total": total} if total else {}
    return {"status": status, "id": layer, "progressDetail": detail}


def test_they_rise_and_end_below_a_hundred() -> None:
    events = [
        said("Pulling from labdock/notebook", "tag"),
        said("Already exists", "z"),
        said("Downloading", "a", 50, 100),
        said("Downloading", "b", 0, 300),
        said("Download complete", "a"),
        said("Downloading", "b", 300, 300),
        said("Extracting", "a", 50, 100),
        said("Pull complete", "a"),
        said("Extracting", "b", 300, 300),
        said("Pull complete", "b"),
    ]
    found = list(percents(events))
    assert found == sorted(set(found)) and found[0] == 0 and found[-1] == 99
    assert 50 in found


def test_an_error_ends_it() -> None:
    with pytest.raises(APIError, match="manifest unknown"):
        list(percents([{"error": "manifest unknown"}]))


def test_the_record_is_read_again(tmp_path: Path) -> None:
    record = PullRecord(tmp_path / "fetched.json")
    assert record.read() == {}
    record.write({"a": Pull(100), "b": Pull(problem="no route")})
    assert record.read() == {"a": Pull(100), "b": Pull(problem="no route")}
    assert record.read()["a"].here and not record.read()["b"].here
    assert "no route" not in record.read()["b"].sentence


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"size": 3}}'])
def test_a_broken_record_counts_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "fetched.json").write_text(text)
    assert PullRecord(tmp_path / "fetched.json").read() == {}
