"""`labdock images build` with the real Docker: built twice, an image has the same digest.

Two images stand for all here, as they are quick to build; `make rebuild` builds all of them twice.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from tests.support.containers import add_environment
from tests.support.docker import docker_client
from tests.support.dockerengine import plain_image
from tests.support.images import build_images, built, labdock_images, logged_in
from tests.support.registry import running_registry
from tests.support.services import require
from tests.support.stores import upgraded

from labdock_service import imagekeeper
from labdock_service.findings import Policy
from labdock_service.imagekeeper import wanted
from labdock_service.images.admission import SOMEBODY, verify
from labdock_service.images.recipes import RECIPES, chosen
from labdock_service.linux import host_name
from labdock_service.packaging.environments import board_image, find_environments
from labdock_service.statefolder import StateFolder
from labdock_service.store import verifications
from labdock_service.verifying import Verifier

REPORTS = Path(__file__).parent / "reports"

BUILT = ("base", "tensorboard")


@pytest.fixture(scope="module")
def client() -> docker.DockerClient:
    return docker_client()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder in which the images were built."""
    docker_client()
    folder = tmp_path_factory.mktemp("first")
    said = build_images(folder, *BUILT, "--no-cache")
    for name in BUILT:
        assert built(folder, name).digest in said
    return folder


def test_built_twice_an_image_has_the_same_digest(state: Path, tmp_path: Path) -> None:
    build_images(tmp_path, *BUILT, "--no-cache")
    for name in BUILT:
        first, second = built(state, name), built(tmp_path, name)
        assert first.layers == second.layers
        assert (first.digest, first.id) == (second.digest, second.id)


def test_what_was_built_of_the_same_is_found(state: Path) -> None:
    before = [built(state, name) for name in BUILT]
    said = build_images(state, *BUILT)
    assert [f"{name} (built already)" in said for name in BUILT] == [True, True]
    assert [built(state, name) for name in BUILT] == before


@pytest.mark.parametrize("user", [1000, SOMEBODY])
def test_every_check_passes_under_any_user(
    client: docker.DockerClient, state: Path, user: int
) -> None:
    for name in BUILT:
        found = verify(client, RECIPES[name], built(state, name).id, user)
        assert len(found) >= 4
        assert [check for check in found if not check.passed] == []


@pytest.fixture(scope="module")
def spoilt(client: docker.DockerClient, state: Path) -> Iterator[str]:
    """TensorBoard's image with a package taken out, and one with dated byte code put in."""
    change = (
        "import os, pathlib, site, sys; place = pathlib.Path(site.getsitepackages()[0]); "
        "os.system(f'rm -rf {place}/numpy*'); "
        "(place / 'spoilt.py').write_text('x = 1'); import spoilt"
    )
    container = client.containers.create(
        built(state, "tensorboard").id, ["python", "-c", change], user="0"
    )
    try:
        container.start()
        container.wait()
        image = container.commit(changes="USER 1000:1000")
    finally:
        container.remove(force=True)
    yield image.id
    client.api.remove_image(image.id, force=True)


def test_what_breaks_an_image_is_found_in_it(client: docker.DockerClient, spoilt: str) -> None:
    found = {check.check: check for check in verify(client, RECIPES["tensorboard"], spoilt)}
    assert found["pip check"].passed is False
    assert "numpy" in found["pip check"].said
    assert found["byte code without dates"].passed is False
    assert "spoilt" in found["byte code without dates"].said


def test_what_is_found_is_kept_and_keeps_people_from_choosing_it(
    client: docker.DockerClient, state: Path, spoilt: str, tmp_path: Path
) -> None:
    place = StateFolder(tmp_path / "deployment")
    store = upgraded(f"sqlite:///{place.database}")
    good = built(state, "base").id
    add_environment(place, "fit", notebook=good, training=good, default=True)
    add_environment(place, "broken", notebook=good, training=spoilt)
    add_environment(place, "strange", notebook=plain_image(), training=f"nobody@sha256:{'0' * 64}")
    verifier, lines = Verifier(client, store, name=f"{tmp_path.name}-verify"), []
    while found := verifier.verify_one_missing(imagekeeper.wanted(place)):
        lines.append((found[0], all(check.passed is not False for check in found[1])))
    assert sorted(lines) == [("base", True), ("tensorboard", False)]

    environments = {one.name: one for one in find_environments(place, "image")}
    with store.read() as session:
        kept = verifications.find(session, spoilt, host_name())
        assert kept and abs(time.time() - kept.time) < 600
        assert {check["check"] for check in kept.checks} >= {"user", "pip check", "TensorBoard"}
        why = {
            name: verifications.problem(session, one.images, host_name(), Policy(), 0.0)
            for name, one in environments.items()
        }
    assert (why["fit"], why["strange"]) == (None, None)
    assert "It failed its verification on" in str(why["broken"])

    again = labdock_images(place.root, "verify", "fit")
    assert again.returncode == 0 and "ok      writable folders:" in again.stdout, again.stderr
    again = labdock_images(place.root, "verify")
    assert again.returncode in (2, 3) and "Traceback" not in again.stderr
    again = labdock_images(place.root, "verify", "broken")
    assert again.returncode == 2 and "FAILED  pip check:" in again.stdout
    assert "It is not used here any more: broken (pip check:" in again.stderr
    assert not client.containers.list(all=True, filters={"name": f"{tmp_path.name}-verify"})


