"""What a test needs that may be missing."""

from __future__ import annotations

import os

import pytest


def require(present: bool, what: str) -> None:
    """Skip where a service is missing on a laptop; fail where it is missing in CI."""
    if present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing", pytrace=False)
    pytest.skip(f"{what} is missing")
