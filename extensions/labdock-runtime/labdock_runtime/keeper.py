"""What a call of `fit` and a loop of one's own have in common: their backups."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labdock_runtime import curvefiles
from labdock_runtime.backupfile import Folder
from labdock_runtime.run import Run

OWN_NOTEBOOK = ".executed.ipynb"


class Keeper:
    """Finds the backup that an older attempt left, and saves new ones."""

    def __init__(self, run: Run, name: str) -> None:
        self._run = run
        self._folder = Folder(Path(run.job.checkpoints, name), run.job.attempt)
        self._warned = False
        self.found = self._folder.newest()

    def take_over(self) -> None:
        """Go on from what was found: with the files that the code wrote up to there."""
        assert self.found is not None, "there is a backup to go on from"
        if self._run.job.chief:
            self._folder.keep_only(self.found)
        put_files_back(self._run)

    def save(self, about: Mapping[str, Any], groups: Mapping[str, list[Any]]) -> None:
        """Save a backup with the chief. Where that cannot be done, training goes on."""
        run = self._run
        if not run.job.chief:
            return
        run.saves += 1
        place = {"fits": run.fits, "loops": run.loops, "curves": curvefiles.sizes(run)}
        try:
            self._folder.save(run.saves, {**about, **place}, groups)
        except OSError as error:
            self._warn(error)

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            why = error.strerror or "its folder cannot be written"
            self._run.events.warn(f"No backup could be saved: {why}. Training goes on without.")


def put_files_back(run: Run) -> None:
    """Put back what older attempts wrote while they trained: it is not trained again.

    What the code has made anew is left as it is.
    """
    if run.files_are_back or not run.job.artifacts:
        return
    run.files_are_back = True
    folders = [path for path in Path(run.job.artifacts).glob("*") if path.name.isdecimal()]
    older = [path for path in folders if int(path.name) < run.job.attempt]
    for folder in sorted(older, key=lambda path: int(path.name), reverse=True):
        for file in folder.rglob("*"):
            target = Path(run.job.folder, file.relative_to(folder))
            if file.is_file() and not target.exists() and not file.name.endswith(OWN_NOTEBOOK):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


def remove_all(run: Run) -> None:
    """Delete a job's backups: it needs none any more."""
    for kind in ("fit", "loop"):
        for path in Path(run.job.checkpoints).glob(f"{kind}-*"):
            shutil.rmtree(path, ignore_errors=True)
