"""The port of each part of Labdock but the proxy's public one, as the hub chose them."""

from __future__ import annotations

import json

from labdock_service.statefolder import StateFolder

PORTS_FILE = "ports.json"
HUB = "hub"
"""The hub itself among them."""
DOOR = "door"
"""And where people's containers come in: at the door's address, the others on 127.0.0.1."""


def read_ports(state: StateFolder) -> dict[str, int]:
    """The port of each part; nothing where no hub has chosen yet, or the file is broken."""
    try:
        ports = json.loads((state.run / PORTS_FILE).read_bytes())
        return {name: int(port) for name, port in ports.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
