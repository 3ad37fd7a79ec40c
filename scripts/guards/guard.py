"""The description of a guard: its id, its purpose, the operation that removes it, and the test that proves it.

An entry names no file and no line. The guard is found by its marker in the source, ``# guard: ID``, and its test by
its name, so moving either to another file needs no change here.
"""

from __future__ import annotations

from dataclasses import dataclass

from guards.removals import Removal


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard.

    Attributes:
        id: the id in its marker.
        protects: what it does, as a sentence without a full stop.
        consequence: what happens without it, likewise.
        removal: the operation that removes it from the marked statement.
        test: the name of the test function or class that must fail then, unique below ``tests``.
    """

    id: str
    protects: str
    consequence: str
    removal: Removal
    test: str
