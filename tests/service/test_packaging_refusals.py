"""Packaging that cannot succeed says why, in one sentence; with real uv and the real index."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.packages import packaged, small_environment, upload

from labdock.digests import sha256
from labdock.schema import Source, SourceFile
from labdock_service.errors import PackagingFailed
from labdock_service.packaging.sourcecode import check_source
from labdock_service.statefolder import StateFolder

CODE = {"train.py": b"import flask\n"}


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


def reason(state: StateFolder, *needs: str, **packages: str) -> str:
    """Why packaging these requirements fails."""
    environment = small_environment(**packages)
    with pytest.raises(PackagingFailed) as failed:
        packaged(state, upload(state, CODE, needs), environment)
    message = str(failed.value)
    assert "\n" not in message and str(state.root) not in message and "http" not in message
    return message


def test_an_unknown_package(state: StateFolder) -> None:
    message = reason(state, "labdock-no-such-package-for-tests")
    assert message == (
        "labdock-no-such-package-for-tests is not in the package index: see that its name is right."
    )
    assert not state.layers.exists()


def test_no_such_version(state: StateFolder) -> None:
    assert reason(state, "six==99").startswith("There is no six 99; six 1.")


def test_no_wheel(state: StateFolder) -> None:
    message = reason(state, "docopt==0.6.2")
    assert message.startswith("docopt 0.6.2 has no wheel for Python 3.11 on Linux (x86_64), and ")


def test_no_wheel_for_this_python(state: StateFolder) -> None:
    message = reason(state, "markupsafe==2.0.1")
    assert message.startswith("markupsafe 2.0.1 has no wheel for Python 3.11 on Linux (x86_64)")
    assert "; markupsafe 3." in message and message.endswith("would fit.")


def test_a_requirement_that_clashes_with_the_environment(state: StateFolder) -> None:
    message = reason(state, "tensorflow<2.16", tensorflow_cpu="2.21.0")
    assert message == (
        "requirements.txt asks for tensorflow<2.16, and the environment small has tensorflow "
        "2.21.0: ask for tensorflow alone, or for a version that this one meets."
    )


def test_a_package_that_needs_what_clashes_with_the_environment(state: StateFolder) -> None:
    message = reason(state, "flask==2.3.3", werkzeug="1.0.1")
    assert message == (
        "flask 2.3.3 needs werkzeug>=2.3.7, and the environment small has werkzeug 1.0.1; "
        "flask 1.1.4 would fit."
    )


def test_two_requirements_that_clash(state: StateFolder) -> None:
    message = reason(state, "six==1.16.0", "six==1.17.0")
    assert message.startswith("six 1.16.0 and six 1.17.0 cannot both be met")


@pytest.mark.parametrize("line", ["x @ https://example.com/x.whl", "-r /etc/passwd", "a b"])
def test_what_is_no_plain_requirement_is_never_given_to_uv(state: StateFolder, line: str) -> None:
    with pytest.raises(PackagingFailed):
        packaged(state, upload(state, CODE, [line]), small_environment())
    assert not state.uv_cache.exists()


def test_no_index_to_reach(state: StateFolder, monkeypatch: Any) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert "index does not answer" in reason(state, "six")


def test_a_locked_file_that_the_index_has_no_longer(state: StateFolder) -> None:
    lock = f"six==1.17.0 \\\n    --hash=sha256:{'0' * 64}\n"
    with pytest.raises(PackagingFailed, match="lock"):
        packaged(state, upload(state, CODE, ["six"]), small_environment(), lock=lock)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, where this machine lets us have one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("needs", [[], ["flask==3.1.0"]])
def test_a_full_disk(small_disk: Path, needs: list[str]) -> None:
    full = StateFolder(small_disk)
    data = os.urandom(700_000)
    source = upload(full, {"train.py": data}, needs)
    with pytest.raises(PackagingFailed, match="disk"):
        packaged(full, source, small_environment())
    assert not list(full.layers.glob("*/train.py"))


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ([SourceFile(path="../x", digest="d")], "no path within"),
        ([SourceFile(path="/x", digest="d")], "no path within"),
        ([SourceFile(path="a//b", digest="d")], "no path within"),
        ([SourceFile(path="a/./b", digest="d")], "no path within"),
        ([SourceFile(path="x", digest="d"), SourceFile(path="x", link="train.py")], "twice"),
        ([SourceFile(path="x", digest="d"), SourceFile(path="x/y", digest="d")], "a folder"),
        ([SourceFile(path="x", link=".."), SourceFile(path="x/y", digest="d")], "a folder"),
        ([SourceFile(path="x", link="/etc/passwd")], "leaves"),
        ([SourceFile(path="a/x", link="../../y")], "leaves"),
        ([SourceFile(path="x", link="~/../y")], "leaves"),
        ([SourceFile(path="x", link="y", digest="d")], "either"),
        ([SourceFile(path="x")], "either"),
    ],
)
def test_a_source_that_leaves_its_folder_is_refused(files: list[SourceFile], hint: str) -> None:
    every = [SourceFile(path="train.py", digest="d"), *files]
    with pytest.raises(PackagingFailed, match=hint):
        check_source(Source(digest="d", entry="train.py", files=every))


def test_a_source_without_its_entry_is_refused() -> None:
    with pytest.raises(PackagingFailed, match="entry"):
        check_source(Source(digest="d", entry="train.py", files=[]))


@pytest.mark.parametrize("harm", [Path.unlink, lambda blob: blob.write_bytes(b"other")])
def test_a_content_that_is_not_there_or_damaged(
    state: StateFolder, harm: Callable[[Path], object]
) -> None:
    source = upload(state, CODE)
    harm(state.blob(sha256(CODE["train.py"])))
    with pytest.raises(PackagingFailed, match=r"train\.py.*submit again"):
        packaged(state, source, small_environment())
