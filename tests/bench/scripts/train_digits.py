"""A custom loop on digits, the same by hand and as a job: it prints the seconds it trained."""

import json
import os
import time

import keras
import tensorflow as tf
from sklearn.datasets import load_digits

EPOCHS, BATCH = 8, 64

several = (
    len(json.loads(os.environ.get("TF_CONFIG", "{}")).get("cluster", {}).get("worker", [])) > 1
)
strategy = tf.distribute.MultiWorkerMirroredStrategy() if several else tf.distribute.get_strategy()
images, labels = load_digits(return_X_y=True)
data = tf.data.Dataset.from_tensor_slices((images.astype("float32") / 16, labels))
batches = strategy.experimental_distribute_dataset(
    data.shuffle(2000, seed=1).batch(BATCH, drop_remainder=True)
)

with strategy.scope():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(256, "relu"), keras.layers.Dense(10)]
    )
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


def step(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(loss_of(y, model(x, training=True))) / BATCH
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply(gradients, model.trainable_variables)
    return loss


@tf.function
def train(batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    return strategy.reduce("SUM", strategy.run(step, args=batch), axis=None)


for batch in batches:
    train(batch)
    break
began = time.perf_counter()
for _ in range(EPOCHS):
    for batch in batches:
        loss = train(batch)
print("loss", float(loss))
print(time.perf_counter() - began)
