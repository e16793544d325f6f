"""What a scan found in an image, and which of it the deployment's policy lets pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labdock_service.sections import ImagesSettings  # the reconciler does without its library

SHOWN = 5
SEVERITIES = ("unknown", "negligible", "low", "medium", "high", "critical")
"""How grave a scanner calls a finding, the least first; the words of Trivy and Grype."""


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
class Policy:
    """Which findings keep an image out: from a severity on, but for some until a day."""

    severity: str = "critical"
    passing: Mapping[str, date] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: ImagesSettings) -> Policy:
        """The deployment's."""
        return cls(settings.severity, {name: one.until for name, one in settings.ignore.items()})


@dataclass(frozen=True)
class Judgement:
    """What a policy makes of findings."""

    refused: tuple[Finding, ...]
    ignored: tuple[Finding, ...]

    @property
    def sentence(self) -> str:
        """The findings that keep an image out, without a stop; empty where it may be used."""
        shown = "; ".join(str(finding) for finding in self.refused[:SHOWN])
        more = len(self.refused) - SHOWN
        return f"{shown}; and {more} more" if more > 0 else shown


def judge(findings: Iterable[Finding], policy: Policy, today: date) -> Judgement:
    """Which findings keep an image out, and which the policy lets pass until a date."""
    least = _rank(policy.severity)
    grave = [finding for finding in findings if _rank(finding.severity) >= least]
    ignored = [finding for finding in grave if _is_ignored(finding, policy, today)]
    refused = [finding for finding in grave if finding not in ignored]
    return Judgement(tuple(refused), tuple(ignored))


def _is_ignored(finding: Finding, policy: Policy, today: date) -> bool:
    until = policy.passing.get(finding.id)
    return until is not None and today <= until


def _rank(severity: str) -> int:
    """How grave; a word that no scanner should use counts as the gravest."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
