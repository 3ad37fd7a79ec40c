"""How much a run of the tests covers: set by conftest, before test modules choose their parameters."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """Each level has the tests of the ones before it."""

    QUICK = 0
    SLOW = 1
    EXHAUSTIVE = 2


class _Run:
    level = Level.QUICK


def set_level(level: Level) -> None:
    """Set the level of this process."""
    _Run.level = level


def level() -> Level:
    """The level of this run."""
    return _Run.level
