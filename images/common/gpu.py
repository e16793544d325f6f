"""The checks of every image that is made for GPUs. Without one they say so, and claim nothing.

TensorFlow finds NVIDIA's libraries in the packages that came with it, by the names below.
"""

NVIDIA = "lib/python3.11/site-packages/nvidia"
NEEDED = (
    *("cublas", "cublasLt", "cudart", "cudnn", "cufft", "cupti", "curand", "cusolver"),
    *("cusparse", "nccl", "nvJitLink", "nvrtc"),
)
"""What TensorFlow opens, or what those open; all others are opened, and need not open."""


def libraries(root):
    """Every shared library of NVIDIA's packages, by its name without `lib` and version."""
    found = {}
    for file in sorted(Path(root, NVIDIA).glob("*/lib/lib*.so*")):
        found.setdefault(file.name.removeprefix("lib").partition(".so")[0], file)
    return found


def lacking(found):
    """The names of libraries that TensorFlow needs and that are not there."""
    return [name for name in NEEDED if name not in found]


def in_range(driver, cuda):
    """Whether a driver, by the newest CUDA that it runs, runs what was built for a CUDA.

    The driver's number is CUDA's own, as in 12090 for 12.9. It runs all older ones, and those of
    its own major version, which NVIDIA keeps compatible.
    """
    return driver // 1000 >= int(cuda.split(".")[0])


def spoken(driver):
    """A driver's number as people write it: 12.9 for 12090."""
    return f"{driver // 1000}.{driver % 1000 // 10}"


def devices():
    """The GPUs that TensorFlow sees; where there is none, a check stops here."""
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if not found and not list(Path("/dev").glob("nvidia[0-9]*")):
        raise Skipped("not run: no GPU")
    assert found, "the GPU is there, and TensorFlow sees none"
    return found


@check("NVIDIA driver")
def _driver():
    import ctypes

    import tensorflow as tf

    if not list(Path("/dev").glob("nvidia[0-9]*")):
        raise Skipped("not run: no GPU")
    driver, cuda = ctypes.c_int(), str(tf.sysconfig.get_build_info()["cuda_version"])
    assert ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(driver)) == 0
    newest = spoken(driver.value)
    assert in_range(driver.value, cuda), (
        f"it runs CUDA up to {newest}, and this is built for {cuda}"
    )
    return f"it runs CUDA up to {newest}; this is built for {cuda}"


@check("CUDA libraries")
def _libraries():
    import ctypes

    devices()
    found, closed = libraries(sys.prefix), []
    assert not lacking(found), f"there is no {lacking(found)}"
    for name, file in found.items():
        try:
            ctypes.CDLL(str(file))
        except OSError as error:
            assert name not in NEEDED, error
            closed.append(name)
    return f"{len(found) - len(closed)} open" + (f", but not {closed}" if closed else "")


@check("cuDNN convolution")
def _convolution():
    import tensorflow as tf

    for number, _ in enumerate(devices()):
        with tf.device(f"GPU:{number}"):
            there = tf.nn.conv2d(tf.ones((1, 8, 8, 3)), tf.ones((3, 3, 3, 4)), 1, "VALID")
        assert "GPU" in there.device, f"it ran on {there.device}"
        assert float(tf.reduce_max(tf.abs(there - 27.0))) < 1e-3, f"GPU {number} is wrong"
    return f"right on {number + 1} of them"


@check("NCCL all-reduce")
def _all_reduce():
    import tensorflow as tf

    count = len(devices())
    strategy = tf.distribute.MirroredStrategy(cross_device_ops=tf.distribute.NcclAllReduce())
    total = strategy.reduce("SUM", strategy.run(lambda: tf.constant(1.0)), axis=None)
    assert strategy.num_replicas_in_sync == count
    assert float(total) == count, f"the sum over {count} GPUs is {float(total)}"
    return f"over {count}"
