"""One server, and Triton's clients of it, for all tests of the Open Inference Protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import tritonclient.http
import tritonclient.http.aio

from poolhouse.settings import Settings
from tests.rest.live_server import LiveServer, run_live_server

MAX_BODY_BYTES = 4 * 2**20
MAX_JSON_BYTES = 2**20

Call = Callable[..., Any]
"""Calls a method of a client by name, with its arguments."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The server that all of these tests share; that it survives all of them is part of what they test."""
    models = tmp_path_factory.mktemp("models") / "models.json"
    models.write_text(json.dumps({"max_pool2d.k2s2": {"operator": "max_pool2d", "fields": {"kernel_size": 2}}}))
    settings = Settings.model_validate(
        {
            "port": 0,
            "device": "cpu",
            "max_body_bytes": MAX_BODY_BYTES,
            "max_json_bytes": MAX_JSON_BYTES,
            "shared_memory": True,
            "models_file": str(models),
        }
    )
    with run_live_server(settings) as running:
        yield running


@pytest.fixture(scope="session")
def triton(server: LiveServer) -> Iterator[tritonclient.http.InferenceServerClient]:
    """Triton's synchronous client."""
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        yield client


@pytest.fixture(scope="session")
def call_aio(server: LiveServer) -> Iterator[Call]:
    """Calls a method of Triton's asynchronous client."""

    async def connect() -> Any:
        return tritonclient.http.aio.InferenceServerClient(f"127.0.0.1:{server.port}")

    with asyncio.Runner() as runner:
        client = runner.run(connect())
        yield lambda method, *args, **options: runner.run(getattr(client, method)(*args, **options))
        runner.run(client.close())


@pytest.fixture(params=["sync", "aio"])
def call(request: pytest.FixtureRequest) -> Call:
    """Calls a method of either of Triton's clients."""
    if request.param == "aio":
        found: Call = request.getfixturevalue("call_aio")
        return found
    client = request.getfixturevalue("triton")
    return lambda method, *args, **options: getattr(client, method)(*args, **options)
