"""Packaging with real uv and the real index: the same bytes everywhere, and sentences."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.packages import (
    digests,
    finish,
    packaged,
    small_environment,
    small_runtime,
    start_packaging,
    upload,
)

from labdock.digests import sha256
from labdock.schema import Source, SourceFile
from labdock.snapshot import source_digest
from labdock_service.errors import PackagingFailed
from labdock_service.packaging.dependencies import normalise
from labdock_service.packaging.environments import find_environments
from labdock_service.packaging.layers import write_tar
from labdock_service.packaging.scratch import scratch
from labdock_service.packaging.sourcecode import check_source, runtime_version
from labdock_service.statefolder import StateFolder

CODE = {"train.py": b"import flask\n", "tools/run.sh": b"#!/bin/sh\n"}
NEEDS = ("attrs==25.1.0", "flask==3.1.0", "idna", "tensorflow")
ENVIRONMENT = small_environment(idna="3.10", tensorflow_cpu="2.21.0", click="8.1.8")


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


def locked(lock: str) -> list[str]:
    return [line.split("==")[0] for line in lock.splitlines() if "==" in line]


def members(blob: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(blob) as tar:
        return tar.getmembers()


# What is made


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[StateFolder, Source, dict[str, Any]]:
    """One packaged snapshot, to compare others with."""
    state = StateFolder(tmp_path_factory.mktemp("first"))
    source = upload(state, CODE, NEEDS, links={"data": "~/data/x", "self": "train.py"})
    result = packaged(state, source, ENVIRONMENT)
    return state, source, {**digests(result), "lock": result.lock, "paths": result.paths}


def test_a_lock_has_hashes_and_only_what_the_environment_lacks(first: Any) -> None:
    lock = first[2]["lock"]
    names = locked(lock)
    assert {"attrs", "flask", "jinja2", "werkzeug"} <= set(names)
    assert not {"idna", "tensorflow", "tensorflow-cpu", "click"} & set(names)
    assert lock.count("--hash=sha256:") >= len(names)
    assert "http" not in lock and "file:" not in lock and "@" not in lock


def test_layers_lie_unpacked_by_role_and_can_be_imported(first: Any) -> None:
    state, _, result = first
    paths = result["paths"]
    assert {role: path.name for role, path in paths.items()} == {
        role: digest.removeprefix("sha256:") for role, digest in result["layers"].items()
    }
    assert (paths["code"] / "train.py").read_bytes() == CODE["train.py"]
    assert os.access(paths["code"] / "tools/run.sh", os.X_OK)
    assert (paths["code"] / "data").readlink() == state.data_roots / "data/x"
    assert (paths["runtime"] / "labdock_runtime/__init__.py").is_file()
    path = f"{paths['dependencies']}:{paths['runtime']}"
    code = "import attr, itsdangerous, labdock_runtime.deep.er; print(attr.__version__)"
    command = [sys.executable, "-S", "-B", "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.stdout.strip() == "25.1.0"


def test_layers_are_normalised_tars_and_read_only_folders(first: Any) -> None:
    state, _, result = first
    for role, digest in result["layers"].items():
        found = members(state.images / "blobs/sha256" / digest.removeprefix("sha256:"))
        names = [member.name for member in found]
        assert names == sorted(names)
        assert names[:3] == ["opt", "opt/labdock", f"opt/labdock/{role}"]
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in found} == {(0, 0, 0, "", "")}
        assert {m.mode for m in found if m.isreg()} <= {0o644, 0o755}
        assert not [name for name in names if name.endswith((".pyc", ".lock", "__pycache__"))]
    for path in result["paths"].values():
        modes = {file.lstat().st_mode & 0o222 for file in path.rglob("*") if not file.is_symlink()}
        assert modes == {0} and path.stat().st_mode & 0o222 == 0


def test_scripts_with_this_machines_interpreter_are_left_out(first: Any) -> None:
    folder = first[2]["paths"]["dependencies"]
    assert not (folder / "bin").exists()
    record = (folder / "flask-3.1.0.dist-info/RECORD").read_text()
    assert "bin/flask" not in record and "flask/app.py" in record
    for file in folder.rglob("*"):
        if file.is_file():
            assert sys.prefix.encode() not in file.read_bytes()


def test_links_to_data_roots_have_a_fixed_place_in_the_image(first: Any) -> None:
    state, _, result = first
    digest = result["layers"]["code"].removeprefix("sha256:")
    links = {
        m.name: m.linkname for m in members(state.images / "blobs/sha256" / digest) if m.issym()
    }
    assert links == {
        "opt/labdock/code/data": "/opt/labdock/roots/data/x",
        "opt/labdock/code/self": "train.py",
    }


def test_the_layout_is_one_that_the_image_specification_knows(first: Any) -> None:
    state, source, result = first
    blobs = state.images / "blobs/sha256"
    assert json.loads((state.images / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    for blob in blobs.iterdir():
        assert sha256(blob.read_bytes()) == f"sha256:{blob.name}"
    (listed,) = json.loads((state.images / "index.json").read_text())["manifests"]
    manifest = json.loads((blobs / result["image"].removeprefix("sha256:")).read_text())
    assert listed["digest"] == result["image"]
    for part in (manifest["config"], *manifest["layers"]):
        assert (blobs / part["digest"].removeprefix("sha256:")).stat().st_size == part["size"]
    config = json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
    assert config["rootfs"]["diff_ids"] == list(result["layers"].values())
    assert manifest["annotations"]["labdock.environment"] == ENVIRONMENT.digest
    assert manifest["annotations"]["labdock.source"] == source.digest


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
def test_other_tools_read_the_image(first: Any) -> None:
    state, _, result = first
    image = f"oci:{state.images}:{result['snapshot'].removeprefix('sha256:')}"
    done = subprocess.run(["skopeo", "inspect", image], check=True, capture_output=True)
    described = json.loads(done.stdout)
    assert described["Digest"] == result["image"]
    assert described["Layers"] == list(result["layers"].values())
    with tempfile.TemporaryDirectory() as place:
        copied = f"oci:{place}/copy:latest"
        subprocess.run(["skopeo", "copy", "-q", image, copied], check=True)


# The same everywhere


def test_the_same_snapshot_has_the_same_digests_from_another_state_folder(
    first: Any, state: StateFolder
) -> None:
    source = upload(state, CODE, NEEDS, links={"data": "~/data/x", "self": "train.py"})
    assert source == first[1]
    again = packaged(state, source, ENVIRONMENT)
    assert again.lock == first[2]["lock"]
    assert {**digests(again)} == {key: first[2][key] for key in ("image", "snapshot", "layers")}


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_umask_does_not_count(first: Any, state: StateFolder, umask: int) -> None:
    source = upload(state, CODE, NEEDS, links={"data": "~/data/x", "self": "train.py"})
    made = finish(start_packaging(state, source, ENVIRONMENT, umask=umask))
    assert made == {key: first[2][key] for key in ("image", "snapshot", "layers")}


def other_pythons() -> Iterator[Path]:
    """Interpreters of this machine of other installations than ours."""
    siblings = Path(sys.base_prefix).parent.glob("*/bin/python3.1[1-9]")
    seen = {Path(sys.executable).resolve()}
    for path in [Path("/usr/bin/python3"), *siblings]:
        if path.exists() and path.resolve() not in seen:
            seen.add(path.resolve())
            code = "import sys; sys.exit(sys.version_info < (3, 11))"
            if subprocess.run([path, "-c", code], check=False).returncode == 0:
                yield path


@pytest.mark.parametrize("python", list(other_pythons()), ids=lambda path: path.name)
def test_the_python_installation_does_not_count(
    first: Any, state: StateFolder, tmp_path: Path, python: Path
) -> None:
    """Neither the one that packaging runs on, nor where the environment's interpreter lies."""
    subprocess.run([python, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    environment = replace(ENVIRONMENT, python=tmp_path / "venv/bin/python")
    source = upload(state, CODE, NEEDS, links={"data": "~/data/x", "self": "train.py"})
    made = finish(start_packaging(state, source, environment, python=str(python)))
    assert made == {key: first[2][key] for key in ("image", "snapshot", "layers")}


FILES = st.dictionaries(
    st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=70
        ).filter(lambda name: name not in (".", "..")),
        min_size=1,
        max_size=2,
    )
    .map("/".join)
    .filter(lambda path: len(os.fsencode(path)) < 240),
    st.tuples(st.binary(max_size=600), st.booleans()),
    max_size=5,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(files=FILES)
def test_a_tar_depends_on_nothing_but_its_files(files: dict[str, tuple[bytes, bool]]) -> None:
    plain = {
        path: kept
        for path, kept in files.items()
        if not any(other.startswith(f"{path}/") for other in files)
    }
    with tempfile.TemporaryDirectory() as place:
        made = []
        for turn, order in enumerate((sorted(plain), sorted(plain, reverse=True))):
            folder = Path(place) / str(turn)
            folder.mkdir()
            for path in order:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(plain[path][0])
                (folder / path).chmod(
                    (0o700, 0o775)[turn] if plain[path][1] else (0o600, 0o664)[turn]
                )
                os.utime(folder / path, (turn, turn))
            made.append(write_tar("code", folder, Path(place) / f"{turn}.tar"))
        data = (Path(place) / "0.tar").read_bytes()
    assert made[0] == made[1]
    assert (sha256(data), len(data)) == (made[0].digest, made[0].size)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        read = {
            member.name.removeprefix("opt/labdock/code/"): (extracted.read(), member.mode == 0o755)
            for member in tar.getmembers()
            if (extracted := tar.extractfile(member)) is not None
        }
    assert read == plain


def test_portable_scripts_stay_and_others_go(tmp_path: Path) -> None:
    scripts = {
        "portable": b"#!/usr/bin/env bash\necho\n",
        "binary": b"\x7fELF\0",
        "host": b"#!/home/somebody/venv/bin/python\n",
        "long": b"#!/bin/sh\n'''exec' /home/somebody/with/a/long/path/python\n",
        "system": b"#!/usr/bin/python3\n",
    }
    (tmp_path / "bin").mkdir()
    (tmp_path / "x-1.dist-info").mkdir()
    for name, data in scripts.items():
        (tmp_path / "bin" / name).write_bytes(data)
    record = tmp_path / "x-1.dist-info/RECORD"
    record.write_text("".join(f"bin/{name},,\n" for name in scripts) + "x.py,,\n")
    normalise(tmp_path)
    assert sorted(file.name for file in (tmp_path / "bin").iterdir()) == ["binary", "portable"]
    assert record.read_text() == "bin/portable,,\nbin/binary,,\nx.py,,\n"


# What is made again, and what is not


def test_a_change_of_code_makes_one_layer_and_asks_nobody(first: Any, monkeypatch: Any) -> None:
    state, _, result = first
    monkeypatch.setenv("UV_OFFLINE", "1")
    source = upload(state, {**CODE, "train.py": b"import flask, os\n"}, NEEDS)
    before = state.uv_cache.stat().st_mtime_ns
    changed = digests(packaged(state, source, ENVIRONMENT, lock=result["lock"]))
    assert state.uv_cache.stat().st_mtime_ns == before
    assert changed["layers"]["dependencies"] == result["layers"]["dependencies"]
    assert changed["layers"]["runtime"] == result["layers"]["runtime"]
    assert changed["layers"]["code"] != result["layers"]["code"]
    assert changed["snapshot"] != result["snapshot"] and changed["image"] != result["image"]


def test_packaging_again_finds_it_made(first: Any) -> None:
    state, source, result = first
    paths = [*state.layers.iterdir(), *(state.images / "blobs/sha256").iterdir()]
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}
    listed = (state.images / "index.json").read_bytes()
    again = packaged(state, source, ENVIRONMENT, lock=result["lock"])
    assert digests(again)["image"] == result["image"]
    assert before == {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in before}
    ours = [item for item in json.loads(listed)["manifests"] if item["digest"] == result["image"]]
    assert len(ours) == 1


