"""The spawner of the Docker engine: people's servers in containers of their own.

A container has its person's home and data roots and no other folder of the host, no right of
root's, a network of its own whose walls `engines.networks` describes, and limits. The hub's
database keeps its id, by which a hub that starts again finds it.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docker.errors import DockerException, ImageNotFound
from docker.types import DeviceRequest, LogConfig, Ulimit
from dockerspawner import DockerSpawner
from jupyterhub.spawner import SpawnException
from traitlets import default

from labdock_service.confinement import CONFINED, account
from labdock_service.containers import docker_client, machine_size, networks_of
from labdock_service.engines.containers import EXPENDABLE
from labdock_service.engines.dockerd import PERSON
from labdock_service.engines.networks import DEPLOYMENT
from labdock_service.engines.pulling import PullRecord
from labdock_service.engines.toolkit import NO_TOOLKIT, find_toolkit, request_devices
from labdock_service.errors import EngineFailed, ServiceError
from labdock_service.packaging.environments import find_environments
from labdock_service.people.choices import Choice, Offer
from labdock_service.people.containerhomes import PLACE, make_places
from labdock_service.people.gpulease import GpuLedger, Offered
from labdock_service.people.server import EXAMPLES, PACKAGE, PersonServer
from labdock_service.people.startpage import render_form
from labdock_service.variables import KEPT, unproxied

INSIDE = "/opt/labdock"
"""Where a container finds the examples and what fills its home."""

WALLS_SECONDS = 10
"""For which walls that were put up are not looked at again."""

TEMPORARY = "rw,exec,nosuid,nodev,mode=1777"
SHARED_MEMORY = "1g"
"""Of /dev/shm, which counts as the server's memory."""

LOGS = LogConfig(type="json-file", config={"max-size": "10m", "max-file": "2"})


