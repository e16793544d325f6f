"""A script with the head that scripts for GPU machines have."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import tensorflow as tf

gpus = tf.config.list_physical_devices("GPU")
if gpus:
    try:
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        logical_gpus = tf.config.list_logical_devices("GPU")
        print(len(gpus), "physical GPUs,", len(logical_gpus), "logical GPUs")
    except RuntimeError as e:
        # Memory growth must be set before GPUs have been initialized
        print(e)
tf.config.set_visible_devices(gpus[:1], "GPU")
tf.config.threading.set_intra_op_parallelism_threads(2)
tf.config.threading.set_inter_op_parallelism_threads(2)
tf.config.set_soft_device_placement(True)
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()])
tf.config.optimizer.set_jit(False)

from sklearn.datasets import load_diabetes

tf.keras.utils.set_random_seed(6)
x, y = load_diabetes(return_X_y=True)
x, y = (x * 20).astype("float32"), ((y - y.mean()) / y.std()).astype("float32")

device = "/GPU:0" if gpus else "/CPU:0"
with tf.device(device):
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Dense(24, activation="relu", input_shape=(10,)),
            tf.keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer=tf.keras.optimizers.RMSprop(0.01), loss="mse", metrics=["mae"])
    model.fit(x[:400], y[:400], epochs=8, batch_size=80, verbose=0)
    loss, mae = model.evaluate(x[400:], y[400:], verbose=0)
print(f"mean absolute error: {mae:.4f}")
