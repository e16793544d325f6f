"""Whether Docker can give GPUs to containers, and how it is asked for some.

NVIDIA's toolkit for containers registers itself with Docker as a runtime, or describes the GPUs
by the Container Device Interface (CDI). This was written from documentation and tested on data of
that shape: no machine with a GPU was at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from docker.types import DeviceRequest

Toolkit = Literal["runtime", "cdi"]

CDI_KIND = "nvidia.com/gpu"
NO_TOOLKIT = (
    "Docker cannot give GPUs to containers: install NVIDIA's toolkit for containers "
    "(`nvidia-container-toolkit`) and restart Docker."
)


def find_toolkit(info: Mapping[str, Any]) -> Toolkit | None:
    """How NVIDIA's toolkit is there, by what `docker info` answers as JSON; none where it is not.

    Folders for CDI alone say nothing: Docker names them on machines without a GPU, too.
    """
    if "nvidia" in (info.get("Runtimes") or {}):
        return "runtime"
    found = (device.get("ID", "") for device in info.get("DiscoveredDevices") or [])
    return "cdi" if any(name.startswith(f"{CDI_KIND}=") for name in found) else None


def request_devices(uuids: Sequence[str], toolkit: Toolkit) -> list[DeviceRequest]:
    """What a container is made with to see these GPUs and no other; nothing where there is none."""
    if not uuids:
        return []
    if toolkit == "cdi":
        return [DeviceRequest(driver="cdi", device_ids=[f"{CDI_KIND}={uuid}" for uuid in uuids])]
    return [DeviceRequest(driver="nvidia", device_ids=list(uuids), capabilities=[["gpu"]])]
