"""Sources: what a folder holds is announced first, then the contents that are missing are sent."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from labdock.schema import MissingBlobs, Source, SourceUpload
from labdock.snapshot import source_digest
from labdock_service.api.access import Caller, ProjectName, project_of
from labdock_service.api.blobs import Upload
from labdock_service.api.bodies import LargeRoute
from labdock_service.api.parts import PartsOf, Writing
from labdock_service.api.problems import describe
from labdock_service.errors import Invalid, PackagingFailed, TooLarge
from labdock_service.packaging.sourcecode import check_source
from labdock_service.store import sources

router = APIRouter(tags=["sources"], responses=describe(404, 413), route_class=LargeRoute)

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TAR = {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}}


def _checked(upload: SourceUpload, caller: Caller, parts: PartsOf) -> SourceUpload:
    """An upload that may be recorded, checked before anybody has to wait for the database."""
    project_of(caller, upload.project)
    _check(upload.source, parts.settings.limits.source_bytes)
    return upload


@router.post("/sources")
def announce_source(
    upload: Annotated[SourceUpload, Depends(_checked)], caller: Caller, session: Writing
) -> MissingBlobs:
    """Say what a source holds; the answer lists the contents that this project lacks."""
    project = project_of(caller, upload.project)
    sources.save(session, project.id, upload.source)
    wanted = [file.digest for file in upload.source.files if file.digest is not None]
    return MissingBlobs(digests=sources.missing_blobs(session, project.id, wanted))


@router.post("/blobs", openapi_extra={"requestBody": {"required": True, "content": TAR}})
async def send_blobs(
    project: ProjectName, request: Request, caller: Caller, parts: PartsOf
) -> MissingBlobs:
    """Send contents: an uncompressed tar of files, each named by the 64 digits of its digest."""
    owner = project_of(caller, project)
    upload = Upload(parts.state, parts.settings.limits.source_bytes, request.stream())
    sizes = await run_in_threadpool(upload.unpack)
    async with parts.writing:
        await run_in_threadpool(_record, parts, owner.id, sizes)
    return MissingBlobs(digests=[])


def _record(parts: PartsOf, project_id: str, sizes: dict[str, int]) -> None:
    with parts.store.write() as session:
        sources.add_blobs(session, project_id, sizes)


def _check(source: Source, limit: int) -> None:
    """Refuse a source that could not be packaged as it is described."""
    try:
        check_source(source)
    except PackagingFailed as error:
        raise Invalid(str(error), field="source") from None
    for file in source.files:
        if file.digest is not None and not _DIGEST.fullmatch(file.digest):
            raise Invalid(f"'{file.path}' has no digest like 'sha256:…'.", field="source.files")
    size = sum(file.size for file in source.files)
    if size > limit:
        raise TooLarge(f"The source has {size:,} bytes; this deployment takes {limit:,}.")
    if source.digest != source_digest(source.entry, source.files, source.requirements):
        raise Invalid("The source's digest is not that of its files.", field="source.digest")
