"""Whether images may be used on a node: what their `verify` found there, and what scans say.

Each image and node has the last record alone, and so has each image and scanner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from labdock_service.findings import Finding, judge
from labdock_service.store.tables import ScanRow, VerificationRow

if TYPE_CHECKING:
    from labdock_service.sections import ImagesSettings

LONGEST = 200
"""Characters of what a check says that people are shown."""


def find(session: Session, image: str, node: str) -> VerificationRow | None:
    """What is known of an image on a node."""
    return session.get(VerificationRow, (image, node))


def keep(
    session: Session, image: str, node: str, checks: Sequence[Mapping[str, Any]], now: float
) -> None:
    """Write down what an image's `verify` found; one check that failed is enough to fail."""
    row = find(session, image, node) or VerificationRow(image=image, node=node)
    row.time, row.checks = now, list(checks)
    row.passed = all(check["passed"] is not False for check in checks)
    session.add(row)


def keep_scan(
    session: Session, image: str, scanner: str, findings: Iterable[Finding], now: float
) -> None:
    """Write down what a scanner found in an image."""
    row = session.get(ScanRow, (image, scanner)) or ScanRow(image=image, scanner=scanner)
    row.time, row.findings = now, [asdict(finding) for finding in findings]
    session.add(row)


def are_verified(session: Session, images: Iterable[str], node: str) -> bool:
    """Whether each of these images was verified on a node, whatever that found."""
    return all(find(session, image, node) is not None for image in images)


def problem(
    session: Session, images: Sequence[str], node: str, policy: ImagesSettings, now: float
) -> str | None:
    """Why these images may not be used on a node, in sentences; none where they may."""
    return next(_problems(session, images, node, policy, now), None)


def _problems(
    session: Session, images: Sequence[str], node: str, policy: ImagesSettings, now: float
) -> Iterator[str]:
    for image in images:
        row = find(session, image, node)
        if row is not None and not row.passed:
            yield (
                f"It failed its verification on {node} on {_day(row.time)}: {_failed(row)}. Choose "
                "another environment; an admin mends this one and runs `labdock images verify`."
            )
    today = datetime.fromtimestamp(now, UTC).date()
    for scan in session.scalars(select(ScanRow).where(ScanRow.image.in_(images))):
        judgement = judge((Finding(**found) for found in scan.findings), policy, today)
        if judgement.refused:
            yield (
                f"A scan that was read on {_day(scan.time)} keeps it out: {judgement.sentence}. "
                "Choose another environment; an admin builds this one anew, or says in "
                "labdock.toml under [images.ignore] until when a finding may pass, and why."
            )


def _failed(row: VerificationRow) -> str:
    failed = [check for check in row.checks if check["passed"] is False]
    first = f"{failed[0]['check']}: {failed[0]['said'][:LONGEST].rstrip('.')}"
    return f"{first}; and {len(failed) - 1} more" if len(failed) > 1 else first


def _day(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d")
