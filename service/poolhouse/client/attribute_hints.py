"""Suggestions for attributes that a client does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from poolhouse.client.operators import Operators
from poolhouse.suggestions import operator_hint

_OPERATOR_NAMES: Final = tuple(name for name in vars(Operators) if not name.startswith("_"))


class AttributeHints:
    """Adds the likely operator to the error for a missing attribute; Python alone would suggest ``max_pool2d`` for
    ``mean_pool2d``."""

    if not TYPE_CHECKING:
        # Hidden from type checkers, which would accept every name because of it.
        def __getattr__(self, name: str) -> object:
            missing = f"{type(self).__name__!r} object has no attribute {name!r}"
            hint = "" if name.startswith("_") else operator_hint(name, _OPERATOR_NAMES, "")
            if not hint:
                raise AttributeError(missing)
            # With a name in the error, Python adds no suggestion of its own.
            raise AttributeError(f"{missing}; {hint}", name=name)
