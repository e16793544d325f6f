"""The service: the API and its page, as a service that the hub manages."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

import labdock_service
from labdock import gpuschema, gridschema, inputs, personal, schema, servingschema
from labdock_service.api import (
    admin,
    adminpage,
    bodies,
    changes,
    endpoints,
    events,
    files,
    forecasts,
    gpus,
    grids,
    jobs,
    logs,
    models,
    notify,
    offers,
    pages,
    secrets,
    service,
    snapshots,
    sources,
)
from labdock_service.api.bulletin import Bulletin
from labdock_service.api.editions import Editions
from labdock_service.api.parts import Parts
from labdock_service.api.people import People
from labdock_service.api.problems import handle_problems
from labdock_service.api.wakeups import Wakeups
from labdock_service.child import in_child
from labdock_service.engines.opening import EngineChoice, open_engine
from labdock_service.hubclient import Hub, HubPlace
from labdock_service.linux import leave_no_core_dump
from labdock_service.login import Door, Login
from labdock_service.processes import claim, die_with_parent
from labdock_service.settings import Settings, SettingsError, load_settings
from labdock_service.store import Store, check_database, upgrade
from labdock_service.web import NOTHING_ALLOWED, Guard, serve

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": NOTHING_ALLOWED,
    "Cache-Control": "no-store",
}
RESOURCES = (
    service,
    sources,
    snapshots,
    jobs,
    grids,
    logs,
    files,
    models,
    endpoints,
    events,
    changes,
    secrets,
    notify,
    gpus,
    forecasts,
    offers,
    admin,
)


def create_app(parts: Parts) -> FastAPI:
    """The API and the page, under the prefix that the hub gave the service."""
    for wire in (schema, gpuschema, gridschema, servingschema, inputs, personal):
        bodies.refuse_unknown_fields(wire)
    prefix = parts.login.hub.place.prefix.rstrip("/")
    app = FastAPI(
        title="Labdock",
        version=labdock_service.__version__,
        openapi_url=f"{prefix}/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_name_of,
        lifespan=_lifespan,
    )
    app.state.parts = parts
    handle_problems(app)
    api = APIRouter(prefix=f"{prefix}/api")
    for resource in RESOURCES:
        api.include_router(resource.router)
    app.include_router(api)
    for shown in (pages, adminpage):
        app.include_router(shown.router, prefix=prefix, include_in_schema=False)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def guarded(app: FastAPI) -> ASGIApp:
    """The app with its security headers, on its failures too."""
    return Guard(app, HEADERS)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    parts.wakeups.open()
    await run_in_threadpool(endpoints.write_live_keys, parts)
    news = asyncio.create_task(parts.bulletin.run())
    editions = asyncio.create_task(parts.editions.run())
    yield
    parts.wakeups.close()
    editions.cancel()
    await asyncio.wait([news, editions])


def _name_of(route: APIRoute) -> str:
    return route.name


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The document, less FastAPI's own error, which this app never answers."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(name, None)
        app.openapi_schema = document
    return app.openapi_schema


def assemble(settings: Settings, hub: Hub, store: Store) -> Parts:
    """The service's parts."""
    wakeups = Wakeups(settings.state.run / "api.pipe")
    bulletin = Bulletin(store, wakeups)
    return Parts(
        settings=settings,
        store=store,
        engine=open_engine(EngineChoice.of(settings), settings.state),
        login=Login(hub, guarded=True, door=_door(settings)),
        people=People(hub, store, settings),
        wakeups=wakeups,
        bulletin=bulletin,
        editions=Editions(store, bulletin),
    )


def _door(settings: Settings) -> Door:
    rates = settings.rates
    return Door(rates.requests_per_minute, rates.strangers_per_minute, settings.tls.hops)


def _upgrade(database_url: str) -> None:
    """Make the tables of a new database; those of an older version are `labdock up`'s to change."""
    try:
        if check_database(database_url):
            sys.exit("The database is of an older version: `make up` brings it up to date.")
        in_child(partial(upgrade, database_url))
    except Exception:
        traceback.print_exc()
        sys.exit("Labdock's database cannot be used by this version; the lines above say why.")


def main() -> None:
    """Run until the hub ends it."""
    die_with_parent()
    leave_no_core_dump()
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(str(error))
    claim(settings.state, "labdock")
    _upgrade(settings.database_url)
    store = Store(settings.database_url)
    parts = assemble(settings, Hub(HubPlace.read()), store)
    serve(guarded(create_app(parts)), os.environ["JUPYTERHUB_SERVICE_URL"], parts.wakeups.close)


if __name__ == "__main__":
    main()
