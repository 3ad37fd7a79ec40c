"""Every family and element type is tested in every run, and nothing is left out of an exhaustive one."""

from __future__ import annotations

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.catalogue import discover
from tests.operator_selection import family_of, is_quick_type, quick_operators, slow_operators

NAMES = discover().names


def test_a_quick_run_covers_each_family_at_one_rank() -> None:
    """Ranks share their code; families do not."""
    families = sorted({family_of(name) for name in NAMES})

    assert sorted(map(family_of, quick_operators(NAMES))) == families
    assert {name[-2:] for name in quick_operators(NAMES)} >= {"1d", "2d", "3d"}


def test_a_slow_run_covers_torchs_operators_at_all_ranks() -> None:
    """Their exactness is promised at every rank."""
    covered = slow_operators(NAMES)

    assert {"max_pool1d", "max_pool2d", "max_pool3d", "avg_pool3d", "lp_pool1d", "max_unpool2d"} <= covered
    assert quick_operators(NAMES) <= covered <= set(NAMES)


def test_every_element_type_is_tested_with_some_operators_in_a_quick_run() -> None:
    """Each type has conversions of its own."""
    for dtype in ELEMENT_TYPES:
        assert sum(is_quick_type(name, dtype) for name in quick_operators(NAMES)) >= 1
