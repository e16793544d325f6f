"""A job of the chaos run that trains for real: an ordinary Keras script, nothing of Labdock's."""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--pause", type=float, required=True)
options = parser.parse_args()

keras.utils.set_random_seed(7)
generator = np.random.default_rng(7)
x = generator.normal(size=(128, 8)).astype("float32")
y = x @ generator.normal(size=(8, 1)).astype("float32")


def rest(epoch: int, logs: object) -> None:
    del epoch, logs
    time.sleep(options.pause)


slow = keras.callbacks.LambdaCallback(on_epoch_end=rest)
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(
    x, y, batch_size=32, epochs=options.epochs, shuffle=False, verbose=2, callbacks=[slow]
)
model.save("line.keras")
Path("result.json").write_text(json.dumps({"value": round(history.history["loss"][-1], 5)}))
