"""A project's own server, in which its members work together.

It is the server of an account of the project's own, as which nobody logs in. The account is in
the project's group, whose members may start, open and stop that server, and nobody else.
"""

from __future__ import annotations

from typing import Any

from tornado import web
from traitlets.config import Config

from labdock_service.names import HUB_NAME, is_account
from labdock_service.settings import Settings

NO_LOGIN = "Names that begin with 'project--' are those of projects: log in by another name."


def update_together(c: Config, settings: Settings, services: list[str]) -> None:
    """Make the accounts, and have the hub let the projects' members into their servers.

    They are not asked whether such a server may know who they are, as they are not asked of these
    `services`: it is Labdock's.
    """
    c.Authenticator.username_pattern = HUB_NAME
    c.Authenticator.post_auth_hook = refuse_accounts
    accounts = settings.project_accounts
    for account, project in accounts.items():
        c.JupyterHub.load_groups[project]["users"].append(account)
    c.JupyterHub.template_vars = {
        "project_accounts": {name: account for account, name in accounts.items()}
    }
    c.JupyterHub.load_roles += [_role(account, project) for account, project in accounts.items()]
    trusted = [f"service-{name}" for name in services]
    trusted += [f"jupyterhub-user-{account}" for account in accounts]
    c.JupyterHub.tornado_settings.update({"oauth_no_confirm_list": set(trusted)})


def _role(account: str, project: str) -> dict[str, Any]:
    return {
        "name": f"together-{project}",
        "description": f"Work together in project {project}",
        "scopes": [f"access:servers!user={account}", f"servers!user={account}"],
        "groups": [project],
    }


def refuse_accounts(_login: object, _handler: object, found: dict[str, Any]) -> dict[str, Any]:
    """Let nobody in as a project. Raises 403."""
    if is_account(found["name"]):
        raise web.HTTPError(403, NO_LOGIN)
    return found
