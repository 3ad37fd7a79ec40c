"""The number of hypothesis examples: few for a developer, all in CI."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

PROFILES = {"quick": 20, "thorough": 100}
"""The profiles of hypothesis, with their default number of examples."""

MANY_REJECTED = (HealthCheck.filter_too_much, HealthCheck.too_slow)
"""For operators that refuse most generated inputs."""

_MIN_EXAMPLES = 3


def is_thorough() -> bool:
    """Whether the profile is ``thorough``."""
    return settings().max_examples >= PROFILES["thorough"]


def scaled_examples(examples: int, *allowed: HealthCheck) -> settings:
    """Settings with a number of examples that scales with the profile; a decorator above ``given``.

    Args:
        examples: the number in the profile ``thorough``.
        allowed: health checks to suppress.
    """
    share = settings().max_examples / PROFILES["thorough"]
    scaled = max(min(examples, _MIN_EXAMPLES), round(examples * share))
    return settings(max_examples=scaled, suppress_health_check=allowed)
