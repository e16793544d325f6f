"""A residual MLP as a subclass of keras.Model, on the breast cancer data."""

import argparse

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class Residual(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.first = keras.layers.Dense(units, activation="gelu")
        self.second = keras.layers.Dense(units)
        self.norm = keras.layers.LayerNormalization()

    def call(self, x):
        return self.norm(x + self.second(self.first(x)))


class Classifier(keras.Model):
    def __init__(self, units=32, blocks=2, rate=0.1):
        super().__init__()
        self.embed = keras.layers.Dense(units)
        self.blocks = [Residual(units) for _ in range(blocks)]
        self.dropout = keras.layers.Dropout(rate)
        self.head = keras.layers.Dense(1)

    def call(self, inputs, training=False):
        x = self.embed(inputs)
        for block in self.blocks:
            x = block(x)
        return self.head(self.dropout(x, training=training))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=107)
    args = parser.parse_args()
    keras.utils.set_random_seed(1)

    x, y = load_breast_cancer(return_X_y=True)
    x = StandardScaler().fit_transform(x).astype("float32")
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.25, random_state=0, stratify=y
    )

    model = Classifier()
    model.compile(
        optimizer=keras.optimizers.AdamW(4e-3, weight_decay=1e-3),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],
    )
    model.fit(
        x_train,
        y_train,
        epochs=args.epochs,
        batch_size=args.batch_size,
        validation_data=(x_test, y_test),
    )
    logits = model.predict(x_test)
    accuracy = np.mean((logits[:, 0] > 0) == y_test)
    print(f"test accuracy: {accuracy:.4f}")
    print("with TensorFlow", tf.__version__)


if __name__ == "__main__":
    main()
