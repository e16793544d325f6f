"""The API as it runs, with a hub whose people and groups a test writes down."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import io
import json
import queue
import tarfile
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
from tests.support.web import serving

from labdock.schema import JobRequest, Requirements, Resources, Source, SourceFile
from labdock.servingschema import KeyRequest
from labdock.snapshot import source_digest
from labdock_service.api.parts import Parts
from labdock_service.app import assemble, create_app, guarded
from labdock_service.engines.base import Engine
from labdock_service.hubclient import ADMIN, Hub, HubPlace, HubUser
from labdock_service.ids import new_id
from labdock_service.sections import ProcessSettings, ProjectSettings
from labdock_service.settings import Settings
from labdock_service.statefolder import StateFolder
from labdock_service.store import (
    Store,
    endpoints,
    grids,
    jobs,
    keys,
    models,
    people,
    snapshots,
    sources,
)
from labdock_service.store.tables import SnapshotRow

PREFIX = "/services/labdock/"
ENVIRONMENT = "sha256:" + "e" * 64


def hub_place(prefix: str = PREFIX, name: str = "labdock") -> HubPlace:
    """A service's place at a hub that is not there."""
    return HubPlace(
        prefix=prefix,
        api_url="http://127.0.0.1:1/hub/api",
        api_token="the-service",
        client_id=f"service-{name}",
        callback=f"{prefix}oauth_callback",
        authorize="/hub/api/oauth2/authorize",
        access_scopes=frozenset({f"access:services!service={name}"}),
        secure=False,
    )


@dataclass
class WrittenPerson:
    """A person of the written hub: their token is `token-NAME`, their server's `…-of-server`."""

    created: str = "2026-01-01T00:00:00.000001Z"
    admin: bool = False
    groups: list[str] = field(default_factory=list)
    kind: str = "user"
    may_access: bool = True


class WrittenHub(Hub):
    """Answers as the hub would, from what a test wrote."""

    def __init__(self, place: HubPlace, **people: WrittenPerson) -> None:
        super().__init__(place)
        self.people = people
        self.groups: dict[str, dict[str, Any]] = {}
        self.properties_may_be_written = True
        self.servers_of: dict[str, dict[str, Any]] = {}
        """What runs, by its person's name."""
        for person in people.values():
            for group in person.groups:
                self.groups.setdefault(group, {})

    async def ask(
        self, method: str, path: str, *, body: str | None = None, token: str | None = ""
    ) -> dict[str, Any] | None:
        if path.startswith("users?state=active"):
            return self._active()  # type: ignore[return-value]  # the hub's one answer that is a list
        kind, _, rest = path.partition("/")
        if method == "DELETE":
            return {} if self.servers_of.pop(rest.removesuffix("/server"), None) else None
        if kind == "user":
            return self._whoami((token or "").removeprefix("token-"))
        if kind == "users":
            return self._user(rest)
        name = rest.removesuffix("/properties")
        if kind != "groups" or name not in self.groups:
            return None
        if method == "PUT":
            if not self.properties_may_be_written:
                return None
            self.groups[name] = json.loads(body or "")
        return {"name": name, "properties": self.groups[name]}

    def _active(self) -> list[dict[str, Any]]:
        return [{"name": name, "servers": {"": told}} for name, told in self.servers_of.items()]

    def _whoami(self, token: str) -> dict[str, Any] | None:
        name = token.removesuffix("-of-server")
        person = self.people.get(name)
        if person is None:
            return None
        scopes = sorted(self.place.access_scopes) if person.may_access else ["self"]
        if name != token:
            scopes.append(f"access:servers!server={name}/")
        return {"name": name, "kind": person.kind, "scopes": scopes}

    def _user(self, name: str) -> dict[str, Any] | None:
        person = self.people.get(name)
        if person is None:
            return None
        return {
            "name": name,
            "created": person.created,
            "admin": person.admin,
            "groups": person.groups,
        }


def team() -> dict[str, WrittenPerson]:
    """Ada and Grace share `vision`, which Grace administers; Alan is in no group."""
    return {
        "ada": WrittenPerson(groups=["vision"]),
        "grace": WrittenPerson(groups=["vision"]),
        "alan": WrittenPerson(),
        "root": WrittenPerson(admin=True),
        ADMIN: WrittenPerson(kind="service"),
    }


def make_settings(folder: Path, **values: Any) -> Settings:
    state = StateFolder(folder / "state")
    projects = {"vision": ProjectSettings(members=["ada", "grace"], admins=["grace"])}
    return Settings(
        state=state,
        database_url=f"sqlite:///{state.database}",
        projects=projects,
        process=ProcessSettings(trusted_team=True),
        **values,
    )


def make_environment(
    state: StateFolder, name: str = "tf", digest: str = ENVIRONMENT, **more: Any
) -> None:
    folder = state.environments / digest.removeprefix("sha256:")
    (folder / "venv/bin").mkdir(parents=True)
    body = {
        "name": name,
        "title": "TensorFlow",
        "digest": digest,
        "python": "3.11.2",
        "packages": {"tensorflow-cpu": "2.21.0"},
        "default": True,
    }
    (folder / "environment.json").write_text(json.dumps(body | more))


@dataclass
class Api:
    """The running API, its parts, and a client for each person."""

    url: str
    parts: Parts
    hub: WrittenHub
    clients: contextlib.AsyncExitStack

    async def client(self, name: str) -> httpx.AsyncClient:
        return await self.clients.enter_async_context(
            httpx.AsyncClient(
                base_url=f"{self.url}{PREFIX}api/",
                headers={"Authorization": f"token token-{name}"},
                timeout=90,
            )
        )


