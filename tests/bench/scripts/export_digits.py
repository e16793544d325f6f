"""The digits model, untrained, as a SavedModel: export_digits.py FOLDER."""

import sys

import keras

model = keras.Sequential(
    [
        keras.Input((64,), name="pixels"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.export(f"{sys.argv[1]}/1")
