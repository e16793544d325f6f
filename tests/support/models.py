"""Small SavedModels for tests, made by the interpreter that has TensorFlow.

`python models.py FOLDER` makes FOLDER/kit with versions 1, 9 and 10 (10 has everything, the
others only double), FOLDER/spin, which takes as long as it is told to, and FOLDER/broken with
a version that is no model.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any


def make_models(python: Path, folder: Path) -> Path:
    """Make them and return the folder."""
    subprocess.run([python, __file__, folder], check=True, capture_output=True, timeout=240)
    return folder


def _identities(tf: Any) -> dict[str, Any]:
    """A signature for each type, from `x` to `y`, of any shape."""
    names = "int8 int16 int32 int64 uint8 uint32 uint64 bool float64 float16 bfloat16 string"

    def identity(name: str) -> Any:
        spec = tf.TensorSpec(None, tf.as_dtype(name), name="x")
        return tf.function(lambda x: {"y": tf.identity(x)}).get_concrete_function(spec)

    return {name: identity(name) for name in names.split()}


def _kit(tf: Any) -> Any:
    """A module with the signatures that the tests call."""

    class Kit(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
        def double(self, x: Any) -> Any:
            return {"y": x * self.factor}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, 2], tf.float32, name="a"),
                tf.TensorSpec([None], tf.int32, name="b"),
            ]
        )
        def pair(self, a: Any, b: Any) -> Any:
            return {"total": tf.reduce_sum(a, axis=1), "both": a, "next": b + 1}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
        def text(self, word: Any) -> Any:
            return {"upper": tf.strings.upper(word), "word_bytes": word}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def total(self, x: Any) -> Any:
            return {"y": tf.reduce_sum(x)}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.float32, name="a"),
                tf.TensorSpec([None], tf.float32, name="b"),
            ]
        )
        def same(self, a: Any, b: Any) -> Any:
            return {"y": a + b}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def uneven(self, x: Any) -> Any:
            return {"long": x, "short": x[:1]}

    return Kit()


def _spin(tf: Any) -> Any:
    """A function that takes about a millisecond a turn."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="turns")])
    def spin(turns: Any) -> Any:
        start = tf.ones([192, 192])
        again = lambda turn, _: turn < turns[0]  # noqa: E731
        step = lambda turn, value: (turn + 1, tf.tanh(value @ value))  # noqa: E731
        _, end = tf.while_loop(again, step, (0, start))
        return {"y": tf.reshape(end[0, 0], [1])}

    return spin


def _main(folder: Path) -> None:
    import tensorflow as tf

    kit = _kit(tf)
    small = {"serving_default": kit.double}
    for version in ("1", "9"):
        tf.saved_model.save(kit, str(folder / "kit" / version), small)
    named = {name: getattr(kit, name) for name in ("pair", "text", "total", "same", "uneven")}
    tf.saved_model.save(kit, str(folder / "kit" / "10"), {**small, **named, **_identities(tf)})
    tf.saved_model.save(tf.Module(), str(folder / "spin" / "1"), {"serving_default": _spin(tf)})
    (folder / "kit" / "notes").mkdir()
    (folder / "broken" / "1").mkdir(parents=True)
    (folder / "broken" / "1" / "saved_model.pb").write_bytes(b"no model")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
