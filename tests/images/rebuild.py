"""Builds images twice, each time from nothing, and says whether they have the same digests.

`make rebuild` takes a quarter of an hour for base, training and notebook.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.support.images import build_images, built

from labdock_service.images.recipes import chosen


def main(names: list[str]) -> int:
    """Build twice and compare; 1 where something differs."""
    recipes = chosen(names)
    with tempfile.TemporaryDirectory(prefix="labdock-rebuild-") as place:
        states = [Path(place, name) for name in ("first", "second")]
        for state in states:
            began = time.monotonic()
            print(build_images(state, *names, "--no-cache"))
            print(f"built in {time.monotonic() - began:.0f} s", flush=True)
        different = [recipe.name for recipe in recipes if _differs(recipe.name, *states)]
    if different:
        print(f"Built twice, these are not the same: {', '.join(different)}.")
    return 1 if different else 0


def _differs(name: str, first: Path, second: Path) -> bool:
    """Say both digests of an image, and which layers of it are not the same."""
    images = [built(state, name) for state in (first, second)]
    digests = [image.digest for image in images]
    print(f"{name}: {' and '.join(digests)}: {'equal' if len(set(digests)) == 1 else 'NOT EQUAL'}")
    layers = [[layer.diff_id for layer in image.layers] for image in images]
    for number, pair in enumerate(zip(*layers, strict=False), 1):
        if len(set(pair)) > 1:
            print(f"  layer {number}: {pair[0]} and {pair[1]}")
    return len(set(digests)) > 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
