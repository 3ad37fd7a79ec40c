"""Files of compiled loops: one for each module that declares some, named by all that its code depends on.

A file holds a SHA-256 sum of what follows, and for each loop its name and its object code. What is read is run, so a
file counts only where nobody else can have written it: in the installation itself, or in a directory of this user's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from poolhouse.kernels.registry import Loop
from poolhouse.kernels.targets import Target

PREBUILT_DIR: Final = Path(sys.prefix) / "share" / "poolhouse" / "kernels"
"""Where an image keeps what its build compiled; see deploy/Dockerfile."""

_IMPORTED: Final = re.compile(rb"^from (poolhouse[\w.]+) import", re.MULTILINE)


def user_cache_dirs() -> list[Path]:
    """Directories that may be written to, the best one first; they need not exist."""
    places = []
    if base := os.environ.get("XDG_CACHE_HOME"):
        places.append(Path(base))
    else:
        with contextlib.suppress(RuntimeError):  # a number without a name has no home
            places.append(Path.home() / ".cache")
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return [*(place / "poolhouse" / "kernels" for place in places),
            Path(tempfile.gettempdir()) / f"poolhouse-kernels-{user}"]  # fmt: skip


def file_name(module: str, target: Target) -> str:
    """The name of a module's file for a kind of processor: another source or compiler makes another name."""
    digest = hashlib.sha256()
    for each in (version("numba"), version("llvmlite"), sys.platform, target.name, target.features):
        digest.update(each.encode() + b"\0")
    for source in (Path(__file__).with_name("building.py").read_bytes(), *_sources(module)):
        digest.update(source)
    return f"{module}-{target.name}-{digest.hexdigest()[:24]}.loops"


def _sources(module: str) -> list[bytes]:
    """The sources of a module and of all of ours that it imports, whose helpers and numbers are compiled into it."""
    found: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            path = sys.modules[name].__file__
            assert path is not None
            found[name] = Path(path).read_bytes()
            waiting += [each.decode() for each in _IMPORTED.findall(found[name])]
    return [found[name] for name in sorted(found)]


def read_file(path: Path, *, trusted: bool) -> dict[str, bytes] | None:
    """The object code by loop; None where there is no such file, or it is broken or may be somebody else's.

    Args:
        path: of the file.
        trusted: whether its place is as safe as the program itself.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        if not trusted and not _is_owned_by_user(os.fstat(descriptor), stat.S_ISREG):
            return None
        found = file.read()
    if hashlib.sha256(found[32:]).digest() != found[:32]:
        return None
    head, _, code = found[32:].partition(b"\n")
    sizes: dict[str, int] = json.loads(head)
    codes: dict[str, bytes] = {}
    for name, size in sizes.items():
        codes[name], code = code[:size], code[size:]
    return codes


def write_file(path: Path, codes: Mapping[str, bytes]) -> None:
    """Writes a file in one step, so that another process finds either all of it or nothing.

    Raises:
        OSError: it cannot be written, or its directory is not this user's alone.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not is_own_directory(path.parent):
        raise PermissionError(f"{path.parent} can be written to by others")
    content = json.dumps({name: len(code) for name, code in codes.items()}).encode() + b"\n" + b"".join(codes.values())
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def is_own_directory(place: Path) -> bool:
    """Whether a directory exists and nobody but this user can put something there."""
    try:
        return _is_owned_by_user(place.lstat(), stat.S_ISDIR)
    except OSError:
        return False


def modules_of(loops: Iterable[Loop]) -> list[str]:
    """The modules that declare these loops."""
    return sorted({loop.module for loop in loops})


def _is_owned_by_user(found: os.stat_result, is_kind: object) -> bool:
    assert callable(is_kind)
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return bool(mine and is_kind(found.st_mode) and not found.st_mode & 0o022)
