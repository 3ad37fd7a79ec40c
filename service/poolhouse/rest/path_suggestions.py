"""Refusals of unknown paths and methods, with suggestions.

Any client can request unknown paths, so a suggestion costs a comparison with a few dozen prepared names. If API keys
are configured, only requests with a valid key get suggestions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.exceptions import HTTPException

from poolhouse.errors import MethodNotAllowed, NotFound, PoolhouseError
from poolhouse.models import VERSION
from poolhouse.suggestions import nearest_names, suggest_operators

# A path of 64 KiB is no typing mistake.
_LONGEST_COMPARED: Final = 80

_HEALTH_PATHS: Final = frozenset(
    (
        *("/health", "/healthz", "/healthcheck", "/health-check", "/health_check", "/_health", "/-/healthy", "/up"),
        *("/health/live", "/health/ready", "/healthz/live", "/healthz/ready", "/actuator/health"),
        *("/live", "/liveness", "/alive", "/ready", "/readiness", "/-/ready", "/heartbeat"),
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
    **dict.fromkeys(("/v2/models", "/v2/repository"), "/v2/repository/index"),
}
"""Paths of similar pages in other services, and what they are called here."""


class PathSuggester:
    """Suggests known paths for unknown ones.

    Args:
        paths: of the routes, with ``{operator}`` for the name of an operator and ``{model}`` for that of a model.
        operators: the names in the catalogue.
        models: the names of the models of the Open Inference Protocol.
        compared_models: those of them that unknown names are compared with.
    """

    def __init__(
        self,
        paths: Iterable[str],
        operators: Iterable[str],
        models: Iterable[str] = (),
        compared_models: Iterable[str] = (),
    ) -> None:
        # Only the pages request their files, and a path with a slash at its end has one without.
        self._paths = tuple(
            path for path in paths if not path.startswith(("/docs/", "/page/")) and (path == "/" or path[-1] != "/")
        )
        self._fixed_paths = tuple(path for path in self._paths if "{" not in path)
        self._operator_prefixes = tuple(path.removesuffix("{operator}") for path in self._paths if "{operator}" in path)
        self._operators = tuple(operators)
        self._model_paths = tuple(path for path in self._paths if "{model}" in path)
        self._models = frozenset(models)
        self._compared_models = tuple(compared_models)

    def refusal(
        self, error: HTTPException, method: str, path: str, *, may_list_paths: bool = True, root_path: str = ""
    ) -> PoolhouseError:
        """The error for the router's 404 or 405.

        Args:
            error: raised by the router.
            method: of the request.
            path: of the request.
            may_list_paths: whether the client may see which paths there are.
            root_path: the path below which the application is served; suggestions include it.
        """
        if error.status_code == 405:
            allowed = sorted((error.headers or {}).get("Allow", "").split(", "))
            return MethodNotAllowed(
                "method_not_allowed",
                f"{_clip(path)} does not support {method}; use {' or '.join(allowed)}.",
                headers={"Allow": ", ".join(allowed)},
            )
        hint = "/openapi.json lists the paths, and /docs shows them."
        if may_list_paths:
            hint = self._hint(path.removeprefix(root_path), root_path)
        return NotFound("unknown_path", f"There is no path {_clip(path)}. {hint}")

    def _hint(self, path: str, root_path: str) -> str:
        if len(path) <= _LONGEST_COMPARED:
            bare = path.rstrip("/")
            head, _, last = bare.rpartition("/")
            if self._exists(bare, head, last):
                return f"Remove the trailing slash: {root_path}{bare}"
            if bare.lower() in _HEALTH_PATHS and "/livez" in self._fixed_paths:
                return f"Did you mean {root_path}/livez (alive) or {root_path}/readyz (ready)?"
            if near := self._nearest(bare, head, last):
                return f"Nearest: {', '.join(root_path + each for each in near)}."
        listed = (each for each in self._paths if "{version}" not in each)
        return f"The paths are {', '.join(root_path + each for each in listed)}."

    def _exists(self, bare: str, head: str, last: str) -> bool:
        if bare in self._fixed_paths or (f"{head}/" in self._operator_prefixes and last in self._operators):
            return True
        return any(bare in self._filled(bare, name) for name in bare.split("/") if name in self._models)

    def _filled(self, bare: str, model: str) -> list[str]:
        """The paths of a model; those with a version only if this path has one."""
        filled = [path.replace("{model}", model) for path in self._model_paths]
        has_version = "/versions/" in bare
        return [path.replace("{version}", VERSION) for path in filled if has_version or "{version}" not in path]

    def _nearest_of_model(self, bare: str) -> list[str]:
        """The nearest paths of the model that a part of the path names, spelt as it is or almost."""
        first, *parts = bare.removeprefix("/").split("/")
        if first != "v2":
            return []
        # /v2/models/MODEL, or without models; a comparison with all names is not made for each part of a hostile path.
        known = [part for part in parts if part in self._models]
        meant = known or [name for part in parts[:2] for name in suggest_operators(part, self._compared_models).names]
        return nearest_names(bare, self._filled(bare, meant[0])) if meant else []

    def _nearest(self, bare: str, head: str, last: str) -> list[str]:
        page = _PAGES.get(bare.lower())
        if page in self._fixed_paths:
            return [str(page)]
        if near := self._nearest_of_model(bare):
            return near
        if meant := suggest_operators(last, self._operators).names:
            # An operator below an unknown prefix; if no prefix is similar, the first one, which is for pooling.
            prefixes = nearest_names(f"{head}/", self._operator_prefixes) or self._operator_prefixes[:1]
            return [
                *(f"{prefix}{meant[0]}" for prefix in prefixes),
                *(f"{prefixes[0]}{name}" for name in meant[1:]),
            ][:3]
        return nearest_names(bare, self._fixed_paths)


def _clip(path: str) -> str:
    return path if len(path) <= _LONGEST_COMPARED else path[:_LONGEST_COMPARED] + "…"
