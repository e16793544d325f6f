"""Training data that is made while training: a Python generator, then a PyDataset."""

import math

import keras
import numpy as np

keras.utils.set_random_seed(12)
EPOCHS = 3
BATCH = 100


def spirals(batch_size, seed):
    """Endless batches of points on two spirals."""
    rng = np.random.RandomState(seed)
    while True:
        label = rng.randint(0, 2, batch_size)
        t = rng.uniform(0.5, 2.5, batch_size)
        angle = t * 2.2 + np.pi * label
        points = np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1)
        yield (points + rng.normal(0, 0.05, points.shape)).astype("float32"), label


class Held(keras.utils.PyDataset):
    """The points that are held out, by batch."""

    def __init__(self, x, y, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index):
        low = index * self.batch_size
        return self.x[low : low + self.batch_size], self.y[low : low + self.batch_size]


def build():
    model = keras.Sequential(
        [
            keras.layers.Dense(32, activation="tanh"),
            keras.layers.Dense(32, activation="tanh"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    return model


x_test, y_test = next(spirals(300, seed=99))
held = Held(x_test, y_test, 77)

model = build()
model.fit(
    spirals(BATCH, seed=1),
    steps_per_epoch=10,
    epochs=EPOCHS,
    validation_data=held,
    verbose=2,
)
loss, accuracy = model.evaluate(held, verbose=0)
print(f"after the generator: {accuracy:.4f}")

x_more, y_more = next(spirals(900, seed=2))
model.fit(Held(x_more, y_more, 150, workers=2), epochs=2, validation_data=held, verbose=2)
loss, accuracy = model.evaluate(held, verbose=0)
print(f"after the dataset: {accuracy:.4f}")