def test_a_build_keeps_what_it_verified_and_a_scan_what_it_found(
    state: Path, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/labdock.sqlite"
    store, known = upgraded(database), {"LABDOCK_DATABASE_URL": database}
    build_images(state, "base", **known)
    image = built(state, "base").digest
    with store.read() as session:
        kept = verifications.find(session, image, host_name())
    assert kept and kept.passed and len(kept.checks) >= 4

    report = json.loads((REPORTS / "trivy.json").read_text())
    report["Metadata"]["ImageID"] = built(state, "base").id
    file = tmp_path / "trivy.json"
    file.write_text(json.dumps(report))
    refused = labdock_images(state, "scanned", "base", str(file), **known)
    assert (refused.returncode, "CVE-2019-18224" in refused.stderr) == (2, True)
    with store.read() as session:
        why = verifications.problem(session, [image], host_name(), Policy(), time.time())
    assert "CVE-2019-18224 (critical)" in str(why)

    report["Metadata"]["ImageID"] = "sha256:other"
    file.write_text(json.dumps(report))
    other = labdock_images(state, "scanned", "base", str(file), **known)
    assert (other.returncode, "about another image than base" in other.stderr) == (2, True)


def test_images_are_pushed_by_digest_and_pulled_as_they_were(
    client: docker.DockerClient, state: Path, tmp_path: Path
) -> None:
    with running_registry(tmp_path / "registry") as running:
        login = logged_in(tmp_path / "docker", running.address)
        said = build_images(state, *BUILT, "--push", running.address, **login)
        assert f"push to {running.address}" in said
        registry = running.client()
        for name in BUILT:
            image = built(state, name)
            assert registry.digest(f"labdock/{name}", image.digest) == image.digest
        base = {layer.digest for layer in built(state, "base").layers}
        board = json.loads(registry.manifest("labdock/tensorboard", image.digest))
        assert base < {layer["digest"] for layer in board["layers"]}
        auth = {"username": "labdock", "password": "only-for-tests"}
        place = f"{running.address}/labdock/tensorboard@{image.digest}"
        pulled = client.images.pull(place, auth_config=auth)
        assert pulled.id == image.id
        assert board_image(StateFolder(state)) == place
        assert wanted(StateFolder(state)) == [place]


def test_the_sbom_lists_debians_packages_and_pythons(state: Path, tmp_path: Path) -> None:
    require(Path(sys.executable).with_name("syft").exists(), "syft (of the hub's own packages)")
    target = tmp_path / "board.spdx.json"
    done = labdock_images(state, "sbom", "tensorboard", "--output", str(target))
    assert done.returncode == 0, done.stderr
    body = json.loads(target.read_text())
    assert body["name"] == "labdock/tensorboard"
    assert {"python3.11-minimal", "tensorboard", "numpy"} <= {
        package["name"] for package in body["packages"]
    }


def test_parents_are_built_first() -> None:
    assert [recipe.name for recipe in chosen(["notebook-gpu"])] == [
        "base",
        "training-gpu",
        "notebook-gpu",
    ]
    assert [recipe.name for recipe in chosen([])] == ["base", "training", "notebook", "tensorboard"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["build", "nothing"], 2, "there are: base, training"),
        (["build"], 2, "was never checked"),
        (["build", "--base", "nothing"], 2, "images/lock.toml"),
        (["lock", "nothing"], 2, "images/lock.toml"),
        (["sbom", "base"], 2, "`labdock images build`"),
        (["scanned", "base", "labdock.toml"], 2, "no report of a scan"),
        (["scanned", "base", "tests/images/reports/trivy.json"], 2, "`labdock images build`"),
        (["verify", "nothing"], 2, "There is no environment of images 'nothing'"),
    ],
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    done = labdock_images(tmp_path, *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_docker_it_is_said_so(tmp_path: Path) -> None:
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    done = labdock_images(tmp_path, "build", "base", "--bootstrap", **nowhere)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "Docker does not answer" in done.stderr


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_image_has_its_folder(name: str) -> None:
    recipe = RECIPES[name]
    text = (recipe.folder / "Dockerfile").read_text()
    assert text.count("\nFROM ") >= 2, "the stages of its making stay behind"
    froms = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", text, re.MULTILINE)
    assert {base for base, _ in froms} <= {"${BASE}", "scratch"} | {stage for _, stage in froms}
    assert (recipe.folder / "verify").read_text().rstrip().endswith("finish()")
    asked = (recipe.folder / "requirements.in").exists()
    assert asked == (recipe.folder / "requirements.lock").exists() == ("requirements.lock" in text)


@pytest.mark.parametrize("ending", ["", "-gpu"])
def test_notebooks_have_the_packages_of_jobs(ending: str) -> None:
    def locked(name: str) -> set[str]:
        lines = (RECIPES[name].folder / "requirements.lock").read_text().splitlines()
        return {line.split()[0] for line in lines if line[:1].isalnum() and "==" in line}

    training = locked(f"training{ending}")
    assert len(training) > 80
    assert training <= locked(f"notebook{ending}")
