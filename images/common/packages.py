"""The checks of every image that has an environment."""

NO_COMPILERS = ("gcc", "cc", "c++", "clang", "ld", "make")


@check("pip check")
def _pip_check():
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout.strip()
    return done.stdout.strip()


@check("no compilers and no headers")
def _slim():
    import shutil

    there = [name for name in NO_COMPILERS if shutil.which(name)]
    assert not there, f"there are {there}"
    headers = [str(path) for path in Path("/opt/environment").rglob("*.h")]
    assert not headers, f"there are {headers[:3]}"


@check("byte code without dates")
def _byte_code():
    dated = []
    files = list(Path("/opt/environment").rglob("*.pyc"))
    for path in files:
        with path.open("rb") as file:
            if file.read(8)[4:] != b"\x01\x00\x00\x00":
                dated.append(str(path))
    assert files and not dated, f"{len(dated)} of {len(files)}: {dated[:3]}"
    return f"{len(files)} files"


@check("no record of when it was built")
def _no_times():
    there = [str(path) for path in Path("/opt/environment").rglob("uv_cache.json")]
    assert not there, f"there are {there}"
