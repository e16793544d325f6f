"""The GPUs of this machine, as nvidia-smi tells."""

import csv
import subprocess

from labdock_service.engines.base import Device

_COMMAND = (
    "nvidia-smi",
    "--query-gpu=uuid,name,memory.total",
    "--format=csv,noheader,nounits",
)


def find_devices() -> tuple[Device, ...]:
    """The GPUs there are; none where nvidia-smi is missing or finds none."""
    try:
        answer = subprocess.run(_COMMAND, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return parse_devices(answer.stdout) if answer.returncode == 0 else ()


def parse_devices(output: str) -> tuple[Device, ...]:
    """Devices out of nvidia-smi's CSV; a row that is not one of a device is passed over."""
    rows = csv.reader(output.splitlines(), skipinitialspace=True)
    return tuple(_device(*row) for row in rows if len(row) == 3 and row[0].startswith("GPU-"))


def _device(uuid: str, title: str, mebibytes: str) -> Device:
    memory = int(mebibytes) * 2**20 if mebibytes.strip().isdigit() else 0
    return Device(uuid=uuid.strip(), title=title.strip(), memory=memory)
