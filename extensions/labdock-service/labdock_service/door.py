"""The door of people's containers: the hub's proxy, by plain http, at the networks' one address.

The proxy listens where people come, which may be 127.0.0.1 alone or by https; a container reaches
the hub at an address that only containers see. What comes in at the one goes to the other, byte
by byte, each container's from an address of its own, by which the hub counts what it does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
from pathlib import Path

from labdock_service.certificates import trusting
from labdock_service.processes import die_with_parent

CHUNK = 1 << 16


async def serve(
    listen: tuple[str, int], target: tuple[str, int], trusted: ssl.SSLContext | None = None
) -> None:
    """Carry connections until the process ends; with `trusted` the target speaks https."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            known_as = seen_as(writer.get_extra_info("peername")[0])
            far_reader, far_writer = await asyncio.open_connection(
                *target, ssl=trusted, local_addr=(known_as, 0)
            )
            with contextlib.closing(far_writer):
                await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    server = await asyncio.start_server(carry, *listen, limit=CHUNK)
    async with server:
        await server.serve_forever()


def seen_as(address: str) -> str:
    """The loopback address that stands for a container's: 127.213.4.2 for 10.213.4.2.

    The proxy names it to the hub as where a request came from. All of 127.0.0.0/8 is this
    machine's, so that nothing but a program here can come from it; and it is none of the admin's
    own proxies, who may say where others came from.
    """
    return f"127.{address.partition('.')[2]}"


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """From one end to the other; when the one has no more to say, the other is told."""
    try:
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        else:  # TLS knows no end of one direction alone
            writer.close()
    except OSError:
        writer.close()


def main() -> None:
    """Serve until the hub ends."""
    parser = argparse.ArgumentParser()
    for name in ("--listen", "--target"):
        parser.add_argument(name, required=True, type=_address)
    parser.add_argument("--certificate", type=Path, help="the target's, where it speaks https")
    arguments = parser.parse_args()
    die_with_parent()
    trusted = trusting(arguments.certificate) if arguments.certificate else None
    asyncio.run(serve(arguments.listen, arguments.target, trusted))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    main()
