"""What goes wrong in a model server, and how TensorFlow Serving's REST tells it.

```
ModelServerError
├── FlagError      a flag that cannot be used: exit code 2
├── LoadError      no model could be loaded: exit code 2
└── RequestError   a request that cannot be answered, with its code
```
"""

from __future__ import annotations

import json

STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "TOO_LARGE": 413,
    "RESOURCE_EXHAUSTED": 429,
    "UNKNOWN": 500,
    "INTERNAL": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""HTTP status by TensorFlow's name of the code; TOO_LARGE is this server's own."""


class ModelServerError(Exception):
    """Base of all of them; `str(error)` is one sentence."""


class FlagError(ModelServerError):
    """A flag that this server does not know, or a value that it cannot use."""


class LoadError(ModelServerError):
    """No model could be loaded."""


class RequestError(ModelServerError):
    """A request that cannot be answered; `code` is TensorFlow's name for the reason."""

    def __init__(self, message: str, code: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.code = code

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return STATUS.get(self.code, 500)


def error_body(message: str) -> bytes:
    """The JSON that an error answers with."""
    text = json.dumps({"error": message}, indent=4, ensure_ascii=False)
    return text.encode("utf-8", "replace")
