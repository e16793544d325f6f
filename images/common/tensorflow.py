"""The checks of every image that has TensorFlow. Those of a GPU say so where there is none."""

GPU_LIBRARIES = ("cudart", "cublas", "cublasLt", "cufft", "cusolver", "cusparse", "cudnn", "nccl")


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

    @tf.function(jit_compile=True)
    def compiled(x):
        return tf.reduce_sum(tf.nn.relu(x @ tf.transpose(x)))

    x = tf.reshape(tf.range(16, dtype=tf.float32), (4, 4))
    expected = tf.reduce_sum(tf.nn.relu(x @ tf.transpose(x)))
    assert abs(float(compiled(x)) - float(expected)) < 1e-3
    return "compiled and equal"


def _devices():
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        raise Skipped("not run: there is no GPU here")
    return devices


@check("CUDA libraries")
def _libraries():
    import ctypes

    _devices()
    maps = Path("/proc/self/maps").read_text()
    loaded = {}
    for name in GPU_LIBRARIES:
        path = next(
            (line.split()[-1] for line in maps.splitlines() if f"lib{name}.so" in line), None
        )
        path = path or next(map(str, Path("/opt/environment").rglob(f"lib{name}.so.*")), None)
        assert path, f"lib{name} is nowhere"
        ctypes.CDLL(path)
        loaded[name] = Path(path).name
    return ", ".join(sorted(loaded.values()))


@check("cuDNN convolution")
def _convolution():
    import tensorflow as tf

    _devices()
    with tf.device("GPU:0"):
        there = tf.nn.conv2d(tf.ones((1, 8, 8, 3)), tf.ones((3, 3, 3, 4)), 1, "VALID")
    assert float(tf.reduce_max(tf.abs(there - 27.0))) < 1e-3
    return "right on GPU:0"


@check("NCCL all-reduce")
def _all_reduce():
    import tensorflow as tf

    count = len(_devices())
    strategy = tf.distribute.MirroredStrategy(cross_device_ops=tf.distribute.NcclAllReduce())
    total = strategy.reduce("SUM", strategy.run(lambda: tf.constant(1.0)), axis=None)
    assert float(total) == count
    return f"over {count} GPUs"


@check("NVIDIA driver")
def _driver():
    import tensorflow as tf

    _devices()
    built = tf.sysconfig.get_build_info()
    said = Path("/proc/driver/nvidia/version").read_text().splitlines()[0]
    version = next(word for word in said.split() if word[:1].isdigit() and "." in word)
    oldest = {"12": 525, "13": 580}.get(str(built["cuda_version"]).split(".")[0], 580)
    assert int(version.split(".")[0]) >= oldest, f"driver {version} is older than {oldest}"
    return f"{version}, for CUDA {built['cuda_version']}"
