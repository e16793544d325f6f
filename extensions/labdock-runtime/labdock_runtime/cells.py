"""Drives papermill over a notebook's cells.

A cell's number counts the notebook's code cells from 1, as a person sees them: the cell that
papermill adds for parameters has none.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from labdock_runtime import failures
from labdock_runtime.masking import Mask
from labdock_runtime.run import Run

# A checker of addresses in notebooks' metadata that nothing here needs; its import takes 0.9 s.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbclient.client  # noqa: E402
import papermill  # noqa: E402
from jupyter_client.asynchronous.client import AsyncKernelClient  # noqa: E402
from jupyter_client.manager import AsyncKernelManager  # noqa: E402
from nbclient.exceptions import CellExecutionError, DeadKernelError  # noqa: E402
from nbformat.v4 import new_output  # noqa: E402
from papermill.clientwrap import PapermillNotebookClient  # noqa: E402
from papermill.engines import Engine, papermill_engines  # noqa: E402
from papermill.iorw import papermill_io  # noqa: E402
from papermill.log import logger  # noqa: E402

# The same as nbclient's own, which looks from each character of a line and not from its start
# only: a long line would take it hours.
nbclient.client._RGX_CARRIAGERETURN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

    from labdock_runtime.notebook import Kernel

Error = tuple[str, str, list[str]]
"""An exception's name, text and traceback."""

AUTOSAVE_SECONDS = 2
UNKNOWN_PARAMETER = "Passed unknown parameter: "
NOT_RUN = "Not run in a job."
MOST_PRINTED = 1_000_000
"""Characters that one cell prints into the executed notebook; the log takes all of them."""
IN_THE_LOG = "\n[labdock: what follows is in the job's log]\n"
FINISH = "from labdock_runtime.kernel import finish_run; finish_run()"


def execute(run: Run, kernel: Kernel) -> int:
    """Run all cells. Gives the worker's exit code."""
    session = Session(run, kernel)
    entry = Path(run.job.folder, run.job.entry)
    executed = entry.with_name(entry.stem + ".executed.ipynb")
    papermill_io.register(str(executed), AtomicFile(run.job.mask))
    papermill_engines.register("labdock", _engine(session))
    _tell_warnings(run)
    try:
        papermill.execute_notebook(
            _unformatted(entry), _unformatted(executed), run.job.parameters,
            engine_name="labdock", kernel_name="python3", language="python",
            progress_bar=False, autosave_cell_every=AUTOSAVE_SECONDS, cwd=None,
        )  # fmt: skip
    except DeadKernelError:
        return session.died()
    except papermill.PapermillExecutionError:
        pass
    return session.ended()


def _unformatted(path: Path) -> str:
    """A path in which papermill finds no parameters to fill in."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _tell_warnings(run: Run) -> None:
    """Pass papermill's warning of a parameter that the notebook does not have on, and no more."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            _, found, name = record.getMessage().partition(UNKNOWN_PARAMETER)
            if found:
                run.events.warn(f"No cell tagged `parameters` sets {name}; it is set all the same.")

    logger.addHandler(Handler())
    logger.propagate = False


class AtomicFile:
    """How papermill writes the executed notebook: no half of one, and no secret in it."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask

    def write(self, text: str, path: str) -> None:
        """Write the whole, then put it in its place."""
        if self._mask:
            notebook = self._mask.everywhere(json.loads(text))
            text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
        new = Path(path + ".new")
        new.write_text(text, encoding="utf-8")
        new.replace(path)

    def pretty_path(self, path: str) -> str:
        """As papermill shows it."""
        return path


def _engine(session: Session) -> type[Engine]:
    class KernelEngine(Engine):  # type: ignore[misc]
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
            del options
            if not session.kernel.wait_until_ready():
                raise DeadKernelError("The kernel did not start.")
            manager = Adopted(session.kernel)
            Cells(nb_man, session, km=manager, kernel_name=kernel_name, timeout=None,
                  log=logger, coalesce_streams=True).execute()  # fmt: skip

    return KernelEngine


class Adopted(AsyncKernelManager):
    """A manager of the kernel that was started before papermill was imported."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(client_class=f"{__name__}.Impatient")
        self._process = kernel.process
        self.load_connection_info(cast("KernelConnectionInfo", kernel.connection))

    @property
    def has_kernel(self) -> bool:
        """There is one from the beginning."""
        return True

    async def is_alive(self) -> bool:  # type: ignore[override]
        """Whether its process runs."""
        return self._process.poll() is None


class Impatient(AsyncKernelClient):
    """A client that takes a kernel for ready as soon as it answers."""

    async def wait_for_ready(self, *arguments: Any, **options: Any) -> None:
        """Wait for an answer, and for the channel of output to be there."""
        del arguments, options
        message = self.kernel_info()
        while (await self.shell_channel.get_msg())["parent_header"].get("msg_id") != message:
            continue
        await self.iopub_channel.get_msg()

    async def is_alive(self) -> bool:
        """Whether the kernel's process runs, which papermill asks once a second."""
        return bool(await self.parent.is_alive())


