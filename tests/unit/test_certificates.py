"""The admin's certificate, as it is looked at before Labdock starts with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.authority import Authority

from labdock_service.certificates import check, covers, days_left, names_of
from labdock_service.errors import Invalid


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def said(certificate: Path, key: Path, *hosts: str) -> str:
    with pytest.raises(Invalid) as refused:
        check(certificate, key, hosts)
    return str(refused.value)


def test_a_good_pair(authority: Authority) -> None:
    certificate, key = authority.sign("ours", "lab.example", "*.lab.example", "127.0.0.1")
    check(certificate, key, ["lab.example", "ann.lab.example", "127.0.0.1"])
    assert names_of(certificate) == ["lab.example", "*.lab.example", "127.0.0.1"]
    assert 29 < days_left(certificate) < 31


def test_a_pair_that_does_not_belong_together(authority: Authority) -> None:
    certificate, _ = authority.sign("ours", "lab.example")
    _, key = authority.sign("theirs", "lab.example")
    assert "do not belong together" in said(certificate, key)


def test_one_that_expired(authority: Authority) -> None:
    assert "expired on" in said(*authority.sign("old", "lab.example", days=-1))


def test_one_of_another_name(authority: Authority) -> None:
    pair = authority.sign("ours", "lab.example")
    assert "is for lab.example, not for 'ann.lab.example'" in said(*pair, "ann.lab.example")


def test_files_that_are_not_what_they_should_be(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.sign("ours", "lab.example")
    assert "cannot be read" in said(tmp_path / "none.pem", key)
    assert "'tls.key' names 'none.key'" in said(certificate, tmp_path / "none.key")
    (tmp_path / "text.pem").write_text("hello")
    assert "no PEM file" in said(tmp_path / "text.pem", key)
    assert "no PEM file of a key" in said(certificate, tmp_path / "text.pem")
    assert str(tmp_path) not in said(tmp_path / "none.pem", key)
    assert names_of(tmp_path / "none.pem") == []


@pytest.mark.parametrize(
    ("name", "host", "covered"),
    [
        ("lab.example", "lab.example", True),
        ("Lab.Example", "lab.example", True),
        ("*.lab.example", "ann.lab.example", True),
        ("*.lab.example", "lab.example", False),
        ("*.lab.example", "a.b.lab.example", False),
        ("127.0.0.1", "127.0.0.1", True),
    ],
)
def test_what_a_name_covers(name: str, host: str, covered: bool) -> None:
    assert covers([name], host) is covered
