"""`labdock deploy`, `undo`, `endpoints`, `keys`, `predict` and `trace`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from labdock import servingschema, wording
from labdock.client import Client, default_client, only
from labdock.commands.following import reporting
from labdock.commands.output import (
    ago,
    json_option,
    project_option,
    write_fields,
    write_json,
    write_table,
)
from labdock.errors import Mistake, NotFound
from labdock.quantities import resources, seconds
from labdock.serving import (
    DEPLOY_LIMIT,
    Endpoint,
    describe,
    find_endpoint,
    follow_newest,
    request_body,
    server_of,
)
from labdock.serving import deploy as deploy_model
from labdock.submission import Step

ONE_REQUEST = 120.0
"""Seconds that the key lasts which `predict` makes for itself."""

ENDPOINT = click.argument("endpoint")


@click.command()
@click.argument("model", metavar="JOB|MODEL")
@click.option("name", "--endpoint", metavar="NAME", required=True, help="The endpoint's name.")
@click.option("--cpus", type=click.FloatRange(0), help="Processors of the model server.")
@click.option("--memory", metavar="SIZE", help="Memory of the model server, such as 2GB.")
@click.option("--gpus", type=click.IntRange(0), default=0, help="GPUs of the model server.")
@click.option("--anyway", is_flag=True, help="Also a model that is not what was trained.")
@click.option("--wait/--no-wait", default=True, help="Wait until the model serves.")
@project_option
@json_option
def deploy(
    model: str,
    name: str,
    cpus: float | None,
    memory: str | None,
    gpus: int,
    anyway: bool,
    wait: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Put a model version, or the last that a job saved, behind an endpoint.

    For example: labdock deploy last --endpoint digits
    """
    client = default_client()
    found, owner = _find_model(client, model)
    each = resources(cpus, memory, gpus)
    request = servingschema.DeployRequest(model=found, resources=each, anyway=anyway)
    endpoint = deploy_model(client, request, project or owner, name, wait=False)
    if wait:
        _wait(endpoint)
    if as_json:
        write_json(endpoint.record)
    else:
        click.echo(endpoint.url)
        hint = f"`labdock keys create {endpoint.project}/{endpoint.name}` makes a key for it."
        click.echo(hint, err=True)


def _find_model(client: Client, text: str) -> tuple[str, str]:
    """A job's or a model version's id, and its project."""
    if text == "last" or text.startswith("j"):
        job = client.find_job(text)
        return job.id, job.project
    models = {model.id: model for model in client.models()}
    model = models[only(text, models, "model", "labdock models")]
    return model.id, model.project


def _wait(endpoint: Endpoint) -> None:
    with reporting() as report:
        for revision in follow_newest(endpoint, DEPLOY_LIMIT):
            report(Step(revision.message or f"Revision {revision.id} is {revision.state}"))


@click.command()
@ENDPOINT
@json_option
def undo(endpoint: str, as_json: bool) -> None:
    """Go back to the revision that an endpoint had before.

    For example: labdock undo digits
    """
    _write_endpoint(find_endpoint(default_client(), endpoint).undo(), as_json)


@click.command()
@click.argument("endpoint", required=False)
@project_option
@json_option
def endpoints(endpoint: str | None, project: str | None, as_json: bool) -> None:
    """List endpoints, or show one with its revisions.

    For example: labdock endpoints digits
    """
    client = default_client()
    if endpoint:
        _write_endpoint(find_endpoint(client, endpoint, project), as_json)
        return
    found = client.endpoints(project)
    if as_json:
        write_json(found)
        return
    rows = (
        (f"{one.project}/{one.name}", _serving(one), ago(one.created), Endpoint(one, client).url)
        for one in found
    )
    titles = ("ENDPOINT", "SERVES", "MADE", "URL")
    write_table(titles, rows, "No endpoint yet: `labdock deploy` makes one.")


def _serving(endpoint: servingschema.Endpoint) -> str:
    shares = [f"{share.revision} {share.weight} %" for share in endpoint.traffic]
    return ", ".join(shares) or "nothing yet"


def _write_endpoint(endpoint: Endpoint, as_json: bool) -> None:
    if as_json:
        write_json(endpoint.record)
        return
    click.secho(describe(endpoint.record), bold=True)
    write_fields({"URL": endpoint.url, "Model server": server_of(endpoint.record)})
    rows = (
        (one.number, one.id, one.model, one.state, ago(one.created), one.message)
        for one in endpoint.record.revisions
    )
    titles = ("NUMBER", "REVISION", "MODEL", "STATE", "MADE", "MESSAGE")
    write_table(titles, rows, "It has no revision yet.")


@click.group()
def keys() -> None:
    """Make, list and revoke the keys of an endpoint.

    For example: labdock keys create digits --title website
    """


