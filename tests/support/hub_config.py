"""A hub with Labdock's own services and roles, where any name may log in; read by `hub.py`."""

import json
import os

from labdock_service import hub
from labdock_service.hubclient import ADMIN
from labdock_service.settings import load_settings

c = get_config()  # type: ignore[name-defined]  # noqa: F821  JupyterHub defines it where it reads this file
settings = load_settings()
local = hub.Local(
    ports=hub.choose_ports(settings.state),
    proxy=json.loads(os.environ["PROXY_COMMAND"]),
    admin_token=os.environ["ADMIN_TOKEN"],
    password="",
    team_password="",
    root=True,
)
hub.update_addresses(c, settings, local)
hub.update_storage(c, settings)
hub.update_services(c, settings, local)
hub.update_roles(c, settings)
NAMES = {"labdock", "tensorboard", "reconciler", ADMIN}
RECONCILER = {"name": "reconciler", "api_token": os.environ["RECONCILER_TOKEN"]}
c.JupyterHub.services = [
    *(item for item in c.JupyterHub.services if item["name"] in NAMES - {"reconciler"}),
    RECONCILER,
]
c.JupyterHub.load_roles = [
    *(role for role in c.JupyterHub.load_roles if NAMES.issuperset(role.get("services", []))),
    {"name": "tester", "scopes": ["admin:users", "admin:groups"], "services": [ADMIN]},
]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.admin_users = {"root"}
