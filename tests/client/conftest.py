"""The suite's four doors: each client over a live server and in process. All are called in the same blocking way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest

from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.results import Pooled
from poolhouse.settings import Settings
from tests.rest.live_server import LiveServer, run_live_server

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class AnyClient:
    """One client, asked in one way, whichever it is.

    Attributes:
        client: of either kind.
        run: gives what a coroutine of the async client comes to.
    """

    client: Client | AsyncClient
    run_coroutine: Callable[[Coroutine[object, object, object]], object]

    def pool(self, operator: str, given: object, indices: object = None, **fields: object) -> Pooled[object, object]:
        """Pool by name."""
        found = self.call("pool", operator, given, indices, **fields)
        assert isinstance(found, Pooled)
        return found

    def map(self, operator: str, inputs: list[object], **fields: object) -> list[object]:
        """All answers of a map."""
        if isinstance(self.client, Client):
            return list(self.client.map(operator, inputs, **fields))  # type: ignore[call-overload]  # fields is anything
        mapped = self.client.map(operator, inputs, **fields)  # type: ignore[call-overload]  # as above

        async def collected() -> list[object]:
            return [answer async for answer in mapped]

        found = self.run_coroutine(collected())
        assert isinstance(found, list)
        return found

    def call(self, method: str, *arguments: object, **named: object) -> object:
        """What a method of the client gives."""
        found: object = getattr(self.client, method)(*arguments, **named)
        return self.run_coroutine(found) if isinstance(found, Coroutine) else found


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    """A server with its defaults, on a free port."""
    with run_live_server(Settings.model_validate({"port": 0, "device": "cpu"})) as server:
        yield server


@pytest.fixture(scope="session", params=["sync-live", "async-live", "sync-local", "async-local"])
def any_client(request: pytest.FixtureRequest, live_server: LiveServer) -> Iterator[AnyClient]:
    """Each of the four."""
    kind, place = request.param.split("-")
    with asyncio.Runner() as runner:
        if kind == "sync":
            with Client(live_server.url) if place == "live" else Client.local() as client:
                yield AnyClient(client, runner.run)
        else:
            made = AsyncClient(live_server.url) if place == "live" else AsyncClient.local()
            yield AnyClient(made, runner.run)
            runner.run(made.aclose())
