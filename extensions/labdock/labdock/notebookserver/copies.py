"""`POST labdock/copies`: a job's file as a copy in the home, for JupyterLab to open."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tornado.web import authenticated

from labdock.client import default_client
from labdock.errors import LabdockError
from labdock.fetching import fetch
from labdock.notebookserver.answers import JsonHandler
from labdock.serverschema import FetchRequest

PATH = "labdock/copies"


class CopiesHandler(JsonHandler):
    """Brings a file, and says where it lies."""

    @authenticated
    async def post(self) -> None:
        """Bring what the body names."""
        home = Path(self.contents_manager.root_dir)
        try:
            asked = self.read(FetchRequest)
            made = await asyncio.to_thread(fetch, default_client(), home, asked.job, asked.path)
        except LabdockError as error:
            self.refuse(error)
        except OSError as error:
            self.tell(507, "no_room", f"The copy could not be written: {error.strerror}.")
        else:
            self.answer(made)
