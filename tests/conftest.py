"""What every suite shares: where the environment is, and what a missing service means."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from tests.support.deployment import Deployment, running_deployment  # noqa: E402
from tests.support.onebyone import one_by_one  # noqa: E402
from tests.support.services import require  # noqa: E402

from labdock_service.installation import ensure_environment, ensure_proxy  # noqa: E402
from labdock_service.statefolder import StateFolder  # noqa: E402

settings.register_profile("unhurried", settings(deadline=None))
settings.load_profile("unhurried")
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what tests start should start as people's does
GIVEN: dict[str, str] = {}
"""What is for the tests only: what they start refuses a variable that is no setting."""


def pytest_configure(config: pytest.Config) -> None:
    """Take it out of the variables; a process that only hands out tests leaves it to the others."""
    if not config.getoption("numprocesses"):
        ours = [name for name in os.environ if name.startswith("LABDOCK_TEST_")]
        GIVEN.update({name: os.environ.pop(name) for name in ours})


@pytest.fixture(scope="session")
def prepared() -> StateFolder:
    """A state folder to install into, kept between runs (LABDOCK_TEST_STATE; else .labdock)."""
    state = StateFolder(Path(GIVEN.get("LABDOCK_TEST_STATE", CHECKOUT / ".labdock")))
    state.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return state


@pytest.fixture(scope="session")
def environment(prepared: StateFolder) -> Path:
    """The folder of the environment that `labdock up` makes."""
    with one_by_one("environment"):
        return ensure_environment(prepared, print)


@pytest.fixture(scope="session")
def tensorflow_python(request: pytest.FixtureRequest) -> Path:
    """A Python with TensorFlow: LABDOCK_TEST_ENVIRONMENT, else the environment's own."""
    if named := GIVEN.get("LABDOCK_TEST_ENVIRONMENT"):
        return Path(named)
    environment: Path = request.getfixturevalue("environment")
    return environment / "venv/bin/python"


@pytest.fixture(scope="session")
def labdock_proxy(prepared: StateFolder) -> list[str]:
    """The command of configurable-http-proxy."""
    with one_by_one("proxy"):
        return ensure_proxy(prepared, print)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Debian's Chromium."""
    path = Path("/usr/bin/chromium")
    require(path.exists(), "Debian's Chromium (`apt-get install chromium`)")
    return path


@pytest.fixture(scope="module")
def deployment(
    prepared: StateFolder,
    environment: Path,
    labdock_proxy: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    """The whole shipped deployment, started as a person starts it, for one file of tests."""
    del environment, labdock_proxy  # they lie in `prepared` now
    with running_deployment(prepared, tmp_path_factory.mktemp("deployment")) as running:
        yield running
