"""Refusals of unknown paths and methods, with suggestions.

Any client can request a path that does not exist. So a suggestion compares a few dozen prepared names, and where keys
are set it is made for requests with a key only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.exceptions import HTTPException

from poolhouse.errors import MethodNotAllowed, NotFound, PoolhouseError
from poolhouse.suggestions import nearest, operators_meant

# A path of 64 KiB is no typing mistake.
_LONGEST_COMPARED: Final = 80

_HEALTH_PATHS: Final = frozenset(
    (
        *("/health", "/healthz", "/healthcheck", "/health-check", "/health_check", "/_health", "/-/healthy", "/up"),
        *("/health/live", "/health/ready", "/healthz/live", "/healthz/ready", "/actuator/health", "/v2/health/live"),
        *("/live", "/liveness", "/alive", "/v2/health/ready", "/ready", "/readiness", "/-/ready", "/heartbeat"),
        *("/ping", "/status", "/_status", "/api/health", "/v1/health", "/ok"),
    )
)
"""Health endpoints of other services; here they are ``/livez`` and ``/readyz``."""

_PAGES: Final = {
    **dict.fromkeys(("/swagger", "/swagger-ui", "/redoc", "/api-docs", "/doc", "/help", "/docs/index.html"), "/docs"),
    **dict.fromkeys(
        ("/openapi", "/openapi.yaml", "/openapi.yml", "/swagger.json", "/api/openapi.json"), "/openapi.json"
    ),
    **dict.fromkeys(("/prometheus", "/actuator/prometheus", "/_metrics"), "/metrics"),
    **dict.fromkeys(("/v1", "/v1/models", "/operators", "/models"), "/v1/operators"),
}
"""Paths of similar pages in other services."""


class PathSuggester:
    """The known paths, prepared for comparing unknown ones with them.

    Args:
        paths: the routes' paths, ``{operator}`` where an operator stands.
        operators: the catalogue's names.
    """

    def __init__(self, paths: Iterable[str], operators: Iterable[str]) -> None:
        # The assets of the docs page are loaded by it, not requested by callers.
        self._paths = tuple(path for path in paths if not path.startswith("/docs/"))
        self._fixed_paths = tuple(path for path in self._paths if "{operator}" not in path)
        self._operator_prefixes = tuple(path.removesuffix("{operator}") for path in self._paths if "{operator}" in path)
        self._operators = tuple(operators)

    def refusal(
        self, error: HTTPException, method: str, path: str, *, may_list_paths: bool = True, root_path: str = ""
    ) -> PoolhouseError:
        """The router's own 404 or 405 in our words.

        Args:
            error: what it raised.
            method: of the request.
            path: the same.
            hint: whether to say which paths there are.
            root_path: the path below which the application is; suggestions are below it too.
        """
        if error.status_code == 405:
            allowed = sorted((error.headers or {}).get("Allow", "").split(", "))
            return MethodNotAllowed(
                "method_not_allowed",
                f"{_short(path)} does not take {method}; it takes {' or '.join(allowed)}.",
                headers={"Allow": ", ".join(allowed)},
            )
        told = "The paths are in /openapi.json, and /docs shows them."
        if may_list_paths:
            told = self._hint(path.removeprefix(root_path), root_path)
        return NotFound("unknown_path", f"There is no {_short(path)} here. {told}")

    def _hint(self, path: str, root_path: str) -> str:
        if len(path) <= _LONGEST_COMPARED:
            bare = path.rstrip("/")
            head, _, last = bare.rpartition("/")
            if bare in self._fixed_paths or (f"{head}/" in self._operator_prefixes and last in self._operators):
                return f"Leave the last slash away: {root_path}{bare}"
            if bare.lower() in _HEALTH_PATHS and "/livez" in self._fixed_paths:
                return f"Did you mean {root_path}/livez (alive) or {root_path}/readyz (ready)?"
            if near := self._nearest(bare, head, last):
                return f"Nearest: {', '.join(root_path + each for each in near)}."
        return f"The paths are {', '.join(root_path + each for each in self._paths)}."

    def _nearest(self, bare: str, head: str, last: str) -> list[str]:
        page = _PAGES.get(bare.lower())
        if page in self._fixed_paths:
            return [str(page)]
        if meant := operators_meant(last, self._operators).names:
            # A known operator under an unknown prefix; the first prefix, for pooling, where none is similar.
            places = nearest(f"{head}/", self._operator_prefixes) or self._operator_prefixes[:1]
            return [*(f"{place}{meant[0]}" for place in places), *(f"{places[0]}{name}" for name in meant[1:])][:3]
        return nearest(bare, self._fixed_paths)


def _short(path: str) -> str:
    return path if len(path) <= _LONGEST_COMPARED else path[:_LONGEST_COMPARED] + "…"