class ContainerSpawner(PersonServer, DockerSpawner):  # type: ignore[misc]  # DockerSpawner has no types
    """Starts a person's server in a container from the environment that they chose."""

    _executor = ThreadPoolExecutor(8, thread_name_prefix="docker")
    _walls = asyncio.Lock()
    _walled = -math.inf

    def __init__(self, **options: Any) -> None:
        self._stages: list[dict[str, Any]] = []
        self._gpus: list[str] = []
        self._title = ""
        super().__init__(**options)
        self.use_internal_ip = True
        self.remove = True
        self.pull_policy = "skip"  # a missing image is found missing when it is used
        self.options_form = self._form
        self.options_from_form = self._from_form
        self.apply_user_options = _no_options

    @default("object_name")  # type: ignore[untyped-decorator]  # traitlets has no types
    def _object_name_default(self) -> str:
        return f"{self.settings.docker.prefix}-server-{self.person}"

    async def start(self) -> tuple[str, int]:
        """Make the home, the network and its walls, and start the container."""
        self._stages = []
        self._tell(5, "Looking at what you chose")
        with _refusals():
            choice = (await self._offer()).settle(self.user_options)
            self._tell(10, "Making your home and a network of its own")
            roots = await self._prepare(choice)
            self._gpus = await self.lease_gpus(choice.gpus, keeps_devices=True)
            self._arrange(choice, roots)
            self._tell(40, f"Starting a container from {choice.environment.title}")
            try:
                address: tuple[str, int] = await super().start()
            except ImageNotFound:
                raise SpawnException(
                    f"{choice.environment.title} is not on this machine yet: try again soon.",
                    reason="image",
                    status_code=503,
                ) from None
        self._tell(60, "Starting JupyterLab in it")
        return address

    async def create_object(self) -> dict[str, Any]:
        """Make the container; until it is there, nobody takes its network away."""
        networks = networks_of(self.settings)
        with ExitStack() as held:
            claim = networks.claimed(self.object_name)
            self.network_name = await asyncio.to_thread(held.enter_context, claim)
            made: dict[str, Any] = await super().create_object()
        return made

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """The stages of a start, as they happen."""
        shown = 0
        while True:
            for stage in self._stages[shown:]:
                yield stage
            shown = len(self._stages)
            await asyncio.sleep(0.1)

    def _tell(self, percent: int, message: str) -> None:
        self._stages.append({"progress": percent, "message": message})

    async def _offer(self) -> Offer:
        return await asyncio.to_thread(self._offer_now, await GpuLedger(self.settings).offered())

    def _offer_now(self, offered: Offered) -> Offer:
        cpus, memory = machine_size()
        return Offer(
            environments=find_environments(self.settings.state, "image"),
            default_environment=self.settings.default_environment,
            default_cpus=self.settings.docker.server_cpus,
            default_memory=self.settings.docker.server_memory,
            cpus=cpus,
            memory=memory,
            gpus=offered.gpus,
            unavailable=offered.unavailable,
            unverified=offered.unverified,
            pulls=PullRecord(self.settings.state.pulls).read(),
        )

    async def _form(self, _spawner: DockerSpawner) -> str:
        with _refusals():
            return render_form(await self._offer())

    async def _from_form(self, form: Mapping[str, list[str]]) -> dict[str, str]:
        """The options of a form that was filled in; what cannot be met is refused here."""
        options = {name: values[0] for name, values in form.items() if name != "_xsrf"}
        with _refusals():
            (await self._offer()).settle(options)
        return options

    async def _prepare(self, choice: Choice) -> dict[str, Path]:
        """What has to be there before the container, all at once; returns the data roots."""
        networks = networks_of(self.settings)
        groups = [group.name for group in self.user.orm_user.groups]
        roots, *_ = await asyncio.gather(
            asyncio.to_thread(make_places, self.home, self.settings.state.data_roots, groups),
            asyncio.to_thread(networks.ensure, self.object_name),
            self._ensure_walls(choice.environment.notebook),
        )
        return roots

    async def _ensure_walls(self, image: str) -> None:
        """Put the walls up again, unless that was a moment ago: ten start at once as one does."""
        kind = type(self)
        async with kind._walls:
            if time.monotonic() > kind._walled + WALLS_SECONDS:
                await asyncio.to_thread(networks_of(self.settings).ensure_walls, image)
                kind._walled = time.monotonic()

    def _arrange(self, choice: Choice, roots: Mapping[str, Path]) -> None:
        """What the container is made with."""
        environment = choice.environment
        self.image, self._title = environment.notebook, environment.title
        self.cmd = [
            *("python3", "-P", "-m", "labdock_service.people.entering"),
            *(environment.digest, environment.title),
            *("-P", "-m", "jupyterhub.singleuser"),
        ]
        self.cpu_limit, self.mem_limit = choice.cpus, choice.memory
        self.volumes = {str(self.home): PLACE} | {
            str(root): f"{PLACE}/{name}" for name, root in roots.items() if name != "data"
        }
        self.read_only_volumes = {
            str(roots["data"]): f"{PLACE}/data",
            str(EXAMPLES): f"{INSIDE}/examples",
            str(PACKAGE): f"{INSIDE}/labdock_service",
        }
        self.extra_create_kwargs = {
            "user": "{}:{}".format(*account()),
            "hostname": "labdock",
            "working_dir": PLACE,
            "labels": {DEPLOYMENT: self.settings.docker.prefix, PERSON: self.person},
        }
        self.extra_host_config = self._confinement(choice)

    def _confinement(self, choice: Choice) -> dict[str, Any]:
        return {
            **CONFINED,
            "auto_remove": False,  # how it ended is read first
            "tmpfs": {"/tmp": TEMPORARY, "/var/tmp": TEMPORARY},
            "init": True,
            "pids_limit": self.settings.docker.server_pids,
            "memswap_limit": choice.memory,
            "oom_score_adj": EXPENDABLE,
            "shm_size": SHARED_MEMORY,
            "ulimits": [Ulimit(name="core", soft=0, hard=0)],
            "log_config": LOGS,
            **({"device_requests": self._request_gpus()} if self._gpus else {}),
        }

    def _request_gpus(self) -> list[DeviceRequest]:
        toolkit = find_toolkit(docker_client().info())
        if toolkit is None:
            raise EngineFailed(NO_TOOLKIT)
        return request_devices(self._gpus, toolkit)

    def get_env(self) -> dict[str, str]:
        """The server's environment; nothing of the hub's but language and ways to packages."""
        env: dict[str, str] = super().get_env()
        kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
        portable = {name: value for name, value in kept.items() if not value.startswith("/")}
        door = str(urlsplit(self.hub_connect_url).hostname)
        own = {
            "HOME": PLACE,
            "PYTHONPATH": INSIDE,
            "LABDOCK_STOP_AFTER": str(self.settings.idle.cull_after),
            **self.jupyter_variables(PLACE, f"{INSIDE}/labdock_service"),
            **unproxied(kept, door),
        }
        told = self.variables(self.hub_connect_url, self._title, self._gpus)
        return portable | env | told | own

    async def poll(self) -> int | str | None:
        """None while the server runs. One that ended is removed once it is known how."""
        container = await self.get_object()
        if container is None:
            return 0
        state = container["State"]
        if state["Running"] or state["Status"] == "created":
            return None
        await self.remove_object()
        if state["OOMKilled"]:
            return "The server was out of memory: choose more at the next start."
        return int(state["ExitCode"])


def _no_options(_spawner: DockerSpawner, _options: Mapping[str, Any]) -> None:
    """Options become a choice when the server starts."""


@contextmanager
def _refusals() -> Iterator[None]:
    """Errors as the hub shows them: a sentence, with its status."""
    try:
        yield
    except ServiceError as error:
        raise SpawnException(str(error), reason=error.code, status_code=error.status) from None
    except DockerException:
        raise SpawnException(
            "Docker could not start this server; its admin finds why in the hub's log.",
            reason="docker",
            status_code=503,
        ) from None
