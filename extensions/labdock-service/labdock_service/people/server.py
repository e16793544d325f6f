"""What both spawners have in common: whose server it is, and what it is told of Labdock."""

from __future__ import annotations

from pathlib import Path

from traitlets import Instance

from labdock_service.bootstrap import CHECKOUT
from labdock_service.ids import person_id
from labdock_service.people.gpuholder import GpuHolder
from labdock_service.settings import Settings

EXAMPLES = CHECKOUT / "examples"
PACKAGE = Path(__file__).parents[1]


class PersonServer(GpuHolder):
    """A part of a spawner."""

    settings = Instance(Settings, help="The deployment's settings.").tag(config=True)

    @property
    def person(self) -> str:
        """The person's id: a name used again inherits nothing."""
        user = self.user.orm_user
        return person_id(user.name, user.created)

    @property
    def project(self) -> str:
        """The project whose own server this is; empty for a person's."""
        accounts: dict[str, str] = self.settings.project_accounts
        return accounts.get(self.user.name, "")

    @property
    def home(self) -> Path:
        """The person's home folder on the host."""
        homes: Path = self.settings.state.homes
        return homes / self.person

    def variables(self, labdock: str, environment: str, devices: list[str]) -> dict[str, str]:
        """What every server is told, wherever it runs.

        `labdock` is the hub's address as the server reaches it; people may come by another.
        `environment` is the title of the server's environment.
        """
        return {
            "USER": self.user.name,
            "LOGNAME": self.user.name,
            "SHELL": "/bin/bash",
            "LABDOCK_URL": labdock,
            "LABDOCK_ENVIRONMENT_TITLE": environment,
            "JUPYTERHUB_PUBLIC_HUB_URL": f"{self.settings.public_address}/hub/",
            **self.gpu_variables(devices),
        }

    def jupyter_variables(self, home: str, package: str) -> dict[str, str]:
        """What JupyterLab shows: a person's home, or a project's files to several people at once.

        `home` and `package`, which is this one, are where the server finds them.
        """
        if not self.project:
            return {"JUPYTER_CONFIG_PATH": f"{package}/people/jupyter/alone"}
        return {
            "JUPYTER_CONFIG_PATH": f"{package}/people/jupyter/together",
            "JUPYTERHUB_ROOT_DIR": f"{home}/projects/{self.project}",
            "LABDOCK_PROJECT": self.project,
        }
