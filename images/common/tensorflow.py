"""The checks of every image that has TensorFlow."""


@check("imports")
def _imports():
    import ipykernel  # noqa: F401
    import keras
    import sklearn.ensemble  # noqa: F401
    import tensorflow

    return f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}"


@check("a training step")
def _step():
    import keras
    import numpy as np

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    x = np.linspace(0, 1, 256, dtype="float32").reshape(32, 8)
    losses = model.fit(x, x.sum(1), epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0], f"the loss went from {losses[0]} to {losses[-1]}"
    with tempfile.TemporaryDirectory() as place:
        model.export(place, verbose=False)
    return f"loss {losses[0]:.4f} to {losses[-1]:.4f}"


@check("XLA")
def _xla():
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.python import xla

    @tf.function(jit_compile=True)
    def compiled(x):
        return tf.reduce_sum(tf.nn.relu(xla.einsum(x, x, "ij,kj->ik")))

    x = tf.reshape(tf.range(16, dtype=tf.float32), (4, 4))
    expected = tf.reduce_sum(tf.nn.relu(x @ tf.transpose(x)))
    assert abs(float(compiled(x)) - float(expected)) < 1e-3
    return "compiled and equal"
