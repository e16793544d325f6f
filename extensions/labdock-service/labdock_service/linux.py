"""Calls of the Linux kernel that Python's library has no name for, and /proc's `stat`.

The supervisor imports this before its worker runs, so it stays small and quick to import.
"""

# pathlib would take longer to import than all of this.
# ruff: noqa: PTH123, PTH208

import ctypes
import fcntl
import os
import resource
import struct

IN_MODIFY = 0x2
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE_SELF = 0x400

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KEEP_SIZE, _PUNCH_HOLE = 0x1, 0x2
_TICKS = os.sysconf("SC_CLK_TCK")
_libc = ctypes.CDLL(None, use_errno=True)


def host_name() -> str:
    """What this machine is called."""
    return os.uname().nodename


class Stat:
    """The fields of /proc/PID/stat that say who a process is; `started` in seconds since boot."""

    def __init__(self, line: str) -> None:
        fields = line[line.rindex(")") + 2 :].split()
        self.state = fields[0]
        self.parent = int(fields[1])
        self.session = int(fields[3])
        self.started = int(fields[19]) / _TICKS

    @property
    def gone(self) -> bool:
        """Whether only its exit status is left of it."""
        return self.state in "ZXx"


def leave_no_core_dump() -> None:
    """Have nothing written when this process crashes, or one that it starts: of its secrets.

    A limit of one byte is too small for any file, and the only one that also keeps the kernel
    from handing the memory to a program that `core_pattern` names. PR_SET_DUMPABLE would close
    /proc/self, which workers and TensorBoards need before they are what they become.
    """
    limit = 0 if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))


def stat(pid: int) -> Stat | None:
    """What the kernel says of a process; None where there is none."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:
            return Stat(file.read())
    except (FileNotFoundError, ProcessLookupError):
        return None


def all_processes() -> dict[int, Stat]:
    """Every process there is, by its id."""
    found = ((int(name), stat(int(name))) for name in os.listdir("/proc") if name.isdigit())
    return {pid: process for pid, process in found if process is not None}


def boot() -> str:
    """Names this run of the machine: process ids and start times repeat after the next."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def signal_when_parent_ends(signal: int) -> None:
    """Ask the kernel to send this process a signal when the thread that started it ends."""
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _checked(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def inotify_open() -> int:
    """A descriptor that is readable when a watched file changes."""
    return _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))


def inotify_add(descriptor: int, path: str, mask: int) -> int:
    """Watch a path; returns the watch's number, the same one for the same path."""
    return _checked(_libc.inotify_add_watch(descriptor, os.fsencode(path), mask))


def inotify_remove(descriptor: int, watch: int) -> None:
    """End a watch; one that ended by itself (its path was deleted) is no error."""
    _libc.inotify_rm_watch(descriptor, watch)


def lock_file(descriptor: int, *, wait: bool = False) -> bool:
    """Lock a file for as long as it stays open in this way; False where another has it.

    The lock belongs to the open file and not to a process (unlike POSIX's older locks).
    """
    how = fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK
    try:
        fcntl.fcntl(descriptor, how, _lock_request(fcntl.F_WRLCK))
    except (BlockingIOError, PermissionError):
        return False
    return True


def unlock_file(descriptor: int) -> None:
    """Let another lock the file."""
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock_request(fcntl.F_UNLCK))


def file_is_locked(descriptor: int) -> bool:
    """Whether anybody has the file locked who opened it apart from this descriptor."""
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _lock_request(fcntl.F_WRLCK))
    kind: int = struct.unpack_from("h", answer)[0]
    return kind != fcntl.F_UNLCK


def _lock_request(kind: int) -> bytes:
    """The kernel's `struct flock` for the whole file."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0)


def punch_hole(descriptor: int, start: int, length: int) -> None:
    """Give back the space of a part of a file, which reads as zeros from then on."""
    offset, size = ctypes.c_int64(start), ctypes.c_int64(length)
    _checked(_libc.fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, offset, size))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
