"""Registries with the logins that `docker login` keeps for this account."""

from __future__ import annotations

from docker.auth import load_config
from docker.errors import DockerException

from labdock_service.registry import Login, Registry


def connect_registry(address: str) -> Registry:
    """A registry, with this account's login where it has one."""
    return Registry(address, _login(address))


def _login(address: str) -> Login | None:
    try:
        found = load_config().resolve_authconfig(address)
    except DockerException:
        return None
    if not found or not found.get("username"):
        return None
    return Login(found["username"], found["password"])
