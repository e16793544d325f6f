"""Saves in every way there is, loads again, and compares."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(8)
out = Path("models")
out.mkdir(exist_ok=True)

iris = load_iris()
x = StandardScaler().fit_transform(iris.data).astype("float32")
rng = np.random.default_rng(8)
order = rng.permutation(len(x))
x, y = x[order], iris.target[order]

model = keras.Sequential(
    [
        keras.Input((4,), name="flower"),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ],
    name="iris",
)
model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:120], y[:120], epochs=10, batch_size=40, verbose=0)

expected = model.predict(x[120:], verbose=0)
model.save(out / "iris.keras")
model.save_weights(out / "iris.weights.h5")
model.export(out / "exported", verbose=False)

whole = keras.models.load_model(out / "iris.keras")
np.testing.assert_allclose(whole.predict(x[120:], verbose=0), expected, atol=1e-5)
copy = keras.models.clone_model(model)
copy.load_weights(out / "iris.weights.h5")
np.testing.assert_allclose(copy.predict(x[120:], verbose=0), expected, atol=1e-5)
served = tf.saved_model.load(str(out / "exported"))
np.testing.assert_allclose(served.serve(x[120:]), expected, atol=1e-5)

print(f"accuracy: {np.mean(expected.argmax(1) == y[120:]):.4f}")
print(f"files: {len(list(out.iterdir()))}")
