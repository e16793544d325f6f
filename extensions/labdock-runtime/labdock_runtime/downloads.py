"""Downloads of Keras and TensorFlow Datasets: one at a time where workers share a cache.

Without a network, a file of the same name in a data root is taken, or a sentence says so.
"""

from __future__ import annotations

import fcntl
import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from labdock_runtime.failures import NotDownloaded

NO_NETWORK = "URL fetch failure"


def guard_downloads(keras: Any) -> None:
    """Put the guarded `get_file` wherever Keras has its own."""
    original = keras.utils.get_file
    guarded = _guarded(original)
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get("get_file") is original:
            module.get_file = guarded  # type: ignore[attr-defined]


def guard_datasets(tfds: Any) -> None:
    """Let one worker prepare a dataset, and the others find it."""
    kind = tfds.core.DatasetBuilder
    original = kind.download_and_prepare

    @functools.wraps(original)
    def download_and_prepare(self: Any, *arguments: Any, **options: Any) -> Any:
        with _locked(Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets"))):
            return original(self, *arguments, **options)

    kind.download_and_prepare = download_and_prepare


def _guarded(original: Any) -> Any:
    @functools.wraps(original)
    def get_file(fname: Any = None, origin: Any = None, *arguments: Any, **options: Any) -> Any:
        home = os.environ.get("KERAS_HOME", "~/.keras")
        with _locked(Path(options.get("cache_dir") or home)):
            try:
                return original(fname, origin, *arguments, **options)
            except Exception as error:
                if NO_NETWORK not in str(error):
                    raise
            name = Path(urlsplit(origin).path).name
            found = _in_data_roots([str(fname or name), name])
            if found is None:
                raise NotDownloaded(
                    f"{name} could not be downloaded from {urlsplit(origin).netloc}. Put the file "
                    "into `~/data` or `~/projects/NAME`: it is taken from there."
                ) from None
            return original(fname, found.as_uri(), *arguments, **options)

    return get_file


def _in_data_roots(names: list[str]) -> Path | None:
    home = Path.home()
    roots = [home / "data", *sorted(home.glob("projects/*"))]
    found = (root / name for root in roots for name in names)
    return next((path.resolve() for path in found if path.is_file()), None)


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Hold the lock of the cache that a file comes into."""
    folder = cache.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".downloads.lock").open("w")
    except OSError:  # then another place is found for it
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