class Session:
    """How far the cells have come, and how they ended."""

    def __init__(self, run: Run, kernel: Kernel) -> None:
        self.run = run
        self.kernel = kernel
        self.cell: int | None = None
        self.error: Error | None = None

    def readable(self, traceback: list[str]) -> str:
        """A traceback as a person reads it in a log."""
        folders = [*failures.places(), str(self.kernel.folder)]
        return failures.readable("\n".join(traceback), folders)

    def died(self) -> int:
        """Say why the kernel died, unless it said so itself. Gives the exit code."""
        code = self.kernel.end()
        if self.run.stopping or code == failures.STOPPED:
            return failures.STOPPED
        if code in (failures.REFUSED, failures.RETRY):
            return code
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        hint = ", as happens when memory runs out" if code == -9 else ""
        reason = f"The notebook's kernel {how}{hint}."
        self.run.events.failed(reason, failures.FAILED, cell=self.cell)
        return failures.FAILED

    def ended(self) -> int:
        """Say which cell failed and how. Gives the exit code."""
        if self.error is None:
            return failures.OK
        name, value, traceback = self.error
        reason, code = failures.judge(name, value, gang=self.run.job.workers > 1)
        shown = None if code == failures.REFUSED else self.readable(traceback) or None
        self.run.events.failed(reason, code, cell=self.cell, traceback=shown)
        return code


class Cells(PapermillNotebookClient):  # type: ignore[misc]
    """Papermill's client, which also tells which cell runs and writes the job's log."""

    def __init__(self, nb_man: Any, session: Session, **options: Any) -> None:
        super().__init__(nb_man, **options)
        self._session = session
        self._printed = (-1, 0)

    def papermill_execute_cells(self) -> None:
        """Run each cell, up to one that fails or ends the notebook; then end the training."""
        numbers = cell_numbers(self.nb.cells)
        total = max(numbers, default=0)
        for index, cell in enumerate(self.nb.cells):
            if numbers[index] and is_person_code(cell):
                self._session.cell = numbers[index]
                self._session.run.events.emit("cell", cell=numbers[index], cells=total)
            with self._managed(cell, index):
                self.execute_cell(cell, index, store_history=is_person_code(cell))
                continue
            break
        if self._session.error is None:
            self._finish()

    @contextmanager
    def _managed(self, cell: Any, index: int) -> Iterator[None]:
        self.nb_man.cell_start(cell, index)
        try:
            yield
        except CellExecutionError as error:
            self._take_error(error, index)
        finally:
            self.nb_man.cell_complete(self.nb.cells[index], cell_index=index)

    def _take_error(self, error: CellExecutionError, index: int) -> None:
        if error.ename == failures.EndOfNotebook.__name__:
            mark_not_run(self.nb.cells[index:])
            return
        if error.ename == "SystemExit" and error.evalue in ("", "0", "None"):
            return
        outputs = self.nb.cells[index].outputs
        shown = [line for output in outputs for line in output.get("traceback", ())]
        self._session.error = (error.ename, error.evalue, shown)
        self.nb_man.cell_exception(self.nb.cells[index], cell_index=index, exception=error)

    def _finish(self) -> None:
        """Let the kernel collect the models, as if in a cell that nobody sees."""
        reply = self.wait_for_reply(self.kc.execute(FINISH, silent=True, store_history=False))
        if reply["content"]["status"] == "error":
            content = reply["content"]
            self._session.cell = None
            self._session.error = (content["ename"], content["evalue"], content["traceback"])

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Write what a cell prints to the job's log, as it comes."""
        self._log(msg["msg_type"], msg["content"])
        if msg["msg_type"] == "stream" and not self._shorten(msg["content"], cell_index):
            return None
        return super().process_message(msg, cell, cell_index)

    def _shorten(self, content: dict[str, Any], cell_index: int) -> bool:
        """Leave in a cell's output what the notebook takes of it; False where that is nothing."""
        index, printed = self._printed
        left = MOST_PRINTED - (printed if index == cell_index else 0)
        text = content["text"]
        self._printed = (cell_index, MOST_PRINTED - left + len(text))
        if len(text) > left >= 0:
            content["text"] = text[:left] + IN_THE_LOG
        return left >= 0

    def _log(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "stream":
            stream = sys.stderr if content["name"] == "stderr" else sys.stdout
            stream.write(content["text"])
            stream.flush()
        elif kind == "error":
            print(self._session.readable(content["traceback"]), file=sys.stderr, flush=True)
        elif text := content.get("data", {}).get("text/plain"):
            print(text, flush=True)


def is_person_code(cell: Any) -> bool:
    """Whether a cell is code, and the person's, not the one with injected parameters."""
    return cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])


def cell_numbers(cells: list[Any]) -> list[int]:
    """For each cell the number of code cells up to it, it included."""
    count, numbers = 0, []
    for cell in cells:
        count += is_person_code(cell)
        numbers.append(count)
    return numbers


def mark_not_run(cells: list[Any]) -> None:
    """Mark cells that a job does not run, so that one sees it where they stand."""
    for cell in cells:
        cell.metadata["labdock"] = {"not_run": True}
        cell.metadata.setdefault("papermill", {})["status"] = "not run"
        if cell.cell_type == "code":
            cell.outputs = [new_output("stream", name="stdout", text=NOT_RUN)]
