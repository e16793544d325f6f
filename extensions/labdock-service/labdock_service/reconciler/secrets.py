"""The secrets of jobs: opened for their workers, and hidden in what those say of themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from labdock_runtime.masking import Mask
from labdock_service.reconciler.parts import Parts
from labdock_service.sealing import Seal
from labdock_service.store import secrets
from labdock_service.store.tables import JobRow


@dataclass
class JobSecrets:
    """Opens secrets. It remembers what the workers that run were given."""

    parts: Parts
    _given: dict[str, set[str]] = field(default_factory=dict, repr=False)

    def open(self, session: Session, job: JobRow) -> dict[str, str]:
        """The values for a worker that starts now. Raises secrets.Withheld."""
        values = {name: self._value(session, job, name) for name in job.secrets}
        self._given.setdefault(job.id, set()).update(values.values())
        return values

    def hide(self, session: Session, job: JobRow, lines: Iterable[bytes]) -> list[bytes]:
        """A worker's event lines without the values; what is no JSON is passed over later."""
        if not job.secrets:
            return list(lines)
        mask = self._mask(session, job)
        return [_hidden(mask, line) for line in lines]

    def forget(self, job_id: str) -> None:
        """An attempt of the job was written down."""
        self._given.pop(job_id, None)

    def _mask(self, session: Session, job: JobRow) -> Mask:
        """Also what an older reconciler gave, as far as it is there still."""
        if job.id not in self._given:
            found = self._given[job.id] = set()
            for name in job.secrets:
                with suppress(secrets.Withheld):
                    found.add(self._value(session, job, name))
        return Mask(self._given[job.id])

    def _value(self, session: Session, job: JobRow, name: str) -> str:
        return secrets.value_for(session, Seal(self.parts.state.secret_keys), job, name)


def _hidden(mask: Mask, line: bytes) -> bytes:
    try:
        return json.dumps(mask.everywhere(json.loads(line))).encode()
    except (ValueError, RecursionError):
        return b""
