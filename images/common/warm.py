"""Import what jobs import, train a step, and print the source files that this read.

Byte code is kept for these alone: they are what every start reads, and half of all there is.
"""

import contextlib
import sys

with contextlib.redirect_stdout(sys.stderr):
    import importlib

    import keras
    import numpy as np

    for name in (
        "tensorflow",
        "tensorboard.summary",
        "tensorboard.main",
        "papermill",
        "papermill.execute",
        "papermill.iorw",
        "ipykernel.kernelapp",
        "ipykernel.inprocess",
        "IPython",
        "matplotlib.pyplot",
        "matplotlib_inline.backend_inline",
        "matplotlib.backends.backend_agg",
        "sklearn.datasets",
        "sklearn.model_selection",
        "sklearn.preprocessing",
        "sklearn.metrics",
        "sklearn.linear_model",
        "sklearn.ensemble",
        "sklearn.pipeline",
        "scipy.stats",
        "scipy.optimize",
        "scipy.signal",
        "PIL.Image",
        "PIL.PngImagePlugin",
        "h5py",
        "nbclient",
        "jupyter_client.asynchronous",
        "httpx",
        "click",
        "rich",
        "msgspec",
        "orjson",
        "httptools",
        "uvloop",
        "requests",
        "tqdm.auto",
    ):
        importlib.import_module(name)

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"], jit_compile=True)
    model.fit(np.ones((8, 4)), np.ones(8), verbose=0)
    model.predict(np.ones((2, 4)), verbose=0)
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        model.export(place, verbose=False)
        model.save(f"{place}/model.keras")

read = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
print(
    "\n".join(sorted(file for file in read if file.endswith(".py") and "/opt/environment" in file))
)
