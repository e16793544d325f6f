"""The form on which a person chooses what their server starts with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from labdock import wording
from labdock_service.packaging.environments import PinnedEnvironment
from labdock_service.people.choices import Offer

TEMPLATES = Path(__file__).parent / "templates"
NAMED = {"tensorflow": "TensorFlow", "tensorflow-cpu": "TensorFlow", "keras": "Keras"}
"""Packages that are said before the list of all."""


def render_form(offer: Offer) -> str:
    """The form's HTML, with everything from outside escaped."""
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    templates.filters |= {"size": wording.size, "plain": lambda number: f"{number:g}"}
    default = offer.default
    return templates.get_template("start.html").render(
        environments=[_shown(offer, item) for item in offer.environments],
        default=default,
        cpus=offer.cpu_choices(),
        memory=offer.memory_choices(),
        gpus=offer.gpus,
    )


def _shown(offer: Offer, item: PinnedEnvironment) -> dict[str, Any]:
    versions = {NAMED[name]: item.packages[name] for name in NAMED if name in item.packages}
    contents = {"Python": item.version, **versions}
    return {
        "name": item.name,
        "title": item.title,
        "chosen": item == offer.preselected,
        "problem": offer.problem(item),
        "verified": item.digest not in offer.unverified,
        "contents": ", ".join(f"{name} {version}" for name, version in contents.items()),
        "packages": sorted(item.packages.items()),
    }
