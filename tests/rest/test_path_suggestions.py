"""What the refusal of an unknown path suggests."""

from __future__ import annotations

import pytest
from starlette.exceptions import HTTPException

from poolhouse.rest.path_suggestions import PathSuggester

SUGGESTER = PathSuggester(
    (
        "/v1/pool/{operator}",
        "/v1/operators",
        "/livez",
        "/readyz",
        "/docs",
        "/docs/style.css",
        "/page/{name}",
        "/openapi.json",
    ),
    ("max_pool2d", "avg_pool2d"),
)
INFER, READY = "/v2/models/{model}/infer", "/v2/models/{model}/ready"
INFERENCE = PathSuggester(
    (
        *("/v2/", "/v2", "/v2/health/ready", "/v2/repository/index", INFER, READY, "/v2/models/{model}"),
        "/v2/models/{model}/versions/{version}/infer",
    ),
    ("max_pool2d", "avg_pool2d"),
    ("max_pool2d", "avg_pool2d", "pool", "max_pool2d.k2s2"),
    ("max_pool2d", "avg_pool2d", "pool"),
)


def hint(path: str, *, may_list_paths: bool = True, root_path: str = "", suggester: PathSuggester = SUGGESTER) -> str:
    """The detail of the refusal of a path."""
    error = suggester.refusal(HTTPException(404), "GET", path, may_list_paths=may_list_paths, root_path=root_path)
    assert error.code == "unknown_path"
    return error.detail


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/docs/", "Remove the trailing slash: /docs"),
        ("/v1/pool/max_pool2d/", "Remove the trailing slash: /v1/pool/max_pool2d"),
        ("/Healthz", "/livez (alive) or /readyz (ready)"),
        ("/redoc", "Nearest: /docs."),
        ("/v1/pol/max_pool2d", "Nearest: /v1/pool/max_pool2d"),
        ("/qqqqqqqq", "The paths are /v1/pool/{operator}, /v1/operators, /livez, /readyz, /docs, /openapi.json."),
    ],
)
def test_an_unknown_path_gets_the_path_that_was_meant(path: str, expected: str) -> None:
    """The client can correct its request without reading the documentation."""
    assert expected in hint(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/models/max_pool2d/", "Remove the trailing slash: /v2/models/max_pool2d"),
        ("/v2/models/max_pool2d/versions/1/infer/", "Remove the trailing slash: "),
        ("/v2/health/redy", "Nearest: /v2/health/ready"),
        ("/v2/models", "Nearest: /v2/repository/index"),
        ("/v2/model/max_pool2d/infer", "Nearest: /v2/models/max_pool2d/infer"),
        ("/v2/models/MaxPool2d/infr", "Nearest: /v2/models/max_pool2d/infer"),
        ("/v2/models/max_pool2d.k2s2/predict", "/v2/models/max_pool2d.k2s2/ready"),
        ("/v2/avg_pool2d", "Nearest: /v2/models/avg_pool2d"),
        ("/v2/models/max_pool2d/version/1/infer", "Nearest: /v2/models/max_pool2d/infer"),
        ("/qqqqqqqq", f"The paths are /v2, /v2/health/ready, /v2/repository/index, {INFER}, {READY},"),
    ],
)
def test_paths_of_models_are_suggested_with_the_model(path: str, expected: str) -> None:
    """The clients of the protocol differ in their paths, and a template would have to be filled by the reader."""
    assert expected in hint(path, suggester=INFERENCE)


def test_suggestions_include_the_root_path() -> None:
    """Behind a proxy, a path without it does not reach the service."""
    assert hint("/root/docs/", root_path="/root").endswith("Remove the trailing slash: /root/docs")


def test_a_client_without_a_key_learns_no_paths() -> None:
    """The hint names only what is public."""
    assert "/v1/pool" not in hint("/v1/pol/max_pool2d", may_list_paths=False)


def test_a_long_path_is_clipped_and_not_compared() -> None:
    """Comparing 64 KiB would cost more than the request."""
    detail = hint("/docs" + "/" * 65_536)

    assert "Remove" not in detail
    assert len(detail) < 500


def test_a_wrong_method_gets_the_right_ones() -> None:
    """The order is sorted, since the router's changes between runs."""
    error = SUGGESTER.refusal(HTTPException(405, headers={"Allow": "POST, GET"}), "PUT", "/docs")

    assert error.code == "method_not_allowed"
    assert error.detail == "/docs does not support PUT; use GET or POST."
