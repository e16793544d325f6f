"""What both spawners have in common: the GPUs of a person's server, from its start to its end."""

from __future__ import annotations

from typing import Any

from jupyterhub.spawner import SpawnException
from traitlets import HasTraits, Unicode

from labdock_service.errors import ServiceError
from labdock_service.ids import new_id
from labdock_service.people.gpulease import GpuLedger


class GpuHolder(HasTraits):  # type: ignore[misc]  # it has no types
    """A part of a spawner: leases GPUs for a start, and gives them back after its end."""

    gpu_start = Unicode("", help="What the ledger of GPUs knows this start by.")

    async def lease_gpus(self, wanted: int, *, keeps_devices: bool = False) -> list[str]:
        """Lease this start's GPUs, by UUID; to be called for a start without any too."""
        self.gpu_start = new_id("t")
        try:
            return await GpuLedger(self.settings).lease(
                self.user.name, self.gpu_start, wanted, keeps_devices=keeps_devices
            )
        except ServiceError as error:
            raise SpawnException(str(error), reason="gpu") from None

    def gpu_variables(self, devices: list[str]) -> dict[str, str]:
        """What tells a server's kernels which GPUs are its own."""
        return {
            "CUDA_VISIBLE_DEVICES": ",".join(devices) or "-1",
            "LABDOCK_RELEASE_GPU_AFTER": str(self.settings.idle.release_gpu_after),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Know the start again after a restart of the hub."""
        super().load_state(state)
        self.gpu_start = state.get("gpu_start", "")

    def get_state(self) -> dict[str, Any]:
        """What a restarted hub knows the start by."""
        state: dict[str, Any] = super().get_state()
        return state | ({"gpu_start": self.gpu_start} if state and self.gpu_start else {})

    async def run_post_stop_hook(self) -> None:
        """Give its GPUs back, however it ended: after a start that failed, too."""
        if self.gpu_start:
            await GpuLedger(self.settings).give_back(self.user.name, self.gpu_start)
        hook = super().run_post_stop_hook()
        if hook is not None:
            await hook
