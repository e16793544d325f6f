"""Files that are whole at any moment, and folders that go whatever their modes."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from labdock_service.folders import delete_folder
from labdock_service.jsonfile import write_json


def test_a_reader_sees_one_of_the_values_whoever_writes(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    values = [{"n": number, "text": "x" * 20_000} for number in range(2)]
    write_json(file, values[0])

    def write(value: object) -> None:
        for _ in range(30):
            write_json(file, value)

    writers = [threading.Thread(target=write, args=(value,)) for value in values]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert json.loads(file.read_text()) in values
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_no_json_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    write_json(file, {"hub": 1})
    with pytest.raises(TypeError):
        write_json(file, {"hub": object()})
    assert json.loads(file.read_text()) == {"hub": 1}
    assert list(tmp_path.iterdir()) == [file]


def test_a_read_only_tree_goes_and_what_is_gone_is_gone(tmp_path: Path) -> None:
    inner = tmp_path / "layer" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").write_text("1")
    inner.chmod(0o555)
    inner.parent.chmod(0o555)
    for _ in range(2):
        delete_folder(tmp_path / "layer")
        assert not (tmp_path / "layer").exists()