@keys.command()
@ENDPOINT
@click.option("--title", default="key", help="What the key is for.")
@click.option("--expires", metavar="TIME", help="How long it is good for, such as 30d.")
@json_option
def create(endpoint: str, title: str, expires: str | None, as_json: bool) -> None:
    """Make a key. It is printed here and can't be had again.

    For example: labdock keys create digits --title website --expires 30d
    """
    lasts = None if expires is None else seconds(expires)
    key = find_endpoint(default_client(), endpoint).create_key(title, lasts)
    if as_json:
        write_json(key)
    else:
        click.echo(key.secret)
        click.echo("Send it as `Authorization: Bearer KEY`. It is shown this once.", err=True)


@keys.command(name="list")
@ENDPOINT
@json_option
def list_keys(endpoint: str, as_json: bool) -> None:
    """List an endpoint's keys, without their secrets.

    For example: labdock keys list digits
    """
    found = find_endpoint(default_client(), endpoint).keys()
    if as_json:
        write_json(found)
        return
    rows = ((key.id, key.title, key.created_by, ago(key.created), _expiry(key)) for key in found)
    titles = ("KEY", "TITLE", "MADE BY", "MADE", "EXPIRES")
    write_table(titles, rows, "No key yet: `labdock keys create` makes one.")


def _expiry(key: servingschema.Key) -> str:
    if key.expires is None:
        return "never"
    left = key.expires - time.time()
    return f"in {wording.duration(left)}" if left > 0 else "expired"


@keys.command()
@ENDPOINT
@click.argument("key")
@json_option
def revoke(endpoint: str, key: str, as_json: bool) -> None:
    """End a key at once.

    For example: labdock keys revoke digits k3jd
    """
    found = find_endpoint(default_client(), endpoint)
    there = found.keys()
    known = {one.id: one for one in there}
    revoked = known[only(key, known, "key", f"labdock keys list {endpoint}")]
    found.revoke_key(revoked.id)
    if as_json:
        write_json(revoked)
    else:
        click.echo(f"Key {revoked.id} ({revoked.title}) is revoked.", err=True)


@click.command()
@ENDPOINT
@click.argument("request", metavar="JSON|@FILE|-", required=False)
@click.option("--sample", is_flag=True, help="Send the sample that was kept with the model.")
@click.option("--key", help="A key of the endpoint; without it, one is made that soon expires.")
@json_option
def predict(
    endpoint: str, request: str | None, sample: bool, key: str | None, as_json: bool
) -> None:
    """Ask an endpoint's model.

    The request is a list of inputs, or a whole request of TensorFlow Serving's. The answer is
    in its form, too: on one line, or with --json one value a line. For example:

    \b
      labdock predict digits '[[0, 0, 5, 13]]'
      labdock predict digits @request.json
      labdock predict digits --sample
    """
    if sample == (request is not None):
        raise Mistake(f"Give a request, or --sample: `labdock predict {endpoint} --sample`.")
    given = None if request is None else _request(request)
    found = find_endpoint(default_client(), endpoint)
    body = given or request_body(found.sample())
    found.key_life = ONE_REQUEST
    answer = found.ask(json.dumps(body).encode(), key)
    click.echo(json.dumps(answer, indent=2 if as_json else None))


def _request(text: str) -> dict[str, Any]:
    """A whole request, from text, a file or standard input."""
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        text = _read(Path(text[1:]))
    try:
        given = json.loads(text)
    except ValueError as error:
        raise Mistake(f"The request is no JSON: {error}.") from None
    if isinstance(given, dict) and ("instances" in given or "inputs" in given):
        return given
    return request_body(given)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        raise Mistake(f"{path} can't be read: give a file of JSON.") from None


@click.command()
@click.argument("revision", metavar="REVISION|ENDPOINT")
@json_option
def trace(revision: str, as_json: bool) -> None:
    """Print the way back from a revision to its notebook.

    A prediction's answer names its revision in the header Labdock-Revision; of an endpoint it
    is the one that serves now. For example: labdock trace digits
    """
    client = default_client()
    found = _trace(client, revision)
    if as_json:
        write_json(found)
    else:
        _write_trace(found)


def _trace(client: Client, text: str) -> servingschema.Trace:
    ids = [revision.id for one in client.endpoints() for revision in one.revisions]
    if any(known.startswith(text) for known in ids):
        return client.trace(only(text, ids, "revision", "labdock endpoints"))
    try:
        return find_endpoint(client, text).trace()
    except NotFound:
        raise NotFound(
            f"There is no revision or endpoint {text}: see `labdock endpoints`."
        ) from None


def _write_trace(found: servingschema.Trace) -> None:
    git, job, model = found.git, found.job, found.model
    endpoint = f"{found.endpoint.project}/{found.endpoint.name}"
    write_fields(
        {
            "Revision": f"{found.revision.id} · {endpoint} · {found.revision.state}",
            "Model": f"{model.id} · {model.name} version {model.version} · {model.digest}",
            "Metrics": " · ".join(wording.metrics(model.metrics)),
            "Job": f"{job.id} · {job.name} · {job.state} · by {job.owner}",
            "Image": job.image,
            "Snapshot": f"{found.snapshot.id} · {found.snapshot.digest}",
            "Source": found.snapshot.source,
            "Entry": found.entry,
            "Git": git and f"{git.commit}{' with changes' if git.dirty else ''}",
        }
    )
