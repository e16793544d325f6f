"""Taking a source: which notebooks, which links, which digest."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.snapshots import few, paths, refused, taken, write

from labdock.digests import sha256
from labdock.errors import Mistake
from labdock.schema import Requirements, SourceFile
from labdock.snapshot import source_digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    write(project, {"train.py": "print(1)\n"})
    return project


# Notebooks


def notebook(source: str, **about: Any) -> str:
    cell = {
        "cell_type": "code",
        "id": "c1",
        "source": source,
        "metadata": {"tags": ["parameters"], **about.pop("cell", {})},
        "outputs": about.pop("outputs", []),
        "execution_count": about.pop("count", None),
    }
    metadata = {"kernelspec": {"name": "python3", "language": "python", "display_name": "P"}}
    return json.dumps(
        {"cells": [cell], "metadata": metadata | about, "nbformat": 4, "nbformat_minor": 5}
    )


def test_running_a_notebook_again_gives_the_same_source(folder: Path) -> None:
    write(folder, {"a.ipynb": notebook("x = 1"), "b.ipynb": notebook("y")})
    before = taken(folder, "a.ipynb")
    output = {"output_type": "stream", "name": "stdout", "text": "secret " * 1000}
    ran = notebook(
        "x = 1",
        outputs=[output],
        count=7,
        cell={"execution": {"iopub.execute_input": "2026"}, "collapsed": True},
        language_info={"name": "python", "version": "3.11.9"},
        widgets={"state": {}},
    )
    write(folder, {"a.ipynb": ran, "b.ipynb": notebook("y", count=3)})
    after = taken(folder, "a.ipynb")
    digests = {file.digest for file in after.source.files}
    assert not any(b"secret" in after.open(str(digest)).read() for digest in digests)
    write(folder, {"a.ipynb": notebook("x = 2")})
    assert taken(folder, "a.ipynb").source.digest != before.source.digest
    write(folder, {"a.ipynb": notebook("x = 1", language_info={"name": "python"})})
    assert taken(folder, "a.ipynb").source.digest == after.source.digest


SAVED = {
    "kernelspec": {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    },
    "language_info": {"name": "python", "version": "3.11.7", "pygments_lexer": "ipython3"},
}
"""What JupyterLab 4.6 makes of a notebook's metadata when it saves it for the first time."""


@pytest.mark.parametrize(
    "written",
    [
        {"kernelspec": {}},
        {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        {
            "kernelspec": {"name": "python3", "display_name": "3.9", "language": "python"},
            "language_info": {"name": "python", "version": "3.9"},
        },
    ],
)
def test_the_first_save_in_jupyterlab_gives_the_same_source(
    folder: Path, written: dict[str, Any]
) -> None:
    write(folder, {"a.ipynb": notebook("x = 1", **written)})
    before = taken(folder, "a.ipynb")
    write(folder, {"a.ipynb": notebook("x = 1", **SAVED)})
    assert taken(folder, "a.ipynb").source.digest == before.source.digest
    own = {"kernelspec": SAVED["kernelspec"] | {"name": "mine"}}
    write(folder, {"a.ipynb": notebook("x = 1", **own)})
    assert taken(folder, "a.ipynb").source.digest != before.source.digest


def test_what_travels_of_a_notebook_is_a_notebook_with_its_tags(folder: Path) -> None:
    write(folder, {"a.ipynb": notebook("x = 1", count=3)})
    result = taken(folder, "a.ipynb")
    (file, _) = result.source.files
    data = result.open(str(file.digest)).read()
    assert (sha256(data), len(data)) == (file.digest, file.size)
    (cell,) = json.loads(data)["cells"]
    assert cell["metadata"]["tags"] == ["parameters"] and cell["execution_count"] is None


def test_a_file_that_only_looks_like_a_notebook_travels_as_it_is(folder: Path) -> None:
    write(folder, {"data.ipynb": b"\x00 not json"})
    file = taken(folder).source.files[0]
    assert file.digest == sha256(b"\x00 not json")


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("not json", "open it and save it"),
        ("[]", "open it and save it"),
        ('{"nbformat": 3, "worksheets": []}', "JupyterLab"),
        (notebook("x", kernelspec={"name": "ir", "language": "R"}), "written in r"),
    ],
)
def test_a_notebook_that_cannot_run_is_refused(folder: Path, content: str, hint: str) -> None:
    write(folder, {"a.ipynb": content})
    assert hint in refused(folder, "a.ipynb")


# Links


def test_links_within_the_folder_travel_as_links(folder: Path) -> None:
    write(folder, {"data/x.csv": "1"})
    (folder / "near").symlink_to("data/x.csv")
    (folder / "data" / "up").symlink_to("../train.py")
    (folder / "absolute").symlink_to(folder / "data")
    (folder / "around").symlink_to(f"../{folder.name}/data")
    (folder / "nowhere").symlink_to("missing")
    result = taken(folder)
    assert {file.path: file.link for file in result.source.files if file.link} == {
        "absolute": "data",
        "around": "data",
        "data/up": "../train.py",
        "near": "data/x.csv",
        "nowhere": "missing",
    }
    assert [warning for warning in result.warnings if "nowhere" in warning]


