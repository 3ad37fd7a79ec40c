"""How many examples hypothesis draws: few while a developer works, all of them in CI."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

PROFILES = {"quick": 20, "thorough": 100}
"""The profiles of hypothesis, and the examples that a test draws in each unless it asks for a number."""

MANY_REJECTED = (HealthCheck.filter_too_much, HealthCheck.too_slow)
"""For operators that refuse much of what is drawn, which is no fault of the test."""

_FEWEST = 3


def is_thorough() -> bool:
    """Whether all examples are to be drawn."""
    return settings().max_examples >= PROFILES["thorough"]


def scaled_examples(examples: int, *allowed: HealthCheck) -> settings:
    """Settings with a number of examples that shrinks with the profile, for the decorator's place above ``given``.

    Args:
        examples: the number in the profile ``thorough``.
        allowed: health checks that the test need not pass.
    """
    share = settings().max_examples / PROFILES["thorough"]
    return settings(max_examples=max(min(examples, _FEWEST), round(examples * share)), suppress_health_check=allowed)
