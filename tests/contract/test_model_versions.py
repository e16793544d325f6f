"""What is said of each model version: its sample, and whether it answers as it did in memory."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.model_server import model_server
from tests.support.runtime import Bench, Worker, write_notebook

from labdock.servingschema import Sample
from labdock_service.reconciler.probing import predict_sample

pytestmark = pytest.mark.tensorflow

CELLS = {
    "data": """
import json
import keras, numpy as np, tensorflow as tf
keras.utils.set_random_seed(3)
x, y = np.random.rand(60, 4).astype("float32"), np.random.rand(60, 1)
def trained(inputs, targets, *layers, **fit):
    model = keras.Sequential([*layers])
    model.compile("adam", "mse")
    model.fit(inputs, targets, verbose=0, **fit)
    return model
Dense = keras.layers.Dense
""",
    "plain": """
plain = trained(x, y, Dense(8, "relu"), keras.layers.BatchNormalization(), Dense(1))
plain.export("plain")
print("PLAIN", json.dumps(plain.predict(x[:3]).tolist()))
""",
    "kept": """
kept = trained(x, y, Dense(1))
kept.save("kept.keras")
print("KEPT", json.dumps(kept.predict(x[:3]).tolist()))
kept.fit(x, y, verbose=0)
kept.export("later")
kept.fit(x, y, verbose=0)
""",
    "dataset": """
rows = tf.data.Dataset.from_tensor_slices((x, y)).batch(20)
mixed = trained(rows, None, Dense(4, dtype="mixed_float16"), Dense(1))
mixed.save("mixed.keras")
""",
    "text": """
words = np.array(["good film", "bad film", "so good", "so bad"] * 5)
vocabulary = keras.layers.TextVectorization(20, output_sequence_length=4)
vocabulary.adapt(words)
layers = (vocabulary, keras.layers.Embedding(20, 4), keras.layers.GlobalAveragePooling1D())
string = keras.Input((), dtype="string", name="words")
text = trained(tf.constant(words), tf.constant(y[:20]), string, *layers, Dense(1))
text.export("text")
""",
    "inputs": """
def examples():
    while True:
        yield {"size": np.ones((5, 1)), "kind": np.zeros((5, 3), "int32")}, np.ones((5, 1))
size, kind = keras.Input((1,), name="size"), keras.Input((3,), dtype="int32", name="kind")
flat = keras.layers.Flatten()(keras.layers.Embedding(9, 2)(kind))
joined = Dense(1)(keras.layers.Concatenate()([size, flat]))
several = keras.Model({"size": size, "kind": kind}, {"price": joined, "double": joined * 2})
several.compile("adam", {"price": "mse"})
several.fit(examples(), steps_per_epoch=2, verbose=0)
several.save("several.keras")
""",
    "wrong": """
@keras.saving.register_keras_serializable()
class Scale(keras.layers.Layer):
    def __init__(self, by=1.0, **options):
        super().__init__(**options)
        self.by = by
    def call(self, x):
        return x * self.by
scale = Scale()
scale.by = 50.0  # its configuration knows nothing of this
wrong = trained(x, y, Dense(2), scale)
wrong.save("wrong.keras")
""",
    "random": """
class Noise(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense, self.seed = Dense(2), keras.random.SeedGenerator(1)
    def call(self, x):
        return self.dense(x) + keras.random.normal((2,), seed=self.seed)
noise = Noise()
noise.compile("adam", "mse")
noise.fit(x, x[:, :2], verbose=0)
noise.export("random")
""",
    "large": """
wide = np.random.rand(6, 300, 300)
large = trained(wide, y[:6], keras.layers.Flatten(), Dense(1))
large.export("large")
""",
    "dropped": """
import gc
trained(x, y, Dense(1)).save("file.keras")
trained(x, y, Dense(1)).export("folder")
kept.fit(x, y, verbose=0)
gc.collect();
""",
    "own": """
class Double(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="pair")])
    def __call__(self, pair):
        return 2 * pair
