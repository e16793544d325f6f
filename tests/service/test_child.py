"""Work in a child: its answer, its error, and its end without either."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from labdock_service.child import ChildFailed, in_child
from labdock_service.errors import Invalid


def refuse() -> None:
    raise Invalid("There is no such setting.", field="colour")


def test_the_answer_comes_from_another_process() -> None:
    pid = in_child(os.getpid)
    assert pid != os.getpid()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_its_error_is_raised_here() -> None:
    with pytest.raises(Invalid, match="no such setting") as error:
        in_child(refuse)
    assert error.value.field == "colour"


def test_a_child_that_dies_is_an_error() -> None:
    with pytest.raises(ChildFailed):
        in_child(lambda: os._exit(9))


def test_the_reconciler_holds_no_settings_library() -> None:
    code = "import labdock_service.reconciler.start, sys; print('pydantic' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"
