"""`POST labdock/copies`: a job's file as a copy in the home, for JupyterLab to open."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from labdock.client import default_client
from labdock.errors import LabdockError, Mistake, NotFound
from labdock.fetching import NoRoom, fetch
from labdock.serverschema import FetchRequest

PATH = "labdock/copies"


class CopiesHandler(APIHandler):  # type: ignore[misc]  # it has no types here
    """Brings a file, and says where it lies."""

    @authenticated
    async def post(self) -> None:
        """Bring what the body names."""
        try:
            asked = msgspec.json.decode(self.request.body, type=FetchRequest)
            home = Path(self.contents_manager.root_dir)
            client = default_client()
            made = await asyncio.to_thread(fetch, client, home, asked.job, asked.path)
        except msgspec.MsgspecError as error:
            self._tell(400, "invalid", f"This is no order for a copy: {error}.")
        except NotFound as error:
            self._tell(404, "not_found", str(error))
        except NoRoom as error:
            self._tell(507, "no_room", str(error))
        except LabdockError as error:
            self._tell(409 if isinstance(error, Mistake) else 503, "refused", str(error))
        except OSError as error:
            self._tell(507, "no_room", f"The copy could not be written: {error.strerror}.")
        else:
            self.finish(json.dumps(msgspec.to_builtins(made)))

    def _tell(self, status: int, code: str, detail: str) -> None:
        self.set_status(status)
        self.finish(json.dumps({"error": code, "detail": detail, "field": None}))
