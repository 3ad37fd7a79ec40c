"""Keys: signed integers in the order of the elements, so that few loops serve all element types.

A key has the size of its element. Signed integers and bool are their own keys; of unsigned integers the first bit is
flipped. Of floats the bits are compared: -0.0 is less than 0.0, and every NaN has the greatest key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from poolhouse.kernels.registry import Flat, loops
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import Array

_INFINITIES: Final = {
    "float16": 0x7C00,
    "bfloat16": 0x7F80,
    "float32": 0x7F800000,
    "float64": 0x7FF0000000000000,
}
"""Bits of infinity."""


@loops("void(T*, T*, int64, int64, T*)", "int16", "int32", "int64")
def keys_of_floats(bits: Flat, keys: Flat, start: int, stop: int, limits: Flat) -> None:
    """The keys of floats from start to stop.

    Args:
        bits: of the floats.
        keys: flat.
        start: the first element.
        stop: the end of the elements.
        limits: the bits of infinity, the greatest key, and the number of the sign's bit.
    """
    infinity, most, sign = limits[0], limits[1], limits[2]
    for i in range(start, stop):
        given = bits[i]
        key = given ^ ((given >> sign) & most)
        keys[i] = most if (given & most) > infinity else key


@loops("void(T*, int64, int64, T*)", "int16", "int32", "int64")
def floats_of_keys(keys: Flat, start: int, stop: int, limits: Flat) -> None:
    """Replace the keys from start to stop by the bits of floats; see :func:`keys_of_floats`."""
    most, sign = limits[1], limits[2]
    for i in range(start, stop):
        key = keys[i]
        keys[i] = key ^ ((key >> sign) & most)


@dataclass(frozen=True)
class KeyType:
    """The keys of an element type.

    Attributes:
        dtype: the integer type of the keys.
        infinity: the bits of infinity of a float type; None for others.
        is_unsigned: whether elements are unsigned integers.
    """

    dtype: np.dtype[np.signedinteger]
    infinity: int | None
    is_unsigned: bool

    @classmethod
    def of(cls, element: str) -> KeyType:
        """The keys of the element type of this name."""
        itemsize = 2 if element == "bfloat16" else np.dtype(element).itemsize
        return cls(np.dtype(f"i{itemsize}"), _INFINITIES.get(element), element.startswith("uint"))

    @property
    def most(self) -> int:
        """The greatest key, which is that of NaN."""
        return int(np.iinfo(self.dtype).max)

    @property
    def has_copies(self) -> bool:
        """Whether keys differ from the elements' bits, so that they take memory of their own."""
        return self.infinity is not None or self.is_unsigned

    def keys_of(self, x: Array, threads: int = 1) -> Array:
        """The keys of a contiguous array: new, or a view where they are the elements."""
        bits: Array = x.view(self.dtype)
        if self.is_unsigned:
            return np.bitwise_xor(bits, self.dtype.type(-self.most - 1))
        if self.infinity is None:
            return bits
        keys = np.empty_like(bits)
        limits, loop = self._limits(), keys_of_floats[self.dtype.name]
        shard(lambda start, stop: loop(bits, keys, start, stop, limits), bits.size, threads)
        return keys

    def _limits(self) -> Array:
        return np.array([self.infinity, self.most, 8 * self.dtype.itemsize - 1], self.dtype)

    def elements_of(self, keys: Array, dtype: np.dtype[np.generic], threads: int = 1) -> Array:
        """The elements of this storage type that have these keys, in the memory of the keys."""
        bits: Array = keys.view(self.dtype)
        if self.is_unsigned:
            np.bitwise_xor(bits, self.dtype.type(-self.most - 1), out=bits)
        elif self.infinity is not None:
            limits, loop = self._limits(), floats_of_keys[self.dtype.name]
            shard(lambda start, stop: loop(bits, start, stop, limits), bits.size, threads)
        return bits.view(dtype)
