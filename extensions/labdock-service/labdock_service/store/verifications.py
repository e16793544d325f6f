"""Whether images may be used on a node: what their `verify` found there, and what scans say.

Each image and node has the last record alone, and so has each image and scanner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from labdock_service.findings import Finding, Policy, judge
from labdock_service.store.tables import ScanRow, VerificationRow

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
    session: Session, images: Sequence[str], node: str, policy: Policy, now: float
) -> str | None:
    """Why these images may not be used on a node, in sentences; none where they may."""
    return next(_problems(session, images, node, policy, now), None)


def _problems(
    session: Session, images: Sequence[str], node: str, policy: Policy, now: float
) -> Iterator[str]:
    for image in images:
        row = find(session, image, node)
        if row is not None and not row.passed:
            yield (
                f"It failed its verification on {node} on {_day(row.time)}: {_failed(row)}. Choose "
                "another environment; an admin mends this one and runs `labdock images verify`."
            )
    for day, found in kept_out(session, images, policy, now):
        yield (
            f"A scan that was read on {day} keeps it out: {found}. Choose another environment; "
            "an admin builds this one anew, or says in labdock.toml under [images.ignore] until "
            "when a finding may pass, and why."
        )


def kept_out(
    session: Session, images: Sequence[str], policy: Policy, now: float
) -> Iterator[tuple[str, str]]:
    """The days of scans that keep these images out, and what each found, without a stop."""
    today = datetime.fromtimestamp(now, UTC).date()
    for scan in session.scalars(select(ScanRow).where(ScanRow.image.in_(images))):
        judgement = judge((Finding(**found) for found in scan.findings), policy, today)
        if judgement.refused:
            yield _day(scan.time), judgement.sentence


def _failed(row: VerificationRow) -> str:
    failed = [check for check in row.checks if check["passed"] is False]
    first = f"{failed[0]['check']}: {failed[0]['said'][:LONGEST].rstrip('.')}"
    return f"{first}; and {len(failed) - 1} more" if len(failed) > 1 else first


def _day(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d")
