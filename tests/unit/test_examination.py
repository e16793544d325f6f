"""What `labdock doctor` finds, one look at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.api import make_environment

from labdock_service.commands import examination
from labdock_service.engines.base import NO_GPU
from labdock_service.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "labdock.toml")


def test_what_holds_jobs_back_is_said_as_it_is(settings: Settings) -> None:
    limits = next(look for look in examination.memory(settings) if look.what == "limits")
    assert "group" not in limits.found
    assert "CPUs" in limits.found and "once a second" in limits.found


def test_a_package_that_is_missing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "PARTS", ("labdock", "no-such-package"))
    found = {look.what: look for look in examination.installed(settings)}
    assert found["labdock"].good and not found["no-such-package"].good
    assert "`make up`" in found["no-such-package"].advice


def test_a_program_that_is_missing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(settings.folder))
    found = {look.what: look for look in examination.programs(settings)}
    assert not found["git"].good and "apt-get install git" in found["git"].advice


def test_an_environment_without_its_gpu_says_why(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_environment(settings.state, gpu=True)
    monkeypatch.setenv("PATH", str(settings.folder))
    (found,) = examination.gpu_environments(settings)
    assert found.found == f"TensorFlow: {NO_GPU}"
