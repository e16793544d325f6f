"""Endpoints as a notebook holds them: predict, keys, undo; and how a model gets behind one."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labdock import schema, servingschema
from labdock.client import Client, default_client
from labdock.errors import DeployFailed, Mistake, NotAllowed, NotFound
from labdock.following import follow_endpoint
from labdock.transport import decode

if TYPE_CHECKING:
    import httpx

KEY_LIFE = 3600.0
"""Seconds that a key lasts which `predict` makes for itself."""

REVISION = "Labdock-Revision"
"""The header of an answer that names the revision which gave it."""

DEPLOY_LIMIT = 600.0
"""Seconds after which waiting for a revision ends; it comes up or not all the same."""


@dataclass(frozen=True)
class Answer:
    """What a revision answered, as JSON, and the revision's id."""

    content: bytes
    revision: str | None


class Endpoint:
    """A named URL of a project, and the revisions of models behind it."""

    def __init__(self, record: servingschema.Endpoint, client: Client) -> None:
        self.record = record
        self.client = client
        self.key_life = KEY_LIFE
        self._key: servingschema.Key | None = None

    @property
    def name(self) -> str:
        """The endpoint's name, within its project."""
        return self.record.name

    @property
    def project(self) -> str:
        """The project that it belongs to."""
        return self.record.project

    @property
    def url(self) -> str:
        """Where a program sends its requests, with a key in the Authorization header."""
        return f"{self.client.connection.for_people(self.record.url)}:predict"

    @property
    def revisions(self) -> list[servingschema.Revision]:
        """The revisions there are now, newest last."""
        return sorted(self.refresh().record.revisions, key=lambda revision: revision.number)

    def refresh(self) -> Endpoint:
        """Ask for the endpoint's record anew."""
        self.record = self.client.endpoint(self.project, self.name)
        return self

    def predict(self, x: Any, *, key: str | None = None) -> Any:
        """Ask the model: a batch of inputs, or a dict of batches by the inputs' names.

        Lists give lists; arrays, of NumPy or TensorFlow, give NumPy arrays. Without `key`, the
        secret of a key, one is made that expires within the hour.
        """
        body = json.dumps(request_body(x), default=_as_json).encode()
        answer = self.ask(body, key)
        outputs = answer["predictions"] if "predictions" in answer else answer.get("outputs")
        return _like(x, outputs)

    def sample(self) -> dict[str, Any]:
        """An input that the model behind it takes, for `predict`: a batch by each input's name."""
        model = self.client.model(self.trace().model.id)
        if model.sample is None:
            raise NotFound(
                f"No sample was kept of {model.name} version {model.version}: its job's input was "
                "too large, or is not to be had as JSON."
            )
        return model.sample.inputs

    def ask(self, body: bytes, key: str | None = None) -> dict[str, Any]:
        """Send a request in TensorFlow Serving's form, and give its whole answer."""
        return decode(self.exchange(body, key).content, dict[str, Any])

    def exchange(self, body: bytes, key: str | None = None) -> Answer:
        """The same, with the answer as it came and who gave it."""
        if key is not None:
            return self._post(body, key)
        secret = self._own_key()
        try:
            return self._post(body, secret)
        except NotAllowed:
            self._key = None  # revoked or expired meanwhile
            return self._post(body, self._own_key())

    def _post(self, body: bytes, key: str) -> Answer:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        where = f"{self.client.connection.absolute(self.record.url)}:predict"
        answer = self._send(where, content=body, headers=headers)
        return Answer(answer.content, answer.headers.get(REVISION))

    def _send(self, where: str, **options: Any) -> httpx.Response:
        return self.client.transport.exchange("POST", where, **options)

    def _own_key(self) -> str:
        """A key that expires and is known to this process alone."""
        if self._key is None or (self._key.expires or 0) < time.time() + self.key_life / 60:
            self._key = self.create_key("labdock predict", expires_in=self.key_life)
        return self._key.secret or ""

    def create_key(self, title: str = "key", expires_in: float | None = None) -> servingschema.Key:
        """Make a key. Its `secret` is in this answer and can't be had again."""
        request = servingschema.KeyRequest(title=title, expires_in=expires_in)
        return self.client.create_key(self.project, self.name, request)

    def keys(self) -> list[servingschema.Key]:
        """The endpoint's keys, without their secrets."""
        return self.client.keys(self.project, self.name)

    def revoke_key(self, key_id: str) -> None:
        """End a key at once."""
        self.client.revoke_key(self.project, self.name, key_id)

    def undo(self) -> Endpoint:
        """Go back to the revision before."""
        self.record = self.client.undo(self.project, self.name)
        return self

    def trace(self) -> servingschema.Trace:
        """The way back from the revision that serves now to its notebook."""
        traffic = self.refresh().record.traffic
        if not traffic:
            raise Mistake(f"Endpoint {self.name} has no revision that serves yet.")
        return self.client.trace(traffic[0].revision)

    def wait(self, timeout: float = DEPLOY_LIMIT) -> Endpoint:
        """Wait until the newest revision serves; raises DeployFailed or StillRunning."""
        for _ in follow_newest(self, timeout):
            pass
        return self

    def __repr__(self) -> str:
        return f"<Endpoint {describe(self.record)}>"

    def _repr_html_(self) -> str:
        how = "a key for programs: endpoint.create_key()"
        return html.escape(f"{describe(self.record)} · {self.url} · {how}")


