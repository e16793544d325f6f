"""A loop of one's own that was written for several devices."""

import hashlib

import tensorflow as tf
from sklearn.datasets import load_digits

EPOCHS = 4
GLOBAL_BATCH_SIZE = 150

tf.keras.utils.set_random_seed(7)
strategy = tf.distribute.MultiWorkerMirroredStrategy()

images, labels = load_digits(return_X_y=True)
images = (images / 16).astype("float32")
train_set = (
    tf.data.Dataset.from_tensor_slices((images[:1500], labels[:1500]))
    .shuffle(1500, seed=1)
    .batch(GLOBAL_BATCH_SIZE)
)
test_set = tf.data.Dataset.from_tensor_slices((images[1500:], labels[1500:])).batch(99)
train_batches = strategy.experimental_distribute_dataset(train_set)
test_batches = strategy.experimental_distribute_dataset(test_set)

with strategy.scope():
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Input((64,)),
            tf.keras.layers.Dense(48, activation="relu"),
            tf.keras.layers.Dense(10),
        ]
    )
    optimizer = tf.keras.optimizers.SGD(0.5)
    optimizer.build(model.trainable_variables)
    loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    accuracy = tf.keras.metrics.SparseCategoricalAccuracy()


def compute_loss(labels, predictions):
    return tf.nn.compute_average_loss(
        loss_object(labels, predictions), global_batch_size=GLOBAL_BATCH_SIZE
    )


def train_step(inputs):
    images, labels = inputs
    with tf.GradientTape() as tape:
        loss = compute_loss(labels, model(images, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


@tf.function
def distributed_train_step(inputs):
    losses = strategy.run(train_step, args=(inputs,))
    return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)


@tf.function
def distributed_test_step(inputs):
    strategy.run(lambda data: accuracy.update_state(data[1], model(data[0])), args=(inputs,))


for epoch in range(EPOCHS):
    total, batches = 0.0, 0
    for batch in train_batches:
        total += distributed_train_step(batch)
        batches += 1
    for batch in test_batches:
        distributed_test_step(batch)
    print(f"epoch {epoch + 1}: loss {float(total) / batches:.4f}")
    print(f"test accuracy: {float(accuracy.result()):.4f}")
    print(f"last loss: {float(total) / batches:.4f}")
    accuracy.reset_state()

digest = hashlib.sha256()
for array in model.get_weights():
    digest.update(array.tobytes())
print(f"weights: {digest.hexdigest()[:12]}")
