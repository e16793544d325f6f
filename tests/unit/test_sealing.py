"""What is sealed opens with the keys, in its own place, and nowhere else."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from labdock_service.sealing import Seal, Unsealable


@pytest.fixture
def seal(tmp_path: Path) -> Seal:
    return Seal(tmp_path / "secret-keys")


def test_what_was_sealed_opens(seal: Seal, tmp_path: Path) -> None:
    sealed = seal.close("gada", "TOKEN", "hunter2")
    assert "hunter2" not in sealed
    assert seal.close("gada", "TOKEN", "hunter2") != sealed
    assert Seal(tmp_path / "secret-keys").open("gada", "TOKEN", sealed) == "hunter2"


def test_the_keys_are_their_users_alone(seal: Seal, tmp_path: Path) -> None:
    seal.close("gada", "TOKEN", "hunter2")
    assert (tmp_path / "secret-keys").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret-keys"]


@pytest.mark.parametrize("place", [("galan", "TOKEN"), ("gada", "OTHER"), ("gadaTOKEN", "")])
def test_moved_to_another_place_it_does_not_open(seal: Seal, place: tuple[str, str]) -> None:
    sealed = seal.close("gada", "TOKEN", "hunter2")
    with pytest.raises(Unsealable):
        seal.open(*place, sealed)


def test_without_the_keys_it_does_not_open(seal: Seal, tmp_path: Path) -> None:
    sealed = seal.close("gada", "TOKEN", "hunter2")
    for keys in ("", "rubbish\n", None):
        (tmp_path / "secret-keys").unlink()
        if keys is not None:
            (tmp_path / "secret-keys").write_text(keys)
        with pytest.raises(Unsealable) as error:
            seal.open("gada", "TOKEN", sealed)
        assert str(tmp_path) not in str(error.value)
    Seal(tmp_path / "others").close("gada", "TOKEN", "hunter2")
    with pytest.raises(Unsealable):
        Seal(tmp_path / "others").open("gada", "TOKEN", sealed)


def test_a_changed_text_does_not_open(seal: Seal) -> None:
    sealed = seal.close("gada", "TOKEN", "hunter2")
    for wrong in (sealed[:-8], "", "rubbish", sealed.swapcase()):
        with pytest.raises(Unsealable):
            seal.open("gada", "TOKEN", wrong)


def test_a_new_key_is_used_and_the_one_before_still_opens(seal: Seal, tmp_path: Path) -> None:
    old = seal.close("gada", "TOKEN", "hunter2")
    keys = (tmp_path / "secret-keys").read_text().split()
    for _ in range(3):  # broken off twice before anything was sealed anew
        seal.add_key()
    new = seal.renew(old)
    assert seal.open("gada", "TOKEN", old) == "hunter2"
    seal.drop_keys()
    left = (tmp_path / "secret-keys").read_text().split()
    assert len(left) == 2
    assert keys[0] not in left
    assert seal.open("gada", "TOKEN", new) == "hunter2"
    with pytest.raises(Unsealable):
        seal.open("gada", "TOKEN", old)


def test_two_that_make_the_first_key_at_once_have_one(tmp_path: Path) -> None:
    sealed: list[str] = []
    start = threading.Barrier(4)

    def close() -> None:
        seal = Seal(tmp_path / "secret-keys")
        start.wait()
        sealed.append(seal.close("gada", "TOKEN", "hunter2"))

    threads = [threading.Thread(target=close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seal = Seal(tmp_path / "secret-keys")
    assert [seal.open("gada", "TOKEN", one) for one in sealed] == ["hunter2"] * 4
