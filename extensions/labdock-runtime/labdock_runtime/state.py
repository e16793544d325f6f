"""The variables of what is trained, as arrays and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Variables = dict[str, list[Any]]
"""Variables in groups: all of a group are restored, or none."""


class Unknown(TypeError):
    """A thing that has no variables."""


def groups_of(objects: Iterable[Any]) -> Variables:
    """The variables of models, their optimizers, and whatever else holds any, each once."""
    groups: Variables = {}
    seen: set[int] = set()
    for number, one in enumerate(objects):
        parts = [one, *optimizers_of(one)]
        for part_number, part in enumerate(parts):
            fresh = [v for v in variables_of(part) if id(v) not in seen]
            seen.update(map(id, fresh))
            groups[f"{number}.{part_number}"] = fresh
    return groups


def variables_of(one: Any) -> list[Any]:
    """The variables of a model, an optimizer, a metric, a module; or a variable itself."""
    if hasattr(one, "assign") and hasattr(one, "shape"):
        return [one]
    found = getattr(one, "variables", None)
    found = found() if callable(found) else found
    if not isinstance(found, list | tuple):
        raise Unknown(type(one).__name__)
    return list(found)


def optimizers_of(model: Any) -> list[Any]:
    """The optimizers that a model was compiled with, or holds itself."""
    if not is_model(model):
        return []
    held = [one for one in vars(model).values() if is_optimizer(one)]
    return list({id(one): one for one in held}.values())


def is_model(one: Any) -> bool:
    """Whether it can be trained by `fit`."""
    return hasattr(one, "fit") and hasattr(one, "trainable_variables")


def is_optimizer(one: Any) -> bool:
    """Whether it applies gradients."""
    return hasattr(one, "apply_gradients") and hasattr(one, "variables")


def build_optimizers(objects: Iterable[Any]) -> None:
    """Give optimizers that have not seen gradients yet the variables of the model before them."""
    model: Any = None
    for one in objects:
        if is_model(one):
            model = one
            _build(getattr(one, "optimizer", None), model)
        elif is_optimizer(one):
            _build(one, model)


def _build(optimizer: Any, model: Any) -> None:
    built = getattr(optimizer, "built", getattr(optimizer, "_built", False))
    if model is not None and not built and hasattr(optimizer, "build"):
        optimizer.build(model.trainable_variables)


def values(groups: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """What the variables hold now.

    Those of metrics lie on all workers of a gang, which all have to ask then.
    """
    return {name: [variable.numpy() for variable in group] for name, group in groups.items()}


def restore(groups: Variables, arrays: Mapping[str, list[Any]]) -> list[str]:
    """Set the groups that there are variables for; gives the names of those left."""
    left = []
    for name, values in arrays.items():
        variables = groups.get(name, [])
        if shapes(variables) != [list(value.shape) for value in values]:
            left.append(name)
            continue
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    return left


def shapes(variables: Iterable[Any]) -> list[list[int | None]]:
    """The shapes of variables, by which a backup of others is told."""
    return [list(variable.shape) for variable in variables]
