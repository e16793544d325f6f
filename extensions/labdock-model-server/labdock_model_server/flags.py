"""The command line: TensorFlow Serving's flags, as far as this server has what they set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from labdock_model_server.errors import FlagError


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the server was asked to serve, and where."""

    rest_api_port: int
    model_base_path: Path
    model_name: str = "default"
    rest_api_timeout_in_ms: int = 30_000
    host: str = "127.0.0.1"
    """The address that it listens on: TensorFlow Serving, without such a flag, takes all."""


def _whole(name: str, value: str, most: int) -> int:
    if not value.isdecimal() or not 0 < int(value) <= most:
        raise FlagError(f"--{name} must be a whole number from 1 to {most}, not '{value}'.")
    return int(value)


def _port(name: str, value: str) -> int:
    return _whole(name, value, 65_535)


def _milliseconds(name: str, value: str) -> int:
    return _whole(name, value, 86_400_000)


def _grpc_port(name: str, value: str) -> None:
    if value != "0":
        raise FlagError(f"This server answers REST only: set --{name}=0.")


def _name(name: str, value: str) -> str:
    if not value or set(value) & set("/:"):
        raise FlagError(f"--{name} must be a name without '/' and ':', not '{value}'.")
    return value


def _host(name: str, value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise FlagError(f"--{name} must be an address such as 0.0.0.0, not '{value}'.") from None


def _folder(name: str, value: str) -> Path:
    if not Path(value).is_dir():
        raise FlagError(f"--{name} must be a folder that holds a model's versions.")
    return Path(value)


_READERS: dict[str, Callable[[str, str], Any]] = {
    "port": _grpc_port,
    "rest_api_port": _port,
    "model_name": _name,
    "model_base_path": _folder,
    "rest_api_timeout_in_ms": _milliseconds,
    "host": _host,
}


def parse(arguments: Sequence[str]) -> Flags:
    """Read the command line. Raises FlagError with a sentence."""
    values: dict[str, Any] = {}
    for argument in arguments:
        name, equals, value = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or name not in _READERS:
            known = ", ".join(f"--{known}" for known in _READERS)
            raise FlagError(f"'{argument}' is no flag of this server, which has {known}.")
        if not equals:
            raise FlagError(f"--{name} needs a value: write --{name}=VALUE.")
        values[name] = _READERS[name](name, value)
    values.pop("port", None)
    for required in ("rest_api_port", "model_base_path"):
        if required not in values:
            raise FlagError(f"--{required} is missing.")
    return Flags(**values)
