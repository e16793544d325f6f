"""What of the service's own variables is passed on to what it starts."""

import re

KEPT = re.compile(r"LANG|LC_.*|TZ|(HTTPS?|NO|ALL)_PROXY|(PIP|UV|SSL|REQUESTS|CURL)_.*", re.I)
"""Language, and how to reach packages."""
