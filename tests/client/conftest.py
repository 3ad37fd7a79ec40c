"""The four clients of the suite, blocking and asyncio, each with a live server and in process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

import pytest

from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.results import Pooled
from poolhouse.settings import Settings
from tests.rest.live_server import LiveServer, run_live_server

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class AnyClient:
    """Blocking interface to a client of either class.

    Attributes:
        client: of either class.
        run_coroutine: runs a coroutine of the asyncio client and returns its result.
    """

    client: Client | AsyncClient
    run_coroutine: Callable[[Coroutine[object, object, object]], object]

    def pool(self, operator: str, x: object, indices: object = None, **fields: object) -> Pooled[object, object]:
        """Call ``pool``."""
        pooled = self.call("pool", operator, x, indices, **fields)
        assert isinstance(pooled, Pooled)
        return pooled

    def map(self, operator: str, inputs: list[object], **fields: object) -> list[object]:
        """Call ``map`` and return all results."""
        if isinstance(self.client, Client):
            return list(self.client.map(operator, inputs, **fields))  # type: ignore[call-overload]  # fields is anything
        mapped = self.client.map(operator, inputs, **fields)  # type: ignore[call-overload]  # as above

        async def collect() -> list[object]:
            return [result async for result in mapped]

        results = self.run_coroutine(collect())
        assert isinstance(results, list)
        return results

    def call(self, method: str, *arguments: object, **named: object) -> object:
        """Call a method of the client and return its result."""
        result: object = attrgetter(method)(self.client)(*arguments, **named)
        return self.run_coroutine(result) if isinstance(result, Coroutine) else result


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    """A server with default settings on a free port."""
    with run_live_server(Settings.model_validate({"port": 0, "device": "cpu"})) as server:
        yield server


@pytest.fixture(scope="session", params=["sync-live", "async-live", "sync-local", "async-local"])
def any_client(request: pytest.FixtureRequest, live_server: LiveServer) -> Iterator[AnyClient]:
    """Each of the four clients."""
    client_class, place = request.param.split("-")
    with asyncio.Runner() as runner:
        if client_class == "sync":
            with Client(live_server.url) if place == "live" else Client.local() as client:
                yield AnyClient(client, runner.run)
        else:
            async_client = AsyncClient(live_server.url) if place == "live" else AsyncClient.local()
            yield AnyClient(async_client, runner.run)
            runner.run(async_client.aclose())
