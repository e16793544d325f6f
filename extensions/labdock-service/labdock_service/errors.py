"""The errors of the service, each with its HTTP status.

```
ServiceError
├── Invalid (400)        a value that cannot be used, with the field it was in
├── Unauthorized (401)   nobody that the hub knows
├── Forbidden (403)      seen, but not theirs to change
├── NotFound (404)       not there, or not for them to see
├── Conflict (409)       clashes with what is there
├── TooLarge (413)       over a limit
├── TooMany (429)        asked for too often, with the seconds to wait
├── Unavailable (503)    another part of Labdock does not answer
├── DiskFull (507)       there is no space left
├── PackagingFailed      a snapshot could not become an image
└── EngineFailed         an engine could not do what was asked
    ├── EngineAway       it does not answer now, and may a little later
    └── ImageGone        no registry has the image any more
```
"""


class ServiceError(Exception):
    """Base of all of them; `str(error)` is one sentence for the person who caused it."""

    status = 500
    code = "internal"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Invalid(ServiceError):
    """A value that cannot be used."""

    status, code = 400, "invalid"


class Unauthorized(ServiceError):
    """The request comes from nobody that the hub knows."""

    status, code = 401, "unauthorized"


class Forbidden(ServiceError):
    """The person sees the object and may not change it."""

    status, code = 403, "forbidden"


class NotFound(ServiceError):
    """Not there, or not for this person to see."""

    status, code = 404, "not_found"


class Conflict(ServiceError):
    """Clashes with what is there."""

    status, code = 409, "conflict"


class TooLarge(ServiceError):
    """Over a limit on size."""

    status, code = 413, "too_large"


class TooMany(ServiceError):
    """Asked for too often; `seconds` is how long to wait."""

    status, code = 429, "too_many"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class Unavailable(ServiceError):
    """Another part of Labdock does not answer now."""

    status, code = 503, "unavailable"


class DiskFull(ServiceError):
    """There is no space left on the disk that holds the state."""

    status, code = 507, "disk_full"


class PackagingFailed(ServiceError):
    """A snapshot could not become an image; the message is the reason for the person."""

    status, code = 400, "packaging_failed"


class EngineFailed(ServiceError):
    """An engine could not do what was asked; the message says why."""

    status, code = 503, "engine_failed"


class EngineAway(EngineFailed):
    """An engine does not answer now; what was asked can be asked again."""


class ImageGone(EngineFailed):
    """No registry has the image any more: it has to be made again."""
