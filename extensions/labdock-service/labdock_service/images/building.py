"""Building an image with the local Docker, and bringing it into its one form."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from docker import DockerClient
from docker.errors import APIError, ImageNotFound
from uv import find_uv_bin

from labdock.digests import canonical_json, sha256
from labdock_service.errors import EngineFailed
from labdock_service.images.export import normal_image
from labdock_service.images.layout import BuiltImage, BuiltImages
from labdock_service.images.recipes import Recipe, context
from labdock_service.images.wheels import build_wheels
from labdock_service.statefolder import StateFolder

Report = Callable[[str], None]

STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
LAST_WORDS = 5


@dataclass(frozen=True)
class Beginning:
    """What the first image begins from: its name for all time, and how to get it into Docker."""

    name: str
    get: Callable[[DockerClient, Report], str]


@dataclass(frozen=True, kw_only=True)
class Building:
    """How images are built."""

    state: StateFolder
    beginning: Beginning
    ca: Path | None = None
    index: str = ""
    network: str = ""
    fresh: bool = False
    """Build again what is there, and use nothing that Docker kept."""


def build(
    recipes: Sequence[Recipe], how: Building, client: DockerClient, report: Report
) -> Iterator[BuiltImage]:
    """Build each image, or find it built of the same."""
    for recipe in recipes:
        yield _Build(recipe, how, client, report).run()


@dataclass(frozen=True)
class _Build:
    recipe: Recipe
    how: Building
    client: DockerClient
    report: Report
    mark: str = field(default_factory=lambda: os.urandom(8).hex())
    """Names the stages of a fresh build, which are not kept."""

    @property
    def images(self) -> BuiltImages:
        return BuiltImages(self.how.state)

    def run(self) -> BuiltImage:
        name = self.recipe.name
        tar = self._context()
        made_of = sha256(canonical_json([self._base_name(), sha256(tar)]))
        there = None if self.how.fresh else self._find(made_of)
        if there:
            self.report(f"{name} (built already)")
            return there
        base = self._base()
        built = self._build(base, tar)
        self.report(f"{name}: its layers without times, and compressed")
        image = normal_image(self.client, built, name, made_of, self.images)
        self._clean_up(base, built, image)
        return image

    def _context(self) -> bytes:
        with TemporaryDirectory(prefix="labdock-wheels-") as place:
            wheels = build_wheels(self.recipe.own, Path(place), self.how.state.cache, self.report)
            return context(self.recipe, Path(find_uv_bin()), self.how.ca, wheels)

    def _base_name(self) -> str:
        return self._parent().digest if self.recipe.parent else self.how.beginning.name

    def _base(self) -> str:
        """What it begins from, as the local Docker calls it."""
        if self.recipe.parent:
            return self._parent().id
        return self.how.beginning.get(self.client, self.report)

    def _parent(self) -> BuiltImage:
        assert self.recipe.parent
        parent = self.images.find(self.recipe.parent)
        assert parent, "images are built after those that they begin from"
        return parent

    def _find(self, made_of: str) -> BuiltImage | None:
        image = self.images.find(self.recipe.name, made_of)
        try:
            return image if image and self.client.images.get(image.id) else None
        except ImageNotFound:
            return None

    def _build(self, base: str, tar: bytes) -> str:
        """Let Docker build it, saying each step; the image's id."""
        mark = self.mark if self.how.fresh else ""
        said: list[str] = []
        built = ""
        for line in self.client.api.build(
            fileobj=io.BytesIO(tar),
            custom_context=True,
            buildargs={"BASE": base, "INDEX": self.how.index, "BUILD": mark},
            network_mode=self.how.network or None,
            nocache=self.how.fresh,
            rm=True,
            forcerm=True,
            decode=True,
        ):
            if "error" in line:
                reason = " ".join([*said[-LAST_WORDS:], line["error"].strip()])
                raise EngineFailed(f"The image {self.recipe.name} could not be built: {reason}")
            built = line.get("aux", {}).get("ID", built)
            said += self._tell(line.get("stream", ""))
        return built

    def _tell(self, text: str) -> list[str]:
        """Report a step; what else was said is kept for a failure."""
        step = STEP.match(text)
        if step:
            number, count, what = step.groups()
            self.report(f"{self.recipe.name}, step {number} of {count}: {what.strip()[:60]}")
            return []
        return [text.strip()] if text.strip() else []

    def _clean_up(self, base: str, built: str, image: BuiltImage) -> None:
        """Keep the one form, by name, and of a fresh build nothing else."""
        self.client.api.tag(image.id, self.recipe.repository, "built")
        if built != image.id:
            self.client.api.remove_image(built, force=True, noprune=not self.how.fresh)
        if self.how.fresh:
            mark = {"dangling": True, "label": f"labdock.build={self.mark}"}
            self.client.api.prune_images(mark)
            if not self.recipe.parent:
                with suppress(APIError):  # it is somebody's, by a name
                    self.client.api.remove_image(base)
