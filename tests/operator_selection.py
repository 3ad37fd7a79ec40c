"""Select which operators a run of the tests covers, where a test is parametrized over the whole catalogue.

There are more than a hundred operators and a dozen element types. Most share their code: the ranks of a family, the
forms of a reduction. The quick run takes one rank of each family with some element types, another rank for the next
family; ``--slow`` takes torch's own operators at every rank; ``--exhaustive`` takes everything.

Tests with many parameters ask :func:`covered_operators` and :func:`covered_types`, since collecting tests takes time;
:func:`deselect` finds the others by the names of their parameters.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cache
from typing import Final, TypeVar

import pytest
import torch.nn.functional as F

from poolhouse.dtypes import ELEMENT_TYPES, ElementType
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Operator
from tests.run_level import Level, level

_Operator = TypeVar("_Operator", bound=Operator)

_WORD: Final = re.compile(r"[A-Za-z0-9_.]+")
_WHOLE_CATALOGUE: Final = 0.6
"""A test whose parameters name this share of the catalogue is about all operators."""
_TYPES_PER_OPERATOR: Final = 3
"""One of this many element types is tested with an operator in the quick run, in addition to float32."""


def family_of(name: str) -> str:
    """The name without its rank; the names of some libraries have none."""
    return re.sub(r"[123][dD]$", "", name)


def quick_operators(names: Iterable[str]) -> set[str]:
    """One rank of each family, not the same for all families."""
    families: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        families[family_of(name)].append(name)
    return {ranks[_number(family) % len(ranks)] for family, ranks in families.items()}


def slow_operators(names: Iterable[str]) -> set[str]:
    """Torch's operators, and one rank of each other family."""
    names = set(names)
    return quick_operators(names) | {name for name in names if hasattr(F, name)}


def is_quick_type(operator: str, dtype: str) -> bool:
    """Whether the quick run tests this element type with this operator."""
    return dtype == "float32" or _number(f"{operator} {dtype}") % _TYPES_PER_OPERATOR == 0


@cache
def _covered_names() -> frozenset[str]:
    names = discover().names
    if level() is Level.EXHAUSTIVE:
        return frozenset(names)
    return frozenset(slow_operators(names) if level() is Level.SLOW else quick_operators(names))


def covered_operators(members: Iterable[type[_Operator]]) -> tuple[type[_Operator], ...]:
    """Those of these operators that this run covers."""
    return tuple(member for member in members if member.name in _covered_names())


def covered_types(operator: str, dtypes: Iterable[ElementType]) -> list[ElementType]:
    """Those of these element types that this run covers with an operator."""
    return [each for each in dtypes if level() is Level.EXHAUSTIVE or is_quick_type(operator, each.name)]


def deselect(items: list[pytest.Item]) -> list[pytest.Item]:
    """Remove the tests of operators that this run does not cover; returns the removed ones."""
    if level() is Level.EXHAUSTIVE:
        return []
    names, covered = set(discover().names), _covered_names()
    whole = _functions_over(items, names)
    removed = [
        item for item in items if _function_of(item) in whole and not _is_covered(_words_of(item), names, covered)
    ]
    dropped = set(removed)
    items[:] = [item for item in items if item not in dropped]
    return removed


def _functions_over(items: Iterable[pytest.Item], names: Collection[str]) -> set[str]:
    """The test functions whose parameters name nearly all operators."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        seen[_function_of(item)] |= _words_of(item) & set(names)
    return {function for function, found in seen.items() if len(found) >= _WHOLE_CATALOGUE * len(names)}


def _is_covered(words: frozenset[str], names: Collection[str], covered: Collection[str]) -> bool:
    operators = words & set(names)
    if not operators:
        return True
    if not operators <= set(covered):
        return False
    types = words & set(ELEMENT_TYPES)
    return not types or all(is_quick_type(operator, dtype) for operator in operators for dtype in types)


def _function_of(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _words_of(item: pytest.Item) -> frozenset[str]:
    """The words in the names of a test's parameters."""
    return _words_in(item.nodeid.partition("[")[2])


# Items of one test file mostly have the same parameters as those of others: an operator and an element type.
@cache
def _words_in(parameters: str) -> frozenset[str]:
    words = {word for part in _WORD.findall(parameters) for word in (part, *part.split("."))}
    # The names of operations: those of plans have a prefix, those of other frameworks no dot.
    bare = {word.removeprefix("plan_") for word in words}
    return frozenset(words | bare | {re.sub("^(onnx|keras)_", r"\1.", word) for word in bare})


def _number(text: str) -> int:
    # Not hash(), which differs between processes.
    return zlib.crc32(text.encode())