def describe(endpoint: servingschema.Endpoint) -> str:
    """The endpoint in a line: its name and what answers."""
    shares = [f"{share.revision} {share.weight} %" for share in endpoint.traffic]
    return f"{endpoint.project}/{endpoint.name} · {', '.join(shares) or 'nothing serves yet'}"


def server_of(endpoint: servingschema.Endpoint) -> str:
    """Which model server answers, and why, as a sentence; of the newest one where none does."""
    answering = {share.revision for share in endpoint.traffic}
    found = [one for one in endpoint.revisions if one.id in answering] or endpoint.revisions
    return max(found, key=lambda one: one.number).server if found else ""


def request_body(x: Any) -> dict[str, Any]:
    """A request in TensorFlow Serving's form: rows of one input, or columns by name."""
    if isinstance(x, Mapping):
        return {"inputs": dict(x)}
    return {"instances": x}


def _as_json(value: Any) -> Any:
    """Arrays as lists, and bytes as TensorFlow Serving reads them."""
    if hasattr(value, "numpy"):
        value = value.numpy()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    raise Mistake(f"A {type(value).__name__} can't be sent: give lists, numbers or arrays.")


def _like(x: Any, outputs: Any) -> Any:
    """Arrays where arrays were given."""
    given = next(iter(x.values()), None) if isinstance(x, Mapping) else x
    if not hasattr(given, "shape"):
        return outputs
    import numpy

    if isinstance(outputs, Mapping):
        return {name: numpy.asarray(column) for name, column in outputs.items()}
    return numpy.asarray(outputs)


def newest(endpoint: servingschema.Endpoint) -> servingschema.Revision:
    """The revision that was asked for last."""
    return max(endpoint.revisions, key=lambda revision: revision.number)


def follow_newest(endpoint: Endpoint, timeout: float) -> Iterator[servingschema.Revision]:
    """The newest revision at every change until it serves; raises DeployFailed otherwise."""
    awaited = newest(endpoint.record).id
    changes = follow_endpoint(endpoint.client, endpoint.project, endpoint.name, timeout=timeout)
    with contextlib.closing(changes):
        for endpoint.record in changes:
            revision = next(r for r in endpoint.record.revisions if r.id == awaited)
            yield revision
            if revision.state in ("failed", "retired", "draining"):
                raise DeployFailed(revision.message or f"Revision {awaited} did not come up.")
            if any(share.revision == awaited for share in endpoint.record.traffic):
                return


def deploy(
    client: Client,
    request: servingschema.DeployRequest,
    project: str,
    name: str,
    *,
    wait: bool = True,
) -> Endpoint:
    """Put a model version, or the last that a job saved, behind an endpoint."""
    endpoint = Endpoint(client.deploy(project, name, request), client)
    return endpoint.wait() if wait else endpoint


def find_endpoint(client: Client, text: str, project: str | None = None) -> Endpoint:
    """An endpoint by `PROJECT/NAME`, or by its name in this project or one's own."""
    owner, _, name = text.rpartition("/")
    return Endpoint(client.endpoint(owner or project or client.project, name), client)


def endpoints(project: str | None = None) -> list[Endpoint]:
    """Endpoints: of one project, or of all that you see."""
    client = default_client()
    return [Endpoint(record, client) for record in client.endpoints(project)]


def endpoint(name: str, project: str | None = None) -> Endpoint:
    """An endpoint by its name in your own project, or by `PROJECT/NAME`."""
    return find_endpoint(default_client(), name, project)


def models(project: str | None = None) -> list[servingschema.ModelVersion]:
    """Model versions: of one project, or of all that you see."""
    return default_client().models(project)


def environments() -> list[schema.Environment]:
    """What notebooks and jobs can start from."""
    return default_client().environments()
