"""Packaging with real uv and the real index: the same bytes everywhere."""

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
    unpacked,
    upload,
)

from labdock.digests import sha256
from labdock.schema import Source
from labdock.snapshot import source_digest
from labdock_service.packaging.dependencies import normalise
from labdock_service.packaging.environments import find_environments
from labdock_service.packaging.layers import write_tar
from labdock_service.packaging.scratch import scratch
from labdock_service.packaging.sourcecode import runtime_version
from labdock_service.statefolder import StateFolder

CODE = {"train.py": b"import flask\n", "tools/run.sh": b"#!/bin/sh\n"}
NEEDS = ("attrs==25.1.0", "flask==3.1.0", "idna", "tensorflow")
ENVIRONMENT = small_environment(idna="3.10", tensorflow_cpu="2.21.0", click="8.1.8")


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


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
    paths = unpacked(state, result)
    return state, source, {**digests(result), "lock": result.lock, "paths": paths}


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
    assert manifest["annotations"]["labdock.runtime"] == runtime_version(small_runtime(state))
    assert config["config"]["Labels"] == manifest["annotations"]


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
    assert list(unpacked(state, result)["dependencies"].iterdir()) == []


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


# Killed, and two at once


def found(folder: Path, pattern: str) -> list[Path]:
    try:
        return list(folder.glob(pattern))
    except FileNotFoundError:  # another process deleted a folder while it was read
        return []


def making(state: StateFolder) -> list[Path]:
    return found(state.cache / "making", "*")


MOMENTS: Mapping[str, Callable[[StateFolder], object]] = {
    "as something is being made": making,
    "as packages are being installed": lambda state: found(state.cache, "making/*/dep*/*"),
    "as a layer is there": lambda state: found(state.layers, "*"),
    "as all layers are there": lambda state: len(found(state.layers, "*")) == 3,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_run_again(first: Any, state: StateFolder, moment: str) -> None:
    source = upload(state, CODE, NEEDS, links={"data": "~/data/x", "self": "train.py"})
    process = start_packaging(state, source, ENVIRONMENT)
    deadline = time.monotonic() + 240
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
    assert find_environments(state, "local") == []
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
    found = find_environments(state, "local")
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
