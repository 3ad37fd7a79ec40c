"""CORS is off by default, and has one setting."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from poolhouse.rest.app import create_app
from poolhouse.settings import Settings

PAGE = "https://page.test"


def ask(origins: tuple[str, ...], method: str, path: str, **headers: str) -> httpx.Response:
    """Send a request of a page to a service that allows these origins."""
    app = create_app(Settings.model_validate({"cors_origins": origins}))
    given = {name.replace("_", "-"): value for name, value in headers.items()}

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.request(method, path, headers=given)

    return asyncio.run(go())


@pytest.mark.parametrize("path", ["/livez", "/nope"])
def test_cors_is_off_by_default(path: str) -> None:
    """A page of any site must not reach a service in the visitor's network unless that is configured."""
    response = ask((), "GET", path, Origin=PAGE)

    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/livez", "/nope"])
def test_an_allowed_origin_can_read_responses_and_errors(path: str) -> None:
    """The page must be able to read an error too."""
    response = ask((PAGE,), "GET", path, Origin=PAGE)

    assert response.headers["access-control-allow-origin"] == PAGE
    exposed = response.headers["access-control-expose-headers"]
    for name in (
        *("X-Request-ID", "Server-Timing", "Tensor-Metadata", "Pool-Seed", "Pool-Warning", "Retry-After"),
        "Inference-Header-Content-Length",
    ):
        assert name in exposed


def test_another_origin_gets_no_cors_headers() -> None:
    """Allowing one origin must not allow all others."""
    assert "access-control-allow-origin" not in ask((PAGE,), "GET", "/livez", Origin="https://other.test").headers


def test_a_preflight_is_granted() -> None:
    """Browsers send a preflight request before they post JSON."""
    response = ask(
        (PAGE,),
        "OPTIONS",
        "/v1/pool/max_pool2d",
        Origin=PAGE,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type,request-timeout",
    )

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == PAGE


def test_a_refused_preflight_is_a_problem_document() -> None:
    """Starlette would return plain text."""
    response = ask(
        (PAGE,),
        "OPTIONS",
        "/v1/pool/max_pool2d",
        Origin="https://other.test",
        Access_Control_Request_Method="POST",
    )

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert "access-control-allow-origin" not in response.headers


def test_a_form_needs_an_allowed_origin() -> None:
    """Browsers send it without a preflight request; 415 says that this one reached the route."""
    given = {"Content_Type": "text/plain"}
    statuses = [
        ask(origins, "POST", "/v1/pool/max_pool2d", Origin=PAGE, **given).status_code
        for origins in ((PAGE,), ("*",), ("https://other.test",))
    ]

    assert statuses == [415, 415, 403]
