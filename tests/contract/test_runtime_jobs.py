"""Real jobs under the runtime: scripts and notebooks, gangs, kills and models."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.runtime import Bench, Worker, write_notebook

pytestmark = pytest.mark.tensorflow

DATA = """
import numpy as np
import keras
rng = np.random.default_rng(1)
x = rng.random((240, 16), dtype="float32")
y = (x.sum(1) > 8).astype("int32")
"""
MODEL = """
model = keras.Sequential([
    keras.layers.Dense(hidden, activation="relu"), keras.layers.BatchNormalization(),
    keras.layers.Dense(2)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True),
              metrics=["accuracy"])
"""
REPORT = """
import json
bn = model.layers[1]
print("RESULT " + json.dumps({
    "weights": [np.asarray(w).ravel().tolist() for w in model.get_weights()],
    "evaluate": model.evaluate(x, y, verbose=0), "predict": model.predict(x[:3]).tolist(),
    "history": history.history, "epochs": list(history.epoch)}))
"""
FIT = "history = model.fit(x, y, epochs=3, batch_size=40, validation_split=0.2)\n"
SLOW = """
import os, time
class Slow(keras.callbacks.Callback):
    pause = 0.0
    def on_train_batch_begin(self, batch, logs=None):
        time.sleep(self.pause)
    def on_epoch_begin(self, epoch, logs=None):
        self.begun = getattr(self, "begun", 0) + 1
        if self.begun > 2 and int(os.environ["LABDOCK_ATTEMPT"]) < LAST:
            self.pause = 2.0
history = model.fit(x, y, epochs=6, batch_size=40, validation_split=0.2, callbacks=[Slow()])
"""
"""Training that hardly gets on after two epochs, but in the attempt that is the last."""


@pytest.fixture
def bench(tensorflow_python: Path, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tensorflow_python, tmp_path)
    yield made
    made.close()


def result(worker: Worker) -> dict[str, Any]:
    found = re.search(r"^RESULT (.*)$", worker.text(), re.M)
    assert found, worker.text()
    answer: dict[str, Any] = json.loads(found[1])
    return answer


def exits(workers: list[Worker]) -> list[int | None]:
    return [worker.process.returncode for worker in workers]


def executed(worker: Worker, stem: str) -> list[dict[str, Any]]:
    notebook = json.loads((worker.code / f"{stem}.executed.ipynb").read_text())
    cells: list[dict[str, Any]] = notebook["cells"]
    return cells


def curves(bench: Bench) -> set[str]:
    found = bench.tensorboard.rglob("events.out.tfevents.*")
    return {str(path.parent.relative_to(bench.tensorboard)) for path in found}


# Without TensorFlow


def test_a_script_without_tensorflow_imports_none_of_it(bench: Bench) -> None:
    (bench.source / "lib.py").write_text("value = 7\n")
    (bench.source / "hello.py").write_text(
        "import sys, lib\n"
        "print(sys.argv[1:], lib.value, __name__)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'tensorflow', 'keras', 'numpy'}))\n"
    )
    (worker,) = bench.run("hello.py", LABDOCK_ARGUMENTS='["--rate", "0.1"]')
    assert worker.process.returncode == 0
    assert worker.text().splitlines() == ["['--rate', '0.1'] 7 __main__", "[]"]
    assert [e["kind"] for e in worker.events()] == ["started", "ended"]
    assert worker.event("ended")["exit"] == 0


def test_a_failing_script_shows_its_own_frames_and_no_place(bench: Bench) -> None:
    source = "def f():\n    raise ValueError('bad ' + __file__)\nf()\n"
    (bench.source / "bad.py").write_text(source)
    (worker,) = bench.run("bad.py")
    failed = worker.event("failed")
    assert worker.process.returncode == 1
    assert failed["reason"] == "ValueError: bad bad.py"
    assert 'File "bad.py", line 3' in failed["traceback"]
    assert "labdock_runtime" not in failed["traceback"] + worker.text()
    assert str(bench.folder) not in failed["traceback"] + failed["reason"]


@pytest.mark.parametrize(
    ("line", "code", "reason"),
    [
        ("sys.exit(0)", 0, None),
        ("sys.exit('no data')", 1, "SystemExit: no data"),
        ("sys.exit(3)", 1, "The script ended with exit code 3."),
        ("import labdock_runtime; labdock_runtime.end_of_notebook()", 0, None),
    ],
)
def test_how_a_script_ends(bench: Bench, line: str, code: int, reason: str | None) -> None:
    (bench.source / "end.py").write_text(f"import sys\n{line}\nprint('beyond')\n")
    (worker,) = bench.run("end.py")
    assert worker.process.returncode == code
    assert [e["reason"] for e in worker.events("failed")] == ([reason] if reason else [])
    assert "beyond" not in worker.text()


def test_sigterm_ends_a_script(bench: Bench) -> None:
    (bench.source / "wait.py").write_text("import time\nprint('ready')\ntime.sleep(100)\n")
    (worker,) = bench.start("wait.py")
    worker.wait_for(lambda w: "ready" in w.text())
    worker.process.send_signal(signal.SIGTERM)
    assert worker.wait() == 143
    assert worker.event("ended")["exit"] == 143


def test_a_missing_entry_is_a_sentence(bench: Bench) -> None:
    (worker,) = bench.run("gone.py")
    assert worker.process.returncode == 64
    assert worker.event("failed")["reason"] == "There is no gone.py in this job's source."


def test_a_failing_cell(bench: Bench) -> None:
    write_notebook(
        bench.source / "n.ipynb",
        "#md # Title",
        "print('first', size)\n%pip install nothing-of-this-name\nsize + 1",
        "def f():\n    raise KeyError('price')\nf()",
        "print('never')",
        parameters="size = 1",
    )
    (worker,) = bench.run("n.ipynb", LABDOCK_PARAMETERS='{"size": 20}')
    assert worker.process.returncode == 1
    failed = worker.event("failed")
    assert (failed["cell"], failed["reason"]) == (3, "KeyError: 'price'")
    assert "----> 3 f()" in failed["traceback"] and "\x1b" not in failed["traceback"]
    assert [(e["cell"], e["cells"]) for e in worker.events("cell")] == [(1, 4), (2, 4), (3, 4)]
    assert "first 20\n" in worker.text() and "\n21\n" in worker.text()
    assert "never" not in worker.text()
    assert any(
        o["output_type"] == "error" for c in executed(worker, "n") for o in c.get("outputs", [])
    )


def test_the_end_of_a_notebook(bench: Bench) -> None:
    write_notebook(
        bench.source / "n.ipynb",
        "print('runs')",
        "import labdock_runtime\nlabdock_runtime.end_of_notebook()",
        "print('beyond')",
    )
    (worker,) = bench.run("n.ipynb")
    assert worker.process.returncode == 0 and not worker.events("failed")
    assert worker.text() == "runs\n"
    cells = executed(worker, "n")
    marks = [cell["metadata"].get("labdock", {}).get("not_run", False) for cell in cells]
    assert marks == [False, True, True]
    assert "Not run in a job." in json.dumps(cells[2]["outputs"])


def test_a_notebook_that_exits_says_so_and_no_more(bench: Bench) -> None:
    write_notebook(bench.source / "n.ipynb", "import sys\nsys.exit(3)")
    (worker,) = bench.run("n.ipynb")
    assert worker.process.returncode == 1
    assert worker.event("failed")["reason"] == "SystemExit: 3"
    assert "UserWarning" not in worker.text()


def test_a_kernel_that_dies(bench: Bench) -> None:
    write_notebook(bench.source / "n.ipynb", "import os", "os.kill(os.getpid(), 9)")
    (worker,) = bench.run("n.ipynb")
    assert worker.process.returncode == 1
    failed = worker.event("failed")
    assert failed["cell"] == 2 and "ended by signal 9" in failed["reason"]


# With TensorFlow


def test_an_unchanged_notebook_on_two_workers(bench: Bench) -> None:
    own = "import tensorflow as tf\nassert tf.distribute.MirroredStrategy() is strategy"
    loop = """
