"""Which images there are, what each is made of, and what Docker is given to build it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labdock_service.bootstrap import CHECKOUT
from labdock_service.errors import Invalid

FOLDER = CHECKOUT / "images"
COMMON = FOLDER / "common"

TENSORFLOW = ("checks", "packages", "tensorflow")
ON_GPU = (*TENSORFLOW, "gpu")


@dataclass(frozen=True)
class Recipe:
    """One image: its folder in `images/`, and the image that it begins from."""

    name: str
    parent: str | None
    own: tuple[str, ...] = ()
    """Labdock's own packages that it holds, as wheels built from the checkout."""
    checks: tuple[str, ...] = TENSORFLOW
    """What stands before its `verify`."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Files from elsewhere in the checkout, by their name in the build's context."""

    @property
    def folder(self) -> Path:
        """Where its Dockerfile, lock and `verify` lie."""
        return FOLDER / self.name

    @property
    def repository(self) -> str:
        """Its name in a registry."""
        return f"labdock/{self.name}"

    @property
    def gpu(self) -> bool:
        """Whether it is made for GPUs."""
        return self.name.endswith("-gpu")


OVERRIDES = {"overrides.json": FOLDER / "local/overrides.json"}

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("base", None, checks=("checks",)),
        Recipe("training", "base", own=("labdock",)),
        Recipe("notebook", "training", own=("labdock-lab",), files=OVERRIDES),
        Recipe("training-gpu", "base", own=("labdock",), checks=ON_GPU),
        Recipe(
            "notebook-gpu", "training-gpu", own=("labdock-lab",), files=OVERRIDES, checks=ON_GPU
        ),
        Recipe("model-server", "training", own=("labdock-model-server",)),
        Recipe("tensorboard", "base", checks=("checks", "packages")),
        Recipe("registry", "base", checks=("checks",)),
    )
}
"""Every image, after the one that it begins from."""

USUAL = ("base", "training", "notebook", "tensorboard")
"""What is built where nothing is named."""


def chosen(names: Sequence[str]) -> list[Recipe]:
    """The named images and those that they begin from, in the order of building."""
    wanted: set[str] = set()
    for name in names or USUAL:
        if name not in RECIPES:
            raise Invalid(f"There is no image '{name[:50]}'; there are: {', '.join(RECIPES)}.")
        wanted.update(_line(name))
    return [recipe for name, recipe in RECIPES.items() if name in wanted]


def _line(name: str | None) -> Iterable[str]:
    while name is not None:
        yield name
        name = RECIPES[name].parent


def context(recipe: Recipe, uv: Path, ca: Path | None, wheels: Sequence[Path]) -> bytes:
    """The tar that Docker builds from: the same bytes for the same files."""
    files = {path.name: path.read_bytes() for path in _own_files(recipe)}
    files |= {name: path.read_bytes() for name, path in recipe.files.items()}
    if recipe.parent:
        files |= {f"common/{path.name}": path.read_bytes() for path in _scripts()}
    files["common/ca.crt"] = ca.read_bytes() if ca else b""
    if (recipe.folder / "requirements.lock").exists():
        files["common/uv"] = uv.read_bytes()
    files |= {f"wheels/{wheel.name}": wheel.read_bytes() for wheel in wheels}
    return _tar(files)


def _own_files(recipe: Recipe) -> Iterable[Path]:
    return (path for path in recipe.folder.iterdir() if path.is_file() and path.name != "verify")


def _scripts() -> Iterable[Path]:
    """What Dockerfiles run; what stands before each `verify` is no part of an image."""
    checks = {f"{name}.py" for recipe in RECIPES.values() for name in recipe.checks}
    return (path for path in COMMON.iterdir() if path.is_file() and path.name not in checks)


def _tar(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o755
            tar.addfile(member, io.BytesIO(files[name]))
    return made.getvalue()
