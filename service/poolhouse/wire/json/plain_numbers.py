"""Compiled: read the numbers of a list as float64, as long as they follow one another with nothing but commas.

The commas of 64 bytes are found first, so that the processor knows where the next numbers are before it has parsed one;
then :mod:`.number_vectors` parses many at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper
from poolhouse.wire.json.decimal_to_float import int64
from poolhouse.wire.json.number_scanner import AS_FLOAT64, read_number
from poolhouse.wire.json.number_vectors import (
    CHUNK,
    FAULTS,
    FRONTS,
    HEADS,
    KINDS,
    LENGTHS,
    STATES,
    TAILS,
    VALUES,
    VECTORS_END,
    parse_numbers,
)
from poolhouse.wire.json.words import LOW_BITS, TOP_BITS, load_eight_bytes

_STARTS: Final = VECTORS_END
_STOPS: Final = _STARTS + CHUNK
SCRATCH_SIZE: Final = _STOPS + CHUNK
"""The entries of scratch memory that reading numbers needs."""
_ENOUGH: Final = CHUNK // 2
"""A number takes two bytes at least, so that the next 64 bytes hold no more than as many again."""
_LOADED_BYTES: Final = 24

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_56: Final = np.uint64(56)
_63: Final = np.uint64(63)
_COMMAS: Final = np.uint64(0x2C2C2C2C2C2C2C2C)
_GATHER: Final = np.uint64(0x0002040810204081)
_DE_BRUIJN_BITS: Final = 0x03F79D71B4CB0A89
_DE_BRUIJN: Final = np.uint64(_DE_BRUIJN_BITS)
_PLACE_OF_ROW: Final = {(_DE_BRUIJN_BITS << place) % 2**64 >> 58: place for place in range(64)}
_BIT_PLACES: Final = np.array([_PLACE_OF_ROW[row] for row in range(64)], np.uint8)


@helper
def _find_commas(text: Flat, at: int, words: int) -> Element:
    """A bit for each of the next ``8 * words`` bytes, up to 64: whether it is a comma, the first byte lowest."""
    found = _ZERO
    for word in range(words):
        other = load_eight_bytes(text, at + 8 * word) ^ _COMMAS
        zero = ~(((other & LOW_BITS) + LOW_BITS) | other) & TOP_BITS
        found |= ((zero * _GATHER) >> _56) << np.uint64(8 * word)
    return found


@helper
def _lowest_bit(mask: Element) -> int:
    """The place of the lowest bit that is set. Source: Leiserson et al. 1998, Using de Bruijn sequences."""
    place: int = int64(_BIT_PLACES[((mask & (~mask + _ONE)) * _DE_BRUIJN) >> np.uint64(58)])
    return place


@helper
def _collect(text: Flat, at: int, end: int, bits: Flat) -> tuple[int, int, Element]:
    """Find the next numbers, and store them for :func:`parse_numbers`, with the places where they begin and end.

    Args:
        text: see :func:`read_plain_numbers`.
        at: the offset of the first number, at least 24.
        end: see :func:`read_plain_numbers`.
        bits: scratch memory.

    Returns:
        the count of the numbers, the offset of the next one or 0 if no further one follows, and the greatest length.
    """
    count, longest, base = 0, _ZERO, at
    while count <= _ENOUGH and base + 9 < end:
        block, words = base, min(8, (end - base - 1) >> 3)
        base += 8 * words
        commas = _find_commas(text, block, words)
        if commas == _ZERO:
            break
        while commas != _ZERO:
            comma = block + _lowest_bit(commas)
            commas &= commas - _ONE
            # No other character begins a number. Without this check, 64 commas would overflow the scratch memory.
            # guard: empty-elements-end-numbers
            if not 45 <= text[at] <= 57:
                return count, 0, longest
            stop, is_last = comma, text[comma - 1] == 93
            while text[stop - 1] == 93:
                stop -= 1
            # Branchless: half of all numbers are negative, and the processor cannot predict which.
            is_negative = int64(text[at] == 45)
            length = np.uint64(stop - at - is_negative)
            longest = max(longest, length)
            bits[TAILS + count] = load_eight_bytes(text, stop - 8)
            bits[HEADS + count] = load_eight_bytes(text, stop - 16)
            bits[FRONTS + count] = load_eight_bytes(text, stop - 24)
            bits[LENGTHS + count] = length | np.uint64(is_negative) << _63
            bits[_STARTS + count] = np.uint64(at)
            bits[_STOPS + count] = np.uint64(stop)
            count += 1
            if is_last:
                return count, 0, longest
            at = comma + 1
            while text[at] == 32 or text[at] == 10 or text[at] == 13 or text[at] == 9:
                at += 1
    return count, at, longest


@helper
def read_plain_numbers(text: Flat, at: int, end: int, index: int, bits: Flat) -> tuple[int, int, int]:
    """Read numbers of one list as float64 as long as nothing but commas and spaces is between them.

    Args:
        text: the byte before ``end`` is no part of a number, and no space.
        at: the offset of the first number.
        end: the length of the text.
        index: of the first number in ``bits``, at least ``SCRATCH_SIZE``, as the entries before are scratch memory.
        bits: receives the numbers.

    Returns:
        the end of the last number, the index after it, and the kinds of all; the arguments and 0 if none was read.
    """
    stop, following, kinds = at, at, 0
    while following >= _LOADED_BYTES:
        count, following, longest = _collect(text, following, end, bits)
        if count == 0:
            break
        states = parse_numbers(bits, count, longest)
        if states & FAULTS == _ZERO:
            for i in range(count):
                bits[index + i] = bits[VALUES + i]
            kinds |= int64(states)
        else:
            for i in range(count):
                kind, value = int64(bits[STATES + i] & KINDS), bits[VALUES + i]
                if bits[STATES + i] & FAULTS != _ZERO:
                    start = int64(bits[_STARTS + i])
                    place, kind = read_number(text, start, end, index + i, int64(AS_FLOAT64), bits)
                    value = bits[index + i]
                    if kind < 0 or place != int64(bits[_STOPS + i]):
                        count, following = i, 0
                        break
                bits[index + i] = value
                kinds |= kind
        index += count
        if count > 0:
            stop = int64(bits[_STOPS + count - 1])
    return stop, index, kinds
