"""JupyterHub's idle culler, as a service that ends with the hub."""

from __future__ import annotations

from jupyterhub_idle_culler import main as cull

from labdock_service.processes import claim, die_with_parent
from labdock_service.settings import load_settings


def main() -> None:
    """Stop servers that nobody uses, until the hub ends."""
    die_with_parent()
    claim(load_settings().state, "culler")
    cull()


if __name__ == "__main__":
    main()
