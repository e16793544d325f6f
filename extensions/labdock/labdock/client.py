"""The service's API as typed verbs: one method a route, wire types in and out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from labdock import gpuschema, gridschema, personal, schema, servingschema
from labdock.connection import Connection, find_connection
from labdock.errors import Mistake, NotFound
from labdock.transport import Download, Stream, Transport

T = TypeVar("T")

PAGE = 200
"""Jobs that are asked for at once where a whole list is gone through."""

SEARCHED = 2000
"""Jobs, newest first, among which a shortened id is looked for."""

ID_LENGTH = 11


class Client:
    """Talks to one Labdock as one person. It may be used from several threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.transport = Transport(connection)

    @functools.cached_property
    def service(self) -> schema.Service:
        """The service's versions and limits."""
        return self._get("", schema.Service)

    @functools.cached_property
    def me(self) -> schema.Person:
        """Who the token stands for."""
        return self._get("me", schema.Person)

    @property
    def person(self) -> str:
        """The person's name, which is their own project's as well."""
        return self.connection.person or self.me.name

    @property
    def project(self) -> str:
        """The project that is meant where none is named: the person's, or that of this server."""
        return self.connection.project or self.person

    def environments(self) -> list[schema.Environment]:
        """What notebooks and jobs can start from."""
        return self._get("environments", list[schema.Environment])

    def nodes(self) -> list[schema.Node]:
        """The machines that run workers."""
        return self._get("nodes", list[schema.Node])

    def start_forecast(self, workers: int, each: schema.Resources) -> schema.StartForecast:
        """When a job of so many workers would start, were it submitted now."""
        asked = msgspec.to_builtins(each)
        return self._get("start-forecast", schema.StartForecast, workers=workers, **asked)

    def gpus(self) -> list[gpuschema.Gpu]:
        """Every GPU there is, with who has it."""
        return self._get("gpus", list[gpuschema.Gpu])

    def notebook_lease(self) -> gpuschema.NotebookLease:
        """The GPUs of the person's notebook server."""
        return self._get("notebook-lease", gpuschema.NotebookLease)

    def release_gpus(self) -> gpuschema.NotebookLease:
        """Give them back in the ledger; what runs there is not looked at."""
        return self._send("POST", "notebook-lease/release", {}, gpuschema.NotebookLease)

    def acquire_gpus(self, gpus: int, wait: float) -> gpuschema.NotebookLease:
        """Ask for GPUs for the notebook server, and wait for them so many seconds."""
        path = f"notebook-lease/acquire?wait={wait:g}"
        return self._send("POST", path, gpuschema.GpuRequest(gpus=gpus), gpuschema.NotebookLease)

    def announce_source(self, request: schema.SourceUpload) -> schema.MissingBlobs:
        """Say what a source holds; the answer is what the service lacks of it."""
        return self._post("sources", request, schema.MissingBlobs)

    def send_blobs(self, project: str, tar: Callable[[], Iterator[bytes]], size: int) -> None:
        """Send contents as a tar of `size` bytes; `tar` makes it anew for another try."""
        self.transport.request(
            "POST",
            "blobs",
            schema.MissingBlobs,
            params={"project": project},
            content=tar,
            headers={"Content-Type": "application/x-tar", "Content-Length": str(size)},
        )

    def create_snapshot(self, request: schema.SnapshotRequest) -> schema.Snapshot:
        """Ask for a snapshot of a source that was sent."""
        return self._post("snapshots", request, schema.Snapshot)

    def snapshot(self, snapshot_id: str, wait: float | None = None) -> schema.Snapshot:
        """A snapshot; with `wait`, its packaging is waited for that many seconds."""
        return self._get(f"snapshots/{_part(snapshot_id)}", schema.Snapshot, wait=wait)

    def create_job(self, request: schema.JobRequest) -> schema.Job:
        """Run a snapshot as a job."""
        return self._post("jobs", request, schema.Job, see="labdock jobs")

    def jobs(
        self,
        *,
        project: str | None = None,
        state: schema.JobState | None = None,
        owner: str | None = None,
        limit: int = 50,
        before: str | None = None,
        deleted: bool = False,
    ) -> list[schema.Job]:
        """Jobs, newest first; `before` is the id that a page goes on from.

        With `deleted`, those that were deleted and can be restored.
        """
        query = {"project": project, "state": state, "owner": owner, "before": before}
        only_deleted = {"deleted": "true"} if deleted else {}
        return self._get("jobs", list[schema.Job], **query, **only_deleted, limit=limit)

    def job(self, job_id: str) -> schema.Job:
        """One job, by its whole id."""
        return self._get(f"jobs/{_part(job_id)}", schema.Job)

    def find_job(self, text: str) -> schema.Job:
        """One job by its id, by the beginning of it, or `last` for the person's newest."""
        if text == "last":
            newest = self.jobs(owner=self.person, limit=1)
            if not newest:
                raise NotFound("You have no job yet: `labdock submit` starts one.")
            return newest[0]
        if len(text) >= ID_LENGTH:
            return self.job(text)
        found = {job.id: job for job in self._newest() if job.id.startswith(text)}
        return found[only(text, found, "job", "labdock jobs")]

    def _newest(self) -> Iterator[schema.Job]:
        """The newest jobs, page by page."""
        before: str | None = None
        for _ in range(SEARCHED // PAGE):
            page = self.jobs(limit=PAGE, before=before)
            yield from page
            if len(page) < PAGE:
                return
            before = page[-1].id

    def stop_job(self, job_id: str) -> schema.Job:
        """Want the job stopped."""
        return self._post(f"jobs/{_part(job_id)}/stop", None, schema.Job)

    def retry_job(self, job_id: str) -> schema.Job:
        """Want a job that has ended to run again from its last checkpoint."""
        return self._post(f"jobs/{_part(job_id)}/retry", None, schema.Job, see="labdock jobs")

    def delete_job(self, job_id: str) -> schema.Job:
        """Delete a job that has ended; for seven days it can be restored."""
        return self.transport.request("DELETE", f"jobs/{_part(job_id)}", schema.Job)

    def restore_job(self, job_id: str) -> schema.Job:
        """Have a deleted job back."""
        return self._post(f"jobs/{_part(job_id)}/restore", None, schema.Job)

    def create_grid(self, request: gridschema.GridRequest) -> gridschema.Grid:
        """Run a snapshot as a job for each combination of values."""
        return self._post("grids", request, gridschema.Grid, see="labdock grids")

    def grids(
        self, *, project: str | None = None, limit: int = 50, before: str | None = None
    ) -> list[gridschema.Grid]:
        """Grids without their jobs, newest first."""
        query = {"project": project, "before": before}
        return self._get("grids", list[gridschema.Grid], **query, limit=limit)

    def grid(self, grid_id: str) -> gridschema.Grid:
        """One grid with its jobs, by its whole id."""
        return self._get(f"grids/{_part(grid_id)}", gridschema.Grid)

    def find_grid(self, text: str) -> gridschema.Grid:
        """One grid by its id, by the beginning of it, or `last` for the person's newest."""
        if len(text) >= ID_LENGTH:
            return self.grid(text)
        newest = self.grids(limit=PAGE)
        if text == "last":
            own = [grid.id for grid in newest if grid.owner == self.person]
            if not own:
                raise NotFound("You have no grid yet: `labdock submit --grid` starts one.")
            return self.grid(own[0])
        return self.grid(only(text, (grid.id for grid in newest), "grid", "labdock grids"))

    def stop_grid(self, grid_id: str) -> gridschema.Grid:
        """Want all jobs of the grid stopped."""
        return self._post(f"grids/{_part(grid_id)}/stop", None, gridschema.Grid)

    def log(
        self,
        job_id: str,
        *,
        rank: int = 0,
        attempt: int | None = None,
        after: str | None = None,
        follow: bool = False,
    ) -> AbstractContextManager[Stream]:
        """A worker's log as a stream of `line` events, then `end`."""
        query = {"rank": rank, "attempt": attempt, "after": after, "follow": int(follow)}
        return self.transport.stream(f"jobs/{_part(job_id)}/logs", _given(query))

    def events(
        self, *, job: str | None = None, project: str | None = None, last_id: str | None = None
    ) -> AbstractContextManager[Stream]:
        """What happens to a job or in a project, as a stream."""
        query = {"job": job, "project": project, "follow": 1}
        return self.transport.stream("events", _given(query), last_id)

    def files(self, job_id: str) -> list[schema.File]:
        """The files that the job's chief wrote."""
        return self._get(f"jobs/{_part(job_id)}/files", list[schema.File])

    def download(self, job_id: str, path: str) -> AbstractContextManager[Download]:
        """One of those files, piece by piece."""
        return self.transport.download(f"jobs/{_part(job_id)}/files/{quote(path)}")

    def models(self, project: str | None = None) -> list[servingschema.ModelVersion]:
        """Model versions, of one project or of all that the person sees."""
        return self._get("models", list[servingschema.ModelVersion], project=project)

    def model(self, model_id: str) -> servingschema.ModelVersion:
        """One model version."""
        return self._get(f"models/{_part(model_id)}", servingschema.ModelVersion)

    def endpoints(self, project: str | None = None) -> list[servingschema.Endpoint]:
        """Endpoints, of one project or of all that the person sees."""
        return self._get("endpoints", list[servingschema.Endpoint], project=project)

    def endpoint(self, project: str, name: str) -> servingschema.Endpoint:
        """One endpoint."""
        return self._get(_endpoint(project, name), servingschema.Endpoint)

    def deploy(
        self, project: str, name: str, request: servingschema.DeployRequest
    ) -> servingschema.Endpoint:
        """Put a model version behind an endpoint."""
        path = f"{_endpoint(project, name)}/deploy"
        return self._post(
            path, request, servingschema.Endpoint, see=f"labdock endpoints {project}/{name}"
        )

    def undo(self, project: str, name: str) -> servingschema.Endpoint:
        """Go back to the revision before."""
        path = f"{_endpoint(project, name)}/undo"
        return self._post(
            path, None, servingschema.Endpoint, see=f"labdock endpoints {project}/{name}"
        )

    def create_key(
        self, project: str, name: str, request: servingschema.KeyRequest
    ) -> servingschema.Key:
        """Make a key of an endpoint; the answer alone has its secret."""
        path = f"{_endpoint(project, name)}/keys"
        return self._post(
            path, request, servingschema.Key, see=f"labdock keys list {project}/{name}"
        )

    def keys(self, project: str, name: str) -> list[servingschema.Key]:
        """An endpoint's keys, without their secrets."""
        return self._get(f"{_endpoint(project, name)}/keys", list[servingschema.Key])

    def revoke_key(self, project: str, name: str, key_id: str) -> None:
        """End a key at once."""
        path = f"{_endpoint(project, name)}/keys/{_part(key_id)}"
        self.transport.delete(path)

    def secrets(self, project: str | None = None) -> list[personal.Secret]:
        """Secrets by name, of one project or of all that the person is in."""
        return self._get("secrets", list[personal.Secret], project=project)

    def set_secret(self, project: str, name: str, value: str) -> personal.Secret:
        """Set a secret of a project, or of the person's own."""
        body = personal.SecretValue(value=value)
        return self._send("PUT", _secret(project, name), body, personal.Secret)

    def delete_secret(self, project: str, name: str) -> None:
        """Forget a secret."""
        self.transport.delete(_secret(project, name))

    def notify(self) -> personal.Notify:
        """How the person is told that their jobs end."""
        return self._get("notify", personal.Notify)

    def change_notify(self, change: personal.NotifyChange) -> personal.Notify:
        """Change that."""
        return self._send("PATCH", "notify", change, personal.Notify)

    def trace(self, revision_id: str) -> servingschema.Trace:
        """The way back from a revision to the notebook."""
        return self._get(f"revisions/{_part(revision_id)}/trace", servingschema.Trace)

    def _send(self, method: str, path: str, body: object, answer: type[T]) -> T:
        """Send what may be done twice."""
        headers = {"Content-Type": "application/json"}
        content = msgspec.json.encode(body)
        return self.transport.request(method, path, answer, content=content, headers=headers)

    def _get(self, path: str, answer: type[T], **query: Any) -> T:
        return self.transport.request("GET", path, answer, params=_given(query))

    def _post(self, path: str, body: object, answer: type[T], *, see: str | None = None) -> T:
        content = b"" if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        return self.transport.request(
            "POST", path, answer, see=see, content=content, headers=headers
        )


def only(text: str, ids: Iterable[str], what: str, listing: str) -> str:
    """The one id that begins so."""
    found = [known for known in ids if text and known.startswith(text)]
    if not found:
        raise NotFound(f"There is no {what} {text}: `{listing}` lists them.")
    if len(found) > 1:
        raise Mistake(f"{text} may be any of {', '.join(found[:5])}: give more of the id.")
    return found[0]


def _part(text: str) -> str:
    """One part of a path, whatever a person typed."""
    return quote(text, safe="")


def _endpoint(project: str, name: str) -> str:
    return f"endpoints/{_part(project)}/{_part(name)}"


def _secret(project: str, name: str) -> str:
    return f"secrets/{_part(project)}/{_part(name)}"


def _given(query: dict[str, Any]) -> dict[str, Any]:
    """The parameters that have a value."""
    return {name: value for name, value in query.items() if value is not None}


@functools.lru_cache(maxsize=4)
def _client(connection: Connection) -> Client:
    return Client(connection)


def default_client() -> Client:
    """The client of the Labdock that the environment names, kept between calls."""
    return _client(find_connection())
