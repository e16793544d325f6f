"""The port of each part of Labdock that listens on 127.0.0.1, as the hub chose them."""

from __future__ import annotations

import json

from labdock_service.statefolder import StateFolder

PORTS_FILE = "ports.json"
HUB = "hub"
"""The hub itself among them."""


def read_ports(state: StateFolder) -> dict[str, int]:
    """The port of each part; nothing where no hub has chosen yet, or the file is broken."""
    try:
        ports = json.loads((state.run / PORTS_FILE).read_bytes())
        return {name: int(port) for name, port in ports.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
