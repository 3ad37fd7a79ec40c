"""A shared server with small limits for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from poolhouse.settings import Settings
from tests.rest.live_server import LiveServer, run_live_server

LIMITS = {
    "max_body_bytes": 1 << 20,
    "max_json_bytes": 1 << 16,
    "max_header_bytes": 1 << 14,
    "header_timeout_s": 0.4,
    "body_timeout_s": 0.4,
}


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings with limits that a test exceeds quickly."""
    return Settings.model_validate({"port": 0, **LIMITS})


@pytest.fixture(scope="session")
def live_server(settings: Settings) -> Iterator[LiveServer]:
    """The server that most tests share; that it survives all of them is part of what they test."""
    with run_live_server(settings) as server:
        yield server


@pytest.fixture
def client(live_server: LiveServer) -> Iterator[httpx.Client]:
    """An HTTP client of the shared server."""
    with live_server.client() as http:
        yield http
