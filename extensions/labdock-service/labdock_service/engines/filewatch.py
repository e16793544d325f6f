"""Waiting for a folder to change, without polling: one inotify for all of an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import weakref
from collections.abc import Iterator
from pathlib import Path

from labdock_service import linux

_MASK = linux.IN_MODIFY | linux.IN_MOVED_TO | linux.IN_CREATE | linux.IN_DELETE_SELF
_HEADER = struct.Struct("iIII")


class FolderWatches:
    """The folders that this loop's tasks wait for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._events: dict[int, set[asyncio.Event]] = {}
        self._inotify = linux.inotify_open()
        weakref.finalize(self, os.close, self._inotify)
        loop.add_reader(self._inotify, self._read)

    @contextlib.contextmanager
    def changes(self, folder: Path) -> Iterator[asyncio.Event]:
        """An event that is set whenever a file of the folder is written, made or replaced."""
        watch = linux.inotify_add(self._inotify, str(folder), _MASK)
        event = asyncio.Event()
        self._events.setdefault(watch, set()).add(event)
        try:
            yield event
        finally:
            waiting = self._events[watch]
            waiting.discard(event)
            if not waiting:
                del self._events[watch]
                linux.inotify_remove(self._inotify, watch)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            notes = os.read(self._inotify, 65536)
            for watch in _watches(notes):
                for event in self._events.get(watch, ()):
                    event.set()


_OF_LOOP: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, FolderWatches] = (
    weakref.WeakKeyDictionary()
)


@contextlib.contextmanager
def folder_changes(folder: Path) -> Iterator[asyncio.Event]:
    """An event set at each change of the folder's files, for a task of the running loop.

    Where the kernel has no watch left, or the folder is gone, it is never set: the caller
    has a timer beside it.
    """
    with contextlib.ExitStack() as stack:
        try:
            event = stack.enter_context(_watches_of_loop().changes(folder))
        except OSError:
            event = asyncio.Event()
        yield event


def _watches_of_loop() -> FolderWatches:
    loop = asyncio.get_running_loop()
    if loop not in _OF_LOOP:
        _OF_LOOP[loop] = FolderWatches(loop)
    return _OF_LOOP[loop]


def _watches(notes: bytes) -> set[int]:
    """The watches that the kernel's notes are about."""
    found, offset = set(), 0
    while offset < len(notes):
        watch, _, _, length = _HEADER.unpack_from(notes, offset)
        found.add(watch)
        offset += _HEADER.size + length
    return found
