"""Train a network on scikit-learn's digits: `python train.py --epochs 10`."""

import argparse

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def make_model(learning_rate: float) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input(shape=(64,), name="pixels"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.003)
    options = parser.parse_args()

    keras.utils.set_random_seed(7)
    digits = load_digits()
    pictures = (digits.data / 16).astype("float32")
    x_train, x_test, y_train, y_test = train_test_split(
        pictures, digits.target, test_size=0.2, random_state=7, stratify=digits.target
    )
    model = make_model(options.learning_rate)
    model.fit(
        x_train,
        y_train,
        epochs=options.epochs,
        batch_size=options.batch_size,
        validation_split=0.1,
        verbose=2,
    )
    _, accuracy = model.evaluate(x_test, y_test, batch_size=options.batch_size, verbose=0)
    print(f"test accuracy: {accuracy:.3f}")
    model.export("digits")


if __name__ == "__main__":
    main()
