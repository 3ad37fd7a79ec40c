"""Compiled: eight bytes of a text as one 64-bit word, with the first byte in its lowest bits.

Arithmetic on a word treats eight characters at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper

ZEROS: Final = np.uint64(0x3030303030303030)
"""The character ``0`` in each byte; a digit less ``0`` is its value."""
BYTE_ONES: Final = np.uint64(0x0101010101010101)
LOW_BITS: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
TOP_BITS: Final = np.uint64(0x8080808080808080)
TO_TOP_BIT: Final = np.uint64(0x7676767676767676)
"""Added to a byte, it sets the top bit of those from 10 on."""
PLACES: Final = np.uint64(0x0001020304050607)
"""Multiplied by a word with the lowest bit of one byte, its top byte is the place of that byte."""

_ONE: Final = np.uint64(1)
_8: Final = np.uint64(8)
_10: Final = np.uint64(10)
_16: Final = np.uint64(16)
_32: Final = np.uint64(32)
_56: Final = np.uint64(56)
_100: Final = np.uint64(100)
_10_4: Final = np.uint64(10**4)
_PAIRS: Final = np.uint64(0x000000FF000000FF)
_EVEN: Final = np.uint64(0x000F424000000064)
_ODD: Final = np.uint64(0x0000271000000001)


@helper
def load_eight_bytes(text: Flat, at: int) -> Element:
    """Eight bytes of a text as one little-endian number; LLVM compiles this to a single load."""
    # Unsigned: for a signed index numba adds a check for negative values.
    place = np.uint64(at)
    packed = np.uint64(text[place])
    packed |= np.uint64(text[place + _ONE]) << _8
    packed |= np.uint64(text[place + np.uint64(2)]) << _16
    packed |= np.uint64(text[place + np.uint64(3)]) << np.uint64(24)
    packed |= np.uint64(text[place + np.uint64(4)]) << _32
    packed |= np.uint64(text[place + np.uint64(5)]) << np.uint64(40)
    packed |= np.uint64(text[place + np.uint64(6)]) << np.uint64(48)
    packed |= np.uint64(text[place + np.uint64(7)]) << _56
    return packed


@helper
def store_eight_bytes(out: Flat, at: int, word: Element) -> None:
    """Write a word to a text; LLVM compiles this to a single store."""
    place = np.uint64(at)
    for step in range(8):
        out[place + np.uint64(step)] = np.uint8((word >> np.uint64(8 * step)) & np.uint64(255))


@helper
def parse_eight_digits(packed: Element) -> Element:
    """The number of eight digits of one byte each. Source: fast_float, ``parse_eight_digits_unrolled``."""
    packed = packed * _10 + (packed >> _8)
    return ((packed & _PAIRS) * _EVEN + ((packed >> _16) & _PAIRS) * _ODD) >> _32


@helper
def _by_10_4(value: Element) -> Element:
    """A ten-thousandth of a number below 2**32."""
    return (value * np.uint64(0xD1B71759)) >> np.uint64(45)


@helper
def digit_characters(digits: Element) -> Element:
    """The eight digits of a number below 10**8 as characters, the first one in the lowest byte."""
    upper = _by_10_4(digits)
    fours = upper | (digits - upper * _10_4) << _32
    upper = ((fours * np.uint64(10486)) >> np.uint64(20)) & np.uint64(0x0000007F0000007F)
    twos = upper | (fours - upper * _100) << _16
    upper = ((twos * np.uint64(103)) >> _10) & np.uint64(0x000F000F000F000F)
    return upper | (twos - upper * _10) << _8 | ZEROS
