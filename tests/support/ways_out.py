"""Ways out of a person's container: what is tried, and what stops each.

The test runs every one of them in a kernel; docs/explanation/isolation.md has the same list.
`python -m tests.support.ways_out` prints its table.
"""

from __future__ import annotations

from dataclasses import dataclass

PRELUDE = """
import ctypes, glob, json, os, resource, socket, struct, subprocess, sys, time, urllib.request
libc = ctypes.CDLL(None, use_errno=True)
CGROUP = "/sys/fs/cgroup"

def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def syscall(number, *arguments):
    call("syscall", ctypes.c_long(number), *arguments)

def connect(host, port):
    socket.create_connection((host, port), 5).close()

def ask(method, path, body=None):
    headers = {"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}
    data = None if body is None else json.dumps(body).encode()
    place = os.environ["LABDOCK_URL"] + path
    request = urllib.request.Request(place, data=data, headers=headers, method=method)
    return urllib.request.urlopen(request, timeout=20).read()
"""

REFUSED = r"ConnectionRefusedError"
NOT_THERE = r"FileNotFoundError"
NOT_PERMITTED = r"PermissionError: \[Errno 1\]"
READ_ONLY = r"Read-only file system"
NO_ROOM = r"HTTP Error 40[34]"

WALL = "the network's walls refuse every port of the machine but the door"
NO_FILE = "it is not mounted into the container"
NO_RIGHT = "the container has no capabilities"
KEPT_OUT = "the hub: a server's token has no right to it"


@dataclass(frozen=True)
class Way:
    """One way out."""

    title: str
    code: str
    """What is run in a kernel after the prelude; it raises where it is stopped."""
    error: str
    """A pattern that is in what it raises."""
    stopped_by: str


