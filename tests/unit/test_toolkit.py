"""NVIDIA's toolkit in what `docker info` says. The data was written here, in Docker's own shape."""

from __future__ import annotations

from typing import Any

import pytest

from labdock_service.engines.toolkit import Toolkit, find_toolkit, request_devices

RUNC = {"runc": {"path": "runc"}, "io.containerd.runc.v2": {"path": "runc"}}
NVIDIA = {"nvidia": {"path": "nvidia-container-runtime", "runtimeArgs": []}}
FOLDERS = ["/etc/cdi", "/var/run/cdi"]


def cdi(*names: str) -> list[dict[str, str]]:
    return [{"Source": "cdi", "ID": name} for name in names]


@pytest.mark.parametrize(
    ("info", "toolkit"),
    [
        ({"ServerVersion": "20.10.24+dfsg1", "Runtimes": RUNC, "DefaultRuntime": "runc"}, None),
        ({"ServerVersion": "20.10.24+dfsg1", "Runtimes": RUNC | NVIDIA}, "runtime"),
        ({"Runtimes": RUNC | NVIDIA, "DefaultRuntime": "nvidia"}, "runtime"),
        ({"ServerVersion": "28.3.0", "Runtimes": RUNC, "CDISpecDirs": FOLDERS}, None),
        ({"Runtimes": RUNC, "CDISpecDirs": FOLDERS, "DiscoveredDevices": None}, None),
        (
            {
                "ServerVersion": "28.3.0",
                "Runtimes": RUNC,
                "CDISpecDirs": FOLDERS,
                "DiscoveredDevices": cdi("nvidia.com/gpu=0", "nvidia.com/gpu=GPU-1"),
            },
            "cdi",
        ),
        ({"Runtimes": RUNC, "DiscoveredDevices": cdi("vendor.example/card=0")}, None),
        ({"Runtimes": None}, None),
        ({}, None),
    ],
)
def test_the_toolkit_is_found_or_not(info: dict[str, Any], toolkit: Toolkit | None) -> None:
    assert find_toolkit(info) == toolkit


def test_devices_are_asked_for_by_uuid() -> None:
    assert request_devices(["GPU-1", "GPU-2"], "runtime") == [
        {
            "Driver": "nvidia",
            "Count": 0,
            "DeviceIDs": ["GPU-1", "GPU-2"],
            "Capabilities": [["gpu"]],
            "Options": {},
        }
    ]
    (asked,) = request_devices(["GPU-1"], "cdi")
    assert (asked["Driver"], asked["DeviceIDs"]) == ("cdi", ["nvidia.com/gpu=GPU-1"])
    assert request_devices([], "runtime") == []