@functools.cache
def fresh_database() -> bytes:
    """An upgraded database, made once: Alembic takes a second."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "labdock.sqlite")
        store = Store(f"sqlite:///{file}")
        store.upgrade()
        store.close()
        return file.read_bytes()


@contextlib.asynccontextmanager
async def running_api(
    folder: Path, settings: Settings | None = None, engine: Engine | None = None
) -> AsyncIterator[Api]:
    settings = settings or make_settings(folder)
    make_environment(settings.state)
    settings.state.database.write_bytes(fresh_database())
    store = Store(settings.database_url)
    hub = WrittenHub(hub_place(), **team())
    parts = assemble(settings, hub, store)
    parts = replace(parts, engine=engine or parts.engine)
    app = guarded(create_app(parts))
    async with serving(app, parts.wakeups.close) as url, contextlib.AsyncExitStack() as clients:
        yield Api(url, parts, hub, clients)
    store.close()


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def make_source(files: dict[str, bytes], entry: str = "train.py") -> Source:
    listed = [
        SourceFile(path=path, size=len(content), digest=sha256(content))
        for path, content in files.items()
    ]
    requirements = Requirements()
    digest = source_digest(entry, listed, requirements)
    return Source(digest=digest, entry=entry, files=listed, requirements=requirements)


def make_tar(contents: dict[str, bytes]) -> bytes:
    """A tar of members by name."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


@contextlib.contextmanager
def api_in_thread(
    folder: Path, settings: Settings | None = None, engine: Engine | None = None
) -> Iterator[Api]:
    """The running API for tests that are not asynchronous."""
    started: queue.SimpleQueue[Api] = queue.SimpleQueue()
    loop = asyncio.new_event_loop()
    end = asyncio.Event()

    async def run() -> None:
        async with running_api(folder, settings, engine) as api:
            started.put(api)
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    try:
        yield started.get(timeout=90)
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(90)


@dataclass(frozen=True)
class Filled:
    """Ids of one of each thing in Ada's own project."""

    snapshot: str
    job: str
    model: str
    revision: str
    key: str
    grid: str
    endpoint: str = "digits"


def fill(store: Store, user: HubUser) -> Filled:
    """One of each thing, as the API and the reconciler would have written them."""
    with store.write() as session:
        person = people.ensure_person(session, user.name, user.created)
        project = people.personal_project(session, person)
        source = make_source({"train.py": b"print(1)"})
        sources.save(session, project.id, source)
        snapshot = snapshots.request(
            session,
            project.id,
            person,
            source,
            environment=ENVIRONMENT,
            foundation=ENVIRONMENT,
            runtime="0.1.0",
        )
        session.refresh(snapshot, ["project"])
        job = jobs.create(session, snapshot, person, JobRequest(snapshot=snapshot.id))
        session.refresh(job, ["project"])
        model = models.create(
            session,
            new_id("m"),
            job,
            name="digits",
            digest="sha256:" + "d" * 64,
            size=10,
            signature={},
            metrics={"loss": 0.1},
        )
        endpoint = endpoints.ensure(session, project, "digits", person)
        revision = endpoints.deploy(session, endpoint, model, Resources(), "ada")
        key = keys.create(session, endpoint, person, KeyRequest(title="mine"))
        points = [JobRequest(snapshot=snapshot.id, name=f"a={value}") for value in (1, 2)]
        grid = grids.create(session, snapshot, person, "grid", {"a": [1, 2]}, points)
        return Filled(snapshot.id, job.id, model.id, revision.id, key.id, grid.id)


def make_jobs(api: Api, count: int) -> list[str]:
    """The ids of new jobs of Ada's, all of one snapshot."""
    ada = HubUser(name="ada", created=api.hub.people["ada"].created, admin=False, groups=())
    made = fill(api.parts.store, ada)
    with api.parts.store.write() as session:
        person = people.ensure_person(session, ada.name, ada.created)
        snapshot = session.get_one(SnapshotRow, made.snapshot)
        asked = (JobRequest(snapshot=snapshot.id, name=f"digits-{at}") for at in range(count))
        return [jobs.create(session, snapshot, person, one).id for one in asked]


FILES = {"train.py": b"print('hello')\n", "data/x.csv": b"1,2\n"}


async def send_source(
    client: httpx.AsyncClient,
    project: str = "ada",
    files: dict[str, bytes] = FILES,
    entry: str = "train.py",
) -> str:
    source = make_source(files, entry)
    body = {"project": project, "source": msgspec.to_builtins(source)}
    answer = await client.post("sources", json=body)
    assert answer.status_code == 200, answer.text
    missing = answer.json()["digests"]
    contents = {sha256(content): content for content in files.values()}
    tar = make_tar({digest[7:]: contents[digest] for digest in missing})
    answer = await client.post("blobs", params={"project": project}, content=tar)
    assert (answer.status_code, answer.json()) == (200, {"digests": []})
    return source.digest


async def make_job(client: httpx.AsyncClient, project: str = "ada", **more: Any) -> dict[str, Any]:
    source = await send_source(client, project)
    answer = await client.post("snapshots", json={"project": project, "source": source})
    assert answer.status_code == 201, answer.text
    answer = await client.post("jobs", json={"snapshot": answer.json()["id"], **more})
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


def problem(answer: httpx.Response, status: int) -> str:
    """The sentence of an error, which has to be one."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error", "detail", "field"}
    sentence: str = body["detail"]
    assert sentence.endswith("."), sentence
    return sentence