WAYS = [
    Way(
        "The Docker socket",
        "s = socket.socket(socket.AF_UNIX); s.connect('/var/run/docker.sock')",
        NOT_THERE,
        NO_FILE,
    ),
    Way("Docker's TCP port", "connect(DOOR, LISTENING)", REFUSED, WALL),
    Way("A port that the machine opens to its network", "connect(HOST, LISTENING)", REFUSED, WALL),
    Way("The machine by Docker's own bridge", "connect(BRIDGE, LISTENING)", REFUSED, WALL),
    Way("The hub's own port", "connect(DOOR, HUB_PORT)", REFUSED, WALL),
    Way("The proxy's API", "connect(DOOR, PROXY_PORT)", REFUSED, WALL),
    Way("Labdock's API past the proxy", "connect(DOOR, API_PORT)", REFUSED, WALL),
    Way(
        "The registry's port",
        "connect(DOOR, REGISTRY_PORT)",
        REFUSED,
        WALL,
    ),
    Way(
        "The machine's loopback address",
        "connect('127.0.0.1', HUB_PORT)",
        REFUSED,
        "the container's loopback is its own",
    ),
    Way(
        "The metadata of a cloud's machine",
        "connect('169.254.169.254', 80)",
        REFUSED + "|Errno 111|Errno 113",
        "the walls: link-local addresses are closed",
    ),
    Way(
        "A private network beyond the machine",
        "connect('192.168.1.1', 80)",
        REFUSED + "|Errno 111|Errno 113",
        "the walls: private addresses are closed unless `docker.reachable` names them",
    ),
    Way(
        "Another person's server by its address",
        "connect(OTHER_ADDRESS, 8888)",
        "TimeoutError|Errno 11[13]|" + REFUSED,
        "the walls: each server has a network of its own",
    ),
    Way(
        "Another person's server by its name",
        "connect(OTHER_NAME, 8888)",
        "gaierror",
        "Docker's names are those of one network",
    ),
    Way(
        "Another person's server through the proxy",
        "ask('GET', '/user/bo/api/contents')",
        NO_ROOM,
        "that server: it asks the hub whose token this is",
    ),
    Way("What the hub knows of others", "ask('GET', '/hub/api/users/bo')", NO_ROOM, KEPT_OUT),
    Way("A list of everybody", "ask('GET', '/hub/api/users')", NO_ROOM, KEPT_OUT),
    Way("A token of another's", "ask('POST', '/hub/api/users/bo/tokens', {})", NO_ROOM, KEPT_OUT),
    Way(
        "The end of another's server",
        "ask('DELETE', '/hub/api/users/bo/server')",
        NO_ROOM,
        KEPT_OUT,
    ),
    Way(
        "More rights at the hub",
        "ask('PATCH', '/hub/api/users/ann', {'admin': True})",
        NO_ROOM,
        KEPT_OUT,
    ),
    Way("The hub's database", "open(STATE + '/hub/jupyterhub.sqlite', 'rb')", NOT_THERE, NO_FILE),
    Way("The admin's token", "open(STATE + '/run/admin-token')", NOT_THERE, NO_FILE),
    Way("Another person's home", "os.listdir(STATE + '/homes')", NOT_THERE, NO_FILE),
    Way(
        "Another home by way of one's own",
        "assert os.listdir('/home') == ['labdock']; os.listdir('/home/labdock/../' + OTHER_ID)",
        NOT_THERE,
        NO_FILE,
    ),
    Way(
        "The first process' root folder",
        "os.listdir('/proc/1/root' + STATE)",
        NOT_THERE + "|PermissionError",
        "the first process it sees is the container's own",
    ),
    Way(
        "A signal to the hub",
        "os.kill(HUB_PROCESS, 9)",
        "ProcessLookupError",
        "a namespace of processes of its own",
    ),
    Way(
        "Another process' memory by ptrace",
        "call('ptrace', 16, HUB_PROCESS, 0, 0)",
        r"ProcessLookupError|Errno 3|Errno 1\]",
        "a namespace of processes of its own",
    ),
    Way(
        "The namespaces of the first process",
        "call('setns', os.open('/proc/1/ns/mnt', os.O_RDONLY), 0)",
        NOT_PERMITTED + "|PermissionError",
        NO_RIGHT,
    ),
    Way(
        "A user namespace, to be root in",
        "call('unshare', 0x10000000)",
        NOT_PERMITTED,
        "Docker's seccomp filter",
    ),
    Way(
        "Mounting a file system",
        "call('mount', b'none', b'/tmp', b'tmpfs', 0, None)",
        NOT_PERMITTED,
        NO_RIGHT,
    ),
    Way("Leaving by chroot", "os.chroot('/tmp')", NOT_PERMITTED, NO_RIGHT),
    Way(
        "Making a device of the machine's disk",
        "os.mknod('/tmp/disk', 0o60600, os.makedev(254, 0))",
        NOT_PERMITTED,
        NO_RIGHT,
    ),
    Way(
        "The machine's disk",
        "open(glob.glob('/dev/[svn][dv]*')[0])",
        "IndexError",
        "no device of the machine is in the container",
    ),
    Way(
        "The machine's memory",
        "open('/dev/mem', 'rb')",
        NOT_THERE,
        "no device of the machine is in the container",
    ),
    Way(
        "A file of the machine by its handle",
        "syscall(304, -100, ctypes.create_string_buffer(struct.pack('=IiQ', 8, 1, 2)), 0)",
        NOT_PERMITTED,
        "Docker's seccomp filter, and no capabilities",
    ),
    Way("Becoming root", "os.setuid(0)", NOT_PERMITTED, NO_RIGHT),
    Way(
        "A program that is root's (setuid)",
        "mount = ['mount', '-t', 'tmpfs', 'none', '/tmp']\n"
        "done = subprocess.run(mount, capture_output=True, text=True)\n"
        "assert done.returncode == 0, done.stderr",
        "AssertionError: .*(superuser|permission denied|must be)",
        "`no-new-privileges`",
    ),
    Way(
        "Raw packets", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", NOT_PERMITTED, NO_RIGHT
    ),
    Way(
        "Frames with another's address",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)",
        NOT_PERMITTED,
        NO_RIGHT,
    ),
    Way(
        "Another's address as one's own",
        "s = socket.socket(); s.bind((OTHER_ADDRESS, 0))",
        "Cannot assign requested address",
        "no capabilities; the walls drop what comes from another network's address",
    ),
    Way(
        "A route past the walls",
        "import fcntl\n"
        "fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x890B, bytes(120))",
        NOT_PERMITTED,
        NO_RIGHT,
    ),
    Way(
        "The machine by IPv6",
        "socket.create_connection(('fe80::1%eth0', HUB_PORT), 5)",
        "OSError|gaierror",
        "the networks have no IPv6; the walls drop it all the same",
    ),
    Way(
        "Writing to the data that all read",
        "open('/home/labdock/data/mine', 'w')",
        READ_ONLY,
        "the mount is read-only",
    ),
    Way(
        "Another program for others to run",
        "open('/opt/labdock/labdock_service/people/entering.py', 'a')",
        READ_ONLY + "|Permission denied",
        "the mount is read-only",
    ),
    Way(
        "A change to the image",
        "open(sys.base_prefix + '/bin/mine', 'w'), open('/etc/passwd', 'a')",
        READ_ONLY + "|Permission denied",
        "the root file system is read-only, and not the person's",
    ),
    Way(
        "A control group's `release_agent`",
        "open((glob.glob(CGROUP + '/*/release_agent') + [CGROUP + '/release_agent'])[0], 'w')",
        READ_ONLY + "|PermissionError",
        "control groups are mounted read-only",
    ),
    Way(
        "More memory by one's control group",
        "open((glob.glob(CGROUP + '/memory/*limit*') + [CGROUP + '/memory.max'])[0], 'w')",
        READ_ONLY + "|PermissionError",
        "control groups are mounted read-only",
    ),
    Way(
        "The kernel's settings",
        "open('/proc/sys/kernel/core_pattern', 'w')",
        READ_ONLY + "|PermissionError",
        "`/proc/sys` is read-only",
    ),
    Way(
        "The kernel's emergency keys",
        "open('/proc/sysrq-trigger', 'w')",
        READ_ONLY + "|PermissionError|" + NOT_THERE,
        "`/proc/sysrq-trigger` is read-only, where the kernel has it",
    ),
    Way(
        "Writing to `/sys`",
        "open('/sys/kernel/uevent_helper', 'w')",
        READ_ONLY + "|PermissionError|" + NOT_THERE,
        "`/sys` is read-only",
    ),
    Way(
        "A module for the kernel",
        "syscall(175, ctypes.create_string_buffer(8), 8, b'')",
        NOT_PERMITTED,
        NO_RIGHT + ", and Docker's seccomp filter",
    ),
    Way(
        "A program for the kernel (BPF)",
        "syscall(321, 5, ctypes.create_string_buffer(128), 128)",
        NOT_PERMITTED,
        NO_RIGHT + ", and Docker's seccomp filter",
    ),
    Way(
        "The kernel's messages",
        "call('klogctl', 3, ctypes.create_string_buffer(100), 100)",
        NOT_PERMITTED,
        NO_RIGHT + ", and Docker's seccomp filter",
    ),
    Way(
        "The machine's clock",
        "time.clock_settime(time.CLOCK_REALTIME, time.time() + 3600)",
        NOT_PERMITTED,
        NO_RIGHT,
    ),
    Way("Switching the machine off", "call('reboot', 0x4321FEDC)", NOT_PERMITTED, NO_RIGHT),
    Way(
        "A fork bomb",
        "children = []\n"
        "try:\n"
        "    while len(children) < 3000:\n"
        "        children.append(subprocess.Popen(['sleep', '60']))\n"
        "finally:\n"
        "    [child.kill() for child in children]; [child.wait() for child in children]",
        "BlockingIOError|Resource temporarily unavailable",
        "`docker.server_pids`",
    ),
    Way(
        "All of the machine's memory",
        "done = subprocess.run([sys.executable, '-c', 'x = b\"x\" * 8_000_000_000'])\n"
        "assert done.returncode == 0, done.returncode",
        "AssertionError: -9",
        "the memory limit that was chosen: the kernel ends what goes over it",
    ),
]

LINKS = Way(
    "Links in one's home that the host follows",
    "import shutil\n"
    "os.chdir('/home/labdock')\n"
    "shutil.rmtree('welcome'); shutil.rmtree('.labdock')\n"
    "[os.symlink(TARGET, name) for name in ('welcome', '.labdock')]\n"
    "os.symlink(TARGET, 'projects/digits')",
    "",
    "the host follows no link in a home; what can be done inside is done inside",
)
"""Nothing is raised: what the host did with them shows when the server starts again."""


def table() -> str:
    """The page's table."""
    rows = [f"| {way.title} | {way.stopped_by} |" for way in (*WAYS, LINKS)]
    return "\n".join(["| what is tried | what stops it |", "|---|---|", *rows])


if __name__ == "__main__":
    print(table())
