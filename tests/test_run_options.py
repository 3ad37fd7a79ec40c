"""What a run of the tests leaves out, and what it draws."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.conftest import without_slow
from tests.hypothesis_profiles import PROFILES, scaled_examples


@pytest.mark.parametrize(
    ("expression", "slow", "becomes"),
    [
        ("", False, "not slow"),
        ("gpu or browser", False, "(gpu or browser) and not slow"),
        ("slow and gpu", False, "slow and gpu"),
        ("", True, ""),
        ("gpu", True, "gpu"),
    ],
)
def test_slow_tests_run_only_where_they_are_asked_for(expression: str, slow: bool, becomes: str) -> None:
    """A developer runs the tests at every change, and CI must leave none out."""
    assert without_slow(expression, asked_for=slow) == becomes


@pytest.mark.parametrize("examples", [1, 2, 5, 100, 300])
def test_a_number_of_examples_shrinks_with_the_profile(examples: int) -> None:
    """A test with a number of its own must be quick in the quick profile, and no less thorough in the other one."""
    share = settings().max_examples / PROFILES["thorough"]

    found = scaled_examples(examples).max_examples

    assert min(3, examples) <= found <= examples
    assert found <= max(3, examples * share)
