"""Training that is cut off goes on where it was, and comes to what it would have come to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.curves import Point, points
from tests.support.runtime import ROOT, RUNTIME, Bench, Worker

pytestmark = pytest.mark.tensorflow

DATA = """
import json, os, signal
import numpy as np
import tensorflow as tf
import keras
rng = np.random.default_rng(1)
x = rng.random((200, 6), dtype="float32")
y = (x @ rng.random((6, 1))).astype("float32")

def end(attempt, number=signal.SIGKILL):
    if os.environ["LABDOCK_ATTEMPT"] == str(attempt):
        os.kill(os.getpid(), number)

class End(keras.callbacks.Callback):
    def __init__(self, attempt, epoch, batch, number=signal.SIGKILL):
        super().__init__()
        self.at, self.attempt, self.number = (epoch, batch), attempt, number
        self.steps = []
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_end(self, batch, logs=None):
        if logs:
            self.steps.append((self.epoch, batch))
        if (self.epoch, batch) == self.at:
            end(self.attempt, self.number)
"""
TWO_FITS = """
model = keras.Sequential([
    keras.layers.Dense(4, activation="tanh"), keras.layers.Dropout(0.2), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
best = keras.callbacks.ModelCheckpoint("best.keras", monitor="loss", save_best_only=True)
early = keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, min_delta=10.0)
first = model.fit(x, y, batch_size=20, epochs=9, shuffle=False, verbose=0,
                  validation_data=(x[:50], y[:50]), callbacks=[best, early, End(1, 1, 6)])
end(2)
best_loss = keras.models.load_model("best.keras").evaluate(x, y, verbose=0)

class Two(keras.Model):
    def __init__(self):
        super().__init__()
        self.left, self.right = keras.layers.Dense(3), keras.layers.Dense(1)
        self.rules = keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.01, momentum=0.9)
        self.one, self.other = self.rules
    def call(self, inputs):
        return self.right(self.left(inputs))
    def train_step(self, data):
        inputs, wanted = data
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean((self(inputs) - wanted) ** 2)
        for layer, rule in ((self.left, self.one), (self.right, self.other)):
            weights = layer.trainable_variables
            rule.apply_gradients(zip(tape.gradient(loss, weights), weights))
        for metric in self.metrics:
            metric.update_state(loss)
        return {m.name: m.result() for m in self.metrics}
two = Two()
two.compile()
watch = End(3, 1, 4, signal.SIGTERM)
second = two.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(20), epochs=3, verbose=0,
                 callbacks=[watch, keras.callbacks.TensorBoard("logs", update_freq=1)])
print("STEPS", json.dumps(watch.steps))
print("RESULT " + json.dumps({
    "weights": [w.tolist() for w in (*model.get_weights(), *two.get_weights())],
    "first": first.history, "second": second.history, "epochs": [first.epoch, second.epoch],
    "best": best_loss}))
"""
LOOPS = """
import labdock
strategy = tf.distribute.get_strategy()
rank = os.environ["LABDOCK_RANK"]
line = keras.Sequential([keras.Input((3,)), keras.layers.Dense(
    1, use_bias=False, kernel_initializer="zeros")])
rule = keras.optimizers.SGD(0.1, momentum=0.5)
count, seen, ran = tf.Variable(0), keras.metrics.Sum(), []

def one():
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(line.trainable_variables[0])
    gradients = tape.gradient(loss, line.trainable_variables)
    rule.apply_gradients(zip(gradients, line.trainable_variables))
    seen.update_state(1.0)

@tf.function
def train_step():
    strategy.run(one)

for step in labdock.checkpoint(range(12), line, rule, count, seen, every=3):
    train_step()
    count.assign_add(1)
    ran.append(step)
    if step == 7 and rank == "0":
        end(1)
