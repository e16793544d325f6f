"""The job as its environment variables describe it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labdock_runtime.masking import Mask

WORDS = ("strategy", "keras", "batchnorm", "callbacks", "backup", "signals", "seed", "sample")
GANG_TIMEOUT = 300.0


class Job:
    """One worker's view of its job. Paths are absolute, but for the entry."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.entry = environment["LABDOCK_ENTRY"]
        self.arguments: list[str] = json.loads(environment.get("LABDOCK_ARGUMENTS") or "[]")
        self.parameters: dict[str, Any] = json.loads(environment.get("LABDOCK_PARAMETERS") or "{}")
        self.hyperparameters: dict[str, Any] = json.loads(
            environment.get("LABDOCK_HYPERPARAMETERS") or "{}"
        )
        self.id = environment.get("LABDOCK_JOB", "")
        self.attempt = int(environment.get("LABDOCK_ATTEMPT") or 1)
        self.rank = int(environment.get("LABDOCK_RANK") or 0)
        self.workers = int(environment.get("LABDOCK_WORKERS") or 1)
        self.events = environment.get("LABDOCK_EVENTS", "")
        self.tensorboard = environment.get("LABDOCK_TENSORBOARD", "")
        self.checkpoints = environment.get("LABDOCK_CHECKPOINTS", "")
        self.models = environment.get("LABDOCK_MODELS", "")
        self.artifacts = environment.get("LABDOCK_ARTIFACTS", "")
        self.backup_every = int(environment.get("LABDOCK_BACKUP_EVERY") or 0)
        self.gang_timeout = float(environment.get("LABDOCK_GANG_TIMEOUT") or GANG_TIMEOUT)
        self.local_devices = int(environment.get("LABDOCK_LOCAL_DEVICES") or 0)
        self.gang: list[str] = _gang(environment.get("TF_CONFIG", ""))
        self.folder = environment.get("LABDOCK_FOLDER") or str(Path.cwd())
        secrets = environment.get("LABDOCK_SECRETS", "").split(",")
        self.mask = Mask(environment[name] for name in secrets if name in environment)
        disabled = environment.get("LABDOCK_DISABLE", "").split(",")
        self.disabled = {word.strip() for word in disabled if word.strip()}

    @property
    def chief(self) -> bool:
        """Whether this worker's files and output are the job's."""
        return self.rank == 0

    @property
    def is_notebook(self) -> bool:
        """Whether the entry is a notebook, not a script."""
        return self.entry.endswith(".ipynb")

    def does(self, word: str) -> bool:
        """Whether the part of that name was not switched off by LABDOCK_DISABLE."""
        return word not in self.disabled

    def unknown_words(self) -> list[str]:
        """Words in LABDOCK_DISABLE that switch nothing off."""
        return sorted(self.disabled.difference(WORDS))


def _gang(tf_config: str) -> list[str]:
    cluster = json.loads(tf_config or "{}").get("cluster", {})
    return list(cluster.get("worker", []))
