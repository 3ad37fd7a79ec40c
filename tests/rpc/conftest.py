"""One server process, and Triton's gRPC clients of it, for all tests of this folder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio

from tests.rest.live_server import LiveServer
from tests.rest.service_process import service_process

MAX_BODY_BYTES = 1 << 20
MAX_HEAD_BYTES = 1 << 16

Call = Callable[..., Any]
"""Calls a method of a client by name, with its arguments."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The server that these tests share; that it survives all of them is part of what they test."""
    models = tmp_path_factory.mktemp("models") / "models.json"
    models.write_text(json.dumps({"max_pool2d.k2s2": {"operator": "max_pool2d", "fields": {"kernel_size": 2}}}))
    with service_process(
        grpc_port="0",
        device="cpu",
        shared_memory="true",
        models_file=str(models),
        max_body_bytes=str(MAX_BODY_BYTES),
        max_json_bytes=str(MAX_HEAD_BYTES),
    ) as running:
        assert running.server.grpc_port is not None
        yield running.server


@pytest.fixture(scope="session")
def triton(server: LiveServer) -> Iterator[tritonclient.grpc.InferenceServerClient]:
    """Triton's synchronous client."""
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
        yield client


@pytest.fixture(scope="session")
def call_aio(server: LiveServer) -> Iterator[Call]:
    """Calls a method of Triton's asynchronous client."""

    async def connect() -> Any:
        return tritonclient.grpc.aio.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")

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


@pytest.fixture(scope="session")
def channel(server: LiveServer) -> Iterator[grpc.Channel]:
    """A channel, for messages that Triton's clients cannot send."""
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield channel
