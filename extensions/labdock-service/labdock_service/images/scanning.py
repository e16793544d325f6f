"""A scan's report, Trivy's or Grype's JSON, read by the deployment's policy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from labdock_service.errors import Invalid
from labdock_service.sections import SEVERITIES, ImagesSettings

SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """A known vulnerability of a package in an image."""

    id: str
    severity: str
    package: str
    version: str
    fixed: str
    """The versions that have it no more; empty where there is none yet."""

    def __str__(self) -> str:
        mended = f", mended in {self.fixed}" if self.fixed else ", not mended yet"
        return f"{self.id} ({self.severity}) in {self.package} {self.version}{mended}"


@dataclass(frozen=True)
class ScanReport:
    """What a scanner found, and the digests and ids by which it names the image."""

    scanner: str
    image: frozenset[str]
    findings: tuple[Finding, ...]

    def is_of(self, names: Iterable[str]) -> bool:
        """Whether it is about the image of these digests; one that names none is of any."""
        return not self.image or not self.image.isdisjoint(names)


@dataclass(frozen=True)
class Judgement:
    """What a policy makes of a report."""

    refused: tuple[Finding, ...]
    ignored: tuple[Finding, ...]


def read_report(file: Path) -> ScanReport:
    """A report of either scanner. Raises Invalid for anything else."""
    try:
        body = json.loads(file.read_bytes())
        if "SchemaVersion" in body:
            return ScanReport("Trivy", _trivy_image(body), tuple(_trivy(body)))
        if "matches" in body:
            return ScanReport("Grype", _grype_image(body), tuple(_grype(body)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise Invalid(
        f"'{file.name}' is no report of a scan: write it with `trivy image --format json` or "
        "`grype -o json`."
    )


def judge(report: ScanReport, policy: ImagesSettings, today: date) -> Judgement:
    """Which findings keep an image out, and which the policy lets pass until a date."""
    grave = [
        finding for finding in report.findings if _rank(finding.severity) >= _rank(policy.severity)
    ]
    ignored = [finding for finding in grave if _is_ignored(finding, policy, today)]
    refused = [finding for finding in grave if finding not in ignored]
    return Judgement(tuple(refused), tuple(ignored))


def refuse_findings(name: str, judgement: Judgement) -> None:
    """Raise Invalid with the findings that keep an image out."""
    if not judgement.refused:
        return
    shown = "; ".join(str(finding) for finding in judgement.refused[:SHOWN])
    more = len(judgement.refused) - SHOWN
    rest = f"; and {more} more" if more > 0 else ""
    raise Invalid(
        f"The image {name} is not admitted: {shown}{rest}. Build it anew with what mends them, or "
        "say in labdock.toml under [images.ignore] until when one may pass, and why."
    )


def _is_ignored(finding: Finding, policy: ImagesSettings, today: date) -> bool:
    entry = policy.ignore.get(finding.id)
    return entry is not None and today <= entry.until


def _rank(severity: str) -> int:
    """How grave; a word that no scanner should use counts as the gravest."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _trivy(body: Mapping[str, Any]) -> Iterator[Finding]:
    for result in body.get("Results") or ():
        for found in result.get("Vulnerabilities") or ():
            yield Finding(
                id=found["VulnerabilityID"],
                severity=found["Severity"].lower(),
                package=found["PkgName"],
                version=found["InstalledVersion"],
                fixed=found.get("FixedVersion") or "",
            )


def _trivy_image(body: Mapping[str, Any]) -> frozenset[str]:
    about = body.get("Metadata") or {}
    return _digests([about.get("ImageID") or "", *(about.get("RepoDigests") or ())])


def _grype(body: Mapping[str, Any]) -> Iterator[Finding]:
    for match in body["matches"]:
        found, artifact = match["vulnerability"], match["artifact"]
        yield Finding(
            id=found["id"],
            severity=found["severity"].lower(),
            package=artifact["name"],
            version=artifact["version"],
            fixed=", ".join((found.get("fix") or {}).get("versions") or ()),
        )


def _grype_image(body: Mapping[str, Any]) -> frozenset[str]:
    target = (body.get("source") or {}).get("target") or {}
    if not isinstance(target, dict):
        return frozenset()
    names = [target.get("manifestDigest") or "", target.get("imageID") or ""]
    return _digests([*names, *(target.get("repoDigests") or ())])


def _digests(names: Iterable[str]) -> frozenset[str]:
    return frozenset(found for name in names if (found := name.rpartition("@")[2]))
