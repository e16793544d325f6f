from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock_service.engines import limits, ports
from labdock_service.engines.base import Device
from labdock_service.engines.devices import parse_devices
from labdock_service.errors import EngineFailed

H100 = "GPU-7f3c1a52-9a1e-4c55-8f0e-0d5d3a1c9b11"
A100 = "GPU-0a4be0f2-6c2f-4d7b-b2a3-5a44e3a1f6aa"


def test_devices_of_nvidia_smi() -> None:
    output = f"{H100}, NVIDIA H100 80GB HBM3, 81559\n{A100}, NVIDIA A100-SXM4-40GB, 40960\n"
    assert parse_devices(output) == (
        Device(uuid=H100, title="NVIDIA H100 80GB HBM3", memory=81559 * 2**20),
        Device(uuid=A100, title="NVIDIA A100-SXM4-40GB", memory=40960 * 2**20),
    )


@pytest.mark.parametrize("output", ["", "No devices were found\n", "a,b,c\n", "GPU-1\n"])
def test_what_is_no_device_is_passed_over(output: str) -> None:
    assert parse_devices(output) == ()


def test_a_device_that_does_not_tell_its_memory() -> None:
    (device,) = parse_devices(f"{H100}, NVIDIA GB10, [N/A]\n")
    assert device.memory == 0


@given(
    st.sets(st.integers(0, 15), min_size=1),
    st.lists(st.lists(st.integers(0, 15), max_size=4), max_size=6),
    st.floats(0, 20),
)
def test_a_worker_gets_the_cpus_with_the_fewest_workers(
    available: set[int], taken: list[list[int]], wanted: float
) -> None:
    chosen = limits.choose_cpus(available, taken, wanted)
    assert set(chosen) <= available
    if chosen:
        assert len(chosen) - 1 < wanted <= len(chosen) < len(available)
        load = [cpu for cpus in taken for cpu in cpus]
        most = max(load.count(cpu) for cpu in chosen)
        assert all(load.count(cpu) >= most for cpu in available - set(chosen))
    else:
        assert wanted == 0 or wanted > len(available) - 1


def test_no_port_is_given_to_two_gangs(tmp_path: Path) -> None:
    gangs = [ports.reserve(tmp_path / "ports.json", 20) for _ in range(10)]
    addresses = [address for gang in gangs for address in gang]
    assert len(set(addresses)) == 200
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_a_machine_without_free_ports(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match="free ports"):
        ports.reserve(tmp_path / "ports.json", 70_000)
