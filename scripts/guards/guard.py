"""One guard: an id, what it protects, how it is taken away, and the test that must fail without it.

An entry names no file and no line. The guard is found by its marker in the source, ``# guard: ID``, and its test by
the name of the function, so a guard or a test that moves to another file needs no change here.
"""

from __future__ import annotations

from dataclasses import dataclass

from guards.removals import Removal


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard.

    Attributes:
        id: the word that its marker names.
        guard: what it does, as a sentence without its full stop.
        without: what happens where it is missing, likewise.
        removal: the operation that takes it away from the marked statement.
        test: the name of the test function or class that must fail then; it occurs once below ``tests``.
    """

    id: str
    protects: str
    consequence: str
    removal: Removal
    test: str
