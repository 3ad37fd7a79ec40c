"""Compiled: parse many short numbers at once, from the last 24 characters of each.

The same arithmetic without branches parses every number, so that the compiler can use vector instructions. What is
faulty, or not certain, is marked; :mod:`.number_scanner` has to parse it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper
from poolhouse.wire.json.decimal_to_float import (
    BIGNUM_SIZE,
    POWER_TABLE,
    ZERO_OFFSET,
    float64_bits,
    high_product,
    int64,
    leading_zeros,
)
from poolhouse.wire.json.number_scanner import FLOAT, INTEGER
from poolhouse.wire.json.words import BYTE_ONES, PLACES, TO_TOP_BIT, TOP_BITS, ZEROS, parse_eight_digits

CHUNK: Final = 64
"""The most numbers that are parsed at once."""
_VECTOR_SIZE: Final = 4
"""Numbers of a vector of 256 bits."""

# Scratch memory: arrays of CHUNK entries, which begin at these.
TAILS: Final = BIGNUM_SIZE
"""The last eight characters of each number, and whatever stands before a shorter one."""
HEADS: Final = TAILS + CHUNK
"""The eight characters before them."""
FRONTS: Final = HEADS + CHUNK
"""The eight characters before those."""
LENGTHS: Final = FRONTS + CHUNK
"""The number of characters without the sign; the top bit is set for a negative number."""
VALUES: Final = LENGTHS + CHUNK
"""The bits of the results, as float64."""
STATES: Final = VALUES + CHUNK
"""A kind, and ``FAULTS`` of what has to be parsed otherwise."""
VECTORS_END: Final = STATES + CHUNK

KINDS: Final = np.uint64(INTEGER | FLOAT)
_IS_INTEGER: Final = np.uint64(INTEGER)
_IS_FLOAT: Final = np.uint64(FLOAT)
_FAULT: Final = np.uint64(4)
FAULTS: Final = np.uint64(0x8080808080808080 | 4)
"""A character that is no digit sets the top bit of its byte."""

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_3: Final = np.uint64(3)
_7: Final = np.uint64(7)
_8: Final = np.uint64(8)
_16: Final = np.uint64(16)
_52: Final = np.uint64(52)
_56: Final = np.uint64(56)
_63: Final = np.uint64(63)
_64: Final = np.uint64(64)
_BYTE: Final = np.uint64(0xFF)
_SIGN: Final = np.uint64(1 << 63)
_LAST_BYTE: Final = np.uint64(1 << 63)
_POINT: Final = np.uint64(ord(".") ^ ord("0"))
_POINTS: Final = np.uint64(0x1E1E1E1E1E1E1E1E)
_TEN_TO_7: Final = np.uint64(10**7)
_TEN_TO_8: Final = np.uint64(10**8)
_TENS: Final[Flat] = np.array([10.0**power for power in range(16)])


@helper
def _lowest_point(word: Element) -> Element:
    """The top bit of the lowest byte that is a point less ``0``; 0 if none is.

    A byte of zero is found as by the macro ``haszero`` of Anderson's "Bit Twiddling Hacks".
    """
    other = word ^ _POINTS
    points = (other - BYTE_ONES) & ~other & TOP_BITS
    return points & (~points + _ONE)


@helper
def _without(point: Element, word: Element) -> Element:
    """The word without the byte of the point: the bytes before it move up by one, and a zero comes before them."""
    before = (point >> _7) - _ONE
    through = (point << _ONE) - _ONE | before
    moved = (word & ~through) | ((word & before) << _8)
    return word if point == _ZERO else moved


@helper
def _characters_after(point: Element) -> Element:
    """How many bytes of its word stand after a point."""
    return _7 - (((point >> _7) * PLACES) >> _56)


@helper
def _non_digits(word: Element) -> Element:
    """The top bit of each byte that is above 9."""
    return ((word + TO_TOP_BIT) | word) & TOP_BITS


@helper
def _faults(length: Element, most: int, first: Element, second: Element, last_point: Element) -> Element:
    """``_FAULT`` if a number breaks a rule that does not concern single characters.

    Args:
        length: of the number.
        most: the greatest length.
        first: its first character, less ``0``.
        second: the next one in the lowest byte, if there is one.
        last_point: the top bit of the point in the word that ends with the number.
    """
    has_leading_zero = length > _ONE and first == _ZERO and second & _BYTE != _POINT
    has_lone_point = last_point == _LAST_BYTE or first == _POINT
    return _FAULT if length - _ONE >= np.uint64(most) or has_leading_zero or has_lone_point else _ZERO


@helper
def _store(bits: Flat, i: int, value: Element, has_point: bool, faults: Element) -> Element:
    """Store the result of a number; returns its state."""
    state = faults | (_IS_FLOAT if has_point else _IS_INTEGER)
    bits[STATES + i] = state
    bits[VALUES + i] = value | (bits[LENGTHS + i] & _SIGN)
    return state


@helper
def _quotient_bits(digits: Element, decimals: Element) -> Element:
    """The bits of ``digits / 10**decimals``: both are exact, so that the quotient is rounded only once (Clinger)."""
    tens: float = _TENS[int64(decimals)]
    return float64_bits(np.float64(int64(digits)) / tens)


@helper
def _parse_words(bits: Flat, count: int) -> Element:
    """Parse numbers of at most 8 characters; returns all states or-ed together."""
    states = _ZERO
    for i in range(count):
        length = bits[LENGTHS + i] & ~_SIGN
        unused = (_64 - (length << _3)) & _63
        start = (bits[TAILS + i] ^ ZEROS) >> unused
        tail = start << unused
        point = _lowest_point(tail)
        has_point = point != _ZERO
        digits = _without(point, tail)
        value = _quotient_bits(parse_eight_digits(digits), _characters_after(point) if has_point else _ZERO)
        faults = _non_digits(digits) | _faults(length, 8, start & _BYTE, start >> _8, point)
        states |= _store(bits, i, value, has_point, faults)
    return states


@helper
def _parse_pairs_of_words(bits: Flat, count: int) -> Element:
    """As :func:`_parse_words`, of at most 16 characters, and at most 15 digits."""
    states = _ZERO
    for i in range(count):
        length = bits[LENGTHS + i] & ~_SIGN
        unused = (_64 - (length << _3)) & _63
        tail, head = bits[TAILS + i] ^ ZEROS, bits[HEADS + i] ^ ZEROS
        is_long = length > _8
        start = (head if is_long else tail) >> unused
        head = start << unused if is_long else _ZERO
        tail = tail if is_long else start << unused
        # Of nine characters, the second one is in the other word.
        second = tail if length == np.uint64(9) else start >> _8
        late, early = _lowest_point(tail), _lowest_point(head)
        early = early if late == _ZERO else _ZERO
        has_point = late | early != _ZERO
        late_digits, early_digits = _without(late, tail), _without(early, head)
        digits = parse_eight_digits(early_digits) * (_TEN_TO_8 if late == _ZERO else _TEN_TO_7)
        digits += parse_eight_digits(late_digits)
        decimals = _characters_after(late | early) + (_ZERO if late != _ZERO else _8)
        value = _quotient_bits(digits, decimals if has_point else _ZERO)
        faults = _non_digits(late_digits) | _non_digits(early_digits)
        faults |= _faults(length, 16 if has_point else 15, start & _BYTE, second, late)
        states |= _store(bits, i, value, has_point, faults)
    return states


@helper
def _nearest_bits(digits: Element, decimals: int) -> tuple[Element, bool]:
    """The bits of the float64 nearest to ``digits / 10**decimals``, and whether they are certain.

    See :func:`.decimal_to_float.nearest_float64`.
    """
    zeros, place = leading_zeros(digits | _ONE), ZERO_OFFSET - 2 * decimals
    scaled, power = digits << zeros, POWER_TABLE[place]
    high, low, more = high_product(scaled, power), scaled * power, high_product(scaled, POWER_TABLE[place + 1])
    low += more
    high += _ONE if more > low else _ZERO
    upper = high >> _63
    fraction = high >> (upper + np.uint64(9))
    # Otherwise it may be exactly halfway between two float64.
    is_certain = low > _ONE or fraction & _3 != _ONE
    exponent = np.uint64(((217706 * -decimals) >> 16) + 63 + 1023) + upper - zeros
    # The hidden bit adds 1 to the exponent; if rounding gives the next power of two, 2.
    bits = ((exponent - _ONE) << _52) + ((fraction + (fraction & _ONE)) >> _ONE)
    return _ZERO if digits == _ZERO else bits, is_certain


@helper
def _parse_triples_of_words(bits: Flat, count: int) -> Element:
    """As :func:`_parse_words`, of at most 19 digits and a point, or 15 digits without one."""
    states = _ZERO
    for i in range(count):
        length = bits[LENGTHS + i] & ~_SIGN
        unused = (_64 - (length << _3)) & _63
        tail, head, front = bits[TAILS + i] ^ ZEROS, bits[HEADS + i] ^ ZEROS, bits[FRONTS + i] ^ ZEROS
        start = (tail if length <= _8 else head if length <= _16 else front) >> unused
        front = start << unused if length > _16 else _ZERO
        head = head if length > _16 else start << unused if length > _8 else _ZERO
        tail = tail if length > _8 else start << unused
        # Of 9 or 17 characters, the second one is in the next word.
        second = tail if length == np.uint64(9) else head if length == np.uint64(17) else start >> _8
        late, middle, early = _lowest_point(tail), _lowest_point(head), _lowest_point(front)
        middle = middle if late == _ZERO else _ZERO
        early = early if late | middle == _ZERO else _ZERO
        has_point = late | middle | early != _ZERO
        late_digits, middle_digits, early_digits = _without(late, tail), _without(middle, head), _without(early, front)
        digits = parse_eight_digits(early_digits) * (_TEN_TO_8 if middle == _ZERO else _TEN_TO_7)
        digits = (digits + parse_eight_digits(middle_digits)) * (_TEN_TO_8 if late == _ZERO else _TEN_TO_7)
        digits += parse_eight_digits(late_digits)
        decimals = _characters_after(late | middle | early)
        decimals += _ZERO if late != _ZERO else _8 if middle != _ZERO else _16
        value, is_certain = _nearest_bits(digits, int64(decimals if has_point else _ZERO))
        faults = _non_digits(late_digits) | _non_digits(middle_digits) | _non_digits(early_digits)
        faults |= _faults(length, 20 if has_point else 15, start & _BYTE, second, late)
        faults |= _ZERO if is_certain else _FAULT
        states |= _store(bits, i, value, has_point, faults)
    return states


@helper
def parse_numbers(bits: Flat, count: int, longest: Element) -> Element:
    """Parse the numbers of the scratch memory.

    Args:
        bits: from ``TAILS`` to ``LENGTHS`` the numbers; receives ``VALUES`` and ``STATES``.
        count: of the numbers, 1 to ``CHUNK``.
        longest: the greatest of their lengths.

    Returns:
        all states or-ed together.
    """
    # Whole vectors: the first number fills the last one.
    padded = (count + _VECTOR_SIZE - 1) // _VECTOR_SIZE * _VECTOR_SIZE
    for i in range(count, padded):
        bits[TAILS + i], bits[HEADS + i], bits[FRONTS + i] = bits[TAILS], bits[HEADS], bits[FRONTS]
        bits[LENGTHS + i] = bits[LENGTHS]
    if longest <= _8:
        return _parse_words(bits, padded)
    if longest <= _16:
        return _parse_pairs_of_words(bits, padded)
    return _parse_triples_of_words(bits, padded)
