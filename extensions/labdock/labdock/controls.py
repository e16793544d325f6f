"""The buttons below a job or a grid in a notebook: TensorBoard, Stop, and Deploy."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import ipywidgets

from labdock.errors import LabdockError

if TYPE_CHECKING:
    from labdock.running import Job
    from labdock.trials import Grid


class Controls:
    """A row of buttons, out of sight until there is something to press them for, and a note."""

    def __init__(self, deploy: str) -> None:
        self.note = ipywidgets.HTML()
        self.name = ipywidgets.Text(description="Endpoint", layout={"width": "20em"})
        self.stop = _button("Stop", "stop", self._stop)
        self.deploy = _button(deploy, "cloud-upload", self._deploy)
        self._tensorboard = ipywidgets.HTML(layout={"margin": "2px"})
        self.row = ipywidgets.HBox(
            [self._tensorboard, self.stop, self.name, self.deploy],
            layout={"align_items": "center", "flex_flow": "wrap", "display": "none"},
        )
        self.enable(stop=False, deploy=False)

    def begin(self, held: Job | Grid, chosen: Callable[[], Job]) -> None:
        """Show the buttons for a job or a grid; `chosen` is the job whose model is deployed."""
        self._held, self._chosen = held, chosen
        self.name.value = endpoint_name(held.name)
        connection = held.client.connection
        by_path = connection.in_hub and connection.public is None
        address = page(held.tensorboard_url, by_path=by_path)
        self._tensorboard.value = link(address, "TensorBoard")
        self.row.layout.display = "flex"

    def enable(self, *, stop: bool, deploy: bool) -> None:
        """Say which of them can be pressed now."""
        self.stop.disabled = not stop
        self.deploy.disabled = self.name.disabled = not deploy

    def trouble(self, message: str | None) -> None:
        """Note that the service is away, or nothing more of it."""
        self.note.value = html.escape(message or "")

    def _stop(self) -> None:
        self.stop.disabled = True
        self._in_background(self._held.stop)

    def _deploy(self) -> None:
        self.deploy.disabled = True
        self.note.value = "The model server starts …"
        self._in_background(self._deploy_chosen)

    def _deploy_chosen(self) -> None:
        try:
            job = self._chosen()
            endpoint = job.deploy(self.name.value.strip())
        finally:
            self.deploy.disabled = False
        self.note.value = (
            f"{html.escape(job.name)} answers at <code>{html.escape(endpoint.url)}</code>. "
            f"A key for programs: <code>labdock.endpoint({endpoint.name!r}).create_key()</code>"
        )

    def _in_background(self, do: Callable[[], object]) -> None:
        """Do it in a thread, so that the notebook goes on; a mistake is shown as a note."""

        def guarded() -> None:
            try:
                do()
            except LabdockError as error:
                self.note.value = html.escape(str(error))

        threading.Thread(target=guarded, daemon=True, name="labdock button").start()


def _button(text: str, icon: str, press: Callable[[], None]) -> Any:
    made = ipywidgets.Button(description=text, icon=icon, layout={"width": "auto"})
    made.on_click(lambda _: press())
    return made


def link(address: str, text: str) -> str:
    """A link that looks like a button."""
    return (
        f'<a class="jupyter-button" target="_blank" rel="noopener" style="margin:0;padding:0 10px;'
        f'display:block;text-decoration:none" href="{html.escape(address)}">{html.escape(text)}</a>'
    )


def page(address: str, *, by_path: bool) -> str:
    """An address under the hub, for the browser that shows the notebook.

    On a hub that names no address for people that is a path: the browser knows the hub's name,
    which may be another here.
    """
    return urlsplit(address)._replace(scheme="", netloc="").geturl() if by_path else address


def endpoint_name(text: str) -> str:
    """An endpoint's name made from a job's: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "model"
