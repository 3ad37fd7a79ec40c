"""The options of a test run: slow tests, and the number of hypothesis examples."""

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
def test_slow_tests_run_on_request_only(expression: str, slow: bool, becomes: str) -> None:
    """A developer runs the quick tests at every change; CI runs all of them."""
    assert without_slow(expression, include_slow=slow) == becomes


@pytest.mark.parametrize("examples", [1, 2, 5, 100, 300])
def test_the_number_of_examples_scales_with_the_profile(examples: int) -> None:
    """A test with its own number of examples is quick in the quick profile, and complete in the exhaustive one."""
    share = settings().max_examples / PROFILES["exhaustive"]

    found = scaled_examples(examples).max_examples

    assert min(3, examples) <= found <= examples
    assert found <= max(3, examples * share)
