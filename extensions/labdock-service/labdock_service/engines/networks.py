"""Networks of Docker's that belong to a deployment, and the walls around them.

Each person's server and each job gets a bridge network out of a pool of the deployment's own,
since Docker's default pool holds about thirty. From inside one reaches the internet, what is on
the same network, and one door to the hub; not this machine's other ports, other networks, or
private and link-local addresses, where the machine's metadata are.

The walls are rules of iptables. They need the right to change the host's network: who is not
root has them made by a short-lived container with that one right.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import ipaddress
import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from labdock_service.confinement import CONFINED
from labdock_service.errors import EngineFailed

DEPLOYMENT = "labdock.deployment"
"""The label of everything that a deployment has Docker make; its value is the prefix."""

SIZE = 27
"""Bits of a network's address: 29 containers each, and 2048 networks in a pool of 16 bits."""

CLOSED = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",  # a cloud's own service, at a public address
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
"""Where nobody's code goes unless `docker.reachable` says so."""

TRIES = 20


@dataclass(frozen=True)
class Networks:
    """The networks of one deployment."""

    client: docker.DockerClient
    prefix: str
    """Begins the name of everything that this deployment has Docker make."""
    pool: str
    """The addresses that its networks are cut out of, as in `10.213.0.0/16`."""
    port: int
    """The door's port."""
    lock: Path
    """The file by which the deployment's processes take turns at taking networks away."""
    reachable: tuple[str, ...] = ()
    """Private networks that may be reached all the same."""

    @property
    def door(self) -> str:
        """The one address of this machine that the networks reach, on one port."""
        return door_address(self.pool)

    @property
    def mark(self) -> str:
        """What tells this deployment's interfaces and chains from another's."""
        return hashlib.sha256(self.prefix.encode()).hexdigest()[:4]

    def ensure_door(self) -> None:
        """Make the network that has no container and whose address is the door's."""
        name, subnet = f"{self.prefix}-hub", next(self._subnets())
        there = self.client.api.networks(names=[name])
        found = [item for item in there if item["Name"] == name]
        if any(str(subnet) in _subnets_of(item) for item in found):
            return
        if found:  # `docker.subnet` was changed
            self.remove(name)
        try:
            self._create(name, subnet)
        except APIError as error:
            raise EngineFailed(
                f"Docker cannot make a network in {self.pool} ({error.explanation}): set "
                "'docker.subnet' to a private range that nothing here uses."
            ) from None

    def ensure(self, name: str) -> str:
        """Make the network of this name where it is missing; returns its name.

        Another process may take it away again until a container is made for it: see `claimed`.
        Raises EngineFailed where the pool is used up.
        """
        if self._exists(name):
            return name
        for _ in range(TRIES):
            free = self._free()
            if not free and not (free := self._after_removing_unused()):
                break
            try:
                self._create(name, random.choice(free))
                return name
            except APIError as error:
                if self._exists(name):
                    return name  # another process was first
                if "overlap" not in str(error.explanation):
                    raise EngineFailed(f"Docker made no network: {error.explanation}") from None
        raise self._used_up()

    @contextlib.contextmanager
    def claimed(self, name: str) -> Iterator[str]:
        """The same, and nobody takes it away meanwhile; nor later from a container made by then.

        Raises EngineFailed where the pool is used up.
        """
        for _ in range(TRIES):
            self.ensure(name)
            with self._turn(fcntl.LOCK_SH):
                if self._exists(name):
                    yield name
                    return
        raise self._used_up()

    def remove(self, name: str) -> None:
        """Remove a network that no container is made for; what is gone already is gone."""
        with self._turn(fcntl.LOCK_EX):
            if name not in self._used():
                self._remove(name)

    def _used_up(self) -> EngineFailed:
        return EngineFailed(
            f"There is no network left in {self.pool}: set 'docker.subnet' to a larger range."
        )

    @contextlib.contextmanager
    def _turn(self, kind: int) -> Iterator[None]:
        """Many may make containers at once; whoever takes networks away is alone."""
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        with self.lock.open("w") as file:
            fcntl.flock(file, kind)
            yield

    def _used(self) -> set[str]:
        """The names of networks that containers have, running or not."""
        containers = self.client.api.containers(all=True)
        return {name for found in containers for name in found["NetworkSettings"]["Networks"]}

    def _remove(self, name: str) -> None:
        try:
            self.client.api.remove_network(name)
        except NotFound:
            return
        except APIError as error:
            if "active endpoints" not in str(error.explanation):
                raise EngineFailed(f"Docker kept a network: {error.explanation}") from None

    def remove_all(self, image: str = "") -> None:
        """Remove all of the deployment's networks that no container uses, and then the walls."""
        for found in self._all():
            self.remove(found["Name"])
        if not self._all():
            self._run(self._opening(), image)

    def ensure_walls(self, image: str = "") -> None:
        """Put up the walls, or put them up again. Raises EngineFailed: then nothing may start.

        `image` is any image that is here, for the container that does it where root does not.
        """
        self._run(self._closing(), image)

    def _exists(self, name: str) -> bool:
        return any(found["Name"] == name for found in self.client.api.networks(names=[name]))

    def _all(self) -> list[dict[str, Any]]:
        wanted = {"label": f"{DEPLOYMENT}={self.prefix}"}
        return list(self.client.api.networks(filters=wanted))

    def _subnets(self) -> Iterator[ipaddress.IPv4Network]:
        return ipaddress.IPv4Network(self.pool).subnets(new_prefix=SIZE)

    def _free(self) -> list[ipaddress.IPv4Network]:
        taken = [
            ipaddress.IPv4Network(subnet)
            for found in self.client.api.networks()
            for subnet in _subnets_of(found)
            if ":" not in subnet
        ]
        near = [net for net in taken if net.overlaps(ipaddress.IPv4Network(self.pool))]
        _door, *others = self._subnets()
        return [net for net in others if not any(net.overlaps(other) for other in near)]

    def _after_removing_unused(self) -> list[ipaddress.IPv4Network]:
        with self._turn(fcntl.LOCK_EX):
            used = {f"{self.prefix}-hub", *self._used()}
            for found in self._all():
                if found["Name"] not in used:
                    self._remove(found["Name"])
        return self._free()

    def _create(self, name: str, subnet: ipaddress.IPv4Network) -> None:
        bridge = f"ld{self.mark}{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        self.client.api.create_network(
            name,
            driver="bridge",
            check_duplicate=True,
            labels={DEPLOYMENT: self.prefix},
            options={"com.docker.network.bridge.name": bridge},
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))]),
        )

    def _closing(self) -> str:
        """The script that puts up the walls: the same whether or not they stand."""
        mine = f"ld{self.mark}+"
        into, out, host = (f"LABDOCK-{self.mark}-{part}" for part in ("INTO", "OUT", "HOST"))
        known = "-m conntrack --ctstate ESTABLISHED,RELATED"
        bridged = "-m physdev --physdev-is-bridged"
        names = [
            f"-d {server} -p {kind} --dport 53"
            for server in name_servers()
            for kind in ("udp", "tcp")
        ]
        forged = f"! -s {self.pool} -j DROP"
        rules = [
            f"-A {into} {known} -j RETURN",
            f"-A {into} {bridged} -j RETURN",
            f"-A {into} -j DROP",
            f"-A {out} {forged}",
            f"-A {out} {known} -j RETURN",
            f"-A {out} {bridged} -j RETURN",
            *(f"-A {out} -d {reachable} -j RETURN" for reachable in self.reachable),
            *(f"-A {out} {asked} -j RETURN" for asked in names),
            *(f"-A {out} -d {closed} -j REJECT" for closed in CLOSED),
            f"-A {host} {forged}",
            f"-A {host} {known} -j ACCEPT",
            f"-A {host} -d {self.door} -p tcp --dport {self.port} -j ACCEPT",
            *(f"-A {host} {asked} -j ACCEPT" for asked in names),
            f"-A {host} -p tcp -j REJECT --reject-with tcp-reset",
            f"-A {host} -j REJECT",
        ]
        chains = [f":{chain} - [0:0]" for chain in (into, out, host)]
        table = "\n".join(["*filter", *chains, *rules, "COMMIT"])
        jumps = [
            ("iptables", "DOCKER-USER", f"-o {mine} -j {into}"),
            ("iptables", "DOCKER-USER", f"-i {mine} -j {out}"),
            ("iptables", "INPUT", f"-i {mine} -j {host}"),
        ]
        sixth = [("ip6tables", chain, f"-i {mine} -j DROP") for chain in ("INPUT", "FORWARD")]
        lines = ["set -e", f"iptables-restore --wait 10 --noflush <<'END'\n{table}\nEND"]
        lines += [_once(*jump) for jump in jumps]
        lines += ["[ -e /proc/net/if_inet6 ] || exit 0", *(_once(*jump) for jump in sixth)]
        return "\n".join(lines)

    def _opening(self) -> str:
        """The script that takes the walls down."""
        saved = "iptables-save -t filter"
        each = f"{saved} | sed -n 's/^-A \\(.*LABDOCK-{self.mark}-.*\\)/-D \\1/p'"
        gone = f"{saved} | sed -n 's/^:\\(LABDOCK-{self.mark}-[A-Z]*\\) .*/-X \\1/p'"
        sixth = f"ip6tables-save -t filter | sed -n 's/^-A \\(.* -i ld{self.mark}+ .*\\)/-D \\1/p'"
        return "\n".join(
            [
                f"{each} | while read rule; do iptables -w 10 $rule; done",
                f"{gone} | while read rule; do iptables -w 10 $rule; done",
                f"{sixth} | while read rule; do ip6tables -w 10 $rule; done",
            ]
        )

    def _run(self, script: str, image: str) -> None:
        if os.geteuid() == 0:
            self._run_here(script)
        elif image:
            self._run_in_container(script, image)

    def _run_here(self, script: str) -> None:
        path = os.environ.get("PATH", os.defpath)
        environment = {**os.environ, "PATH": f"{path}:/usr/sbin:/sbin"}
        if not shutil.which("iptables", path=environment["PATH"]):
            raise EngineFailed("iptables is missing: install it with `apt-get install iptables`.")
        command = ["sh", "-c", script]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EngineFailed(f"The networks' walls do not stand: {_last_line(done.stderr)}")

    def _run_in_container(self, script: str, image: str) -> None:
        """The host's own iptables, so that its rules are of the kind that Docker's are."""
        try:
            self.client.containers.run(
                image,
                ["-c", script],
                entrypoint="/usr/bin/sh",
                user="0:0",
                network_mode="host",
                cap_add=["NET_ADMIN", "NET_RAW"],
                **CONFINED,
                tmpfs={"/run": ""},
                environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                volumes=[f"{place}:{place}:ro" for place in _places_of_iptables()],
                labels={DEPLOYMENT: self.prefix},
                remove=True,
            )
        except docker.errors.ContainerError as error:
            said = error.stderr.decode(errors="replace") if error.stderr else ""
            raise EngineFailed(f"The networks' walls do not stand: {_last_line(said)}") from None
        except APIError as error:
            raise EngineFailed(f"The networks' walls do not stand: {error.explanation}") from None


def door_address(pool: str) -> str:
    """The address of the door to the hub: the first of the pool."""
    return str(ipaddress.IPv4Network(pool)[1])


def name_servers(file: Path = Path("/etc/resolv.conf")) -> Sequence[str]:
    """Where this machine, and so its containers, ask for names; loopback ones are Docker's."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return ()
    found = [match[1] for line in lines if (match := re.match(r"nameserver\s+([\d.]+)\s*$", line))]
    return [server for server in found if not ipaddress.ip_address(server).is_loopback]


def _subnets_of(network: dict[str, Any]) -> list[str]:
    configs = (network.get("IPAM") or {}).get("Config") or []
    return [config["Subnet"] for config in configs if config.get("Subnet")]


def _places_of_iptables() -> list[str]:
    return [place for place in ("/usr", "/etc/alternatives") if Path(place).is_dir()]


def _once(program: str, chain: str, rule: str) -> str:
    there = f"{program} -w 10 -C {chain} {rule} 2>/dev/null"
    return f"{there} || {program} -w 10 -I {chain} {rule}"


def _last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else "iptables did not say why."
