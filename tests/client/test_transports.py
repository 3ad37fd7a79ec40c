"""Transports: sockets, Unix sockets, httpx clients; their deadlines, connections and addresses."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import httpx
import numpy as np
import pytest

from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.errors import ConnectionFailed, TimedOut, UnexpectedAnswer
from poolhouse.client.exchange import Response, Send
from poolhouse.client.transports.async_sockets import AsyncSocketTransport
from poolhouse.client.transports.httpx_deadline import DeadlineTransport
from poolhouse.client.transports.httpx_transport import AsyncHttpxTransport, HttpxTransport
from poolhouse.client.transports.sockets import SocketTransport
from poolhouse.rest.app import create_app
from poolhouse.rest.server import make_server
from poolhouse.settings import Settings
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer
from tests.rest.test_tls import certificate, trusting_context

SERVICE = Path(__file__).resolve().parents[2] / "service"
X = np.arange(4 * 1024 * 1024, dtype=np.float32).reshape(1, 4, 1024, 1024)

_Item = TypeVar("_Item")


async def _first(items: AsyncIterator[_Item]) -> _Item:
    return await anext(items)


class ScriptedServer:
    """A server whose responses come from a script.

    Args:
        script: gives the response to each request, counted from 1: bytes, None for no response, or empty bytes to close
            the connection.
        closes: whether the connection is closed after each response.

    Attributes:
        heads: the first bytes of each request.
        connections: the number of connections.
        requested: released for each request.
        disconnected: released for each connection that the client has closed.
    """

    def __init__(self, script: Callable[[int], bytes | None], closes: bool = False) -> None:
        self._script = script
        self._closes = closes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heads: list[bytes] = []
        self.connections = 0
        self._count_lock = threading.Lock()
        self.requested = threading.Semaphore(0)
        self.disconnected = threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while True:
                try:
                    head = connection.recv(65536)
                except OSError:
                    head = b""
                if not head:
                    self.disconnected.release()
                    return None
                with self._count_lock:
                    self.heads.append(head)
                    count = len(self.heads)
                self.requested.release()
                response = self._script(count)
                if response == b"":
                    return None
                if response is not None and self._closes:
                    return self._send_and_close(connection, response)
                if response is not None:
                    connection.sendall(response)

    def _send_and_close(self, connection: socket.socket, response: bytes) -> None:
        # The client may disconnect before it has read the whole response.
        with suppress(OSError):
            connection.sendall(response)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    def close(self) -> None:
        # Unlike close(), this ends accept() in the other thread.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def run_scripted_server(script: Callable[[int], bytes | None], closes: bool = False) -> Iterator[ScriptedServer]:
    """Run a scripted server."""
    server = ScriptedServer(script, closes)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def run_server_on_uds(settings: Settings) -> Iterator[None]:
    """Run a server on a Unix socket."""
    ready = threading.Event()
    server = make_server(settings, create_app(settings), lambda _: ready.set())
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(WAIT_TIMEOUT_S), "the server did not start"
        yield
    finally:
        server.should_exit = True
        thread.join(WAIT_TIMEOUT_S)


EMPTY_LIST = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"operators":[]}'


def test_all_transports_give_the_same_result(live_server: LiveServer) -> None:
    """16 MiB, so that bodies are split into pieces."""
    expected = X.reshape(1, 4, 512, 2, 512, 2).max((3, 5))

    with (
        Client(live_server.url) as over_sockets,
        Client(live_server.url, http_client=httpx.Client(trust_env=False)) as over_httpx,
    ):
        assert isinstance(over_sockets._transport, SocketTransport)
        assert isinstance(over_httpx._transport, HttpxTransport)
        outputs = [client.max_pool2d(X, 2).output for client in (over_sockets, over_httpx)]

    async def call() -> None:
        async with (
            AsyncClient(live_server.url) as over_sockets,
            AsyncClient(live_server.url, http_client=httpx.AsyncClient(trust_env=False)) as over_httpx,
        ):
            assert isinstance(over_sockets._transport, AsyncSocketTransport)
            assert isinstance(over_httpx._transport, AsyncHttpxTransport)
            outputs.extend([(await client.max_pool2d(X, 2)).output for client in (over_sockets, over_httpx)])

    asyncio.run(call())

    assert len(outputs) == 4
    for output in outputs:
        np.testing.assert_array_equal(output, expected)


def test_a_unix_socket_connects(tmp_path: Path) -> None:
    """By its path, or by the address that the server prints."""
    path = tmp_path / "s"
    settings = Settings.model_validate({"uds": str(path), "device": "cpu"})

    async def call() -> object:
        async with AsyncClient(f"unix:{path}") as client:
            return (await client.max_pool1d([[1.0, 2.0]], 2)).output

    with run_server_on_uds(settings), Client(uds=str(path)) as client:
        assert client.max_pool1d([[1.0, 2.0]], 2).output == [[2.0]]
        assert asyncio.run(call()) == [[2.0]]


def test_a_connection_is_reused() -> None:
    """A new connection for each call would double the time of a small one."""
    with run_scripted_server(lambda _: EMPTY_LIST) as server, Client(server.url) as client:
        for _ in range(3):
            assert client.operators() == ()

        assert not server.disconnected.acquire(blocking=False)
        assert len(server.heads) == 3


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_idle_connection_that_was_closed_is_replaced_silently(kind: str) -> None:
    """A server may close an idle connection at any time; that must not fail a call or use the retry budget."""

    # The first connection is closed at its second request.
    def script(count: int) -> bytes | None:
        return b"" if count == 2 else EMPTY_LIST

    async def call(url: str) -> None:
        async with AsyncClient(url, max_retries=0) as client:
            for _ in range(3):
                assert await client.operators() == ()

    with run_scripted_server(script) as server:
        if kind == "async":
            asyncio.run(call(server.url))
        else:
            with Client(server.url, max_retries=0) as client:
                for _ in range(3):
                    assert client.operators() == ()

        assert len(server.heads) == 4


@pytest.mark.parametrize("injected", [False, True])
def test_a_refused_connection_raises_connection_failed(injected: bool) -> None:
    """Over every transport, with the address in the message."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

    async def call() -> None:
        http = httpx.AsyncClient(trust_env=False) if injected else None
        async with AsyncClient(url, max_retries=0, http_client=http) as client:
            await client.operators()

    with pytest.raises(ConnectionFailed, match=url):
        Client(url, max_retries=0, http_client=httpx.Client(trust_env=False) if injected else None).operators()
    with pytest.raises(ConnectionFailed, match=url):
        asyncio.run(call())


