"""What runs in a person's Jupyter server: it gives the server's GPUs back, and asks for others."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Where Jupyter's server finds the extension."""
    return [{"module": "labdock.notebookserver"}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Add the routes, and look now and then whether the GPUs are used."""
    from labdock.notebookserver import routes

    routes.install(app)
