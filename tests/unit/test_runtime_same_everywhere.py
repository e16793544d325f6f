"""What makes the workers of a gang do the same: seeds, hashes, data, and where they cannot."""

from __future__ import annotations

import json
import os
import random
import secrets
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock_runtime import agreement, hashing, randomness
from labdock_runtime.devices import let_settings_pass
from labdock_runtime.failures import REFUSED, NotDownloaded, Refused, judge
from labdock_runtime.job import Job
from labdock_runtime.place import place
from labdock_runtime.run import Run


def run(folder: Path, **environment: str) -> Run:
    given = {
        "LABDOCK_ENTRY": "train.py",
        "LABDOCK_JOB": "j1",
        "LABDOCK_FOLDER": str(folder),
        "LABDOCK_EVENTS": str(folder / "events.jsonl"),
        **environment,
    }
    return Run(Job(given))


def warnings(folder: Path) -> list[str]:
    file = folder / "events.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [told["message"] for told in map(json.loads, lines) if told["kind"] == "warning"]


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "seed", random.seed)
    monkeypatch.setattr(os, "urandom", os.urandom)
    for name in ("choice", "randbelow", "randbits", "token_bytes", "token_hex"):
        monkeypatch.setattr(secrets, name, getattr(secrets, name))


def draws(tmp_path: Path, **environment: str) -> list[float]:
    randomness.seed_python(run(tmp_path, **environment))
    first = random.random()
    random.seed()
    again = random.random()
    random.seed(7)
    return [first, again, random.random()]


@pytest.mark.usefixtures("restored")
def test_random_is_the_same_for_each_worker_and_another_for_each_job(tmp_path: Path) -> None:
    seed = random.seed
    one = draws(tmp_path)
    random.seed = seed
    two = draws(tmp_path, LABDOCK_RANK="1", LABDOCK_ATTEMPT="2")
    random.seed = seed
    other = draws(tmp_path, LABDOCK_JOB="j2")
    assert one == two
    assert one[0] != other[0] and one[1] != other[1] and one[2] == other[2]


@pytest.mark.usefixtures("restored")
def test_a_seed_that_is_switched_off(tmp_path: Path) -> None:
    before = random.seed
    randomness.seed_python(run(tmp_path, LABDOCK_DISABLE="seed", LABDOCK_WORKERS="2"))
    assert random.seed is before


@pytest.mark.usefixtures("restored")
def test_the_systems_randomness_is_warned_of_where_it_is_taken(tmp_path: Path) -> None:
    randomness.seed_python(run(tmp_path, LABDOCK_WORKERS="2"))
    file = tmp_path / "train.py"
    file.write_text(
        "import os, tempfile\n\nseeds = [os.urandom(4) for _ in '12']\nname = tempfile.mktemp()\n"
    )
    exec(compile(file.read_text(), str(file), "exec"), {})
    (said,) = warnings(tmp_path)
    assert said.startswith("Line 3 of train.py calls urandom, which gives every worker another")


@pytest.mark.usefixtures("restored")
def test_one_worker_is_not_warned(tmp_path: Path) -> None:
    randomness.seed_python(run(tmp_path))
    exec(compile("import os; os.urandom(4)", str(tmp_path / "train.py"), "exec"), {})
    assert warnings(tmp_path) == []


def test_the_cell_is_the_one_that_was_begun_last(tmp_path: Path) -> None:
    kernel = Run(run(tmp_path).job, in_kernel=True)
    kernel.events.emit("cell", cell=1, cells=4)
    kernel.events.emit("cell", cell=3, cells=4)
    assert place(kernel) == "Cell 3"


def test_a_line_that_was_cut_off_hides_no_cell(tmp_path: Path) -> None:
    kernel = Run(run(tmp_path).job, in_kernel=True)
    kernel.events.emit("cell", cell=1, cells=4)
    with Path(kernel.job.events).open("ab") as events:
        events.write(b'{"kind": "ce\n7\n{}\n\xc3\n')
    kernel.events.emit("cell", cell=2, cells=4)
    assert place(kernel) == "Cell 2"


