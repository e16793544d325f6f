"""Folders to make things in, while other processes sweep what is left over."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from labdock_service.packaging.scratch import scratch
from labdock_service.statefolder import StateFolder


@pytest.mark.parametrize("moment", ["made", "opened"])
def test_a_folder_that_was_swept_before_it_was_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    make, take = tempfile.mkdtemp, os.open
    swept: list[str] = []

    def made(dir: Path) -> str:
        path = make(dir=dir)
        if moment == "made" and not swept:
            Path(path).rmdir()
            swept.append(path)
        return path

    def opened(path: Path, flags: int, **options: Any) -> int:
        lock = take(path, flags, **options)
        if moment == "opened" and not swept:
            Path(path).rmdir()
            swept.append(str(path))
        return lock

    monkeypatch.setattr(tempfile, "mkdtemp", made)
    monkeypatch.setattr(os, "open", opened)
    with scratch(StateFolder(tmp_path)) as found:
        assert found.path.is_dir() and str(found.path) not in swept
    assert swept and not found.path.exists()
