"""The service in this process: when its app starts and stops, with an app of the test.

That closing ends calls in progress is tested in test_closing.
"""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from poolhouse.client.exchange import Request, Send, Timeouts
from poolhouse.client.transports import local
from poolhouse.client.transports.local import AsyncLocalTransport, LocalService, LocalTransport

SEND = Send(Request("POST", "/p", (), (b"body",)), Timeouts(5, 5, 5))

Message = MutableMapping[str, object]


class App:
    """An application that returns the body of the request.

    Attributes:
        events: its starts and stops.
        fails: whether it fails to start.
    """

    def __init__(self) -> None:
        self.events: list[str] = []
        self.fails = False
        self._earlier = set(threading.enumerate())
        self.router = SimpleNamespace(lifespan_context=self.lifespan)

    def threads(self) -> set[threading.Thread]:
        """The threads that were started since."""
        return set(threading.enumerate()) - self._earlier

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        """Record start and stop."""
        if self.fails:
            raise RuntimeError("no device")
        self.events.append("start")
        yield
        self.events.append("stop")

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Respond."""
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> App:
    """The app of every local service of the test."""
    app = App()
    monkeypatch.setattr(local, "import_module", lambda _: SimpleNamespace(create_app=lambda: app))
    return app


def test_the_first_request_starts_the_app_and_close_stops_it(app: App) -> None:
    """A test suite may make clients that it never calls; the second close does nothing."""
    transport = LocalTransport(LocalService())
    assert (app.events, app.threads(), transport.closed) == ([], set(), False)

    for _ in range(2):
        assert transport.exchange(SEND).text == "body"
    assert (app.events, len(app.threads())) == (["start"], 1)

    for _ in range(2):
        transport.close()
    assert (app.events, app.threads(), transport.closed) == (["start", "stop"], set(), True)
    with pytest.raises(RuntimeError, match="closed"):
        transport.exchange(SEND)


def test_an_asyncio_client_uses_the_same_service(app: App) -> None:
    """Its event loop is not that of the app, so it may end before the app."""
    transport = AsyncLocalTransport(LocalService())

    for _ in range(2):
        assert asyncio.run(transport.exchange(SEND)).text == "body"
    asyncio.run(transport.aclose())

    assert transport.closed
    assert app.events == ["start", "stop"]


def test_an_app_that_fails_to_start_leaves_no_thread(app: App) -> None:
    """The error is that of the app, at every call until it starts."""
    app.fails = True
    service = LocalService()

    for _ in range(2):
        with pytest.raises(RuntimeError, match="no device"):
            service.exchange(SEND)
        assert app.threads() == set()

    app.fails = False
    assert service.exchange(SEND).text == "body"
    service.close()


@pytest.mark.usefixtures("app")
def test_an_unpickled_service_is_another_one() -> None:
    """It belongs to another process; two transports of one service share it again."""
    service = LocalService()
    transports = LocalTransport(service), AsyncLocalTransport(service)
    service.close()

    restored, restored_too = pickle.loads(pickle.dumps(transports))

    assert isinstance(restored, LocalTransport)
    assert isinstance(restored_too, AsyncLocalTransport)
    assert restored._service is restored_too._service
    assert not restored.closed
