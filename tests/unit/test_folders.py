"""Trees that people's code made, whatever is in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.folders import nested

from labdock_service.folders import LONGEST_PATH, delete_folder, walk


def test_a_walk_goes_to_any_depth_and_through_no_link(tmp_path: Path) -> None:
    tree, elsewhere = tmp_path / "tree", tmp_path / "elsewhere"
    for folder in (tree, elsewhere):
        folder.mkdir()
    (elsewhere / "theirs").touch()
    (tree / "link").symlink_to(elsewhere)
    with nested(tree) as last:
        found = [entry.path for entry in walk(tree)]
        assert len(found) == 1502 and {str(last), str(tree / "link")} <= {*found}
        assert found.index(str(last)) > found.index(str(last.parent))


def test_what_has_no_path_is_passed_over(tmp_path: Path) -> None:
    with nested(tmp_path, LONGEST_PATH):
        found = [*walk(tmp_path)]
        assert 1000 < len(found) < LONGEST_PATH


@pytest.mark.parametrize("depth", [1, 1500, 5000])
def test_folders_are_deleted_however_deep(tmp_path: Path, depth: int) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    with nested(tree, depth):
        os.mkfifo(tree / "pipe")
        tree.joinpath("d").chmod(0o500)
        delete_folder(tree)
        assert not tree.exists()
