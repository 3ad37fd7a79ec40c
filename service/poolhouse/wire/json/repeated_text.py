"""Compiled: read the list of a JSON text that equals an earlier one before and behind this list.

Most requests of a client differ in nothing else. What the earlier text was refused or accepted for holds for this one
too, but for the list, which is read and checked anew.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.registry import Flat, address_of, loop
from poolhouse.wire.json.decimal_to_float import int64
from poolhouse.wire.json.list_scanner import (
    ELEMENT_COUNT,
    FAULT,
    MAX_MAGNITUDE,
    RANK,
    RECORD_SIZE,
    SIZES,
    read_lists,
)
from poolhouse.wire.json.narrowing import Array, narrow_floats, narrow_integers
from poolhouse.wire.json.number_scanner import AS_FLOAT64, BOOLEAN, FLOAT, INEXACT, INTEGER, NONFINITE_TEXT
from poolhouse.wire.json.plain_numbers import SCRATCH_SIZE
from poolhouse.wire.json.refusals import ElementChecker

MAX_BYTES: Final = 64 * 1024
"""Longer texts are not compared: the time that this saves would be a small part of theirs."""
_READ_KINDS: Final = {"float": INTEGER | FLOAT | NONFINITE_TEXT | INEXACT, "integer": INTEGER, "boolean": BOOLEAN}
"""The kinds of JSON values that are read as elements of each kind of type."""
_WORD_BYTES: Final = 8
_FIRST_ELEMENT: Final = RECORD_SIZE + SCRATCH_SIZE
_CLOSING_BRACE: Final = ord("}")


@loop("int64(uint8*, int64, uint8*, int64, int64, int64, uint64*, int64*)")
def read_repeated(
    text: Flat, end: int, frame: Flat, begin: int, frame_bytes: int, allowed: int, bits: Flat, record: Flat
) -> int:
    """Read the list of a text, if all before and behind it equals the frame.

    Args:
        text: its last byte before ``end`` is ``}``.
        frame: the text before the list, of ``begin`` bytes, and that behind it; ``frame_bytes`` in all.
        allowed, bits, record: see :func:`.list_scanner.read_lists`; elements are read as float64.

    Returns:
        1 if the text has this frame, and in it a list without a fault; else 0.
    """
    stop = end - (frame_bytes - begin)
    if stop <= begin or text[begin] != 91:
        return 0
    for place in range(begin):
        if text[place] != frame[place]:
            return 0
    for place in range(begin, frame_bytes):
        if text[stop - begin + place] != frame[place]:
            return 0
    at, status = read_lists(
        text, int64(begin), end, allowed, int64(AS_FLOAT64), bits, int64(SCRATCH_SIZE), record, int64(0)
    )
    return 1 if status == 0 and at == stop and record[FAULT] == 0 else 0


class RepeatedList(NamedTuple):
    """The list of a text.

    Attributes:
        sizes: the lengths of the nested lists, outermost first, as the bytes of int64.
        wide: the elements as float64, flat.
        max_bits: the bits of the greatest magnitude.
    """

    sizes: bytes
    wide: npt.NDArray[np.float64]
    max_bits: int

    def elements(self, checker: ElementChecker, shape: tuple[int, ...]) -> Array:
        """The elements in their type and shape.

        Raises:
            Unprocessable: an element is out of the type's range.
        """
        kind = checker.dtype.kind
        if kind == "float":
            flat = narrow_floats(self.wide, self.max_bits, checker, shape)
        elif kind == "integer":
            flat = narrow_integers(self.wide, checker, shape)
        else:
            flat = self.wide.astype(np.bool_)
        return flat.reshape(shape)


class TextFrame:
    """What surrounds the only list of a valid text.

    Args:
        text: the whole text; its last byte is ``}``.
        begin, stop: the offsets of the list.
        checker: of the elements.
    """

    def __init__(self, text: memoryview, begin: int, stop: int, checker: ElementChecker) -> None:
        self._frame: npt.NDArray[np.uint8] = np.frombuffer(bytes(text[:begin]) + bytes(text[stop:]), np.uint8)
        self._arguments = address_of(self._frame), begin, len(self._frame), _READ_KINDS[checker.dtype.kind]

    def read(self, text: memoryview) -> RepeatedList | None:
        """The list of a text; None if the text has another frame, or a list that is empty or has a fault."""
        end = len(text)
        if not 0 < end <= MAX_BYTES or text[-1] != _CLOSING_BRACE:
            return None
        run = read_repeated.entry
        assert run is not None, "loops are loaded before texts are read"
        # An element takes at least two bytes of text.
        memory = np.empty(_FIRST_ELEMENT + end // 2 + 1, np.int64)
        address = address_of(memory)
        whole: npt.NDArray[np.uint8] = np.frombuffer(text, np.uint8)
        if not run(address_of(whole), end, *self._arguments, address + _WORD_BYTES * RECORD_SIZE, address):
            return None
        record = memory.data
        count = record[ELEMENT_COUNT]
        if not count:
            return None
        wide: npt.NDArray[np.float64] = np.ndarray((count,), np.float64, memory, _WORD_BYTES * _FIRST_ELEMENT)
        sizes = record[SIZES + 1 : SIZES + 1 + record[RANK]].tobytes()
        return RepeatedList(sizes, wide, record[MAX_MAGNITUDE])
