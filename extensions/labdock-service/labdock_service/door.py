"""The door of people's containers: the proxy's public port at the networks' one open address.

The proxy listens where people come, which may be 127.0.0.1 alone; a container reaches the hub
at an address that only containers see. What comes in at the one goes to the other, byte by byte.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from labdock_service.processes import die_with_parent

CHUNK = 1 << 16


async def serve(listen: tuple[str, int], target: tuple[str, int]) -> None:
    """Carry connections until the process ends."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(*target)
            with contextlib.closing(far_writer):
                await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    server = await asyncio.start_server(carry, *listen, limit=CHUNK)
    async with server:
        await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """From one end to the other; when the one has no more to say, the other is told."""
    try:
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


def main() -> None:
    """Serve until the hub ends."""
    parser = argparse.ArgumentParser()
    for name in ("--listen", "--target"):
        parser.add_argument(name, required=True, type=_address)
    arguments = parser.parse_args()
    die_with_parent()
    asyncio.run(serve(arguments.listen, arguments.target))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


if __name__ == "__main__":
    main()
