"""The router's tables on disk: it reads them and goes on when every other process is down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from labdock_service.jsonfile import write_json

ENDPOINTS = "endpoints.json"
KEYS = "keys.json"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A model server that takes a share of an endpoint's requests."""

    revision: str
    weight: int
    url: str
    model: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """An endpoint and who answers for it, nobody where nothing serves yet."""

    project: str
    name: str
    id: str
    traffic: list[Target] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RouteKey:
    """A key that opens an endpoint; `expires` is a time, none for a lasting one."""

    endpoint: str
    sha256: str
    expires: float | None = None


def write_endpoints(folder: Path, routes: Sequence[Route]) -> None:
    """Replace run/endpoints.json where it differs. Only the reconciler does."""
    _replace(folder / ENDPOINTS, {"endpoints": [asdict(route) for route in routes]})


def write_keys(folder: Path, keys: Sequence[RouteKey]) -> None:
    """Replace run/keys.json where it differs. Only the API does."""
    _replace(folder / KEYS, {"keys": [asdict(key) for key in keys]})


def read_endpoints(folder: Path) -> list[Route]:
    """What run/endpoints.json says; nothing where there is none yet."""
    rows = _read(folder / ENDPOINTS).get("endpoints", [])
    return [
        Route(**{**row, "traffic": [Target(**target) for target in row["traffic"]]}) for row in rows
    ]


def read_keys(folder: Path) -> list[RouteKey]:
    """What run/keys.json says; nothing where there is none yet."""
    return [RouteKey(**row) for row in _read(folder / KEYS).get("keys", [])]


def _read(file: Path) -> dict[str, Any]:
    try:
        table: dict[str, Any] = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    return table


def _replace(file: Path, table: dict[str, Any]) -> None:
    if not file.exists() or _read(file) != table:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, table)
