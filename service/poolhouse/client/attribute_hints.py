"""Suggestions for attributes that a client does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from poolhouse.client.operators import Operators
from poolhouse.suggestions import operator_hint

_OPERATOR_NAMES: Final = tuple(name for name in vars(Operators) if not name.startswith("_"))


class AttributeHints:
    """Suggests the operator that a missing attribute may stand for; Python alone would suggest ``max_pool2d`` for
    ``mean_pool2d``."""

    if not TYPE_CHECKING:
        # Hidden from type checkers, for which every name would be right with it.
        def __getattr__(self, name: str) -> object:
            missing = f"{type(self).__name__!r} object has no attribute {name!r}"
            hint = "" if name.startswith("_") else operator_hint(name, _OPERATOR_NAMES, "")
            if not hint:
                raise AttributeError(missing)
            # Python adds no suggestion of its own to an error that has its name.
            raise AttributeError(f"{missing}; {hint}", name=name)
