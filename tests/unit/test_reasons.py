"""uv's explanations, read for the one sentence that helps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock_service.errors import PackagingFailed
from labdock_service.packaging.reasons import LONGEST, clash, known_reason, plain
from labdock_service.packaging.uv import refuse_trouble

START = "error: No solution found when resolving dependencies\n  cause: Because "
NO_WHEEL = "has no wheel for Python 3.11 on Linux (x86_64), and jobs install wheels only"
END = ", we can conclude that your requirements are unsatisfiable."


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "nosuch was not found in the package registry and you require nosuch",
            "nosuch is not in the package index: see that its name is right",
        ),
        ("there is no version of six==99 and you require six==99", "there is no six 99"),
        (
            "pyspark==3.5.0 has no usable wheels and you require pyspark==3.5.0",
            f"pyspark 3.5.0 {NO_WHEEL}",
        ),
        (
            "all versions of odfpy have no usable wheels and you require odfpy",
            f"odfpy {NO_WHEEL}",
        ),
        (
            "text==2.10.0 has no wheels with a matching Python ABI tag (e.g., `cp311`) and you",
            f"text 2.10.0 {NO_WHEEL}",
        ),
        (
            "you require pandas==3.1.1 and pandas<2",
            "pandas 3.1.1 and pandas<2 cannot both be met",
        ),
        (
            "only marshmallow<=4.4.0 is available and you require marshmallow>9",
            "there is no marshmallow>9, only marshmallow<=4.4.0",
        ),
    ],
)
def test_what_people_meet_most(said: str, reason: str) -> None:
    assert known_reason(START + said + END, python="3.11", machine="x86_64") == reason


PROOF = """\
only the following versions of numpy are available:
             numpy<1.22
             numpy>=2.1
         and numba{sys_platform == 'linux'}==0.60.0 depends on numpy>=1.22,<2.1, we can conclude
         that numba==0.60.0 cannot be used.
         And because you require numba==0.60"""


def test_a_clash_names_both_and_what_the_environment_has() -> None:
    assert clash(START + PROOF + END, {"numpy": "2.4.6"}, "tensorflow-2.21") == (
        "numba 0.60.0 needs numpy>=1.22,<2.1, and the environment tensorflow-2.21 has numpy 2.4.6"
    )


def test_a_package_that_fits_is_no_clash() -> None:
    assert clash(START + PROOF + END, {"numpy": "2.0"}, "e") is None
    assert clash(START + PROOF + END, {}, "e") is None


def test_another_reason_is_kept_as_one_line_without_addresses_and_paths() -> None:
    said = (
        "error: Failed to read\n  cause: (from https://user:word@packages.example.com/simple/x/)\n"
        "  cause: in /home/somebody/.cache/uv/x.whl"
    )
    text = plain(said)
    assert "example" not in text and "somebody" not in text and "\n" not in text
    assert text.startswith("Failed to read")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("cause: No space left on device (os error 28)", "disk"),
        ("cause: error sending request for url (x)\n cause: dns error", "does not answer"),
        ("hint: Packages were unavailable because the network was disabled.", "does not answer"),
        ("error: Hash mismatch for `six==1.17.0`", "renew the lock"),
    ],
)
def test_trouble_that_is_not_the_requirements(said: str, hint: str) -> None:
    with pytest.raises(PackagingFailed, match=hint):
        refuse_trouble(said)


@given(st.text(alphabet=st.sampled_from("ab1. =<>{}`,:/\n╰─▶"), max_size=300))
def test_whatever_it_says_it_is_one_short_line(said: str) -> None:
    clash(said, {"a": "1"}, "e")
    known_reason(said, python="3.11", machine="x86_64")
    assert "\n" not in plain(said) and len(plain(said)) <= LONGEST + 2
    refuse_trouble(said)
