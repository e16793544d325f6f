"""Work done in a child, whose memory ends with it: what is only needed at a start is not kept."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from typing import TypeVar, cast

Result = TypeVar("Result")


class ChildFailed(Exception):
    """The child ended without an answer; its own lines say why."""


def in_child(work: Callable[[], Result]) -> Result:
    """What `work` returns or raises. It is for a process that has no other threads yet."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(_answer(work, writer))
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        raise ChildFailed
    result, error = pickle.loads(said)
    if error is not None:
        raise error
    return cast(Result, result)


def _answer(work: Callable[[], object], writer: int) -> int:
    said: tuple[object, Exception | None]
    try:
        try:
            said = work(), None
        except Exception as error:
            said = None, error
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(pickle.dumps(said))
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
