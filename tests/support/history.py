"""What a job has told, as anybody with a token can ask for it."""

from __future__ import annotations

from labdock import following
from labdock.client import Client
from labdock.schema import Event, LogLine

MOST_EVENTS = 1000


def events_of(client: Client, job_id: str) -> list[Event]:
    """Everything that happened to a job, oldest first."""
    query = {"job": job_id, "limit": MOST_EVENTS}
    return client.transport.request("GET", "events", list[Event], params=query)


def lines_of(client: Client, job_id: str, rank: int) -> list[LogLine]:
    """A worker's log over all attempts."""
    with client.log(job_id, rank=rank) as stream:
        return list(following.log_lines(stream))
