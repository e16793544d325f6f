"""Which files of a project folder travel."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.snapshots import few, paths, taken, write

from labdock.selection import select
from labdock.snapshot import source_digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    write(project, {"train.py": "print(1)\n"})
    return project


def test_a_source_is_the_files_of_the_folder(folder: Path) -> None:
    write(folder, {"data/x.csv": "1,2\n", "run.sh": "#!/bin/sh\n"})
    (folder / "run.sh").chmod(0o700)
    (folder / "empty").mkdir()
    source = taken(folder).source
    assert [(file.path, file.size, file.executable) for file in source.files] == [
        ("data/x.csv", 4, False),
        ("run.sh", 10, True),
        ("train.py", 9, False),
    ]
    assert source.entry == "train.py"
    assert source.digest == source_digest(source.entry, source.files, source.requirements)


def test_an_entry_of_a_folder_above(folder: Path) -> None:
    write(folder, {"notes/a.py": "", "b.py": ""})
    result = taken(folder, "notes/a.py", folder=folder)
    assert (result.source.entry, paths(result)) == (
        "notes/a.py",
        ["b.py", "notes/a.py", "train.py"],
    )


SECRETS = [".env", ".env.local", "server.pem", "id_rsa", "id_ed25519.pub", "deep/TLS.KEY", ".netrc"]
NEVER = [".git/config", ".ipynb_checkpoints/x.ipynb", "__pycache__/x.pyc", ".labdock/x", ".ssh/a"]


def test_what_never_travels_does_not_and_no_rule_brings_it_back(folder: Path) -> None:
    write(folder, dict.fromkeys([*SECRETS, *NEVER], "x"))
    write(folder, {".labdockignore": "!*\n!.env\n!.git/\n"})
    result = taken(folder)
    assert paths(result) == [".labdockignore", "train.py"]
    reasons = dict(result.left_out)
    assert reasons[".env"] == reasons["deep/TLS.KEY"] == "a secret"
    assert reasons[".git/"] == "a repository's own"


def test_virtual_environments_stay_here(folder: Path) -> None:
    write(folder, {"my-env/pyvenv.cfg": "", "my-env/lib/x.py": ""})
    (folder / "linked").symlink_to(folder / "my-env")
    result = taken(folder)
    assert paths(result) == ["train.py"]
    assert dict(result.left_out)["my-env/"] == "a virtual environment"


def test_rules_of_labdock_come_after_those_of_git_and_deeper_ones_after_both(folder: Path) -> None:
    write(
        folder,
        {
            ".gitignore": "*.csv\nout/\n",
            ".labdockignore": "!small.csv\nbig/\n",
            "small.csv": "",
            "large.csv": "",
            "out/x": "",
            "big/x": "",
            "sub/.gitignore": "!large.csv\n",
            "sub/large.csv": "",
        },
    )
    result = taken(folder)
    ours = [path for path in paths(result) if "ignore" not in path]
    assert ours == ["small.csv", "sub/large.csv", "train.py"]
    assert dict(result.left_out) == {
        "large.csv": ".gitignore",
        "out/": ".gitignore",
        "big/": ".labdockignore",
    }


def test_rules_above_the_folder_count_up_to_the_repository(folder: Path) -> None:
    write(folder, {".git/x": "", ".gitignore": "*.log\n/team/data\n", "team/data/x": ""})
    write(folder, {"team/.gitignore": "!keep.log\n", "team/a.py": ""})
    write(folder, {"team/a.log": "", "team/keep.log": ""})
    write(folder.parent, {".gitignore": "*"})
    assert paths(taken(folder, "team/a.py")) == [".gitignore", "a.py", "keep.log"]


def test_the_entry_travels_whatever_the_rules_say(folder: Path) -> None:
    write(folder, {".gitignore": "*.py\n", "other.py": ""})
    assert paths(taken(folder)) == [".gitignore", "train.py"]


def test_rules_that_mean_nothing_are_nothing(folder: Path) -> None:
    write(folder, {".gitignore": b"!\n\\\n\xff\xfe\n# x\n\na[\nx.csv\n", "x.csv": ""})
    assert paths(taken(folder)) == [".gitignore", "train.py"]


NAMES = st.sampled_from(["a", "b", "c", "a.log", "b.log", "build", "doc"])
OVERRULED = [("build\n!a", "a/build/a"), ("b/**\n!b/a", "b/a"), ("*\n!*/\n!a.log", "a/a.log")]
"""Rules of which a later one is about a folder above, or about something in a folder."""


@pytest.mark.parametrize(("rules", "path"), OVERRULED)
def test_a_rule_is_about_a_path_and_not_about_those_in_it(
    folder: Path, rules: str, path: str
) -> None:
    write(folder, {".labdockignore": rules, path: ""})
    assert (path in paths(taken(folder))) == (path != "a/build/a")


FILES = st.lists(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8, unique=True
)
RULES = st.lists(
    st.builds(
        "".join,
        st.tuples(
            st.sampled_from(["", "!"]),
            st.sampled_from(["", "/", "a/", "**/"]),
            st.sampled_from(
                [
                    "a",
                    "b",
                    "*.log",
                    "build",
                    "doc",
                    "*",
                    "?",
                    "a/*",
                    "b/**",
                    "[ab]",
                    "a/**",
                    "**",
                    "a/**/b",
                    "!a",
                    "a b",
                ]
            ),
            st.sampled_from(["", "/"]),
        ),
    ),
    max_size=4,
).map("\n".join)


@few
@given(files=FILES, rules=st.dictionaries(st.sampled_from(["", "a/", "build/"]), RULES, max_size=3))
def test_rules_mean_what_they_mean_to_git(files: list[str], rules: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place).resolve()
        folders = {str(parent) for path in files for parent in Path(path).parents}
        plain = [path for path in files if path not in folders]
        write(root, dict.fromkeys(plain, "x") | {"entry.py": ""})
        for below, text in rules.items():
            if below.rstrip("/") not in plain:
                write(root, {f"{below}.gitignore": text})
        git = ["git", "-c", "core.excludesFile=/dev/null"]
        subprocess.run([*git, "init", "-q"], cwd=root, check=True)
        listing = [*git, "ls-files", "-o", "-z", "--exclude-standard"]
        done = subprocess.run(listing, cwd=root, check=True, capture_output=True, text=True)
        expected = {*done.stdout.split("\0"), "entry.py"} - {""}
        assert set(select(root, "entry.py", {}).files) == expected
