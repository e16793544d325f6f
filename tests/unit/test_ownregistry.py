"""The accounts of the registry that Labdock runs."""

from __future__ import annotations

from pathlib import Path

import bcrypt
import pytest

from labdock_service.ownregistry import lets_in


def test_accounts_let_their_own_password_in(tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"ours", bcrypt.gensalt(4)).decode()
    (tmp_path / "accounts").write_text(f"labdock:{hashed}\n")
    assert lets_in(tmp_path / "accounts", "ours")
    assert not lets_in(tmp_path / "accounts", "restored")


@pytest.mark.parametrize("said", ["", "labdock", "labdock:", "someone:x", "labdock:\xff"])
def test_accounts_that_are_broken_let_nobody_in(tmp_path: Path, said: str) -> None:
    (tmp_path / "accounts").write_text(said)
    assert not lets_in(tmp_path / "accounts", "ours")
    assert not lets_in(tmp_path / "none", "ours")
