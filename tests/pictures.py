"""`make pictures`: take the documents' pictures anew, as the browser's tests see them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
SHOWN = CHECKOUT / "docs/images"
"""What the documents show; each has the name that a test gives it."""
SEEN = CHECKOUT / "build/pictures"


def kept_by(picture: Path) -> list[Path]:
    """The files of tests that keep this picture."""
    words = f'lab.picture("{picture.stem}")'
    return [
        file for file in sorted((CHECKOUT / "tests/e2e").glob("*.py")) if words in file.read_text()
    ]


def main() -> None:
    """Run what keeps them, and put what it saw into the documents."""
    pictures = sorted(SHOWN.glob("*.png"))
    files = sorted({str(file) for picture in pictures for file in kept_by(picture)})
    done = subprocess.run([sys.executable, "-m", "pytest", *files], cwd=CHECKOUT, check=False)
    if done.returncode:
        sys.exit("The tests failed: the documents' pictures are as they were.")
    for picture in pictures:
        shutil.copyfile(SEEN / picture.name, picture)
        print(picture.relative_to(CHECKOUT))


if __name__ == "__main__":
    main()
