"""Taking parts of a deployment away whose workers are containers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from docker.errors import APIError, NotFound
from tests.load.chaos_plan import Target
from tests.load.chaos_strikes import Striker
from tests.support.docker import docker_client
from tests.support.imagedeployment import ImageDeployment


@dataclass
class DockerStriker(Striker):
    """Kills containers, and what runs in them; Docker itself stays."""

    deployment: ImageDeployment

    def strike(self, target: Target) -> bool:
        """Take it away; a registry is there again up to two seconds later."""
        if target != "registry":
            return super().strike(target)
        began = time.time()
        self.deployment.registry.stop()
        time.sleep(self.chance.uniform(0.0, 2.0))
        self.deployment.registry.start()
        self._note(target, began)
        return True

    def _how(self, target: Target) -> Literal["lost", "killed"]:
        """Docker knows how a container ended, whoever else is gone."""
        del target
        return "killed"

    def _kill_one(self, target: Target, name: str, status: dict[str, Any]) -> bool:
        try:
            container = docker_client().containers.get(f"{self.deployment.prefix}-{name}")
            if target == "supervisor":
                container.kill("KILL")
                return True
            kill = f"import os; os.kill({status['pid']}, 9)"
            return bool(container.exec_run(["python3", "-c", kill]).exit_code == 0)
        except (NotFound, APIError):
            return False  # it ended meanwhile

    def left_containers(self) -> list[str]:
        """Those of workers, whatever their state."""
        named = {"name": f"^{self.deployment.prefix}-job-"}
        return [str(one.name) for one in docker_client().containers.list(all=True, filters=named)]
