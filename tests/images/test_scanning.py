"""Reports of Trivy and Grype, and what the deployment's policy makes of them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from labdock_service.errors import Invalid
from labdock_service.findings import Policy, judge
from labdock_service.images.scanning import read_report, refuse_findings
from labdock_service.settings import SettingsError, load_settings

REPORTS = Path(__file__).parent / "reports"
TRIVY, GRYPE = REPORTS / "trivy.json", REPORTS / "grype.json"
TODAY = date(2026, 11, 23)


def policy(folder: Path, text: str = "") -> Policy:
    file = folder / "labdock.toml"
    file.write_text(f"[images]\n{text}")
    return Policy.of(load_settings(file).images)


def ignoring(name: str, until: str = "2026-12-31", reason: str = "Nothing here reads it.") -> str:
    return f'[images.ignore.{name}]\nuntil = {until}\nreason = "{reason}"\n'


def test_both_scanners_are_read() -> None:
    trivy, grype = read_report(TRIVY), read_report(GRYPE)
    assert (trivy.scanner, len(trivy.findings)) == ("Trivy", 2)
    assert (grype.scanner, len(grype.findings)) == ("Grype", 2)
    grave = grype.findings[1]
    assert (grave.id, grave.severity, grave.package) == (
        "CVE-2022-24407",
        "high",
        "libsasl2-modules-db",
    )
    assert grave.fixed == "2.1.27+dfsg-1+deb10u2"
    assert trivy.findings[0].fixed == ""


def test_a_report_is_of_the_image_that_it_names() -> None:
    grype = read_report(GRYPE)
    digest = json.loads(GRYPE.read_text())["source"]["target"]["manifestDigest"]
    assert grype.is_of(["sha256:other", digest])
    assert not grype.is_of(["sha256:other"])


@pytest.mark.parametrize(
    ("severity", "trivy", "grype"),
    [
        ("critical", ["CVE-2019-18224"], []),
        ("high", ["CVE-2019-18224"], ["CVE-2022-24407"]),
        ("low", ["CVE-2019-18276", "CVE-2019-18224"], ["CVE-2013-4235", "CVE-2022-24407"]),
    ],
)
def test_the_severity_of_the_policy_decides(
    tmp_path: Path, severity: str, trivy: list[str], grype: list[str]
) -> None:
    rule = policy(tmp_path, f'severity = "{severity}"')
    for file, expected in ((TRIVY, trivy), (GRYPE, grype)):
        judgement = judge(read_report(file).findings, rule, TODAY)
        assert [one.id for one in judgement.refused] == expected


def test_a_refusal_says_what_mends_it(tmp_path: Path) -> None:
    judgement = judge(read_report(TRIVY).findings, policy(tmp_path), TODAY)
    with pytest.raises(Invalid) as error:
        refuse_findings("training", judgement)
    said = str(error.value)
    assert "CVE-2019-18224 (critical) in libidn2-0 2.0.5-1, mended in 2.0.5-1+deb10u1" in said
    assert "[images.ignore]" in said and said.endswith(".")


@pytest.mark.parametrize(("until", "passes"), [("2026-11-23", True), ("2026-11-22", False)])
def test_a_finding_passes_until_its_day_is_over(tmp_path: Path, until: str, passes: bool) -> None:
    rule = policy(tmp_path, ignoring("CVE-2019-18224", until))
    judgement = judge(read_report(TRIVY).findings, rule, TODAY)
    assert [one.id for one in judgement.ignored] == ["CVE-2019-18224"] * passes
    assert [one.id for one in judgement.refused] == ["CVE-2019-18224"] * (not passes)


@pytest.mark.parametrize(
    "text",
    [
        'severity = "terrible"',
        ignoring("CVE-2019-18224", reason=""),
        "[images.ignore.CVE-2019-18224]\nuntil = 2026-12-31\n",
        '[images.ignore.CVE-2019-18224]\nreason = "Nothing here reads it."\n',
        ignoring("CVE-2019-18224", until='"some day"'),
    ],
)
def test_a_policy_without_a_date_or_a_reason_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as error:
        policy(tmp_path, text)
    assert "images." in str(error.value)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"matches": 1}', '{"matches": [{}]}', "\x00"])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(Invalid) as error:
        read_report(file)
    assert "report.json" in str(error.value)


def test_a_severity_that_nobody_knows_counts_as_the_gravest(tmp_path: Path) -> None:
    body = json.loads(TRIVY.read_text())
    body["Results"][0]["Vulnerabilities"][0]["Severity"] = "DEFCON 1"
    file = tmp_path / "report.json"
    file.write_text(json.dumps(body))
    refused = judge(read_report(file).findings, policy(tmp_path), TODAY).refused
    assert "CVE-2019-18276" in {one.id for one in refused}