def test_a_link_to_what_stays_here_gives_a_warning(folder: Path) -> None:
    write(folder, {".env": "x"})
    (folder / "settings").symlink_to(".env")
    assert "does not travel" in taken(folder).warnings[0]


def test_links_into_data_roots_travel_by_the_name_of_the_root(folder: Path, tmp_path: Path) -> None:
    roots = {"data": tmp_path / "roots/data", "projects/team": tmp_path / "roots/team"}
    write(tmp_path, {"roots/data/big/x.csv": "1", "roots/team/y": "2"})
    (tmp_path / "home-data").symlink_to(roots["data"])
    (folder / "big").symlink_to(tmp_path / "home-data/big")
    (folder / "y").symlink_to("../roots/team/y")
    (folder / "all").symlink_to(roots["data"])
    files = taken(folder, data_roots=roots).source.files
    assert {file.path: file.link for file in files if file.link} == {
        "all": "~/data",
        "big": "~/data/big",
        "y": "~/projects/team/y",
    }


@pytest.mark.parametrize("target", ["/etc/passwd", "../elsewhere", "../../../../../missing"])
def test_links_that_leave_are_refused_with_the_roots_named(folder: Path, target: str) -> None:
    (folder / "out").symlink_to(target)
    message = refused(folder, data_roots={"data": folder.parent / "data"})
    assert message.startswith("out is a link that leaves") and "data root (data)" in message
    write(folder, {".labdockignore": "out\n"})
    assert paths(taken(folder)) == [".labdockignore", "train.py"]


def test_a_link_that_leaves_by_way_of_another_is_refused(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, {"secret": "x"})
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/top").symlink_to("../..")
    (folder / "out").symlink_to("a/b/top/../secret")
    assert "out is a link that leaves" in refused(folder)


def test_a_loop_of_links_is_no_endless_loop(folder: Path) -> None:
    (folder / "one").symlink_to("two")
    (folder / "two").symlink_to("one")
    (folder / "self").symlink_to(".")
    assert paths(taken(folder)) == ["one", "self", "train.py", "two"]


def test_a_link_named_like_a_home_stays_in_the_folder(folder: Path) -> None:
    write(folder, {"~/x": "1"})
    (folder / "y").symlink_to("~/x")
    assert {file.link for file in taken(folder).source.files} == {None, "./~/x"}


# Limits and what cannot be read


def test_too_large_a_folder_is_refused_naming_the_largest(folder: Path) -> None:
    write(folder, {f"part{n}.bin": bytes(n * 1000) for n in range(1, 9)})
    message = refused(folder, limit=30_000)
    assert "36 kB" in message and "30 kB" in message
    assert message.index("part8.bin (8 kB)") < message.index("part7.bin") < message.index("part4")
    assert "part3.bin" not in message and ".labdockignore" in message


def test_outputs_of_notebooks_do_not_count_for_the_limit(folder: Path) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 10_000}
    write(folder, {"a.ipynb": notebook("x", outputs=[output])})
    assert taken(folder, "a.ipynb", limit=1_000).size < 1_000


@pytest.mark.parametrize(
    ("entry", "hint"),
    [("README.md", "neither a notebook"), ("missing.py", "no file missing.py")],
)
def test_an_entry_that_is_none(folder: Path, entry: str, hint: str) -> None:
    write(folder, {"README.md": "x"})
    assert hint in refused(folder, entry)


def test_an_entry_outside_of_its_folder(folder: Path) -> None:
    (folder / "sub").mkdir()
    assert "not in the folder sub" in refused(folder, folder=folder / "sub")


def test_pipes_and_sockets_stay_here_with_a_sentence(folder: Path, monkeypatch: Any) -> None:
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        result = taken(folder)
    assert paths(result) == ["train.py"]
    assert [warning.split()[0] for warning in result.warnings] == ["pipe", "socket"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["closed.csv", "closed"])
def test_what_may_not_be_read_is_refused(folder: Path, name: str) -> None:
    write(folder, {name if "." in name else f"{name}/x": "1"})
    (folder / name).chmod(0)
    try:
        assert f"{name} cannot be read" in refused(folder)
    finally:
        (folder / name).chmod(0o700)


def test_a_name_that_is_not_utf8_is_refused(folder: Path) -> None:
    write(folder, {"x": "1"})
    os.rename(folder / "x", os.fsencode(folder) + b"/caf\xe9.csv")  # noqa: PTH104
    assert "is not UTF-8" in refused(folder)
    write(folder, {".gitignore": "*.csv\n"})
    assert paths(taken(folder)) == [".gitignore", "train.py"]


def test_a_file_that_changes_while_it_is_read_is_refused(folder: Path) -> None:
    target = folder / "growing.log"
    target.touch()
    os.truncate(target, 300_000_000)
    done = threading.Event()

    def grow() -> None:
        with target.open("ab") as file:
            while not done.is_set():
                file.write(b"more")
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        assert "growing.log changes while it is read" in refused(folder)
    finally:
        done.set()
        writer.join()