@pytest.mark.parametrize("injected", [False, True])
def test_a_call_without_a_response_ends_at_the_deadline_and_sends_it(injected: bool) -> None:
    """With Request-Timeout, the server does not start work after the deadline."""

    async def call(url: str) -> None:
        http = httpx.AsyncClient(trust_env=False) if injected else None
        async with AsyncClient(url, timeout=0.05, http_client=http) as client:
            await client.operators()

    with run_scripted_server(lambda _: None) as server:
        http = httpx.Client(trust_env=False) if injected else None
        with pytest.raises(TimedOut), Client(server.url, timeout=0.05, http_client=http) as client:
            client.operators()
        with pytest.raises(TimedOut):
            asyncio.run(call(server.url))

        assert len(server.heads) == 2
        for head in server.heads:
            assert b"\r\nrequest-timeout: 0.0" in head.lower()


class SlowReader:
    """A server on a Unix socket that reads a kilobyte at a time with pauses, and then closes.

    Args:
        path: of the socket.
        kilobytes: the number that it reads.

    Attributes:
        has_read_all: whether the client did not disconnect before.
    """

    def __init__(self, path: Path, kilobytes: int) -> None:
        self._kilobytes = kilobytes
        self.has_read_all = False
        self._never = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        connection, _ = self._listener.accept()
        with connection, suppress(OSError):
            for _ in range(self._kilobytes):
                if not connection.recv(1024):
                    return
                self._never.wait(0.005)
            self.has_read_all = True

    def close(self) -> None:
        self._thread.join(WAIT_TIMEOUT_S)
        self._listener.close()


@pytest.mark.parametrize("transport_kind", ["sockets", "deadline-transport", "httpx"])
def test_a_server_that_reads_slowly_does_not_exceed_the_deadline(transport_kind: str, tmp_path: Path) -> None:
    """Bytes are sent all the time, so no timeout of a single operation ends the call."""
    path = str(tmp_path / "s")
    transport: httpx.BaseTransport = DeadlineTransport(uds=path)
    if transport_kind == "httpx":
        transport = httpx.HTTPTransport(uds=path)
    http = None if transport_kind == "sockets" else httpx.Client(transport=transport)
    # Reading everything takes at least three seconds; a third of it may be in the kernel's buffer.
    server = SlowReader(tmp_path / "s", 600)
    try:
        with (
            pytest.raises(TimedOut),
            Client(uds=None if http else path, timeout=0.3, http_client=http) as client,
        ):
            client.max_pool2d(X, 2)
    finally:
        server.close()
    assert not server.has_read_all


class SlowSender:
    """A server that sends a response byte by byte, with pauses.

    Args:
        head: the start of the response.
        size: bytes of the response.
        context: for TLS.

    Attributes:
        has_sent_all: whether the client did not disconnect before.
    """

    def __init__(self, head: bytes, size: int, context: ssl.SSLContext | None = None) -> None:
        self._response = head.ljust(size, b"x")
        self._context = context
        self.has_sent_all = False
        self._never = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.netloc = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        plain, _ = self._listener.accept()
        with suppress(OSError), self._context.wrap_socket(plain, True) if self._context else plain as connection:
            connection.recv(65536)
            for index in range(len(self._response)):
                connection.sendall(self._response[index : index + 1])
                self._never.wait(0.01)
            self.has_sent_all = True

    def close(self) -> None:
        self._thread.join(WAIT_TIMEOUT_S)
        self._listener.close()


