"""A disk that fills up while a model is trained, and a notebook that prints without end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.disks import small_disk
from tests.support.runtime import Bench, write_notebook

pytestmark = pytest.mark.tensorflow

TRAIN = """
import os
from pathlib import Path
import keras
import numpy as np

filler = Path(os.environ["LABDOCK_CHECKPOINTS"]).parent / "filler"

class Fill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            with filler.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    pass

rng = np.random.default_rng(1)
x = rng.random((64, 4), dtype="float32")
model = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(1)])
model.compile("adam", "mse")
history = model.fit(x, x.sum(1), epochs=60, verbose=0, callbacks=[Fill()])
filler.unlink()
print("trained", len(history.epoch), "epochs")
"""


@pytest.fixture
def bench(tensorflow_python: Path, tmp_path: Path) -> Iterator[Bench]:
    """A job whose backups and curves lie on a small disk."""
    with small_disk(tmp_path / "disk", "1m") as disk:
        made = Bench(tensorflow_python, tmp_path / "bench")
        made.checkpoints, made.tensorboard = disk / "checkpoints", disk / "tensorboard"
        yield made
        made.close()


def test_training_goes_on_while_the_disk_is_full(bench: Bench) -> None:
    (bench.source / "train.py").write_text(TRAIN)
    (worker,) = bench.run("train.py")
    assert worker.process.returncode == 0, worker.text()
    assert "trained 60 epochs" in worker.text()
    assert "the disk is full, and points of the curves are lost" in worker.text()
    warning = worker.event("warning")["message"]
    assert warning.startswith("No backup could be saved: No space left on device")


def test_a_cell_that_prints_much_leaves_it_in_the_log(
    tensorflow_python: Path, tmp_path: Path
) -> None:
    bench = Bench(tensorflow_python, tmp_path)
    flood = "print('x' * 3_000_000)"
    write_notebook(bench.source / "much.ipynb", flood, "print('9 %\\r10 %\\rafter')")
    (worker,) = bench.run("much.ipynb")
    assert worker.process.returncode == 0, worker.text()
    assert worker.text().count("x") >= 3_000_000
    notebook = json.loads((worker.code / "much.executed.ipynb").read_text())
    printed, after = ("".join(cell["outputs"][0]["text"]) for cell in notebook["cells"])
    assert printed.endswith("[labdock: what follows is in the job's log]\n")
    assert len(printed) < 1_001_000
    assert after == "after\n"
