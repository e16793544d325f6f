"""Runs a function right after a module was imported, and costs nothing where it never is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

Hook = Callable[[ModuleType], None]
Around = Callable[[], AbstractContextManager[None]]


class AfterImport(MetaPathFinder):
    """Finds the modules it was given hooks for as Python would, and adds the hook."""

    def __init__(
        self, hooks: Mapping[str, Hook], around: Mapping[str, Around] | None = None
    ) -> None:
        self._hooks = dict(hooks)
        self._around = around or {}
        self._looking: set[str] = set()

    def install(self) -> None:
        """Look first from now on."""
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's own spec with a loader that calls the hook."""
        del path, target
        hook = self._hooks.get(name)
        if hook is None or name in self._looking:
            return None
        self._looking.add(name)
        try:
            spec = find_spec(name)
        finally:
            self._looking.discard(name)
        if spec is None or spec.loader is None:
            return None
        spec.loader = _HookedLoader(spec.loader, hook, self._around.get(name, nullcontext))
        return spec


class _HookedLoader(Loader):
    def __init__(self, loader: Loader, hook: Hook, around: Around) -> None:
        self._loader = loader
        self._hook = hook
        self._around = around

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        with self._around():
            self._loader.exec_module(module)
        self._hook(module)
