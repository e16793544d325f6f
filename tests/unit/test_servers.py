"""Which model server a revision gets, whatever the lock names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from tests.support.api import make_settings

from labdock_service.errors import Invalid
from labdock_service.imagekeeper import record_servers, wanted
from labdock_service.images.locked import read_lock
from labdock_service.images.servers import servers
from labdock_service.serving.servers import (
    EMBEDDED,
    OWN,
    ServerImage,
    choose,
    instead,
    read_servers,
    write_servers,
)

NUMBERS = st.tuples(st.integers(1, 3), st.integers(0, 30), st.integers(0, 3))
VERSIONS = NUMBERS.map(lambda numbers: ".".join(map(str, numbers))) | st.sampled_from(
    ["2.20", "2.20.0rc1", "2.9.0-rc2", "", "newest"]
)
DIGEST = "sha256:" + "a" * 64


def image(number: int, tensorflow: str, *, gpu: bool) -> ServerImage:
    place = f"registry:5000/tensorflow/serving@sha256:{number:064x}"
    title = f"TensorFlow Serving {tensorflow}"
    return ServerImage(name=f"s{number}", title=title, image=place, tensorflow=tensorflow, gpu=gpu)


SERVERS = st.lists(st.tuples(VERSIONS, st.booleans()), max_size=6).map(
    lambda found: [image(number, one, gpu=gpu) for number, (one, gpu) in enumerate(found)]
)


def numbers(version: str) -> tuple[int, int] | None:
    """The first two, compared as numbers; none of what is no version."""
    if not version[:1].isdigit():
        return None
    read = Version(version)
    return read.major, read.minor


@given(SERVERS, VERSIONS, st.booleans(), st.sets(st.integers(0, 5)))
def test_the_choice(found: list[ServerImage], model: str, gpus: bool, refused: set[int]) -> None:
    why_not = {one.image: "was not verified" for one in found if int(one.name[1:]) in refused}
    choice = choose(found, model, gpus=gpus, refused=why_not)
    wanted = numbers(model)

    def fits(one: ServerImage) -> bool:
        its = numbers(one.tensorflow)
        if its is None or wanted is None or one.gpu != gpus or one.image in why_not:
            return False
        return its[0] == wanted[0] and its >= wanted

    able = [one for one in found if fits(one)]
    assert choice.sentence.endswith(".") and "\n" not in choice.sentence
    if not able:
        assert choice.image == EMBEDDED
        assert choice.sentence.startswith(f"{OWN}: ")
        return
    (chosen,) = [one for one in found if one.image == choice.image]
    assert chosen in able
    assert choice.sentence.startswith(f"{chosen.title}: ")
    closest = min(Version(one.tensorflow).minor for one in able)
    assert Version(chosen.tensorflow).minor == closest
    assert all(
        Version(one.tensorflow).micro <= Version(chosen.tensorflow).micro
        for one in able
        if Version(one.tensorflow).minor == closest
    )
    shuffled = choose(found[::-1], model, gpus=gpus, refused=why_not)
    assert Version(chosen.tensorflow).release[:3] == next(
        Version(one.tensorflow).release[:3] for one in found if one.image == shuffled.image
    )


@pytest.mark.parametrize(
    ("model", "gpus", "failed", "said"),
    [
        ("2.21.0", False, False, "none in images/lock.toml has TensorFlow 2.21.0 or newer."),
        ("2.19.0", True, False, "none in images/lock.toml has TensorFlow 2.19.0 or newer and sees"),
        ("2.9.0", False, True, "TensorFlow Serving 2.20.0 failed."),
    ],
)
def test_labdocks_own_server_says_why(model: str, gpus: bool, failed: bool, said: str) -> None:
    server = image(1, "2.20.0", gpu=False)
    why_not = {server.image: "failed"} if failed else {}
    choice = choose([server], model, gpus=gpus, refused=why_not)
    assert said in choice.sentence


def test_a_server_that_is_done_without_is_named() -> None:
    server = image(1, "2.20.0", gpu=False)
    first = choose([server], "2.9.1", gpus=False, refused={})
    assert first.image == server.image
    second = instead(first.sentence, "an op is not registered.")
    assert second.image == EMBEDDED
    said = "TensorFlow Serving 2.20.0 could not serve it (an op is not registered)"
    assert second.sentence == f"{OWN}: {said}."


@given(SERVERS)
def test_what_is_noted_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, found: list[ServerImage]
) -> None:
    folder = tmp_path_factory.mktemp("state") / "environments"
    assert read_servers(folder) == []
    write_servers(folder, found)
    assert read_servers(folder) == found


def test_the_puller_fetches_what_the_lock_names_and_nothing_else(tmp_path: Path) -> None:
    """The lock that is shipped names no server by digest."""
    settings = make_settings(tmp_path)
    server = image(1, "2.20.0", gpu=False)
    write_servers(settings.state.environments, [server])
    assert wanted(settings.state) == [server.image]
    record_servers(settings)
    assert wanted(settings.state) == []


LOCK = """
[registries]
"images.example" = "registry.images.example"

[images.serving]
title = "TensorFlow Serving 2.20"
kind = "server"
image = "images.example/tensorflow/serving:2.20.0"
digest = "{digest}"
checked = ""
tensorflow = "{tensorflow}"

[images.base]
title = "Debian"
kind = "base"
image = "images.example/library/debian:12"
digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
checked = ""
"""


def test_servers_of_a_lock_are_those_whose_digest_was_checked(tmp_path: Path) -> None:
    file = tmp_path / "lock.toml"
    file.write_text(LOCK.format(digest="", tensorflow="2.20.0"))
    assert list(servers(read_lock(file), "")) == []
    file.write_text(LOCK.format(digest=DIGEST, tensorflow="2.20.0"))
    (server,) = servers(read_lock(file), "")
    assert server.image == f"registry.images.example/tensorflow/serving@{DIGEST}"
    (mirrored,) = servers(read_lock(file), "mirror.example.org:5000")
    assert mirrored.image == f"mirror.example.org:5000/tensorflow/serving@{DIGEST}"


def test_a_server_of_a_lock_says_its_tensorflow(tmp_path: Path) -> None:
    file = tmp_path / "lock.toml"
    file.write_text(LOCK.format(digest=DIGEST, tensorflow=""))
    with pytest.raises(Invalid, match="a server says its `tensorflow`"):
        read_lock(file)