SLOW_RESPONSES = {
    "head": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
}


@pytest.mark.parametrize(
    ("transport_kind", "response"),
    [
        *(
            (kind, response)
            for kind in ("sockets", "deadline-transport", "proxy", "tls")
            for response in SLOW_RESPONSES.values()
        ),
        # With httpx's own transport a slow head can exceed the deadline, as docs/python.md says.
        ("httpx", SLOW_RESPONSES["body"]),
    ],
)
def test_a_server_that_sends_slowly_does_not_exceed_the_deadline(
    transport_kind: str, response: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes arrive all the time, so no timeout of a single operation ends the call."""
    if transport_kind == "tls" and shutil.which("openssl") is None:
        pytest.skip("needs openssl to make certificates (Debian: apt-get install openssl)")
    verify: ssl.SSLContext | bool = True
    server_context = None
    if transport_kind == "tls":
        chain, key = certificate(tmp_path, "slow")
        server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_context.load_cert_chain(chain, key)
        verify = trusting_context(chain)
    # The whole response takes at least three seconds.
    server = SlowSender(response, 300, server_context)
    url = f"{'https' if transport_kind == 'tls' else 'http'}://{server.netloc}"
    if transport_kind == "proxy":
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.delenv("no_proxy", raising=False)
        url = "http://pool.example"
    http = {
        "httpx": lambda: httpx.Client(trust_env=False),
        "deadline-transport": lambda: httpx.Client(transport=DeadlineTransport()),
        "tls": lambda: httpx.Client(transport=DeadlineTransport(verify)),
    }.get(transport_kind, lambda: None)()
    try:
        with pytest.raises(TimedOut), Client(url, timeout=0.4, http_client=http) as client:
            client.operators()
    finally:
        server.close()

    assert not server.has_sent_all


@pytest.mark.parametrize("kind", ["connected", "mocked"])
def test_two_clients_can_share_any_httpx_client(kind: str) -> None:
    """Also one with a mock transport, without connections."""
    stream = httpx.ByteStream(b'{"operators":[]}')
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=stream)) if kind == "mocked" else None

    with run_scripted_server(lambda _: EMPTY_LIST) as server:
        http = httpx.Client(transport=transport, trust_env=False)
        with Client(server.url, http_client=http) as one, Client(server.url, http_client=http) as other:
            assert one.operators() == other.operators() == ()


def test_a_response_of_another_service_is_refused() -> None:
    """As of a wrong port that responds 200 to everything."""
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"

    with run_scripted_server(lambda _: page) as server, Client(server.url) as client:
        with pytest.raises(UnexpectedAnswer):
            client.operators()
        with pytest.raises(UnexpectedAnswer):
            client.max_pool1d([[1.0]], 1)


def test_closing_a_map_ends_its_calls() -> None:
    """The loop may end early."""
    read: list[float] = []
    metadata = b'[{"name":"output","dtype":"uint8","shape":[1,1],"start":0,"end":1}]'
    pooled = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTensor-Metadata: " + metadata + b"\r\n\r\n\x07"

    def inputs() -> Iterator[object]:
        for each in range(100):
            read.append(each)
            yield [[float(each)]]

    # Only the first input, a zero, gets a response.
    def script(count: int) -> bytes | None:
        return pooled if server.heads[count - 1].endswith(bytes(8)) else None

    with run_scripted_server(script) as server, Client(server.url, timeout=None) as client:
        results = client.map("max_pool1d", inputs(), kernel_size=1, concurrency=3)
        assert next(results).output == [[7]]
        for _ in range(3):
            assert server.requested.acquire(timeout=WAIT_TIMEOUT_S)

        results.close()

        for _ in range(2):
            assert server.disconnected.acquire(timeout=WAIT_TIMEOUT_S)
        assert read == [0, 1, 2]


class _LateTransport:
    """A transport whose first call gets a response, and whose second ends only at the second interrupt."""

    def __init__(self) -> None:
        self.second_started = threading.Event()
        self.interrupted = threading.Semaphore(0)
        self.timed_out = False

    def exchange(self, send: Send) -> Response:
        body = b"".join(send.request.body)
        if body == bytes(8):
            assert self.second_started.wait(WAIT_TIMEOUT_S)
            metadata = '[{"name":"output","dtype":"uint8","shape":[1,1],"start":0,"end":1}]'
            headers = {"content-length": "1", "tensor-metadata": metadata}
            assert send.request.allocate_body is not None
            return Response(
                200, headers, send.request.allocate_body(200, headers, send.request.max_response_bytes) or ()
            )
        self.second_started.set()
        for _ in range(2):
            self.timed_out = not self.interrupted.acquire(timeout=WAIT_TIMEOUT_S)
        raise ConnectionFailed("interrupted")

    def interrupt(self, threads: Collection[int]) -> None:
        self.interrupted.release()

    @property
    def closed(self) -> bool:
        return False

    def close(self) -> None:
        """Do nothing: there are no connections."""


def test_a_call_that_starts_while_its_map_closes_is_ended_too() -> None:
    """It has no connection yet at the first interrupt, so closing must interrupt it again."""
    transport = _LateTransport()
    client = Client._with_transport(transport, None)

    results = client.map("max_pool1d", [[[0.0]], [[1.0]]], kernel_size=1, concurrency=2)
    next(results)
    results.close()

    assert not transport.timed_out


def test_closing_an_async_map_cancels_its_calls() -> None:
    """Their connections are closed, so the server can stop too."""
    read: list[int] = []

    def inputs() -> Iterator[object]:
        for each in range(100):
            read.append(each)
            yield [[1.0]]

    async def close_early(server: ScriptedServer) -> None:
        async with AsyncClient(server.url, timeout=None) as client:
            async with aclosing(client.map("max_pool1d", inputs(), kernel_size=1, concurrency=3)) as results:
                waiting = asyncio.ensure_future(_first(results))
                for _ in range(3):
                    assert await asyncio.to_thread(server.requested.acquire, timeout=WAIT_TIMEOUT_S)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            for _ in range(3):
                assert await asyncio.to_thread(server.disconnected.acquire, timeout=WAIT_TIMEOUT_S)

    with run_scripted_server(lambda _: None) as server:
        asyncio.run(close_early(server))

    assert len(read) == 3


def test_the_base_url_of_an_injected_client_is_used() -> None:
    """Not port 8000 of this machine."""
    with run_scripted_server(lambda _: EMPTY_LIST) as server:
        http = httpx.Client(base_url=f"{server.url}/under/", trust_env=False)
        with Client(http_client=http) as client:
            client.operators()

        assert server.heads[0].startswith(b"GET /under/v1/operators HTTP/1.1\r\n")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_infinity_means_no_timeout(kind: str) -> None:
    """Neither the kernel nor the header can express it."""

    async def call(url: str) -> None:
        async with AsyncClient(url, timeout=math.inf, read_timeout=math.inf) as client:
            await client.operators()

    with run_scripted_server(lambda _: EMPTY_LIST) as server:
        if kind == "async":
            asyncio.run(call(server.url))
        else:
            with Client(server.url, timeout=math.inf, read_timeout=math.inf) as client:
                client.with_options(timeout=math.inf).operators()

        assert b"request-timeout" not in server.heads[0].lower()


def test_a_message_does_not_contain_the_password_of_the_address() -> None:
    """Messages are logged."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    client = Client(f"http://ann:secret@127.0.0.1:{port}", max_retries=0)
    with client, pytest.raises(ConnectionFailed, match=f"http://127.0.0.1:{port}") as caught:
        client.operators()

    assert "secret" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_forked_process_has_connections_of_its_own(live_server: LiveServer) -> None:
    """A data loader forks workers; on a shared connection each would read responses of the others."""
    code = (
        "import os, sys, threading, poolhouse\n"
        "client = poolhouse.Client(sys.argv[1], max_retries=0)\n"
        "client.operators()\n"
        "(idle, _), = client._transport._connection_pool._idle\n"
        "mine = idle.getsockname()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    client.operators()\n"
        "    (idle, _), = client._transport._connection_pool._idle\n"
        "    os._exit(0 if idle.getsockname() != mine else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "client.operators()\n"
        "(idle, _), = client._transport._connection_pool._idle\n"
        "assert idle.getsockname() == mine\n"
    )

    subprocess.run([sys.executable, "-c", code, live_server.url], check=True, timeout=WAIT_TIMEOUT_S)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_forked_process_has_connections_of_its_own_over_httpx() -> None:
    """For TLS or, as here, a proxy."""
    code = (
        "import os, poolhouse\n"
        "client = poolhouse.Client('http://pool.example', max_retries=0)\n"
        "client.operators()\n"
        "child = os.fork()\n"
        "client.operators()\n"
        "if child == 0:\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "client.operators()\n"
    )

    with run_scripted_server(lambda _: EMPTY_LIST) as server:
        environment = {"PYTHONPATH": str(SERVICE), "http_proxy": server.url}
        subprocess.run([sys.executable, "-c", code], check=True, timeout=WAIT_TIMEOUT_S, env=environment)

        assert len(server.heads) == 4
        assert server.connections == 2
