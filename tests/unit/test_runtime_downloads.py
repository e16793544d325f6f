"""Downloads of Keras: one at a time, from a data root where there is no network."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from labdock_runtime.downloads import guard_datasets, guard_downloads
from labdock_runtime.failures import NotDownloaded

ORIGIN = "https://storage.example.org/datasets/mnist.npz"


class Keras:
    """Has files on the web, or none, and notes how many come at the same time."""

    def __init__(self) -> None:
        self.utils = ModuleType("utils")
        self.utils.get_file = self.get_file  # type: ignore[attr-defined]
        self.network = False
        self.busy = threading.Lock()
        self.given: list[str] = []

    def get_file(self, fname: Any = None, origin: Any = None, **options: Any) -> str:
        assert self.busy.acquire(blocking=False), "two downloads at the same time"
        try:
            self.given.append(origin)
            time.sleep(0.005)
            if not self.network and urlsplit(origin).scheme != "file":
                raise Exception(f"URL fetch failure on {origin}: None -- unknown host")
            if options.get("broken"):
                raise ValueError("Incomplete or corrupted file detected.")
            return str(fname)
        finally:
            self.busy.release()


@pytest.fixture
def keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keras:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    keras = Keras()
    original = keras.utils.get_file
    user = ModuleType("a_module_that_took_it")
    user.get_file = original  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, user.__name__, user)
    monkeypatch.setitem(sys.modules, "utils_of_keras", keras.utils)
    guard_downloads(keras)
    assert user.get_file is keras.utils.get_file is not original
    return keras


def get(keras: Keras, *arguments: Any, **options: Any) -> Any:
    return keras.utils.get_file(*arguments, **options)


def test_without_a_network_the_sentence_names_the_data_roots(keras: Keras) -> None:
    with pytest.raises(NotDownloaded) as caught:
        get(keras, "mnist.npz", origin=ORIGIN)
    assert str(caught.value) == (
        "mnist.npz could not be downloaded from storage.example.org. Put the file into `~/data` "
        "or `~/projects/NAME`: it is taken from there."
    )
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("root", ["data", "projects/vision"])
def test_a_file_in_a_data_root_is_taken(keras: Keras, tmp_path: Path, root: str) -> None:
    (tmp_path / root).mkdir(parents=True)
    (tmp_path / root / "mnist.npz").write_bytes(b"data")
    assert get(keras, "digits", ORIGIN) == "digits"
    assert keras.given == [ORIGIN, (tmp_path / root / "mnist.npz").as_uri()]


def test_other_errors_are_as_they_were(keras: Keras) -> None:
    keras.network = True
    with pytest.raises(ValueError, match="corrupted"):
        get(keras, "mnist.npz", ORIGIN, broken=True)


def test_workers_that_share_a_cache_take_turns(keras: Keras, tmp_path: Path) -> None:
    keras.network = True
    cache = str(tmp_path / "cache")
    threads = [
        threading.Thread(target=get, args=(keras, f"{n}", ORIGIN), kwargs={"cache_dir": cache})
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keras.given) == 8


def test_one_worker_prepares_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    keras = Keras()
    keras.network = True

    class DatasetBuilder:
        def download_and_prepare(self, origin: str) -> str:
            return keras.get_file(origin, origin)

    guard_datasets(SimpleNamespace(core=SimpleNamespace(DatasetBuilder=DatasetBuilder)))
    prepare = DatasetBuilder().download_and_prepare
    threads = [threading.Thread(target=prepare, args=(ORIGIN,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keras.given == [ORIGIN] * 4
