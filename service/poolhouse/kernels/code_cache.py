"""Cache files of compiled loops: one for each module that declares loops, named by a hash of all its inputs.

A file has a SHA-256 digest of the rest, and for each loop its name and object code. The code is executed, so a file is
read only from the installation itself, or if this user alone can write it.
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
"""Directory of the loops that the build of an image compiles; see deploy/Dockerfile."""

_IMPORTED: Final = re.compile(rb"^from (poolhouse[\w.]+) import", re.MULTILINE)


def user_cache_dirs() -> list[Path]:
    """Cache directories in order of preference; they need not exist."""
    bases = []
    if base := os.environ.get("XDG_CACHE_HOME"):
        bases.append(Path(base))
    else:
        with contextlib.suppress(RuntimeError):  # a user ID without an account has no home directory
            bases.append(Path.home() / ".cache")
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return [*(base / "poolhouse" / "kernels" for base in bases),
            Path(tempfile.gettempdir()) / f"poolhouse-kernels-{user}"]  # fmt: skip


def file_name(module: str, target: Target) -> str:
    """The name of a module's file for a target; it changes with the source and the compiler."""
    digest = hashlib.sha256()
    for each in (version("numba"), version("llvmlite"), sys.platform, target.name, target.features):
        digest.update(each.encode() + b"\0")
    for source in (Path(__file__).with_name("building.py").read_bytes(), *_sources(module)):
        digest.update(source)
    return f"{module}-{target.name}-{digest.hexdigest()[:24]}.loops"


def _sources(module: str) -> list[bytes]:
    """The sources of a module and of its poolhouse imports, whose helpers are compiled into its code."""
    found: dict[str, bytes] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        if name not in found:
            path = sys.modules[name].__file__
            assert path is not None
            found[name] = Path(path).read_bytes()
            pending += [each.decode() for each in _IMPORTED.findall(found[name])]
    return [found[name] for name in sorted(found)]


def read_file(path: Path, *, trusted: bool) -> dict[str, bytes] | None:
    """The object code of each loop; None if there is no such file, or if it is broken or others can write it.

    Args:
        path: the file.
        trusted: whether its directory is as safe as the program itself.
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
    """Write a file atomically, so that other processes read all of it or nothing.

    Raises:
        OSError: the file cannot be written, or others can write to its directory.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not is_own_directory(path.parent):
        raise PermissionError(f"other users can write to {path.parent}")
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


def is_own_directory(path: Path) -> bool:
    """Whether a directory exists and only this user can write to it."""
    try:
        return _is_owned_by_user(path.lstat(), stat.S_ISDIR)
    except OSError:
        return False


def modules_of(loops: Iterable[Loop]) -> list[str]:
    """The modules that declare these loops."""
    return sorted({loop.module for loop in loops})


def _is_owned_by_user(found: os.stat_result, is_kind: object) -> bool:
    assert callable(is_kind)
    is_owner = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return bool(is_owner and is_kind(found.st_mode) and not found.st_mode & 0o022)
