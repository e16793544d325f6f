"""Names of distributions: which ones stand for another, and which hold a module of another name."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import canonicalize_name

SAME_MODULES = {
    "intel-tensorflow": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-intel": "tensorflow",
    "tensorflow-macos": "tensorflow",
    "tf-nightly": "tensorflow",
    "tf-nightly-cpu": "tensorflow",
    "opencv-contrib-python": "opencv-python",
    "opencv-contrib-python-headless": "opencv-python",
    "opencv-python-headless": "opencv-python",
    "psycopg2-binary": "psycopg2",
    "faiss-gpu": "faiss-cpu",
}
"""A distribution, and the one whose modules it holds under the same names."""

DISTRIBUTION_OF = {
    "Bio": "biopython",
    "Crypto": "pycryptodome",
    "IPython": "ipython",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "absl": "absl-py",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google.protobuf": "protobuf",
    "grpc": "grpcio",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "pylab": "matplotlib",
    "ruamel": "ruamel-yaml",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""A module, and the distribution that holds it where their names differ."""


def provided(packages: Mapping[str, str]) -> dict[str, str]:
    """What an environment's packages count as: themselves, and what they stand for.

    `tensorflow-cpu` counts as `tensorflow`, and all builds of OpenCV count as each other.
    """
    given = {str(canonicalize_name(name)): version for name, version in packages.items()}
    families = {SAME_MODULES.get(name, name): version for name, version in given.items()}
    members = {
        member: families[family] for member, family in SAME_MODULES.items() if family in families
    }
    return {**members, **families, **given}


def likely_distribution(module: str) -> str:
    """The distribution that most likely holds a module, from its name alone."""
    top, _, rest = module.partition(".")
    for name in (f"{top}.{rest.partition('.')[0]}", top):
        if name in DISTRIBUTION_OF:
            return DISTRIBUTION_OF[name]
    return str(canonicalize_name(top))