def test_a_kept_lock_is_used_until_it_is_renewed(state: StateFolder) -> None:
    environment = small_environment()
    old = packaged(state, upload(state, CODE, ["six==1.16.0"]), environment).lock
    source = upload(state, CODE, ["six"])
    kept = packaged(state, source, environment, lock=old)
    assert kept.lock == old
    renewed = packaged(state, source, environment, lock=old, renew=True)
    assert locked(renewed.lock) == ["six"] and "six==1.16.0" not in renewed.lock
    assert renewed.snapshot_digest != kept.snapshot_digest


def test_nothing_is_asked_of_an_index_where_the_environment_has_it_all(
    state: StateFolder, monkeypatch: Any
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    needs = ["idna>=3", "tensorflow[and-cuda]>=2.20", 'six; sys_platform == "win32"']
    result = packaged(state, upload(state, CODE, needs), ENVIRONMENT)
    assert result.lock == ""
    assert list(result.paths["dependencies"].iterdir()) == []


def test_an_extra_of_a_package_that_the_environment_has(state: StateFolder, tmp_path: Path) -> None:
    """Only what the extra needs is added, as the installed package describes it."""
    about = tmp_path / "venv/lib/python3.11/site-packages/requests-2.32.3.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: requests\nVersion: 2.32.3\nProvides-Extra: socks\n"
        "Requires-Dist: idna\nRequires-Dist: PySocks>=1.5.6 ; extra == 'socks'\n"
    )
    (tmp_path / "venv/bin").mkdir()
    (tmp_path / "venv/bin/python").symlink_to(sys.executable)
    environment = small_environment(requests="2.32.3")
    environment = replace(environment, python=tmp_path / "venv/bin/python")
    result = packaged(state, upload(state, CODE, ["requests[socks]"]), environment)
    assert locked(result.lock) == ["pysocks"]


