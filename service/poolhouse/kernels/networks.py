"""Sorting networks over lines: programs that find ranks of all windows of a row at once.

A line holds one element of each window, or of each position of a row. A comparison of two lines gives the line of the
lesser elements and that of the greater ones, in a loop that the compiler vectorises. A network is the same for all
windows, so it has no branches, and its time does not depend on the elements.

Where windows are one element apart, each column of taps is sorted once for all windows that contain it, and 2, 4, 8, …
neighbouring columns are merged once, as in the tables of ``row_reduction``: a window is a merge of few of these.

Source: Batcher, Sorting networks and their applications, 1968; the odd-even merge for lists of any lengths is in Knuth,
The Art of Computer Programming, volume 3, 5.3.4; columns shared among windows: Adams, Fast median filters using
separable sorting networks, 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

BOTH, LESSER, GREATER = range(3)
"""What a comparison stores."""
KIND, LESS_TO, GREAT_TO, LEFT, LEFT_SHIFT, RIGHT, RIGHT_SHIFT, REACH, STEP_SIZE = range(9)
"""Indices into a step: what it stores and into which registers, the registers that it compares and the position in each
that belongs to the first element, and by how much the line is shorter than the input lines."""
MAX_NETWORK_TAPS: Final = 256
"""Larger windows are handled one by one."""
_CACHED_PROGRAMS: Final = 64

_Value = tuple[int, int]
"""A line: a number, and the position of its first element."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A network as steps over registers, each of which holds a line.

    Attributes:
        steps: int32, :data:`STEP_SIZE` numbers for each comparison.
        registers: number of registers.
        inputs: number of input lines, which are in the first registers.
        picks: int32, for each result its register and the position of its first element.
        is_shared: whether input lines are rows, so that results have an element for each position of a row; else lines
            have an element for each window.
    """

    steps: npt.NDArray[np.int32]
    registers: int
    inputs: int
    picks: npt.NDArray[np.int32]
    is_shared: bool


@lru_cache(_CACHED_PROGRAMS)
def make_program(
    column: int, columns: int, dilation: int, ranks: tuple[int, ...] | None, *, is_shared: bool
) -> Program:
    """The program for windows of ``column · columns`` elements.

    Args:
        column: elements of a window in each of its columns.
        columns: columns of a window.
        dilation: the distance of two columns.
        ranks: the ranks to find, from 0; None for all in ascending order.
        is_shared: see :class:`Program`.
    """
    network = _Network(column if is_shared else column * columns)
    if is_shared:
        found = network.merge_runs(network.sort([(tap, 0) for tap in range(column)]), columns, dilation)
    else:
        lists = [network.sort([(i * column + tap, 0) for tap in range(column)]) for i in range(columns)]
        while len(lists) > 1:
            pairs = [network.merge(*pair) for pair in zip(lists[::2], lists[1::2], strict=False)]
            lists = [*pairs, *lists[2 * len(pairs) :]]
        found = lists[0]
    results = found if ranks is None else [found[rank] for rank in ranks]
    return network.program(results, is_shared=is_shared)


def shares_columns(column: int, columns: int, dilation: int, stride: int, windows: int) -> bool:
    """Whether sorting columns for all windows of a row takes fewer comparisons than sorting each window alone.

    Args:
        column: elements of a window in each of its columns.
        columns: columns of a window.
        dilation: the distance of two columns.
        stride: the distance of two windows.
        windows: windows of a row.
    """
    length = windows * stride + (columns - 1) * dilation
    shared = comparisons(column, columns, is_shared=True) * length
    return shared <= comparisons(column, columns, is_shared=False) * windows


def comparisons(column: int, columns: int, *, is_shared: bool) -> int:
    """Comparisons of a network that sorts windows, of which finding one rank needs about two thirds."""
    if not is_shared:
        lists = [column] * columns
        total = columns * _sort_comparisons(column)
        while len(lists) > 1:
            total += sum(_merge_comparisons(*pair) for pair in zip(lists[::2], lists[1::2], strict=False))
            lists = [sum(lists[i : i + 2]) for i in range(0, len(lists), 2)]
        return total
    total, size = _sort_comparisons(column), 1
    while 2 * size <= columns:
        total += _merge_comparisons(size * column, size * column)
        size *= 2
    parts = [column << level for level in range(columns.bit_length()) if columns >> level & 1]
    for i in range(1, len(parts)):
        total += _merge_comparisons(parts[i], sum(parts[:i]))
    return total


@lru_cache(4096)
def _merge_comparisons(first: int, second: int) -> int:
    if not first or not second:
        return 0
    if first == second == 1:
        return 1
    even, odd = -(-first // 2) - (-second // 2), first // 2 + second // 2
    inner = _merge_comparisons(-(-first // 2), -(-second // 2)) + _merge_comparisons(first // 2, second // 2)
    return inner + min(odd, even - 1)


@lru_cache(4096)
def _sort_comparisons(count: int) -> int:
    half = count // 2
    if not half:
        return 0
    return _sort_comparisons(half) + _sort_comparisons(count - half) + _merge_comparisons(half, count - half)


class _Network:
    """Comparisons in the order in which they are made.

    The values from ``inputs`` on are two for each comparison: the lesser and the greater.
    """

    def __init__(self, inputs: int) -> None:
        self._inputs = inputs
        self._compared: list[tuple[_Value, _Value]] = []
        self._reach = [0] * inputs

    def _compare(self, left: _Value, right: _Value) -> tuple[_Value, _Value]:
        # Lines whose elements are all compared at a distance are compared at the least one.
        least = min(left[1], right[1])
        left, right = (left[0], left[1] - least), (right[0], right[1] - least)
        made = len(self._reach)
        reach = max(self._reach[left[0]] + left[1], self._reach[right[0]] + right[1])
        self._compared.append((left, right))
        self._reach += [reach, reach]
        return (made, least), (made + 1, least)

    def sort(self, values: list[_Value]) -> list[_Value]:
        half = len(values) // 2
        return values if not half else self.merge(self.sort(values[:half]), self.sort(values[half:]))

    def merge(self, first: Sequence[_Value], second: Sequence[_Value]) -> list[_Value]:
        if not first or not second:
            return [*first, *second]
        if len(first) == len(second) == 1:
            return [*self._compare(first[0], second[0])]
        even, odd = self.merge(first[::2], second[::2]), self.merge(first[1::2], second[1::2])
        merged = even[:1]
        for i in range(max(len(odd), len(even) - 1)):
            if i < len(odd) and i + 1 < len(even):
                merged += self._compare(odd[i], even[i + 1])
            else:
                merged.append(odd[i] if i < len(odd) else even[i + 1])
        return merged

    def merge_runs(self, column: list[_Value], columns: int, dilation: int) -> list[_Value]:
        """Merge neighbouring columns: runs of 1, 2, 4, … of them, then those that a window consists of."""
        runs, size = [column], 1
        while 2 * size <= columns:
            runs.append(self.merge(runs[-1], _shifted(runs[-1], size * dilation)))
            size *= 2
        parts, begin = [], 0
        for level in reversed(range(len(runs))):
            if columns >> level & 1:
                parts.append(_shifted(runs[level], begin * dilation))
                begin += 1 << level
        found: list[_Value] = []
        for part in reversed(parts):
            found = self.merge(part, found)
        return found

    def program(self, results: Sequence[_Value], *, is_shared: bool) -> Program:
        """The comparisons that the results need, with a register for each line while it is needed."""
        last_use: dict[int, int] = {value: len(self._compared) for value, _ in results}
        for index in reversed(range(len(self._compared))):
            made = self._inputs + 2 * index
            if made in last_use or made + 1 in last_use:
                for value, _ in self._compared[index]:
                    last_use.setdefault(value, index)
        register = {value: value for value in range(self._inputs)}
        # A line is never written to a register of the lines that it is computed from: the loop would not be vectorised.
        free: list[int] = [value for value in range(self._inputs) if value not in last_use]
        count = self._inputs
        steps: list[list[int]] = []
        for index, ((left, left_shift), (right, right_shift)) in enumerate(self._compared):
            made = self._inputs + 2 * index
            lesser, greater = made in last_use, made + 1 in last_use
            if not lesser and not greater:
                continue
            for value in (made, made + 1):
                if value in last_use:
                    if not free:
                        free.append(count)
                        count += 1
                    register[value] = free.pop()
            kind = BOTH if lesser and greater else LESSER if lesser else GREATER
            targets = [register.get(made, 0), register.get(made + 1, 0)]
            steps.append([kind, *targets, register[left], left_shift, register[right], right_shift, self._reach[made]])
            free += [register[value] for value in {left, right} if last_use[value] == index]
        picks = [[register[value], shift] for value, shift in results]
        return Program(
            np.array(steps, np.int32).reshape(-1), count, self._inputs, np.array(picks, np.int32).reshape(-1), is_shared
        )


def _shifted(values: Sequence[_Value], by: int) -> list[_Value]:
    return [(value, shift + by) for value, shift in values]
