"""Everything that the OpenAPI document describes, with every kind of input."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.support.api import PREFIX, Api, Filled, api_in_thread, fill

ERRORS = {"400", "401", "403", "500", "503"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

ROUTES = [
    "GET ",
    "GET me",
    "GET environments",
    "GET nodes",
    "GET start-forecast",
    "POST sources",
    "POST blobs",
    "POST snapshots",
    "GET snapshots/{id}",
    "POST jobs",
    "GET jobs",
    "GET jobs/{id}",
    "POST jobs/{id}/stop",
    "POST jobs/{id}/retry",
    "DELETE jobs/{id}",
    "POST jobs/{id}/restore",
    "GET jobs/{id}/logs",
    "GET jobs/{id}/files",
    "GET jobs/{id}/files/{path}",
    "POST grids",
    "GET grids",
    "GET grids/{id}",
    "POST grids/{id}/stop",
    "GET models",
    "GET models/{id}",
    "GET endpoints",
    "GET endpoints/{project}/{name}",
    "DELETE endpoints/{project}/{name}",
    "POST endpoints/{project}/{name}/deploy",
    "POST endpoints/{project}/{name}/undo",
    "POST endpoints/{project}/{name}/keys",
    "GET endpoints/{project}/{name}/keys",
    "DELETE endpoints/{project}/{name}/keys/{id}",
    "GET revisions/{id}/trace",
    "GET revisions/{id}/logs",
    "GET events",
    "GET changes",
    "GET secrets",
    "PUT secrets/{project}/{name}",
    "DELETE secrets/{project}/{name}",
    "GET notify",
    "PATCH notify",
    "GET gpus",
    "GET server-offer",
    "PUT notebook-leases/{name}",
    "DELETE notebook-leases/{name}",
    "GET notebook-lease",
    "POST notebook-lease/release",
    "POST notebook-lease/acquire",
]

schemathesis.serializer.alias("application/x-tar", "application/octet-stream")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_in_thread(tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest.fixture(scope="module")
def filled(api: Api) -> Filled:
    user = asyncio.run(api.hub.user("ada"))
    assert user is not None
    return fill(api.parts.store, user)


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{api.url}{PREFIX}api/openapi.json", timeout=60).json()
    return found


@pytest.fixture(scope="module")
def schema(document: dict[str, Any], api: Api) -> schemathesis.BaseSchema:
    found = schemathesis.openapi.from_dict(document)
    found.config.update(base_url=api.url)
    return found


@pytest.mark.parametrize("route", ROUTES)
def test_no_input_breaks_a_route(
    route: str, schema: schemathesis.BaseSchema, filled: Filled
) -> None:
    method, path = route.split(" ")
    operation = schema[f"{PREFIX}api/{path}"][method]

    @hypothesis.settings(
        max_examples=60, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(case=operation.as_strategy())
    def check(case: schemathesis.Case[Any]) -> None:
        point_at_something(case, filled)
        for waiting in ("follow", "wait"):
            case.query.pop(waiting, None)
        headers = {"Authorization": "token token-ada"}
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=90)

    check()


def point_at_something(case: schemathesis.Case[Any], filled: Filled) -> None:
    """Every other time the address is that of something that is there."""
    path = case.operation.path
    known: dict[str, str] = {"project": "ada", "name": filled.endpoint}
    for part in ("snapshot", "job", "grid", "model", "revision"):
        if f"/{part}s/{{id}}" in path:
            known["id"] = getattr(filled, part)
    if "/secrets/" in path:
        known["name"] = "TOKEN"
    if "/keys/{id}" in path:
        known["id"] = filled.key
    for name, value in known.items():
        if name in case.path_parameters and len(str(case.path_parameters[name])) % 2:
            case.path_parameters[name] = value


def test_every_route_documents_its_errors(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            assert answers.keys() >= ERRORS, (method, path)
            assert "422" not in answers, (method, path)
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            if "{" in path:
                assert "404" in answers, (method, path)
            for status in answers.keys() & (ERRORS | {"404", "409", "413"}):
                content = answers[status]["content"]["application/json"]
                assert content["schema"]["$ref"].endswith("/ErrorBody"), (method, path)


def test_the_routes_are_those_of_the_contract(document: dict[str, Any]) -> None:
    found = {
        f"{method.upper()} {path.removeprefix(f'{PREFIX}api/')}"
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert found == set(ROUTES)
