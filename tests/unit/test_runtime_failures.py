"""What a person reads of a failure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock_runtime import failures


@given(st.text(), st.text(min_size=1))
def test_a_reason_is_one_short_line(text: str, name: str) -> None:
    line = failures.in_one_line(name, text)
    assert len(line) <= failures.REASON_LENGTH
    assert "\n" not in line or "\n" in name


def test_places_of_the_machine_are_cut_off_longest_first() -> None:
    text = 'File "/state/workers/w/code/train.py" and "/env/lib/site-packages/keras/a.py"'
    folders = ["/env/lib", "/env/lib/site-packages", "/state/workers/w/code", "/"]
    assert failures.without_places(text, folders) == 'File "train.py" and "keras/a.py"'


def test_a_traceback_of_a_notebook_has_no_colours_and_no_hidden_frames() -> None:
    text = "\x1b[0;31mValueError\x1b[0m\n    [... skipping hidden 1 frame]\nend"
    assert failures.readable(text, []) == "ValueError\nend"


def test_frames_of_the_runtime_are_dropped_from_causes_too() -> None:
    try:
        try:
            failures.end_of_notebook()
        except failures.EndOfNotebook as end:
            raise ValueError("why") from end
    except ValueError as error:
        text = failures.traceback_of(error, [])
    assert "ValueError: why" in text and "EndOfNotebook" in text
    assert "failures.py" not in text.replace("test_runtime_failures.py", "")


@pytest.mark.parametrize(
    ("name", "text", "gang", "code"),
    [
        ("Refused", "Use one worker.", False, failures.REFUSED),
        ("UnavailableError", "Socket closed", True, failures.RETRY),
        ("UnavailableError", "Socket closed", False, failures.FAILED),
        ("InternalError", "Collective ops: Connection reset by peer", True, failures.RETRY),
        ("InternalError", "Collective instance expected type 0", True, failures.FAILED),
        ("ValueError", "heartbeat", True, failures.FAILED),
    ],
)
def test_what_an_exception_means(name: str, text: str, gang: bool, code: int) -> None:
    assert failures.judge(name, text, gang=gang)[1] == code


def test_a_missing_file_names_the_data_roots() -> None:
    reason, code = failures.judge("FileNotFoundError", "No such file: 'x.csv'", gang=False)
    assert reason.startswith("FileNotFoundError: No such file: 'x.csv' (")
    assert "`~/data`" in reason and "`~/projects/NAME`" in reason
    assert code == failures.FAILED


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("OSError", "[Errno 28] No space left on device: 'x.npy'", True),
        ("ResourceExhaustedError", "x.index; No space left on device [Op:SaveV2]", True),
        ("ResourceExhaustedError", "OOM when allocating tensor with shape[9]", False),
        ("ValueError", "No space left", False),
    ],
)
def test_a_full_disk_says_how_to_go_on(name: str, text: str, hint: bool) -> None:
    reason, code = failures.judge(name, text, gang=False)
    assert (("labdock retry" in reason), code) == (hint, failures.FAILED)


def test_a_person_cannot_hide_an_end_or_a_refusal() -> None:
    for kind in (failures.Refused, failures.EndOfNotebook):
        assert not issubclass(kind, Exception)
