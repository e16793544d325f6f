"""A person's server and the ledger of GPUs, through the whole shipped deployment.

Its nvidia-smi is a script that lists a GPU; nothing here uses one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.deployment import Deployment, eventually, new_deployment
from tests.support.invented import write_nvidia_smi
from tests.support.person import Person

from labdock_service.names import own_name
from labdock_service.statefolder import StateFolder
from labdock_service.store import Store, leases, notebooks

pytestmark = [pytest.mark.timeout(900)]

SEES = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"
ACQUIRES = "from labdock import gpu; print(gpu.acquire().devices)"


@pytest.fixture
def started(
    prepared: StateFolder, environment: Path, labdock_proxy: list[str], tmp_path: Path
) -> Iterator[Deployment]:
    del environment, labdock_proxy
    programs = write_nvidia_smi(tmp_path, "GPU-0")
    made = new_deployment(prepared, tmp_path, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    try:
        made.up()
        yield made
    except BaseException:
        print(made.logs())
        raise
    finally:
        made.sweep()


def test_a_notebook_takes_a_gpu_and_its_end_gives_it_back(started: Deployment) -> None:
    store = Store(f"sqlite:///{started.state.database}")

    def held() -> list[str | None]:
        with store.read() as session:
            return [lease.device for lease in leases.held(session)]

    def servers() -> int:
        with store.read() as session:
            return len(notebooks.every(session))

    ann = Person(started, own_name())
    ann.log_in(started.password)
    ann.start_server()
    assert (servers(), held()) == (1, [])
    path = ann.copy("welcome/examples/01-digits/digits.ipynb")
    with ann.notebook(path) as notebook:
        assert notebook.run(SEES).text.strip() == "-1"
        assert notebook.run(ACQUIRES).text.strip() == "['GPU-0']"
    assert held() == ["GPU-0"]
    with ann.notebook(path) as notebook:
        assert notebook.run(SEES).text.strip() == "GPU-0"
    (record,) = [file.stem for file in started.state.run.glob("server-*.json")]
    os.kill(started.pid(record), signal.SIGKILL)
    eventually(lambda: held() == [], seconds=180, what="the end of a killed server's lease")
    eventually(lambda: servers() == 0, seconds=180, what="the end of its record")
    store.close()
