"""The GPUs of a Jupyter server: given back and asked for while it runs.

The server's own environment says which GPUs its kernels and terminals see: those started from
then on. A kernel that has one open is ended before it is given back.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import distributions
from typing import Any

from labdock.client import default_client
from labdock.errors import Conflict, LabdockError
from labdock.gpuschema import NotebookLease
from labdock.notebookserver.opened import has_gpu_open

VISIBLE = "CUDA_VISIBLE_DEVICES"
NONE = "-1"
"""What CUDA takes for no GPU at all."""
NO_USE = (
    "The TensorFlow of this environment uses no GPU: choose an environment that does when you "
    "start your server, or train as a job on one."
)


class GpuInUse(Conflict):
    """Kernels have a GPU open: only who says that they may be ended gives it back."""


class ServerGpus:
    """Changes what the kernels of this server see, together with the ledger."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._changing = asyncio.Lock()
        self._releases = 0
        self._since = time.time()
        self.notice = ""
        """What its person should know: what was given back by itself, or why it was not."""

    @property
    def visible(self) -> str:
        """What kernels that start now see; empty where they see none."""
        devices = os.environ.get(VISIBLE, "")
        return "" if devices == NONE else devices

    async def lease(self) -> NotebookLease:
        """How it stands in the ledger, and whether a GPU would be of any use here."""
        return await asyncio.to_thread(_look)

    async def release(self, *, shut_down: bool) -> NotebookLease:
        """Give the GPUs back. Raises GpuInUse where kernels have them open, unless these are ended.

        Kernels that start meanwhile see none.
        """
        async with self._changing:
            opened = self.opened()
            if opened and not shut_down:
                raise GpuInUse(_in_use(list(opened.values())))
            before = os.environ.get(VISIBLE, NONE)
            self._show(NONE)
            self._releases += 1
            try:
                for kernel in opened:
                    await self._app.kernel_manager.shutdown_kernel(kernel)
                return await asyncio.to_thread(default_client().release_gpus)
            except Exception:
                self._show(before)
                raise

    async def acquire(self, gpus: int, wait: float, *, stay: bool) -> NotebookLease:
        """Ask for GPUs; with `stay` the place in the queue is kept where none is free.

        It waits without holding up a release, which ends the wait.
        """
        client, releases = default_client(), self._releases
        lease = await asyncio.to_thread(client.acquire_gpus, gpus, wait)
        async with self._changing:
            if self._releases != releases:
                lease = await asyncio.to_thread(_look)  # the answer may be older than the release
            if lease.state == "waiting" and not stay:
                await asyncio.to_thread(client.release_gpus)
                raise Conflict(f"{lease.message or 'No GPU is free now.'} `--wait` waits for it.")
            if lease.state == "held":
                self._show(",".join(lease.devices))
                self._since, self.notice = time.time(), ""
            return lease

    async def release_idle(self, seconds: float) -> None:
        """Give the GPUs back where nothing has run for so long and no kernel has one open.

        What a kernel has computed is never ended for it: its person is told instead.
        """
        if not self.visible or self.idle() < seconds:
            return
        opened = self.opened()
        if opened:
            self.notice = f"Nothing runs here, and {_in_use(list(opened.values()))}"
            return
        try:
            await self.release(shut_down=False)
        except LabdockError as error:
            self._app.log.warning("The GPU is not given back: %s", error)
            return
        self.notice = (
            f"The GPU was given back: nothing ran for {seconds / 60:.0f} minutes. "
            "`labdock gpu acquire` asks for it again."
        )
        self._app.log.info(self.notice)

    def idle(self) -> float:
        """Seconds since a kernel last did something, or since the GPUs came."""
        manager = self._app.kernel_manager
        kernels = [manager.get_kernel(one) for one in manager.list_kernel_ids()]
        if any(kernel.execution_state == "busy" for kernel in kernels):
            return 0.0
        latest: list[float] = [kernel.last_activity.timestamp() for kernel in kernels]
        return time.time() - max(self._since, *latest, 0.0)

    def opened(self) -> dict[str, str]:
        """The kernels that have a GPU open, by id, with the names of their notebooks."""
        manager = self._app.kernel_manager
        found = {}
        for kernel in manager.list_kernel_ids():
            pid = getattr(manager.get_kernel(kernel).provisioner, "pid", None)
            if pid and has_gpu_open(pid):
                found[kernel] = self._name(kernel)
        return found

    def _name(self, kernel: str) -> str:
        sessions = self._app.session_manager
        row = sessions.cursor.execute("SELECT path FROM session WHERE kernel_id=?", (kernel,))
        found = row.fetchone()
        return str(found[0]).removeprefix("RTC:") if found else f"kernel {kernel[:8]}"

    def _show(self, devices: str) -> None:
        """Let kernels see these from their next start on, and terminals that are opened."""
        os.environ[VISIBLE] = devices
        manager = self._app.kernel_manager
        for kernel in manager.list_kernel_ids():
            manager.update_env(kernel_id=kernel, env={VISIBLE: devices})


def _look() -> NotebookLease:
    found = default_client().notebook_lease()
    if found.state != "none" or found.unavailable:
        return found
    return replace(found, unavailable=why_useless(one.name for one in distributions()))


def why_useless(installed: Iterable[str]) -> str:
    """Why packages of these names have no use for a GPU; empty where one of them may have."""
    names = [name.lower().replace("_", "-") for name in installed]
    cuda = any(name.startswith("nvidia-") for name in names)
    return NO_USE if "tensorflow-cpu" in names and not cuda else ""


def _in_use(names: list[str]) -> str:
    has = f"{names[0]} has" if len(names) == 1 else f"{', '.join(names)} have"
    return (
        f"{has} the GPU open, and what is in memory there would be lost: shut the kernel down "
        "yourself, or add `--shut-down`."
    )
