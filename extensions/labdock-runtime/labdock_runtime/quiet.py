"""Keeps what TensorFlow's C++ code says of itself at the start out of a person's log.

`TF_CPP_MIN_LOG_LEVEL` silences the rest, but not what is logged before its logging is set up.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

NOISE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|I0000 |To enable the following instr"
)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what is written to standard error, and pass on all but the noise."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            kept = [line for line in held.read().splitlines(True) if not NOISE.match(line)]
            os.write(2, b"".join(kept))


def quiet_first_operation() -> None:
    """Hold the same back where TensorFlow sets up its devices, before its first operation."""
    from tensorflow.python.eager import context

    original = getattr(context.Context, "ensure_initialized", None)
    if original is None:
        return

    @functools.wraps(original)
    def ensure_initialized(self: Any) -> None:
        with nullcontext() if self._initialized else quiet():
            original(self)

    context.Context.ensure_initialized = ensure_initialized
