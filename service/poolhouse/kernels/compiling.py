"""How kernels are compiled: with the interpreter released, kept on disk, and without reordering of arithmetic.

Without numba :data:`AVAILABLE` is false. The functions then stay plain Python, which nothing calls.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar

import numpy.typing as npt

BUILT: Final = Path(sys.prefix) / "share" / "poolhouse" / "kernels"
"""Where an image keeps what its build compiled; see deploy/Dockerfile."""


def place_for_cache(built: Path, temporary: Path) -> Path | None:
    """A directory that this process may write to, with all that a build compiled; None where no build left anything.

    numba takes no directory that is read-only, as an image's mostly is.
    """
    if not built.is_dir():
        return None
    place = temporary / f"poolhouse-kernels-{os.getuid()}"
    try:
        if not place.exists():
            copy = Path(tempfile.mkdtemp(dir=temporary))
            shutil.copytree(built, copy, dirs_exist_ok=True)
            try:
                # In one step: another process either finds all of it or nothing.
                copy.rename(place)
            except OSError:  # the other process was first
                shutil.rmtree(copy)
        owned = place.lstat()
    except OSError:
        return None
    # What lies there is run, so nobody else may have put it there.
    mine = owned.st_uid == os.getuid() and stat.S_ISDIR(owned.st_mode) and not owned.st_mode & 0o022
    return place if mine else None


if "NUMBA_CACHE_DIR" not in os.environ:
    _place = place_for_cache(BUILT, Path(tempfile.gettempdir()))
    if _place is not None:
        # Before numba is imported, which reads it then.
        os.environ["NUMBA_CACHE_DIR"] = str(_place)

_njit: Callable[..., Any] | None = None
try:
    import numba

    _njit = numba.njit
except ImportError:
    pass  # torch pools alone then

AVAILABLE: Final = _njit is not None
"""Whether kernels can be compiled here."""

Flat: TypeAlias = npt.NDArray[Any]
"""A flat array that a loop reads or writes; it is compiled for each element type."""
Element: TypeAlias = Any
"""One element of such an array."""
_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def compiled(function: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """Compiles a loop for each element type that it is called with, the first time; later processes read it from disk.

    ``NUMBA_CACHE_DIR`` says where; else beside the source, or in the user's cache where that is read-only.
    """
    if _njit is None:
        return function
    made: Callable[_Given, _Found]
    # Never fastmath: it would add in another order and assume that there is no NaN.
    try:
        made = _njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # no place on disk can be written to: each process compiles for itself
        made = _njit(nogil=True, error_model="numpy")(function)
    return made
