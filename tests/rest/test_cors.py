"""CORS: off by default, one setting."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from poolhouse.rest.app import create_app
from poolhouse.settings import Settings

PAGE = "https://page.test"


def ask(origins: tuple[str, ...], method: str, path: str, **headers: str) -> httpx.Response:
    """One request of a page to a service with these origins."""
    app = create_app(Settings.model_validate({"cors_origins": origins}))
    given = {name.replace("_", "-"): value for name, value in headers.items()}

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.request(method, path, headers=given)

    return asyncio.run(go())


@pytest.mark.parametrize("path", ["/livez", "/nope"])
def test_off_means_off(path: str) -> None:
    """A page of a stranger must not reach a service in the visitor's network unless someone said so."""
    answer = ask((), "GET", path, Origin=PAGE)

    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/livez", "/nope"])
def test_on_lets_the_named_origin_read_answers_and_refusals(path: str) -> None:
    """A refusal that the page cannot read helps nobody."""
    answer = ask((PAGE,), "GET", path, Origin=PAGE)

    assert answer.headers["access-control-allow-origin"] == PAGE
    exposed = answer.headers["access-control-expose-headers"]
    for name in ("X-Request-ID", "Server-Timing", "Tensor-Metadata", "Pool-Seed", "Pool-Warning", "Retry-After"):
        assert name in exposed


def test_another_origin_gets_nothing() -> None:
    """Naming one origin must not open the door for all."""
    assert "access-control-allow-origin" not in ask((PAGE,), "GET", "/livez", Origin="https://other.test").headers


def test_a_preflight_is_granted() -> None:
    """Browsers ask before they post JSON."""
    answer = ask(
        (PAGE,),
        "OPTIONS",
        "/v1/pool/max_pool2d",
        Origin=PAGE,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type,request-timeout",
    )

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE


def test_a_preflight_is_refused_in_our_words() -> None:
    """Starlette would answer in plain text."""
    answer = ask(
        (PAGE,),
        "OPTIONS",
        "/v1/pool/max_pool2d",
        Origin="https://other.test",
        Access_Control_Request_Method="POST",
    )

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "access-control-allow-origin" not in answer.headers
