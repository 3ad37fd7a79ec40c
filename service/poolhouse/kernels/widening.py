"""Conversion of element types to wider types for pooling, so that loops are compiled for few types only."""

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
"""Size of the widened elements of a chunk, which fits into a core's cache."""


@dataclass(frozen=True)
class WideType:
    """The wider type that an element type is pooled in, with both conversions."""

    dtype: np.dtype[np.generic]
    widen: Callable[[Array, Array], None]
    narrow: Callable[[Array, Array], None]


def cast(source: Array, target: Array) -> None:
    """Copy elements to another type."""
    np.copyto(target, source, casting="unsafe")


def _bit_converter(loop: Loop) -> Callable[[Array, Array], None]:
    def convert(source: Array, target: Array) -> None:
        loop(source, target, source.size)

    return convert


def _flip_sign_bits(source: Array, target: Array) -> None:
    """Subtract 2⁶³ from uint64, or add it to int64: the order of elements stays."""
    np.bitwise_xor(source.view(np.int64), np.int64(-(2**63)), out=target.view(np.int64))


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
    "uint16": WideType(_FLOAT32, cast, cast),
    "uint32": WideType(_FLOAT64, cast, cast),
    "uint64": WideType(np.dtype(np.int64), _flip_sign_bits, _flip_sign_bits),
}
"""Types for comparisons. Compiling a loop takes seconds, so it is compiled for three types only."""


def _truncate(source: Array, target: Array) -> None:
    """Truncate quotients toward zero and clamp them to an integer type."""
    limits = np.iinfo(target.dtype.name)
    np.copyto(target, np.clip(np.trunc(source), limits.min, limits.max), casting="unsafe")


ADDED_AS: Final = {
    "bfloat16": WideType(_FLOAT32, _bit_converter(halves.widen_bfloat16), _bit_converter(halves.round_bfloat16)),
    "float16": WideType(_FLOAT32, _bit_converter(halves.float16_to_float32), _bit_converter(halves.round_float16)),
    "uint8": WideType(_FLOAT64, cast, _truncate),
    "int8": WideType(_FLOAT64, cast, _truncate),
    "int16": WideType(_FLOAT64, cast, _truncate),
    "int32": WideType(_FLOAT64, cast, _truncate),
    "uint16": WideType(_FLOAT64, cast, _truncate),
    "uint32": WideType(_FLOAT64, cast, _truncate),
}
"""Types for sums of few elements. Sums of integers below 2⁵² are exact in float64, and so are their truncated
quotients."""


def _widen_twice(wide: WideType) -> Callable[[Array, Array], None]:
    def convert(source: Array, target: Array) -> None:
        between = np.empty(source.size, wide.dtype)
        wide.widen(source, between)
        np.copyto(target, between)

    return convert


def _narrow_twice(wide: WideType) -> Callable[[Array, Array], None]:
    def convert(source: Array, target: Array) -> None:
        between = np.empty(source.size, wide.dtype)
        halves.narrow_to_odd(source, between, source.size)
        wide.narrow(between, target)

    return convert


def cast_rounded(source: Array, target: Array) -> None:
    """Copy floats to a narrower type."""
    with np.errstate(all="ignore"):
        np.copyto(target, source, casting="same_kind")


SUMMED_AS: Final = {
    "float32": WideType(_FLOAT64, cast, cast_rounded),
    **{
        name: WideType(_FLOAT64, _widen_twice(wide), _narrow_twice(wide)) if wide.dtype == np.float32 else wide
        for name, wide in ADDED_AS.items()
    },
}
"""Conversions to float64 for sums of many elements."""


def pool_in_chunks(
    wide: WideType, x: Array, out: Array, planes: int, threads: int, pool: Callable[[Array, Array, int, int], None]
) -> None:
    """Widen, pool and narrow planes chunk by chunk.

    Args:
        wide: the wider type.
        x: flat.
        out: flat.
        planes: number of planes.
        threads: threads that share the planes.
        pool: called with widened planes, their outputs, the index of the first plane and the number of planes.
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