losses = tf.Variable(tf.zeros(3))
for fold in labdock.checkpoint(range(3), losses):
    model = keras.Sequential([
        keras.Input((6,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    cut = [End(2, 1, 2)] if fold == 1 and rank == "1" else []
    history = model.fit(x, y, epochs=2, batch_size=50, shuffle=False, verbose=0, callbacks=cut)
    losses.assign(losses + tf.one_hot(fold, 3) * history.history["loss"][-1])
print("RESULT " + json.dumps({
    "line": line.get_weights()[0].ravel().tolist(), "count": int(count.numpy()), "ran": ran,
    "seen": float(seen.result()), "losses": losses.numpy().tolist()}))
"""
STAYS = 9
"""An attempt that the code does not cut off."""


@pytest.fixture
def bench(tensorflow_python: Path, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tensorflow_python, tmp_path / "job")
    yield made
    made.close()


@pytest.fixture
def whole(tensorflow_python: Path, tmp_path: Path) -> Iterator[Bench]:
    """The same job, which nothing cuts off."""
    made = Bench(tensorflow_python, tmp_path / "whole")
    made.attempts = STAYS
    yield made
    made.close()


def said(worker: Worker, word: str) -> Any:
    found = re.search(rf"^{word} (.*)$", worker.text(), re.M)
    assert found, worker.text()
    return json.loads(found[1])


def epochs(worker: Worker) -> list[tuple[int, int]]:
    return [(event["fit"], event["epoch"]) for event in worker.events("epoch")]


def metrics(bench: Bench) -> list[Point]:
    """All points of metrics; Keras writes the model's picture at each beginning of `fit`."""
    return [point for point in points(bench.tensorboard) if point[1] != "keras"]


def test_two_fits_cut_off_in_each_and_between_end_as_if_they_were_not(
    bench: Bench, whole: Bench
) -> None:
    for one in (bench, whole):
        (one.source / "train.py").write_text(DATA + TWO_FITS)
    (reference,) = whole.start("train.py")
    attempts = [bench.run("train.py", LABDOCK_BACKUP_EVERY="2")[0] for _ in range(4)]
    assert [worker.process.returncode for worker in attempts] == [-9, -9, 143, 0]
    assert reference.wait() == 0, reference.text()
    assert said(attempts[3], "RESULT") == said(reference, "RESULT")
    assert said(attempts[3], "STEPS")[0] == [1, 5]
    assert metrics(bench) == metrics(whole)
    told = {epoch for worker in attempts for epoch in epochs(worker)}
    assert sorted(told) == epochs(reference)
    assert not list(bench.checkpoints.iterdir())


def test_loops_of_ones_own_on_two_workers_go_on(bench: Bench) -> None:
    (bench.source / "train.py").write_text(DATA + LOOPS)
    more = {"PYTHONPATH": f"{RUNTIME}:{ROOT / 'extensions/labdock'}", "LABDOCK_BACKUP_EVERY": "2"}
    attempts = [bench.run("train.py", 2, **more) for _ in range(3)]
    codes = [[worker.process.returncode for worker in gang] for gang in attempts]
    assert codes[1:] == [[75, -9], [0, 0]] and codes[0][0] == -9, attempts[2][0].text()
    results = [said(worker, "RESULT") for worker in attempts[2]]
    assert results[0] == results[1]
    assert results[0]["ran"] == [] and results[0]["count"] == 12
    assert results[0]["seen"] == 12 * 2
    assert results[0]["line"] == pytest.approx([descended(12, workers=2)] * 3)
    losses = results[0]["losses"]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5) and losses[0] > 0
    assert "goes on in epoch 2 after step 2" in attempts[2][0].text()
    assert "goes on after item 6" in attempts[1][0].text()
    told = {epoch for gang in attempts for epoch in epochs(gang[0])}
    assert sorted(told) == [(fit, epoch) for fit in (1, 2, 3) for epoch in (1, 2)]


def descended(steps: int, workers: int) -> float:
    """A weight after so many steps down a slope of one for each worker."""
    weight = velocity = 0.0
    for _ in range(steps):
        velocity = 0.5 * velocity - 0.1 * workers
        weight += velocity
    return weight
