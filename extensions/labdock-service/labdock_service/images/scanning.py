"""A scan's report, Trivy's or Grype's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labdock_service.errors import Invalid
from labdock_service.findings import Finding, Judgement

ADVICE = (
    "Build it anew with what mends them, or say in labdock.toml under [images.ignore] until when "
    "one may pass, and why."
)


@dataclass(frozen=True)
class ScanReport:
    """What a scanner found, and the digests and ids by which it names the image."""

    scanner: str
    image: frozenset[str]
    findings: tuple[Finding, ...]

    def is_of(self, names: Iterable[str]) -> bool:
        """Whether it is about the image of these digests; one that names none is of any."""
        return not self.image or not self.image.isdisjoint(names)


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


def refuse_findings(name: str, judgement: Judgement) -> None:
    """Raise Invalid with the findings that keep an image out."""
    if judgement.refused:
        raise Invalid(f"The image {name} is not admitted: {judgement.sentence}. {ADVICE}")


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
