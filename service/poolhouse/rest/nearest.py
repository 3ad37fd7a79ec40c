"""What a lost caller may have meant: paths and methods, and the refusals that name them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from starlette.exceptions import HTTPException

from poolhouse.errors import Malformed, MethodNotAllowed, NotFound, PoolhouseError
from poolhouse.rest import problems

# Comparing is quadratic in the length, and nobody means a path of 64 KiB.
_LONGEST_COMPARED = 80


class Signpost:
    """The known paths, spelled out for every operator.

    Args:
        paths: the routes' paths, ``{operator}`` where an operator stands.
        operators: the catalogue's names.
    """

    def __init__(self, paths: Iterable[str], operators: Iterable[str]) -> None:
        names = tuple(operators)
        self._paths = tuple(paths)
        self._known = {
            path.replace("{operator}", name)
            for path in self._paths
            for name in (names if "{operator}" in path else ("",))
        }

    def refusal(self, error: HTTPException, method: str, path: str) -> PoolhouseError:
        """Starlette's own refusal in our words."""
        if error.status_code == 404:
            return NotFound("unknown_path", f"There is no {_short(path)} here. {self._hint(path)}")
        if error.status_code == 405:
            allowed = sorted((error.headers or {}).get("Allow", "").split(", "))
            return MethodNotAllowed(
                "method_not_allowed",
                f"{_short(path)} does not take {method}; it takes {' or '.join(allowed)}.",
                headers={"Allow": ", ".join(allowed)},
            )
        if 400 <= error.status_code < 500:
            return Malformed("malformed_request", "The request cannot be understood; compare it with /docs.")
        return problems.internal()

    def _hint(self, path: str) -> str:
        if path.rstrip("/") in self._known:
            return f"Leave the last slash away: {path.rstrip('/')}"
        near = difflib.get_close_matches(path, self._known, n=3) if len(path) <= _LONGEST_COMPARED else []
        if near:
            return f"Nearest: {', '.join(near)}."
        return f"The paths are {', '.join(self._paths)}."


def _short(path: str) -> str:
    return path if len(path) <= _LONGEST_COMPARED else path[:_LONGEST_COMPARED] + "…"