# What fails


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


# Killed, and two at once


def making(state: StateFolder) -> list[Path]:
    return list((state.cache / "making").glob("*"))


MOMENTS: Mapping[str, Callable[[StateFolder], object]] = {
    "as something is being made": making,
    "as packages are being installed": lambda state: list(state.cache.glob("making/*/dep*/*")),
    "as a layer is there": lambda state: list(state.layers.glob("*")),
    "as all layers are there": lambda state: len(list(state.layers.glob("*"))) == 3,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_run_again(first: Any, state: StateFolder, moment: str) -> None:
    source = upload(state, CODE, NEEDS, links={"data": "~/data/x", "self": "train.py"})
    process = start_packaging(state, source, ENVIRONMENT)
    deadline = time.monotonic() + 60
    while process.poll() is None and not MOMENTS[moment](state):
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = digests(packaged(state, source, ENVIRONMENT))
    assert again == {key: first[2][key] for key in ("image", "snapshot", "layers")}
    for path in state.layers.iterdir():
        assert path.stat().st_mode & 0o222 == 0


def test_what_a_killed_process_left_is_deleted_by_the_next(state: StateFolder) -> None:
    code = (
        "import sys, os, signal; from pathlib import Path\n"
        "from labdock_service.packaging.scratch import scratch\n"
        "from labdock_service.statefolder import StateFolder\n"
        "with scratch(StateFolder(Path(sys.argv[1]))) as made:\n"
        "    (made.path / 'sub').mkdir(); (made.path / 'sub' / 'file').touch()\n"
        "    (made.path / 'sub').chmod(0o500)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, state.root], check=False)
    assert len(making(state)) == 1
    with scratch(state) as ours, scratch(state) as other:
        assert set(making(state)) == {ours.path, other.path}
    assert making(state) == []


def test_two_at_once(first: Any, state: StateFolder) -> None:
    source = upload(state, CODE, NEEDS, links={"data": "~/data/x", "self": "train.py"})
    both = [start_packaging(state, source, ENVIRONMENT) for _ in range(2)]
    for result in map(finish, both):
        assert result == {key: first[2][key] for key in ("image", "snapshot", "layers")}
    assert len(list(state.layers.iterdir())) == 3
    assert len(json.loads((state.images / "index.json").read_text())["manifests"]) == 1
    assert making(state) == []


# Environments and the runtime


def test_environments_of_a_deployment(state: StateFolder) -> None:
    assert find_environments(state) == []
    for name, default in (("b", False), ("a", False), ("c", True)):
        folder = state.environments / (name * 64)
        folder.mkdir(parents=True)
        body = {
            "name": name,
            "title": name.upper(),
            "digest": f"sha256:{name * 64}",
            "python": "3.11.7",
            "packages": {"six": "1.17.0"},
            "default": default,
        }
        (folder / "environment.json").write_text(json.dumps(body))
    found = find_environments(state)
    assert [environment.name for environment in found] == ["c", "a", "b"]
    assert found[0].python == state.environments / ("c" * 64) / "venv/bin/python"
    assert (found[0].version, found[0].minor, found[0].default) == ("3.11.7", "3.11", True)
    assert found[0].platform.endswith("-manylinux_2_28")


def test_another_runtime_has_another_version(state: StateFolder) -> None:
    folder = small_runtime(state)
    version = runtime_version(folder)
    assert version.startswith("0.1.0+")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/x.pyc").touch()
    assert runtime_version(folder) == version
    (folder / "more.py").touch()
    assert runtime_version(folder) != version


def test_the_digest_of_an_uploaded_source_is_the_clients(state: StateFolder) -> None:
    source = upload(state, CODE, ["six"])
    assert source.digest == source_digest(source.entry, source.files, source.requirements)
