"""What Keras's own callbacks count, which decides when training stops and what is saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

COUNTED = {
    "EarlyStopping": ("wait", "best", "best_epoch", "stopped_epoch"),
    "ReduceLROnPlateau": ("wait", "best", "cooldown_counter"),
    "ModelCheckpoint": ("best",),
    "TensorBoard": ("_global_train_batch",),
}


def counts(callbacks: Sequence[Any], batches: int) -> list[dict[str, float]]:
    """The numbers of each callback, in order.

    Batches are counted up to the epoch's beginning: those that it began are passed over again.
    """
    return [
        {
            name: float(value) - (batches if name.endswith("_batch") else 0)
            for name in names_of(one)
            if _is_number(value := _value(one, name))
        }
        for one in callbacks
    ]


def best_weights(callbacks: Sequence[Any]) -> dict[str, list[Any]]:
    """The weights that callbacks keep, in groups."""
    kept = {f"best.{n}": getattr(one, "best_weights", None) for n, one in enumerate(callbacks)}
    return {name: list(weights) for name, weights in kept.items() if weights}


def restore(
    callbacks: Sequence[Any], kept: Sequence[dict[str, float]], groups: dict[str, list[Any]]
) -> None:
    """Set what was kept, in callbacks that are the same as then."""
    if len(kept) != len(callbacks):
        return
    for number, (one, numbers) in enumerate(zip(callbacks, kept, strict=True)):
        for name in set(names_of(one)) & set(numbers):
            whole = isinstance(_value(one, name), int) and numbers[name].is_integer()
            setattr(one, name, int(numbers[name]) if whole else numbers[name])
        if f"best.{number}" in groups:
            one.best_weights = groups[f"best.{number}"]


def names_of(callback: Any) -> tuple[str, ...]:
    """The attributes of a callback that are kept."""
    kinds = [kind.__name__ for kind in type(callback).__mro__]
    return next((COUNTED[kind] for kind in kinds if kind in COUNTED), ())


def _value(callback: Any, name: str) -> Any:
    return getattr(callback, name, None)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
