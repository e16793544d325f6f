"""`labdock gpu` in a real Jupyter server with real kernels; the GPU that they open is a file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.api import Api, api_in_thread, make_settings
from tests.support.deployment import eventually
from tests.support.gpus import reconciling_beside
from tests.support.invented import WithGpus
from tests.support.labserver import TOKEN, lab_server, printed_by

from labdock import client as clients
from labdock.cli import main
from labdock.notebookserver.gpus import why_useless
from labdock_service.hubclient import ADMIN
from labdock_service.reconciler.loop import own_pipe


@dataclass
class Jupyter:
    """Ada's server."""

    client: httpx.Client
    folder: Path

    def ask(self, method: str, path: str, body: object = None) -> Any:
        answer = self.client.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def notebook(self, name: str) -> str:
        """A notebook is opened; the id of its kernel."""
        body = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        made = self.ask("POST", "api/sessions", body)
        return str(made["kernel"]["id"])

    def run(self, kernel: str, code: str) -> str:
        """What a kernel prints."""
        return printed_by(kernel, code, self.folder)

    def sees(self, kernel: str) -> str:
        return self.run(kernel, "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")


@dataclass
class Ada:
    """What Ada types in a terminal of her server, and what the ledger says."""

    api: Api
    hub: httpx.Client
    capsys: pytest.CaptureFixture[str]

    def types(self, *arguments: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = main(["gpu", *arguments])
        return (code, *self.capsys.readouterr())

    def start(self, name: str, gpus: int) -> str:
        wanted = {"start": "t1", "gpus": gpus}
        answer = self.hub.put(f"notebook-leases/{name}", json=wanted)
        return str(answer.json()["state"])

    def holders(self) -> list[str | None]:
        return [gpu["held_by"] for gpu in self.hub.get("gpus").json()]


@pytest.fixture
def ada(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Ada]:
    settings = make_settings(tmp_path)
    engine = WithGpus(settings.state, own_pipe(settings.state))
    with api_in_thread(tmp_path, settings, engine) as api, reconciling_beside(api, engine):
        monkeypatch.setenv("LABDOCK_URL", api.url)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", TOKEN)
        monkeypatch.delenv("LABDOCK_TOKEN", raising=False)
        clients._client.cache_clear()
        headers = {"Authorization": f"token token-{ADMIN}"}
        with httpx.Client(
            base_url=f"{api.url}/services/labdock/api/", headers=headers, timeout=90
        ) as hub:
            yield Ada(api, hub, capsys)
        clients._client.cache_clear()


@contextlib.contextmanager
def jupyter(
    folder: Path, python: Path, monkeypatch: pytest.MonkeyPatch, **more: str
) -> Iterator[Jupyter]:
    gpu = folder / "nvidia0"
    gpu.touch()
    own = {"INVENTED_GPU": str(gpu), "CUDA_VISIBLE_DEVICES": "GPU-0"}
    extension = "tests.support.gpuserver"
    with lab_server(folder, python, extension=extension, password=TOKEN, **own, **more) as client:
        monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", str(client.base_url))
        yield Jupyter(client, folder)


def test_a_gpu_is_given_back_and_asked_for_again(
    ada: Ada, tmp_path: Path, tensorflow_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ada.start("ada", 1) == "held"
    with jupyter(tmp_path, tensorflow_python, monkeypatch) as server:
        kernel, idle = server.notebook("digits.ipynb"), server.notebook("notes.ipynb")
        assert (server.sees(kernel), server.sees(idle)) == ("GPU-0", "GPU-0")
        server.run(kernel, "import os; gpu = open(os.environ['INVENTED_GPU'])")

        refused = server.client.post("labdock/gpus/release", json={})
        assert (refused.status_code, refused.json()["error"]) == (409, "GpuInUse")
        code, _, err = ada.types("release")
        assert (code, "digits.ipynb has the GPU open" in err) == (2, True), err
        assert "notes.ipynb" not in err
        assert ada.holders() == ["ada's notebook server", None]

        code, out, err = ada.types("release", "--shut-down")
        assert (code, out.startswith("Given back")) == (0, True), err
        eventually(lambda: ada.holders() == [None, None])
        left = {one["id"] for one in server.ask("GET", "api/kernels")}
        assert left == {idle}
        assert server.sees(server.notebook("digits.ipynb")) == "-1"

        assert ada.start("grace", 2) == "held"
        code, _, err = ada.types("acquire")
        assert (code, "in use by grace's notebook server" in err) == (2, True), err
        ada.hub.delete("notebook-leases/grace", params={"start": "t1"})
        code, out, err = ada.types("acquire", "--wait", "--json")
        assert (code, json.loads(out)["devices"]) == (0, ["GPU-0"]), err
        server.ask("POST", f"api/kernels/{idle}/restart")
        assert server.sees(idle) == "GPU-0"
        code, out, _ = ada.types()
        assert (code, "ada's notebook server" in out, "free" in out) == (0, True, True)


def test_an_idle_server_gives_its_gpu_back_unless_a_kernel_has_it_open(
    ada: Ada, tmp_path: Path, tensorflow_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ada.start("ada", 1) == "held"
    with jupyter(tmp_path, tensorflow_python, monkeypatch, LABDOCK_RELEASE_GPU_AFTER="4") as server:
        kernel = server.notebook("digits.ipynb")
        server.run(kernel, "import os; gpu = open(os.environ['INVENTED_GPU'])")
        eventually(lambda: "digits.ipynb has the GPU open" in ada.types()[2], seconds=90)
        assert ada.holders() == ["ada's notebook server", None]
        server.run(kernel, "gpu.close()")
        eventually(lambda: ada.holders() == [None, None], seconds=90)
        eventually(lambda: "The GPU was given back" in ada.types()[2], seconds=90)
        assert server.sees(server.notebook("more.ipynb")) == "-1"


def test_giving_back_ends_the_wait_at_once(
    ada: Ada, tmp_path: Path, tensorflow_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ada.start("grace", 2) == "held"
    assert ada.start("ada", 0) == "none"
    asked = {"gpus": 1, "wait": 60, "stay": True}
    with (
        jupyter(tmp_path, tensorflow_python, monkeypatch) as server,
        ThreadPoolExecutor() as beside,
    ):
        waiting = beside.submit(server.ask, "POST", "labdock/gpus/acquire", asked)
        eventually(lambda: server.ask("GET", "labdock/gpus")["state"] == "waiting")
        assert server.ask("POST", "labdock/gpus/release", {})["state"] == "none"
        assert waiting.result()["state"] == "none"
        ada.hub.delete("notebook-leases/grace", params={"start": "t1"})
        eventually(lambda: ada.holders() == [None, None])
        assert server.ask("GET", "labdock/gpus")["state"] == "none"


def test_outside_of_a_notebook_server(ada: Ada, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTERHUB_SERVICE_URL", raising=False)
    code, out, _ = ada.types("--json")
    assert (code, [one["uuid"] for one in json.loads(out)]) == (0, ["GPU-0", "GPU-1"])
    for verb in ("release", "acquire"):
        code, _, err = ada.types(verb)
        assert (code, "This is for a notebook server" in err) == (2, True)


@pytest.mark.parametrize(
    ("installed", "useless"),
    [
        (["numpy", "tensorflow_cpu"], True),
        (["tensorflow"], False),
        (["tensorflow-cpu", "torch", "nvidia-cudnn-cu12"], False),
        ([], False),
    ],
)
def test_what_has_no_use_for_a_gpu_is_said_to_have_none(
    installed: list[str], useless: bool
) -> None:
    assert bool(why_useless(installed)) == useless
