"""Element types that are pooled as wider ones, which hold each of their values: loops are compiled for few types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.kernels import halves
from poolhouse.kernels.registry import Loop
from poolhouse.kernels.sharding import shard

Array = npt.NDArray[np.generic]

CHUNK_BYTES: Final = 256 * 2**10
"""Elements are widened within this: they stay in a core's cache."""


@dataclass(frozen=True)
class WideType:
    """An element type that is compared as a wider one, which holds each of its values."""

    dtype: np.dtype[np.generic]
    widen: Callable[[Array, Array], None]
    narrow: Callable[[Array, Array], None]


def cast(source: Array, target: Array) -> None:
    """Copies elements as another type."""
    np.copyto(target, source, casting="unsafe")


def _bit_converter(loop: Loop) -> Callable[[Array, Array], None]:
    def convert(source: Array, target: Array) -> None:
        loop(source, target, source.size)

    return convert


_FLOAT32: Final[np.dtype[np.generic]] = np.dtype(np.float32)
_FLOAT64: Final[np.dtype[np.generic]] = np.dtype(np.float64)
COMPARED_AS: Final = {
    "bfloat16": WideType(_FLOAT32, _bit_converter(halves.widen_bfloat16), _bit_converter(halves.narrow_bfloat16)),
    "float16": WideType(_FLOAT32, _bit_converter(halves.widen_float16), _bit_converter(halves.narrow_float16)),
    "bool": WideType(_FLOAT32, cast, cast),
    "uint8": WideType(_FLOAT32, cast, cast),
    "int8": WideType(_FLOAT32, cast, cast),
    "int16": WideType(_FLOAT32, cast, cast),
    "int32": WideType(_FLOAT64, cast, cast),
}
"""Loops are compiled for each element type, which takes seconds: three do for all."""


def _truncate(source: Array, target: Array) -> None:
    """Quotients cut toward zero and held within an integer type."""
    limits = np.iinfo(target.dtype.name)
    np.copyto(target, np.clip(np.trunc(source), limits.min, limits.max), casting="unsafe")


ADDED_AS: Final = {
    "bfloat16": WideType(_FLOAT32, _bit_converter(halves.widen_bfloat16), _bit_converter(halves.round_bfloat16)),
    "float16": WideType(_FLOAT32, _bit_converter(halves.float16_to_float32), _bit_converter(halves.round_float16)),
    "uint8": WideType(_FLOAT64, cast, _truncate),
    "int8": WideType(_FLOAT64, cast, _truncate),
    "int16": WideType(_FLOAT64, cast, _truncate),
    "int32": WideType(_FLOAT64, cast, _truncate),
}
"""What sums are added in. A sum of integers is exact in float64, and so is its quotient once it is cut toward zero,
while sums stay below 2⁵²."""


def _widen_twice(wide: WideType) -> Callable[[Array, Array], None]:
    def convert(source: Array, target: Array) -> None:
        between = np.empty(source.size, wide.dtype)
        wide.widen(source, between)
        np.copyto(target, between)

    return convert


def _narrow_twice(wide: WideType) -> Callable[[Array, Array], None]:
    def convert(source: Array, target: Array) -> None:
        with np.errstate(all="ignore"):
            wide.narrow(source.astype(wide.dtype), target)

    return convert


def cast_rounded(source: Array, target: Array) -> None:
    """Copies floats as narrower ones."""
    with np.errstate(all="ignore"):
        np.copyto(target, source, casting="same_kind")


SUMMED_AS: Final = {
    "float32": WideType(_FLOAT64, cast, cast_rounded),
    **{
        name: WideType(_FLOAT64, _widen_twice(wide), _narrow_twice(wide)) if wide.dtype == np.float32 else wide
        for name, wide in ADDED_AS.items()
    },
}
"""What is summed in float64, whatever it is."""


def pool_in_chunks(
    wide: WideType, x: Array, out: Array, planes: int, threads: int, pool: Callable[[Array, Array, int, int], None]
) -> None:
    """Widens some planes after others, pools them and narrows what was found.

    Args:
        wide: how.
        x: flat.
        out: flat.
        planes: how many.
        threads: that share the planes.
        pool: takes widened planes, their outputs, the first plane's number and how many they are.
    """
    size, size_out = x.size // planes, out.size // planes
    many = max(1, CHUNK_BYTES // (wide.dtype.itemsize * size))

    def work(start: int, stop: int) -> None:
        chunk = np.empty(min(many, stop - start) * size, wide.dtype)
        found = np.empty(min(many, stop - start) * size_out, wide.dtype)
        for begin in range(start, stop, many):
            count = min(many, stop - begin)
            taken, given = chunk[: count * size], found[: count * size_out]
            wide.widen(x[begin * size : (begin + count) * size], taken)
            pool(taken, given, begin, count)
            wide.narrow(given, out[begin * size_out : (begin + count) * size_out])

    shard(work, planes, threads)
