"""The OpenAPI document of the service."""

from __future__ import annotations

from poolhouse.version import __version__

_PATHS = {
    "/v1/pool/{operator}": "post",
    "/v1/plan/{operator}": "post",
    "/v1/operators": "get",
    "/v1/operators/{operator}": "get",
    "/livez": "get",
    "/readyz": "get",
    "/version": "get",
}


def document() -> dict[str, object]:
    """The document: what can be called. The schemas come with the generator of issue 2."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "poolhouse", "version": __version__},
        "paths": {
            path: {method: {"summary": path, "responses": {"200": {"description": "The answer."}}}}
            for path, method in _PATHS.items()
        },
    }