@pytest.mark.parametrize("change", [lambda path: path.write_text("2"), lambda path: path.unlink()])
def test_a_file_that_changed_since_is_not_uploaded(
    folder: Path, change: Callable[[Path], object]
) -> None:
    write(folder, {"x.csv": "1"})
    result = taken(folder)
    assert result.open(sha256(b"1")).read() == b"1"
    change(folder / "x.csv")
    with pytest.raises(Mistake, match=r"x\.csv"):
        result.open(sha256(b"1"))


# Git


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_commit_is_noted_and_does_not_count(folder: Path) -> None:
    before = taken(folder).source
    assert before.git is None
    git(folder, "init", "-q")
    assert taken(folder).source.git is None
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    clean = taken(folder).source
    assert clean.git is not None
    assert (clean.git.commit, clean.git.dirty) == (git(folder, "rev-parse", "HEAD").strip(), False)
    assert clean.digest == before.digest
    write(folder, {"new.py": ""})
    dirty = taken(folder).source.git
    assert dirty is not None and dirty.dirty


# Digests


SOURCES = st.dictionaries(
    st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_characters="/\0\r\n"), min_size=1, max_size=6
        ).filter(lambda name: name not in (".", "..")),
        min_size=1,
        max_size=3,
    ).map("/".join),
    st.tuples(st.binary(max_size=40), st.booleans()),
    max_size=6,
).map(lambda files: {path: kept for path, kept in files.items() if _stands_alone(path, files)})


def _stands_alone(path: str, files: Mapping[str, object]) -> bool:
    """No other path of them goes through this one, also where case does not count."""
    return not any(other != path and f"{other}/".startswith(f"{path}/") for other in files)


def lay_out(folder: Path, files: Mapping[str, tuple[bytes, bool]], seed: int) -> Path:
    """The same files, made in another order, at other times, for other people."""
    project = folder / f"place {seed}"
    project.mkdir()
    shuffled = sorted(files.items(), key=lambda item: hash((seed, item[0])))
    for path, (content, executable) in [*shuffled, ("train.py", (b"print()", False))]:
        write(project, {path: content})
        (project / path).chmod(0o700 if executable else [0o600, 0o644, 0o664][seed % 3])
        os.utime(project / path, (seed * 1000, seed * 1000))
    return project


@few
@given(files=SOURCES)
def test_the_same_source_has_the_same_digest(files: dict[str, tuple[bytes, bool]]) -> None:
    files.pop("train.py", None)
    with tempfile.TemporaryDirectory() as place:
        made = [taken(lay_out(Path(place), files, seed)).source for seed in (1, 2, 3)]
        moved = Path(place) / "moved"
        shutil.copytree(Path(place) / "place 1", moved, symlinks=True)
        linked = Path(place) / "linked"
        linked.symlink_to(moved)
        made += [taken(moved).source, taken(linked).source]
    assert all(source == made[0] for source in made)


@few
@given(files=SOURCES, data=st.data())
def test_another_source_has_another_digest(
    files: dict[str, tuple[bytes, bool]], data: st.DataObject
) -> None:
    source = [
        SourceFile(path=path, size=len(content), digest=sha256(content), executable=executable)
        for path, (content, executable) in files.items()
    ] + [SourceFile(path="train.py", digest=sha256(b""))]
    chosen = data.draw(st.integers(0, len(source) - 1))
    changes: list[dict[str, Any]] = [
        {"path": source[chosen].path + "x"},
        {"digest": sha256(b"other")},
        {"executable": not source[chosen].executable},
        {"digest": None, "link": "x"},
    ]
    changed = list(source)
    changed[chosen] = replace(source[chosen], **data.draw(st.sampled_from(changes)))
    none = Requirements()
    before = source_digest("train.py", source, none)
    assert source_digest("train.py", list(reversed(source)), none) == before
    assert source_digest("train.py", changed, none) != before
    assert source_digest("other.py", source, none) != before
    some = Requirements(lines=["six"], origin="imports")
    assert source_digest("train.py", source, some) != before


def test_the_digest_is_the_one_that_was_agreed_on() -> None:
    files = [SourceFile(path="b", size=1, digest="sha256:b"), SourceFile(path="a", link="b")]
    text = (
        b'{"entry":"b","files":[{"link":"b","path":"a"},{"digest":"sha256:b","path":"b","size":1}],'
        b'"requirements":{"lines":["six"],"origin":"imports"}}'
    )
    wanted = Requirements(lines=["six"], origin="imports")
    assert source_digest("b", files, wanted) == sha256(text)


def test_contents_that_are_equal_travel_once(folder: Path) -> None:
    write(folder, {"x": "same", "y": "same"})
    result = taken(folder)
    assert len(result.contents) == 2
    assert isinstance(result.open(sha256(b"same")), io.BufferedReader)
