"""SavedModels that a person's code loads again, to look at what was saved."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any

from labdock_runtime.outside import in_thread
from labdock_runtime.place import is_person_code
from labdock_runtime.run import Run


def load_outside(run: Run, tf: Any) -> None:
    """Load them outside the strategy, where what was loaded answers a call at once.

    Libraries that build a model around one load it as they did.
    """
    module = importlib.import_module("tensorflow.python.saved_model.load")
    original = tf.saved_model.load

    @functools.wraps(original)
    def load(*arguments: Any, **options: Any) -> Any:
        if is_person_code(run, sys._getframe(1)):
            return in_thread(lambda: original(*arguments, **options))
        return original(*arguments, **options)

    tf.saved_model.load = module.load = load  # type: ignore[attr-defined]
