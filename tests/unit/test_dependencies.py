"""What code needs beyond its environment: files, %pip lines, imports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from labdock import notebook
from labdock.dependencies import Found, Installed, find_requirements, installed_here
from labdock.distributions import likely_distribution, provided
from labdock.errors import Mistake
from labdock.imports import imports_of, reachable_imports
from labdock.requirement_lines import normalised
from labdock.schema import Environment

HERE = Installed(
    modules={
        "cv2": ["opencv-python", "opencv-python-headless"],
        "sklearn": ["scikit-learn"],
        "PIL": ["Pillow"],
        "tensorflow": ["tensorflow"],
        "torch": ["torch"],
        "google": ["protobuf", "google-cloud-storage"],
        "google.protobuf": ["protobuf"],
        "google.cloud.storage": ["google-cloud-storage"],
        "ours": ["ours"],
        "datasets": ["datasets"],
    },
    versions={
        "opencv-python": "4.10",
        "opencv-python-headless": "4.11",
        "scikit-learn": "1.9.1",
        "pillow": "13.0.0",
        "torch": "2.13.0+cpu",
        "google-cloud-storage": "3.1",
        "ours": "0.1",
        "datasets": "4.0",
    },
    unpublished=frozenset({"ours"}),
)


def environment(**packages: str) -> Environment:
    named = {name.replace("_", "-"): version for name, version in packages.items()}
    return Environment(
        name="small",
        digest="sha256:" + "0" * 64,
        title="Small",
        kind="local",
        python="3.11.7",
        packages=named,
    )


def notebook_of(*cells: str, **metadata: Any) -> str:
    written = [
        {"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "execution_count": 1}
        for cell in cells
    ]
    return json.dumps({"cells": written, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def find(folder: Path, files: Mapping[str, str], entry: str = "", **packages: str) -> Found:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return find_requirements(
        folder, entry or next(iter(files)), files.keys(), environment(**packages), lambda: HERE
    )


def lines(found: Found) -> list[str]:
    return found.requirements.lines


def test_a_requirements_file_is_taken_in_one_written_form(tmp_path: Path) -> None:
    text = """
    # what we need
    Pandas >= 2.2   # with a comment
    scikit_learn[extra]==1.9.1 ; python_version >= "3.9"
    six==1.17.0 --hash=sha256:0123 \\
        --hash=sha256:4567
    -r more/base.txt
    --only-binary=:all:
    """
    found = find(
        tmp_path, {"a.py": "import torch", "requirements.txt": text, "more/base.txt": "attrs"}
    )
    assert found.requirements.origin == "requirements.txt"
    assert lines(found) == [
        "attrs",
        "pandas>=2.2",
        'scikit-learn[extra]==1.9.1; python_version >= "3.9"',
        "six==1.17.0",
    ]


def test_a_requirements_file_as_powershell_writes_it(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("six==1.17.0\r\nattrs\r\n".encode("utf-16"))
    assert lines(find(tmp_path, {"a.py": ""})) == ["attrs", "six==1.17.0"]


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "--index-url https://packages.example.com/simple",
        "git+https://example.com/x.git",
        "x @ https://example.com/x.whl",
        "./wheels/x-1-py3-none-any.whl",
        "x-1-py3-none-any.whl",
        "-r ../outside.txt",
        "-r missing.txt",
        "-r requirements.txt",
        "pandas=2",
        "two words",
    ],
)
def test_what_a_job_could_not_install_again_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(Mistake) as refused:
        find(tmp_path, {"a.py": "", "requirements.txt": line})
    assert "requirements.txt" in str(refused.value) or "missing.txt" in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def test_pyproject_lists_dependencies(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\nversion = "1"\ndependencies = ["NumPy>=2", "six"]\n'
    found = find(tmp_path, {"a.py": "import torch", "pyproject.toml": text})
    assert (found.requirements.origin, lines(found)) == ("pyproject.toml", ["numpy>=2", "six"])


def test_pyproject_of_tools_alone_says_nothing_of_dependencies(tmp_path: Path) -> None:
    found = find(tmp_path, {"a.py": "import sklearn", "pyproject.toml": "[tool.ruff]\n"})
    assert (found.requirements.origin, lines(found)) == ("imports", ["scikit-learn==1.9.1"])


@pytest.mark.parametrize(
    "text",
    ["[project", '[project]\ndynamic = ["dependencies"]\n', '[project]\ndependencies = "six"\n'],
)
def test_a_pyproject_that_does_not_say_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Mistake, match="pyproject"):
        find(tmp_path, {"a.py": "", "pyproject.toml": text})


def test_a_requirements_file_comes_before_pyproject_and_pip_lines_beside_it(tmp_path: Path) -> None:
    found = find(
        tmp_path,
        {
            "a.ipynb": notebook_of("%pip install six"),
            "requirements.txt": "attrs",
            "pyproject.toml": '[project]\ndependencies = ["idna"]\n',
        },
    )
    assert (found.requirements.origin, lines(found)) == ("requirements.txt", ["attrs", "six"])


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%pip install six", ["six"]),
        ("!pip install -q six==1.17 'attrs>=24' ", ["attrs>=24", "six==1.17"]),
        ("!pip3 install six && pip install attrs | tail -1", ["attrs", "six"]),
        ("!python -m pip install six > /dev/null 2>&1", ["six"]),
        ("import sys\n!{sys.executable} -m pip install six", ["six"]),
        ("!uv pip install --system six", ["six"]),
        ("%pip install \\\n  six \\\n  attrs", ["attrs", "six"]),
        ("%pip install six>=1.16  # a comment", ["six>=1.16"]),
        ("if True:\n    !pip install six;", ["six"]),
        ("%%capture\n%pip install six", ["six"]),
        ("%%bash\npip install six\necho pip install nothing", ["six"]),
        ("%pip install -r base.txt", ["idna"]),
        ("%pip install --progress-bar off --upgrade six", ["six"]),
        ("%pip install 'six; python_version<\"4\"'", ['six; python_version < "4"']),
        ("# %pip install six", []),
        ("text = '''\n%pip install six\n'''", []),
        ("%%writefile notes.txt\n%pip install six", []),
        ("%pip list", []),
    ],
)
def test_pip_lines_of_a_notebook(tmp_path: Path, cell: str, expected: list[str]) -> None:
    found = find(tmp_path, {"a.ipynb": notebook_of(cell), "base.txt": "idna"})
    assert lines(found) == expected
    assert found.requirements.origin == ("notebook" if expected else "none")


@pytest.mark.parametrize("arguments", ["-e .", "git+https://example.com/x", "-i https://x.org y"])
def test_pip_lines_that_a_lock_cannot_keep_are_refused(tmp_path: Path, arguments: str) -> None:
    with pytest.raises(Mistake, match=r"a\.ipynb"):
        find(tmp_path, {"a.ipynb": notebook_of(f"%pip install {arguments}")})


def test_imports_that_the_environment_lacks_at_the_versions_installed_here(tmp_path: Path) -> None:
    code = "import os, cv2, numpy as np\nfrom sklearn.svm import SVC\nimport PIL.Image, torch\n"
    found = find(tmp_path, {"a.py": code}, numpy="2.4", pillow="12.0")
    assert found.requirements.origin == "imports"
    assert lines(found) == ["opencv-python==4.10", "scikit-learn==1.9.1", "torch==2.13.0"]
    assert found.warnings == []


def test_nothing_is_needed_where_the_environment_has_it_all(tmp_path: Path) -> None:
    def unasked() -> Installed:
        raise AssertionError("what is installed does not matter here")

    (tmp_path / "a.py").write_text("import tensorflow as tf, cv2, sklearn, labdock\n")
    has = environment(tensorflow_cpu="2.21.0", opencv_contrib_python_headless="5", scikit_learn="1")
    found = find_requirements(tmp_path, "a.py", ["a.py"], has, unasked)
    assert (found.requirements.origin, lines(found), found.warnings) == ("none", [], [])


def test_one_of_several_holders_of_a_namespace(tmp_path: Path) -> None:
    code = "from google.cloud import storage\nimport google.protobuf.message\n"
    assert lines(find(tmp_path, {"a.py": code}, protobuf="7")) == ["google-cloud-storage==3.1"]


def test_what_is_nowhere_gives_a_warning_and_no_failure(tmp_path: Path) -> None:
    found = find(tmp_path, {"a.py": "try:\n    import yaml\nexcept ImportError:\n    yaml = None"})
    assert lines(found) == []
    (warning,) = found.warnings
    assert "yaml" in warning and "pyyaml" in warning and "requirements.txt" in warning


def test_a_package_installed_from_a_folder_gives_a_warning(tmp_path: Path) -> None:
    found = find(tmp_path, {"a.py": "import ours"})
    assert lines(found) == []
    assert "ours" in found.warnings[0] and "project's folder" in found.warnings[0]


def test_an_editable_install_is_known_by_its_name(tmp_path: Path) -> None:
    editable = Installed({}, {"our-tools": "0.1"}, frozenset({"our-tools"}))
    (tmp_path / "a.py").write_text("import our_tools")
    found = find_requirements(tmp_path, "a.py", ["a.py"], environment(), lambda: editable)
    assert lines(found) == []
    assert "our-tools is installed here from a folder" in found.warnings[0]


def test_modules_of_the_project_and_the_standard_library_do_not_count(tmp_path: Path) -> None:
    files = {
        "work/a.py": "import helper, package.part, json\nfrom package import other\nimport inner",
        "work/helper.py": "import sklearn",
        "work/package/__init__.py": "from . import part",
        "work/package/part.py": "from .deep import thing",
        "work/package/deep/thing.py": "import torch",
        "src/inner/__init__.py": "import PIL",
        "unrelated.py": "import cv2",
    }
    found = find(tmp_path, files)
    assert lines(found) == ["pillow==13.0.0", "scikit-learn==1.9.1", "torch==2.13.0"]


def test_a_folder_without_init_gives_way_to_an_installed_package(tmp_path: Path) -> None:
    files = {"a.py": "import datasets, plain", "datasets/x.py": "", "plain/y.py": "import PIL"}
    found = find(tmp_path, files)
    assert lines(found) == ["datasets==4.0", "pillow==13.0.0"]
    assert found.warnings == []


def test_files_that_the_entry_runs_count(tmp_path: Path) -> None:
    cells = ["%run tools/one.py", "!python two.py --fast", "subprocess.run(['python', 'three.py'])"]
    files = {
        "a.ipynb": notebook_of(*cells),
        "tools/one.py": "import sklearn",
        "two.py": "import PIL",
        "three.py": "import torch",
        "four.py": "import cv2",
    }
    assert lines(find(tmp_path, files)) == [
        "pillow==13.0.0",
        "scikit-learn==1.9.1",
        "torch==2.13.0",
    ]


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("import a.b as c, d", {"a.b", "d"}),
        ("from a.b import c", {"a.b.c"}),
        ("from . import x\nfrom ..y import z", {".x", "..y.z"}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
        ("if typing.TYPE_CHECKING:\n    import a", set()),
        ("def f():\n    import a", {"a"}),
        ("importlib.import_module('a.b'); __import__('c'); import_module(name)", {"a.b", "c"}),
        ("import a\nthis is no Python\n  import b\nfrom c import (", {"a", "b"}),
        ("# -*- coding: latin-1 -*-\nimport a", {"a"}),
    ],
)
def test_imports_of(code: str, modules: set[str]) -> None:
    assert imports_of(code).modules == modules


@pytest.mark.parametrize(
    ("cell", "modules"),
    [
        ("%matplotlib inline\nimport a", {"a"}),
        ("!ls -l\nfiles = !ls\nx = %who_ls\nimport a", {"a"}),
        ("%%time\nimport a", {"a"}),
        ("%%bash\nimport a", set()),
        ("%%javascript\nimport a from 'b'", set()),
        ("import a\na?\na.b??", {"a"}),
        ("x = (17\n % 5)\nimport a", {"a"}),
        ("with x:\n    %timeit f()\n    import a", {"a"}),
    ],
)
def test_cells_with_lines_of_ipython(cell: str, modules: set[str]) -> None:
    assert imports_of(notebook.python_of(cell)).modules == modules


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("cv2", "opencv-python-headless"),
        ("PIL", "pillow"),
        ("sklearn.svm", "scikit-learn"),
        ("yaml", "pyyaml"),
        ("bs4", "beautifulsoup4"),
        ("skimage", "scikit-image"),
        ("dateutil.parser", "python-dateutil"),
        ("google.protobuf.message", "protobuf"),
        ("tensorflow_datasets", "tensorflow-datasets"),
    ],
)
def test_likely_distributions(module: str, distribution: str) -> None:
    assert likely_distribution(module) == distribution


def test_what_packages_count_as() -> None:
    has = provided({"tensorflow-cpu": "2.21.0", "opencv-python-headless": "5.0", "Six": "1.17"})
    assert has["tensorflow"] == has["tensorflow-cpu"] == has["tf-nightly"] == "2.21.0"
    assert has["opencv-python"] == has["opencv-contrib-python"] == "5.0"
    assert has["six"] == "1.17"
    assert "psycopg2" not in has


def test_what_is_installed_here() -> None:
    here = installed_here()
    assert here.distribution_of("hypothesis.strategies", ()) == "hypothesis"
    assert here.versions["pytest"] == pytest.__version__
    assert here.distribution_of("no_such_module", ()) is None


@given(st.text(max_size=200))
def test_any_text_of_a_cell_is_read(text: str) -> None:
    imports_of(notebook.python_of(text))
    notebook.pip_arguments(text)


@given(
    st.lists(st.sampled_from(["import a", "%pip install b", "!x", "x = 1", "  y", "'''", "%%t"]))
)
def test_any_mixture_of_lines_is_read(parts: list[str]) -> None:
    cell = "\n".join(parts)
    imports_of(notebook.python_of(cell))
    notebook.pip_arguments(cell)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "metadata", "nbformat", "cell_type", "source", "tags", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.lists(JSON, max_size=3))
def test_any_json_is_a_notebook_or_none(document: Any, cells: list[Any]) -> None:
    for value in (document, {"nbformat": 4, "cells": cells, "metadata": document}):
        try:
            read = notebook.read_notebook(json.dumps(value).encode())
        except notebook.NotANotebook:
            continue
        notebook.language(read)
        notebook.code_cells(read)
        again = notebook.read_notebook(notebook.stripped(read))
        assert notebook.stripped(again) == notebook.stripped(read)


@given(
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True),
    st.sampled_from(["", "==1", " >= 2.0 , <3", "[a,B]", "~=1.4"]),
)
def test_a_requirement_has_one_written_form(name: str, rest: str) -> None:
    once = normalised(name + rest, "here")
    assert normalised(once, "here") == once
    assert Requirement(once).name == canonicalize_name(name)


@given(
    st.dictionaries(
        st.sampled_from(["a.py", "b.py", "p/__init__.py", "p/q.py", "s/t.py"]),
        st.lists(
            st.sampled_from(
                [
                    "import a",
                    "import b",
                    "from p import q",
                    "import s.t",
                    "import far",
                    "from . import q",
                ]
            )
        ),
    )
)
def test_modules_of_a_project_are_followed_to_the_end(files: dict[str, list[str]]) -> None:
    files = {"a.py": [], **files}
    found = reachable_imports("a.py", files.keys(), lambda path: ["\n".join(files[path])])
    own = {path.partition(".")[0].partition("/")[0] for path in files if path.count("/") == 0}
    assert not {module for module in found if module in own}
    if "import far" in files["a.py"]:
        assert "far" in found