strategy = tf.distribute.get_strategy()
with strategy.scope():
    line = keras.Sequential([keras.Input((16,)), keras.layers.Dense(1)])
    rule = keras.optimizers.SGD(0.01)
    rule.build(line.trainable_variables)
batches = tf.data.Dataset.from_tensor_slices((x, y[:, None].astype("float32"))).batch(60)
@tf.function
def step(batch):
    def one(a, b):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((line(a) - b) ** 2)
        rule.apply_gradients(zip(
            tape.gradient(loss, line.trainable_variables), line.trainable_variables))
        return loss
    return strategy.reduce("MEAN", strategy.run(one, args=batch), axis=None)
for batch in strategy.experimental_distribute_dataset(batches):
    loss = step(batch)
print("LOOP", float(loss), float(line.get_weights()[0].sum()))
"""
    write_notebook(
        bench.source / "digits.ipynb",
        DATA,
        MODEL + FIT,
        REPORT,
        "import tensorflow as tf" + loop,
        own,
        "model.save('best.keras')",
        parameters="hidden = 4",
    )
    workers = bench.run("digits.ipynb", 2, LABDOCK_PARAMETERS='{"hidden": 12}')
    assert exits(workers) == [0, 0], workers[0].text()
    chief, other = map(result, workers)
    assert chief == other
    assert len(chief["weights"][0]) == 16 * 12
    assert chief["epochs"] == [0, 1, 2] and len(chief["history"]["val_accuracy"]) == 3
    loops = [re.findall(r"^LOOP .*$", worker.text(), re.M) for worker in workers]
    assert loops[0] == loops[1] != []
    assert curves(bench) == {"train", "validation"}
    assert [e["epoch"] for e in workers[0].events("epoch")] == [1, 2, 3]
    last = workers[0].events("progress")[-1]
    assert (last["epoch"], last["epochs"], last["step"], last["steps"]) == (3, 3, 5, 5)
    assert last["seconds_left"] == 0 and "val_loss" in last["metrics"]
    assert not workers[1].events("epoch")
    assert_model(bench, workers[0], "best", [None, 16])
    assert not list(bench.checkpoints.iterdir())


def assert_model(bench: Bench, chief: Worker, name: str, shape: list[int | None]) -> None:
    assert [(e["name"], e["path"]) for e in chief.events("model")] == [(name, name)]
    folder = bench.models / str(bench.attempts)
    assert (folder / name / "saved_model.pb").is_file()
    about = json.loads((folder / f"{name}.json").read_text())
    assert [info["shape"] for info in about["signature"]["inputs"].values()] == [shape]
    assert about["name"] == name and "accuracy" in about["metrics"]
    assert about["check"]["state"] == "equal", about["check"]
    assert about["sample"]["inputs"] and not about["sample"]["made"]


def test_a_gang_goes_on_after_a_kill_and_after_sigterm(bench: Bench) -> None:
    (bench.source / "train.py").write_text("hidden, LAST = 8, 3" + DATA + MODEL + SLOW + REPORT)
    first = bench.start("train.py", 2)
    first[0].wait_for(lambda worker: len(worker.events("epoch")) >= 2)
    first[1].kill()
    assert first[0].wait() == 75
    assert "another one of its gang" in first[0].event("failed")["reason"]

    second = bench.start("train.py", 2)
    second[0].wait_for(lambda worker: len(worker.events("epoch")) >= 2)
    for worker in second:
        worker.process.send_signal(signal.SIGTERM)
    assert [worker.wait() for worker in second] == [143, 143]

    third = bench.run("train.py", 2)
    assert exits(third) == [0, 0], third[0].text()
    assert result(third[0]) == result(third[1])
    assert result(third[0])["epochs"] == [0, 1, 2, 3, 4, 5]
    assert len(result(third[0])["history"]["loss"]) == 6
    begun = [attempt[0].events("epoch")[0]["epoch"] for attempt in (first, second, third)]
    assert begun[0] == 1 < begun[1] < begun[2]
    assert_model(bench, third[0], "train", [None, 16])


def test_sigterm_in_a_notebook_then_the_next_attempt(bench: Bench) -> None:
    cells = (DATA + "hidden, LAST = 4, 2", MODEL + FIT + "first = history", SLOW, REPORT)
    write_notebook(bench.source / "n.ipynb", *cells)
    (worker,) = bench.start("n.ipynb")
    worker.wait_for(lambda w: len(w.events("epoch")) >= 5)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.wait() == 143
    assert "Epoch 3/3" in json.dumps(executed(worker, "n"))

    (again,) = bench.run("n.ipynb")
    assert again.process.returncode == 0, again.text()
    assert again.events("epoch")[0]["epoch"] == 3, "the first call of fit was passed over"
    assert result(again)["epochs"] == [0, 1, 2, 3, 4, 5]


def test_two_local_devices_and_a_persons_own_callbacks(bench: Bench) -> None:
    (bench.source / "train.py").write_text(
        DATA
        + """