tf.saved_model.save(Double(), "own")
""",
}


@pytest.fixture(scope="module")
def run(
    tensorflow_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Bench, Worker]]:
    """One notebook that saves models of every kind."""
    bench = Bench(tensorflow_python, tmp_path_factory.mktemp("models") / "bench")
    write_notebook(bench.source / "n.ipynb", *CELLS.values())
    (worker,) = bench.run("n.ipynb")
    assert worker.process.returncode == 0, worker.text()
    yield bench, worker
    bench.close()


Run = tuple[Bench, Worker]


def said(run: Run, name: str) -> dict[str, Any]:
    """What the runtime says of a model."""
    found: dict[str, Any] = json.loads((run[0].models / "1" / f"{name}.json").read_text())
    return found


def printed(run: Run, word: str) -> Any:
    found = re.search(rf"^{word} (.*)$", run[1].text(), re.M)
    assert found, run[1].text()
    return json.loads(found[1])


def alike(ours: list[list[float]], theirs: list[list[float]]) -> bool:
    """Whether two answers are the same but for rounding."""
    pairs = zip(ours, theirs, strict=True)
    return all(one == pytest.approx(other, abs=1e-5) for one, other in pairs)


@pytest.mark.parametrize("name", ["plain", "kept", "mixed", "text", "several", "large"])
def test_an_exported_model_answers_as_the_one_in_memory(run: Run, name: str) -> None:
    check = said(run, name)["check"]
    assert check["state"] == "equal", check
    assert check["difference"] <= check["allowed"] < 0.1


@pytest.mark.parametrize(("name", "word"), [("plain", "PLAIN"), ("kept", "KEPT")])
def test_what_is_kept_is_what_the_notebook_predicted(run: Run, name: str, word: str) -> None:
    """Also where the model was trained on after it was saved."""
    sample = said(run, name)["sample"]
    (outputs,) = sample["outputs"].values()
    assert alike(outputs, printed(run, word))


def test_samples_are_of_the_data_where_there_is_any(run: Run) -> None:
    assert len(said(run, "mixed")["sample"]["inputs"].popitem()[1]) == 3
    assert said(run, "text")["sample"]["inputs"] == {"words": ["good film", "bad film", "so good"]}
    made = said(run, "several")["sample"]
    assert made["made"] and made["inputs"]["kind"] == [[0, 0, 0]]
    assert set(made["outputs"]) == {"price", "double"}
    assert said(run, "large")["sample"] is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("later", "was trained on after it was exported"),
        ("random", "differ from one call to the next"),
        ("own", "not exported by Keras"),
        ("file", "no longer in memory"),
        ("folder", "no longer in memory"),
    ],
)
def test_what_was_not_compared_says_why(run: Run, name: str, reason: str) -> None:
    check = said(run, name)["check"]
    assert check["state"] == "unchecked" and reason in check["reason"]


def test_a_model_that_answers_otherwise_is_told(run: Run) -> None:
    check = said(run, "wrong")["check"]
    assert check["state"] == "different" and check["difference"] > check["allowed"]
    warning = run[1].event("warning")["message"]
    assert warning.startswith("The exported model wrong is not what was trained. Its answers diff")


@pytest.mark.parametrize("name", ["kept", "text"])
def test_a_model_server_answers_as_the_notebook_did(
    run: Run, tensorflow_python: Path, tmp_path: Path, name: str
) -> None:
    shutil.copytree(run[0].models / "1" / name, tmp_path / name / "1")
    sample = Sample(**said(run, name)["sample"])
    with model_server(tensorflow_python, tmp_path / name) as server:
        assert predict_sample(f"127.0.0.1:{server.port}", name, sample).state == "answered"
        served = server.predict({"inputs": sample.inputs}, name).json["outputs"]
    if name == "kept":
        assert alike(served, printed(run, "KEPT"))
