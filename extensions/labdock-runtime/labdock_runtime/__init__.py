"""What runs inside a job: it makes an ordinary notebook or script distributed and observable."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from labdock_runtime.failures import end_of_notebook

__all__ = ["__version__", "checkpoint", "end_of_notebook"]
__version__ = "0.2.0"

T = TypeVar("T")


def checkpoint(items: Iterable[T], *objects: Any, every: int = 1) -> Iterator[T]:
    """Go through the items that are left, and keep the objects' state after every few of them."""
    from labdock_runtime import loops  # takes a while to import, and few need it

    return loops.checkpoint(items, *objects, every=every)
