"""The number of hypothesis examples: few for a developer, all in CI."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

PROFILES = {"quick": 8, "thorough": 15, "exhaustive": 100}
"""The profiles of hypothesis, with their default number of examples. Those of ``thorough`` are the same in each run."""

MANY_REJECTED = (HealthCheck.filter_too_much, HealthCheck.too_slow)
"""For operators that refuse most generated inputs."""

_MIN_EXAMPLES = 3


def is_thorough() -> bool:
    """Whether the profile is ``thorough`` or ``exhaustive``."""
    return settings().max_examples >= PROFILES["thorough"]


def is_exhaustive() -> bool:
    """Whether the profile is ``exhaustive``."""
    return settings().max_examples >= PROFILES["exhaustive"]


def scaled_examples(examples: int, *allowed: HealthCheck) -> settings:
    """Settings with a number of examples that scales with the profile; a decorator above ``given``.

    Args:
        examples: the number in the profile ``exhaustive``.
        allowed: health checks to suppress.
    """
    share = settings().max_examples / PROFILES["exhaustive"]
    scaled = max(min(examples, _MIN_EXAMPLES), round(examples * share))
    return settings(max_examples=scaled, suppress_health_check=allowed)
