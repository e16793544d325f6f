"""Labdock's extension of Jupyter's server, on a machine whose GPU is an ordinary file."""

from __future__ import annotations

import os
import re
from typing import Any

from labdock import notebookserver
from labdock.notebookserver import opened


def _load_jupyter_server_extension(app: Any) -> None:
    opened.DEVICE = re.compile(re.escape(os.environ["INVENTED_GPU"]))
    notebookserver._load_jupyter_server_extension(app)
