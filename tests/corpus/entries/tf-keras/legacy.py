"""Code from the time of Keras 2, kept alive with tf_keras."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from tensorflow.keras.callbacks import EarlyStopping, ModelCheckpoint
from tensorflow.keras.layers import BatchNormalization, Dense, Dropout
from tensorflow.keras.models import Sequential, load_model
from tensorflow.keras.utils import to_categorical

tf.keras.utils.set_random_seed(4)
x, y = load_digits(return_X_y=True)
x = x.astype("float32") / 16.0
Y = to_categorical(y, 10)

model = Sequential()
model.add(Dense(64, activation="relu", input_dim=64))
model.add(BatchNormalization())
model.add(Dropout(0.1))
model.add(Dense(10, activation="softmax"))
model.compile(
    loss="categorical_crossentropy", optimizer=tf.keras.optimizers.Adam(0.01), metrics=["accuracy"]
)

history = model.fit(
    x[:1437],
    Y[:1437],
    batch_size=256,
    epochs=4,
    validation_data=(x[1437:], Y[1437:]),
    callbacks=[
        EarlyStopping(monitor="val_loss", patience=5),
        ModelCheckpoint("weights.best.h5", monitor="val_accuracy", save_best_only=True, mode="max"),
    ],
)
model.save("digits.h5")
again = load_model("digits.h5")
same = np.allclose(again.predict(x[1437:]), model.predict(x[1437:]), atol=1e-5)
print(f"loaded the same: {same:d}")
print(f"accuracy: {model.evaluate(x[1437:], Y[1437:], verbose=0)[1]:.4f}")
