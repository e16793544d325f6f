"""The values of secrets, hidden in whatever a job's runtime and the service write down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from labdock_runtime.events import Events
from labdock_runtime.job import Job
from labdock_runtime.masking import HIDDEN, Mask, forms, hidden_lines

VALUES = st.text(min_size=6).filter(lambda value: hidden_lines(value) and "*" not in value)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, st.text(), st.text())
def test_no_hidden_line_is_left(value: str, before: str, after: str) -> None:
    text = Mask([value]).text(before + value + after)
    assert not [line for line in hidden_lines(value) if line in text.replace(HIDDEN, "")]


@given(VALUES, JSON)
def test_what_json_holds_stays_json(value: str, content: Any) -> None:
    hidden = Mask([value]).everywhere({"a": [content, value], value: {"b": value}})
    assert value not in json.loads(json.dumps(hidden))


@given(JSON)
def test_without_secrets_nothing_changes(content: Any) -> None:
    assert not Mask([])
    assert Mask([]).everywhere(content) == content


def test_the_longest_is_hidden_first() -> None:
    mask = Mask(["secret", "secret-and-more"])
    assert mask.text("secret-and-more, secret") == "***, ***"


def test_short_lines_are_left() -> None:
    assert forms(["12345", "\n", "ab\ncd\n}"]) == []


def test_events_have_stars(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    environment = {
        "LABDOCK_ENTRY": "train.py",
        "LABDOCK_EVENTS": str(file),
        "LABDOCK_SECRETS": "TOKEN,MISSING",
        "TOKEN": 'hunter2 "é"',
    }
    events = Events(Job(environment))
    events.warn('it is hunter2 "é"!')
    code = 'raise ValueError("hunter2 \\"é\\"")'
    events.failed("ValueError: none", 1, traceback=code)
    events.emit("progress", metrics={'hunter2 "é"': 1.5}, path=Path('hunter2 "é"'))
    first, second, third = map(json.loads, file.read_text().splitlines())
    assert first["message"] == "it is ***!"
    assert second["traceback"] == 'raise ValueError("***")'
    assert (third["metrics"], third["path"]) == ({"***": 1.5}, "***")
