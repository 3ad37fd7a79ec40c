"""Scan a JSON body with the compiled scanner, and read the elements of the lists that it found."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from poolhouse.buffers import empty
from poolhouse.dtypes import UINT64
from poolhouse.wire.json import list_scanner, number_scanner, scanner
from poolhouse.wire.json.narrowing import Array, narrow_floats, narrow_integers
from poolhouse.wire.json.plain_numbers import SCRATCH_SIZE
from poolhouse.wire.json.refusals import NONFINITE, ElementChecker, invalid_data_error, strict_loads
from poolhouse.wire.quoting import describe_value

_ANY_KIND: Final = 127
_ALLOWED_KINDS: Final = {
    "float": number_scanner.INTEGER | number_scanner.FLOAT | number_scanner.NONFINITE_TEXT | number_scanner.INEXACT,
    "integer": number_scanner.INTEGER | number_scanner.FLOAT | number_scanner.INEXACT,
    "boolean": number_scanner.BOOLEAN,
}
"""The allowed kinds of JSON values for the elements of each kind of type."""
_NEEDS_INTEGER_SCAN: Final = number_scanner.FLOAT | number_scanner.INEXACT | number_scanner.NOT_INTEGER
_WIDE_TYPES: Final[dict[int, np.dtype[Any]]] = {
    number_scanner.AS_FLOAT64: np.dtype(np.float64),
    number_scanner.AS_INT64: np.dtype(np.int64),
    number_scanner.AS_UINT64: np.dtype(np.uint64),
}
"""How the scanner stores elements."""
_WIDE_BYTES: Final = 8
_MAX_EMPTY_LISTS: Final = 512 * 1024
_UNCOUNTED_MAX_BYTES: Final = 16 * 1024
_MAX_QUOTED_BYTES: Final = 1024


class BodyScan:
    """A body and the tensors that the scanner found in it.

    Args:
        text: the body.
        end: the end of its last ``}``.
        form: of the body; see :mod:`.scanner`.
    """

    def __init__(self, text: memoryview, end: int, form: int = scanner.NAMED) -> None:
        self.text = text
        self.form = form
        self._content_end = end
        # Always read-only: the loops are compiled for one type of array.
        self._bytes: npt.NDArray[np.uint8] = np.frombuffer(text, np.uint8)
        # An element takes at least two bytes of text. In longer texts elements are counted, as most take more.
        max_elements = end // 2 + 1 if end <= _UNCOUNTED_MAX_BYTES else scanner.max_element_count(self._bytes, end)
        self._bits = empty((SCRATCH_SIZE + max_elements,), np.uint64)
        self._bare = number_scanner.BARE_NONFINITE if form == scanner.LISTED else 0
        self._result = np.empty(scanner.RESULT_SIZE, np.int64)
        self.status: int = scanner.scan_body(self._bytes, end, form, _ANY_KIND | self._bare, self._bits, self._result)
        # A memoryview, because indexing one is faster than indexing an array.
        self.found: memoryview[int] = self._result.data
        # Of the lists that were read, the kinds of the first scan: a scan as integers does not report INEXACT.
        self._first_kinds: dict[int, int] = {}

    def list_span(self, tensor: int) -> tuple[int, int]:
        """The offsets of a tensor's list; 0 if there is none."""
        start = scanner.LIST_RECORDS + tensor * list_scanner.RECORD_SIZE
        return self.found[start + list_scanner.BEGIN], self.found[start + list_scanner.END]

    def base64_span(self, tensor: int) -> tuple[int, int]:
        """The offsets of a tensor's base64, without the quotes; 0 if there is none."""
        start = scanner.BASE64_SPANS + 2 * tensor
        return self.found[start], self.found[start + 1]

    def sizes(self, tensor: int) -> memoryview[int]:
        """The lengths of a tensor's nested lists, outermost first."""
        start = scanner.LIST_RECORDS + tensor * list_scanner.RECORD_SIZE
        first = start + list_scanner.SIZES + 1
        return self.found[first : first + self.found[start + list_scanner.RANK]]

    def holds_booleans(self, tensor: int) -> bool:
        """Whether a tensor's list has elements, and all are true or false."""
        kinds = self.found[scanner.LIST_RECORDS + tensor * list_scanner.RECORD_SIZE + list_scanner.KINDS]
        return self._first_kinds.get(tensor, kinds) == number_scanner.BOOLEAN

    def read_elements(self, tensor: int, checker: ElementChecker) -> Array:
        """The elements of a tensor's list, in its shape.

        Raises:
            Unprocessable: the list is ragged, or an element is invalid for the type.
        """
        kind = checker.dtype.kind
        start = scanner.LIST_RECORDS + tensor * list_scanner.RECORD_SIZE
        record, allowed = self.found[start : start + list_scanner.RECORD_SIZE], _ALLOWED_KINDS[kind]
        was_read = tensor in self._first_kinds
        kinds = self._first_kinds.setdefault(tensor, record[list_scanner.KINDS])
        as_integers = number_scanner.AS_FLOAT64
        if kind == "integer" and kinds & _NEEDS_INTEGER_SCAN:
            as_integers = number_scanner.AS_UINT64 if checker.dtype is UINT64 else number_scanner.AS_INT64
        if was_read or record[list_scanner.FAULT] or kinds & ~allowed or as_integers:
            # Only this list, so that no text is scanned a third time, however many tensors there are.
            begin = record[list_scanner.BEGIN]
            allowed |= self._bare
            scanner.scan_list(
                self._bytes, self._content_end, begin, allowed, as_integers, self._bits, self._result, start
            )
            if record[list_scanner.FAULT]:
                self._raise_fault(record, checker)
        shape = tuple(self.sizes(tensor))
        if not record[list_scanner.ELEMENT_COUNT] and math.prod(size for size in shape if size) > _MAX_EMPTY_LISTS:
            raise invalid_data_error(
                f"{checker.name} holds more than {_MAX_EMPTY_LISTS} lists and no element; "
                "send its elements, or its shape.",
                checker.pointer,
            )
        wide: npt.NDArray[Any] = np.ndarray(
            (record[list_scanner.ELEMENT_COUNT],),
            _WIDE_TYPES[as_integers],
            self._bits,
            _WIDE_BYTES * record[list_scanner.FIRST_ELEMENT],
        )
        if kind == "float":
            flat = narrow_floats(wide, record[list_scanner.MAX_MAGNITUDE], checker, shape)
        elif kind == "integer":
            flat = narrow_integers(wide, checker, shape)
        else:
            flat = wide.astype(np.bool_)
        return flat.reshape(shape)

    def _raise_fault(self, record: memoryview[int], checker: ElementChecker) -> None:
        fault, level = record[list_scanner.FAULT], record[list_scanner.FAULT_LEVEL]
        size = record[list_scanner.SIZES + level]
        if fault == list_scanner.UNEQUAL_LENGTH:
            raise checker.ragged_error(level, size, f"a list of {record[list_scanner.FAULT_COUNT]}")
        value = (
            []
            if fault == list_scanner.UNEXPECTED_LIST
            else self._faulty_value(record[list_scanner.FAULT_BEGIN], record[list_scanner.FAULT_END])
        )
        if fault == list_scanner.NOT_A_LIST:
            raise checker.ragged_error(level, size, describe_value(value))
        checker.check(value, record[list_scanner.INDEX : list_scanner.INDEX + level].tolist())
        raise AssertionError("it is no element")

    def _faulty_value(self, begin: int, end: int) -> object:
        """The invalid value, for an error message."""
        if self.text[begin] == ord("{"):
            return {}
        if end - begin > _MAX_QUOTED_BYTES and self.text[begin] == ord('"'):
            return bytes(self.text[begin + 1 : begin + _MAX_QUOTED_BYTES]).decode(errors="replace")
        bare = NONFINITE.get(bytes(self.text[begin : min(end, begin + _MAX_QUOTED_BYTES)]).decode("latin-1"))
        return strict_loads(self.text[begin:end]) if bare is None else bare


class ScannedList(NamedTuple):
    """A tensor's list in a scanned body."""

    scan: BodyScan
    tensor: int

    @property
    def sizes(self) -> memoryview[int]:
        """See :meth:`BodyScan.sizes`."""
        return self.scan.sizes(self.tensor)

    @property
    def holds_booleans(self) -> bool:
        """See :meth:`BodyScan.holds_booleans`."""
        return self.scan.holds_booleans(self.tensor)

    def read_elements(self, checker: ElementChecker) -> Array:
        """See :meth:`BodyScan.read_elements`."""
        return self.scan.read_elements(self.tensor, checker)
