"""Compilation targets of the loops: one of the four levels of x86-64, so that an image runs on every processor of its
level; for other architectures the model of the build machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_V2: Final = frozenset({"cx16", "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3"})
_V3: Final = _V2 | {"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"}
_V4: Final = _V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
_LEVELS: Final = (("x86-64-v4", _V4), ("x86-64-v3", _V3), ("x86-64-v2", _V2), ("x86-64", frozenset[str]()))


@dataclass(frozen=True, slots=True)
class Target:
    """A processor type, by LLVM's names."""

    name: str
    features: str = ""


X86_LEVELS: Final = tuple(Target(name) for name, _ in _LEVELS[:2])
"""Levels that an image is compiled for; they cover all servers of the last ten years."""


def x86_level(features: Mapping[str, bool]) -> Target:
    """The highest x86-64 level of a processor with these features, by LLVM's names."""
    return Target(next(name for name, needed in _LEVELS if all(features.get(each, False) for each in needed)))
