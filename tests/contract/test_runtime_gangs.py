"""What two workers do to the last bit: shares of batches, losses, half precision, data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.runtime import Bench, Worker

DEADLINE = 300.0
pytestmark = pytest.mark.tensorflow

SCRIPT = """
import json, os
import keras, numpy as np, tensorflow as tf
told = {}

# A last batch of one sample, with BatchNormalization, and predictions in order
rng = np.random.default_rng()
x = rng.normal(size=(81, 8)).astype("float32")
y = (x.sum(1) > 0).astype("int32")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8),
                          keras.layers.BatchNormalization(), keras.layers.Dense(2)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x, y, batch_size=40, epochs=2, verbose=0)
told["finite"] = all(bool(np.isfinite(w).all()) for w in model.get_weights())
ordered = np.concatenate([model.predict(part, verbose=0) for part in np.split(x, 9)])
told["in order"] = bool(np.allclose(model.predict(x, batch_size=32, verbose=0), ordered, atol=1e-5))
told["first"] = float(x[0, 0])

# Losses that Keras divides, that the code averages itself, and a function that gives a scalar
class Own(keras.Model):
    def __init__(self, loss):
        super().__init__()
        self.line = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        self.own = loss
        self.seen = keras.metrics.Mean(name="seen")
    def call(self, x):
        return self.line(x)
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.own(y, self(x))
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        self.seen.update_state(loss)
        return {"seen": self.seen.result()}

def mean(y, p):
    return tf.reduce_mean(tf.square(y - p))

ones, zeros = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
for name, loss in (("keras", keras.losses.MeanSquaredError()), ("by hand", mean),
                   ("whole", lambda y, p: tf.nn.compute_average_loss(
                        tf.square(y - p)[:, 0], global_batch_size=4))):
    own = Own(loss)
    own.compile(keras.optimizers.SGD(0.1))
    seen = own.fit(ones, zeros, batch_size=4, verbose=0).history["seen"][0]
    told[name] = [round(float(own.get_weights()[0][0, 0]), 4), round(seen, 4)]
plain = keras.Sequential(
    [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
plain.compile(keras.optimizers.SGD(0.1), loss=mean)
history = plain.fit(ones, zeros, batch_size=4, verbose=0)
told["scalar"] = [round(float(plain.get_weights()[0][0, 0]), 4), history.history["loss"][0]]
told["evaluated"] = round(plain.evaluate(ones, zeros, verbose=0), 4)

# Files are not handed out whole
for number, lines in enumerate((30, 10)):
    with open(f"{number}.txt", "w") as file:
        file.writelines(f"{line}\\n" for line in range(lines))
strategy = tf.distribute.get_strategy()
lines = tf.data.TextLineDataset(["0.txt", "1.txt"]).batch(8)
told["lines"] = [len(strategy.experimental_local_results(batch)[0])
                 for batch in strategy.experimental_distribute_dataset(lines)]

# In half precision one worker's gradients are no numbers: neither takes the step
half = keras.Sequential([keras.Input((1,), dtype="float32"),
                         keras.layers.Dense(1, dtype="mixed_float16", kernel_initializer="ones")])
scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-3))
half.compile(scaled, "mse")
half.fit(np.array([[1], [1], [1], [6e4]], "float32"), zeros, batch_size=4, shuffle=False,
         epochs=2, verbose=0)
told["scale"] = float(scaled.dynamic_scale.numpy())
told["left"] = float(half.get_weights()[0][0, 0])
print("TOLD " + json.dumps(told), flush=True)

# Other values are warned of, other amounts are refused
rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
plain.fit(ones + rank, zeros, verbose=0)
plain.fit(np.ones((4 + rank, 1)), np.zeros((4 + rank, 1)), verbose=0)
"""


@pytest.fixture
def bench(tensorflow_python: Path, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tensorflow_python, tmp_path)
    yield made
    made.close()


def told(worker: Worker) -> dict[str, Any]:
    found = re.search(r"^TOLD (.*)$", worker.text(), re.M)
    assert found, worker.text()
    answer: dict[str, Any] = json.loads(found[1])
    return answer


def test_two_workers_are_as_one(bench: Bench) -> None:
    (bench.source / "train.py").write_text(SCRIPT)
    workers = bench.start("train.py", 2)
    assert [worker.wait(DEADLINE) for worker in workers] == [64, 64]
    chief, other = map(told, workers)
    assert chief == other
    assert chief["finite"] and chief["in order"]
    assert chief["keras"] == chief["by hand"] == [0.8, 1.0]
    assert chief["whole"][0] == 0.8
    assert chief["scalar"] == [0.8, 1.0] and chief["evaluated"] == 0.64
    assert chief["lines"] == [4] * 5
    assert chief["scale"] == 2**13 and chief["left"] == 1.0
    digests = [[event["weights"] for event in worker.events("fit")] for worker in workers]
    assert digests[0] == digests[1] and len(digests[0]) == 7
    assert (
        "different amounts of data (worker 1 from the chief)"
        in workers[0].event("failed")["reason"]
    )
    (said,) = [event["message"] for event in workers[0].events("warning")]
    assert said.startswith("Line 77 of train.py trains on data that differs between the workers")