import tensorflow as tf
strategy = tf.distribute.MirroredStrategy()
assert strategy is tf.distribute.get_strategy() and strategy.num_replicas_in_sync == 2
tf.config.set_visible_devices(tf.config.list_physical_devices("CPU"), "CPU")
hidden = 8
with strategy.scope():
"""
        + "\n".join("    " + line for line in MODEL.strip().splitlines())
        + """
mine = [keras.callbacks.TensorBoard("logs/mine"), keras.callbacks.BackupAndRestore("backup")]
model.fit(x, y, epochs=2, batch_size=40, verbose=0, callbacks=mine)
model.save_weights("only.weights.h5")
values = model.layers[1].moving_mean.value.values
print("EQUAL", bool((values[0].numpy() == values[1].numpy()).all()), len(values))
"""
    )
    (worker,) = bench.run("train.py", LABDOCK_LOCAL_DEVICES="2")
    assert worker.process.returncode == 0, worker.text()
    assert "EQUAL True 2" in worker.text()
    assert curves(bench) == {"logs/mine/train"}
    assert not (worker.code / "backup").exists()
    assert_model(bench, worker, "train", [None, 16])


def test_strategies_that_are_refused_and_parts_switched_off(bench: Bench) -> None:
    (bench.source / "train.py").write_text(
        "hidden = 4\n"
        + DATA
        + MODEL
        + "model.fit(x, y, verbose=0)\n"
        + "import tensorflow as tf\n"
        + "try:\n    tf.distribute.experimental.ParameterServerStrategy(None)\n"
        + "except Exception:\n    print('hidden')\n"
    )
    (worker,) = bench.run("train.py", LABDOCK_DISABLE="callbacks,backup")
    assert worker.process.returncode == 64, worker.text()
    assert worker.event("failed")["reason"].startswith("ParameterServerStrategy does not work")
    assert not worker.events("epoch") and not curves(bench) and not bench.checkpoints.exists()


def test_a_gang_that_does_not_form(bench: Bench) -> None:
    (bench.source / "train.py").write_text("import tensorflow\n")
    (worker,) = bench.start("train.py", 2, only=1, LABDOCK_GANG_TIMEOUT="1")
    assert worker.wait() == 75
    assert "worker 1 did not start TensorFlow within 1 s" in worker.event("failed")["reason"]
