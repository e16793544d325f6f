"""What of the service's own variables is passed on to what it starts."""

import re
from collections.abc import Mapping

KEPT = re.compile(r"LANG|LC_.*|TZ|(HTTPS?|NO|ALL)_PROXY|(PIP|UV|SSL|REQUESTS|CURL)_.*", re.I)
"""Language, and how to reach packages."""


def unproxied(kept: Mapping[str, str], host: str) -> dict[str, str]:
    """What has programs reach a host past the proxy that leads out, as others already are."""
    others = kept.get("no_proxy") or kept.get("NO_PROXY")
    listed = f"{others},{host}" if others else host
    return {"no_proxy": listed, "NO_PROXY": listed}