def test_sets_of_strings_have_one_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    command = [sys.executable, "-c", "print(list({'a', 'b', 'c', 'd', 'e', 'f', 'g'}))"]
    orders = {
        subprocess.check_output(command, env=hashing.hash_seed(run(tmp_path, LABDOCK_RANK=r).job))
        for r in "0123"
    }
    assert len(orders) == 1
    assert hashing.hash_seed(run(tmp_path, LABDOCK_DISABLE="seed").job) == {}
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    assert hashing.hash_seed(run(tmp_path).job) == {}


class Told:
    """Workers that tell numbers, the chief's own and what the other one has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *others: int | None) -> None:
        self.others = list(others)
        monkeypatch.setattr(agreement, "_told", self.tell)

    def tell(self, run: Run, number: int) -> list[int]:
        del run
        other = self.others.pop(0)
        return [number, number if other is None else other]


def test_the_same_data_is_nothing_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Told(monkeypatch, None, None)
    agreement.check_data(run(tmp_path), [None, {"a": []}])
    assert warnings(tmp_path) == []


def test_different_amounts_of_data_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Told(monkeypatch, 5)
    with pytest.raises(Refused, match=r"different amounts of data \(worker 1 from the chief\)"):
        agreement.check_data(run(tmp_path), [None])


def test_different_data_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Told(monkeypatch, None, 5)
    agreement.check_data(run(tmp_path), [None])
    (said,) = warnings(tmp_path)
    assert "trains on data that differs between the workers (worker 1 from the chief)" in said


class Model:
    def get_weights(self) -> list[Any]:
        return [SimpleNamespace(tobytes=lambda: b"weights")]


def test_weights_are_noted_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Told(monkeypatch, None, 1)
    agreement.check_weights(run(tmp_path), Model())
    assert warnings(tmp_path) == []
    agreement.check_weights(run(tmp_path), Model())
    (said,) = warnings(tmp_path)
    assert "ended with weights that differ between the workers" in said
    told = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in told] == ["fit", "fit", "warning"]
    assert told[0]["weights"] == told[1]["weights"]


@given(st.lists(st.integers(0, 3), min_size=2, max_size=6).filter(lambda told: len({*told}) > 1))
def test_those_are_named_who_differ_from_the_chief(told: list[int]) -> None:
    named = {int(word) for word in agreement._who(told).split() if word.isdigit()}
    assert named == {rank for rank, number in enumerate(told) if number != told[0]}


class Config:
    """tf.config after TensorFlow has started: nothing can be changed."""

    def __init__(self) -> None:
        self.threading = self.experimental = self

    def late(self, *arguments: Any) -> None:
        raise RuntimeError(f"cannot be modified: {arguments}")

    def get_visible_devices(self, kind: str | None = None) -> list[str]:
        return [f"{kind}:0"]

    def get_logical_device_configuration(self, _: str) -> None:
        return None

    def get_memory_growth(self, _: str) -> bool:
        return True

    def get_inter_op_parallelism_threads(self) -> int:
        return 0

    get_intra_op_parallelism_threads = get_inter_op_parallelism_threads


@pytest.mark.parametrize(
    ("setter", "arguments", "told"),
    [
        ("set_memory_growth", ("GPU:0", True), False),
        ("set_memory_growth", ("GPU:0", False), True),
        ("set_visible_devices", (["GPU:0"], "GPU"), False),
        ("set_visible_devices", ([], "GPU"), True),
        ("set_intra_op_parallelism_threads", (2,), True),
        ("set_logical_device_configuration", ("CPU:0", None), False),
    ],
)
def test_a_late_setting_is_passed_over(
    tmp_path: Path, setter: str, arguments: tuple[Any, ...], told: bool
) -> None:
    config = Config()
    for name in (
        "set_logical_device_configuration",
        "set_visible_devices",
        "set_memory_growth",
        "set_inter_op_parallelism_threads",
        "set_intra_op_parallelism_threads",
    ):
        setattr(config, name, type("Setter", (), {"__call__": config.late, "__name__": name})())
    let_settings_pass(run(tmp_path), SimpleNamespace(config=config))
    getattr(config, setter)(*arguments)
    assert bool(warnings(tmp_path)) is told


def test_a_file_that_cannot_be_had_is_a_sentence() -> None:
    error = NotDownloaded("Put it there.")
    assert judge(type(error).__name__, str(error), gang=False) == ("Put it there.", REFUSED)
