"""A person at a browser, as far as HTTP goes: logs in, starts their server, runs cells."""

from __future__ import annotations

import html
import json
import re
import ssl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tests.support.deployment import Deployment, eventually
from websockets.sync.client import ClientConnection, connect


class Refused(Exception):
    """The hub did not let them in; the message is what its page says."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(html.unescape(re.sub(r"<[^>]+>|\s+", " ", answer.text)))
        self.status, self.headers = answer.status_code, answer.headers


@dataclass
class Person:
    """Cookies, and what is done with them."""

    deployment: Deployment
    name: str
    trusted: ssl.SSLContext | bool = True
    """Whose certificates count."""
    comes_from: str | None = None
    """The address of this machine that they come from."""
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(
            base_url=self.deployment.url,
            follow_redirects=True,
            timeout=60,
            trust_env=False,
            transport=httpx.HTTPTransport(verify=self.trusted, local_address=self.comes_from),
            headers={"Accept": "text/html,application/json"},
        )

    @property
    def server(self) -> str:
        """The path of their server."""
        return f"/user/{self.name}"

    def log_in(self, password: str) -> None:
        """Fill in the hub's form. Raises Refused."""
        page = self.http.get("/hub/login")
        token = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert token, page.text
        form = {"username": self.name, "password": password, "_xsrf": token.group(1)}
        answer = self.http.post("/hub/login?next=%2Fhub%2Fhome", data=form)
        if answer.status_code != 200 or "/hub/home" not in str(answer.url):
            raise Refused(answer)

    def start_server(self) -> None:
        """Ask for the server, once its image is there, and wait until it answers."""
        eventually(
            lambda: self.choose().status_code != httpx.codes.CONFLICT,
            seconds=300,
            what="the image of a person's server",
        )
        eventually(self._server_answers, seconds=120, what="the start of a person's server")

    def start_server_of(self, project: str) -> None:
        """Ask for the server of a project's own, and wait until it answers."""
        account = f"project--{project}"
        self.choose(account)
        own = f"/user/{account}/lab/workspaces/{self.name}"

        def answers() -> bool:
            answer = self.http.get(f"/user/{account}/lab")
            return answer.status_code == 200 and answer.url.path == own

        eventually(answers, seconds=120, what="the start of the project's server")

    def stop_server(self) -> None:
        """As the hub's page does it, and wait until it is gone."""
        self.http.get("/hub/home")
        cookies = self.http.cookies.jar
        xsrf = next(c.value for c in cookies if c.name == "_xsrf" and c.path == "/hub/")
        place = f"/hub/api/users/{self.name}"
        headers = {"X-XSRFToken": xsrf or ""}
        self.http.delete(f"{place}/server", headers=headers)
        eventually(lambda: not self.http.get(place, headers=headers).json()["servers"])

    def choose(self, account: str = "", **options: str) -> httpx.Response:
        """Fill in the start page, where there is one; without one the server starts at once.

        `account` is whose server it is where that is not theirs.
        """
        page = self.http.get(f"/hub/spawn/{account}".rstrip("/"))
        action = re.search(r'id="spawn_form"\s+action="([^"]+)"', page.text)
        if action is None:
            return page
        place = action.group(1).replace("&amp;", "&")
        return self.http.post(place, files={name: (None, said) for name, said in options.items()})

    def _server_answers(self) -> bool:
        answer = self.http.get(f"{self.server}/lab")
        return answer.status_code == 200 and answer.url.path == f"{self.server}/lab"

    def ask_server(self, method: str, path: str, body: object = None) -> Any:
        """Their server's REST API, as JupyterLab uses it."""
        self.http.get(f"{self.server}/lab")
        cookies = {
            c.value
            for c in self.http.cookies.jar
            if c.name == "_xsrf" and c.path == f"{self.server}/"
        }
        headers = {"X-XSRFToken": next(iter(cookies), "") or ""}
        answer = self.http.request(method, f"{self.server}/api/{path}", json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def copy(self, path: str) -> str:
        """Copy a notebook beside itself; a kernel belongs to one path."""
        body = {"copy_from": path}
        made = self.ask_server("POST", f"contents/{Path(path).parent}", body)
        return str(made["path"])

    @contextmanager
    def notebook(self, path: str) -> Iterator[Notebook]:
        """An open notebook with a kernel."""
        asked = {
            "path": path,
            "name": Path(path).name,
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        session = self.ask_server("POST", "sessions", asked)
        address = self.deployment.url.replace("http", "ws", 1)
        channels = f"{address}{self.server}/api/kernels/{session['kernel']['id']}/channels"
        request = self.http.build_request("GET", channels.replace("ws", "http", 1))
        headers = {"Cookie": request.headers["cookie"], "Origin": self.deployment.url}
        trusted = self.trusted if isinstance(self.trusted, ssl.SSLContext) else None
        with connect(channels, additional_headers=headers, max_size=None, ssl=trusted) as socket:
            cells = self.ask_server("GET", f"contents/{path}")["content"]["cells"]
            yield Notebook(socket, [cell for cell in cells if cell["cell_type"] == "code"])
        if self._server_answers():  # it may have been stopped meanwhile
            self.ask_server("DELETE", f"sessions/{session['id']}")


@dataclass
class Result:
    """What running some code gave."""

    text: str = ""
    displayed: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""


@dataclass
class Notebook:
    """A kernel's channels, and the code cells of the file."""

    socket: ClientConnection
    cells: list[dict[str, Any]]

    def run_cell(self, number: int, *, seconds: float = 120) -> Result:
        """Run a code cell as it is in the file."""
        cell = self.cells[number]
        return self.run(cell["source"], cell_id=cell.get("id", ""), seconds=seconds)

    def run(self, code: str, *, cell_id: str = "", seconds: float = 120) -> Result:
        """Run code and wait until the kernel has nothing more to do for it."""
        sent = uuid.uuid4().hex
        header = {"msg_id": sent, "msg_type": "execute_request", "version": "5.4"}
        header |= {"username": "", "session": sent, "date": "2026-01-01T00:00:00Z"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        message = {"channel": "shell", "header": header, "parent_header": {}, "content": content}
        self.socket.send(json.dumps(message | {"metadata": {"cellId": cell_id}, "buffers": []}))
        return self._collect(sent, seconds)

    def _collect(self, sent: str, seconds: float) -> Result:
        result = Result()
        while True:
            raw = self.socket.recv(timeout=seconds)
            if isinstance(raw, bytes):
                continue  # widgets' buffers
            message = json.loads(raw)
            if message["parent_header"].get("msg_id") != sent:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "stream":
                result.text += content["text"]
            elif kind in ("display_data", "update_display_data", "execute_result"):
                result.displayed.append(content["data"])
            elif kind == "error":
                result.error = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return result
