"""The ways to a server: plain sockets, a Unix socket, httpx clients of the caller's own; and how a wait ends."""

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
from poolhouse.client.endpoint import Endpoint, client_headers, parse_endpoint
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
    """A port that reads what comes and plays a script: bytes to answer, None to say nothing, "" to hang up.

    Args:
        script: what to say to the first request, the second and so on.
        hangs_up: whether an answer is the end of its connection.
    """

    def __init__(self, script: Callable[[int], bytes | None], hangs_up: bool = False) -> None:
        self._script = script
        self._hangs_up = hangs_up
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.heads: list[bytes] = []
        self.connections = 0
        self._counting = threading.Lock()
        self.asked = threading.Semaphore(0)
        self.gone = threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
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
                    self.gone.release()
                    return None
                with self._counting:
                    self.heads.append(head)
                    count = len(self.heads)
                self.asked.release()
                said = self._script(count)
                if said == b"":
                    return None
                if said is not None and self._hangs_up:
                    return self._part(connection, said)
                if said is not None:
                    connection.sendall(said)

    def _part(self, connection: socket.socket, said: bytes) -> None:
        # The other side may have heard enough before all is said.
        with suppress(OSError):
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    def close(self) -> None:
        # accept() of the other thread wakes at this, and not at close().
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextmanager
def run_scripted_server(script: Callable[[int], bytes | None], hangs_up: bool = False) -> Iterator[ScriptedServer]:
    """A listener while the block runs."""
    listener = ScriptedServer(script, hangs_up)
    try:
        yield listener
    finally:
        listener.close()


@contextmanager
def run_server_on_uds(settings: Settings) -> Iterator[None]:
    """A server on a Unix socket."""
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


def test_all_transports_give_the_same(live_server: LiveServer) -> None:
    """Sixteen megabytes, so that pieces, views and rooms all matter."""
    expected = X.reshape(1, 4, 512, 2, 512, 2).max((3, 5))

    with (
        Client(live_server.url) as direct,
        Client(live_server.url, http_client=httpx.Client(trust_env=False)) as through,
    ):
        assert isinstance(direct._transport, SocketTransport)
        assert isinstance(through._transport, HttpxTransport)
        outputs = [client.max_pool2d(X, 2).output for client in (direct, through)]

    async def ask() -> None:
        async with (
            AsyncClient(live_server.url) as direct,
            AsyncClient(live_server.url, http_client=httpx.AsyncClient(trust_env=False)) as through,
        ):
            assert isinstance(direct._transport, AsyncSocketTransport)
            assert isinstance(through._transport, AsyncHttpxTransport)
            outputs.extend([(await client.max_pool2d(X, 2)).output for client in (direct, through)])

    asyncio.run(ask())

    assert len(outputs) == 4
    for output in outputs:
        np.testing.assert_array_equal(output, expected)


def test_a_unix_socket_is_a_transport_too(tmp_path: Path) -> None:
    """A neighbour in the same pod needs no port; the address is the one that the server prints."""
    path = tmp_path / "s"
    settings = Settings.model_validate({"uds": str(path), "device": "cpu"})

    async def ask() -> object:
        async with AsyncClient(f"unix:{path}") as client:
            return (await client.max_pool1d([[1.0, 2.0]], 2)).output

    with run_server_on_uds(settings), Client(uds=str(path)) as client:
        assert client.max_pool1d([[1.0, 2.0]], 2).output == [[2.0]]
        assert asyncio.run(ask()) == [[2.0]]


def test_a_connection_is_kept_for_the_next_call() -> None:
    """A handshake a call would double the time of a small one."""
    with run_scripted_server(lambda _: EMPTY_LIST) as listener, Client(listener.url) as client:
        for _ in range(3):
            assert client.operators() == ()

        assert not listener.gone.acquire(blocking=False)
        assert len(listener.heads) == 3


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_kept_connection_that_was_closed_is_replaced_without_a_word(kind: str) -> None:
    """Servers close idle connections whenever they like, and the caller has done nothing wrong."""

    # The second request on the first connection is met by a closed door; the retry budget is not touched.
    def script(count: int) -> bytes | None:
        return b"" if count == 2 else EMPTY_LIST

    async def ask(url: str) -> None:
        async with AsyncClient(url, max_retries=0) as client:
            for _ in range(3):
                assert await client.operators() == ()

    with run_scripted_server(script) as listener:
        if kind == "async":
            asyncio.run(ask(listener.url))
        else:
            with Client(listener.url, max_retries=0) as client:
                for _ in range(3):
                    assert client.operators() == ()

        assert len(listener.heads) == 4


@pytest.mark.parametrize("injected", [False, True])
def test_nobody_there_is_a_connection_that_failed(injected: bool) -> None:
    """Our own class, whatever carries the bytes, and the address in the message."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

    async def ask() -> None:
        http = httpx.AsyncClient(trust_env=False) if injected else None
        async with AsyncClient(url, max_retries=0, http_client=http) as client:
            await client.operators()

    with pytest.raises(ConnectionFailed, match=url):
        Client(url, max_retries=0, http_client=httpx.Client(trust_env=False) if injected else None).operators()
    with pytest.raises(ConnectionFailed, match=url):
        asyncio.run(ask())


@pytest.mark.parametrize("injected", [False, True])
def test_silence_ends_at_the_deadline_and_the_server_knew_it(injected: bool) -> None:
    """A caller that has gone is work that nobody waits for: Request-Timeout says when."""

    async def ask(url: str) -> None:
        http = httpx.AsyncClient(trust_env=False) if injected else None
        async with AsyncClient(url, timeout=0.05, http_client=http) as client:
            await client.operators()

    with run_scripted_server(lambda _: None) as listener:
        http = httpx.Client(trust_env=False) if injected else None
        with pytest.raises(TimedOut), Client(listener.url, timeout=0.05, http_client=http) as client:
            client.operators()
        with pytest.raises(TimedOut):
            asyncio.run(ask(listener.url))

        assert len(listener.heads) == 2
        for head in listener.heads:
            assert b"\r\nrequest-timeout: 0.0" in head.lower()


class SlowReader:
    """A Unix socket that reads a kilobyte at a time and rests after each, and hangs up when it has read so many.

    Args:
        path: of the socket.
        most: kilobytes.

    Attributes:
        got_all: whether it has, and nobody hung up before.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._most = most
        self.got_all = False
        self._never = threading.Event()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        connection, _ = self._listening.accept()
        with connection, suppress(OSError):
            for _ in range(self._most):
                if not connection.recv(1024):
                    return
                self._never.wait(0.005)
            self.got_all = True

    def close(self) -> None:
        self._thread.join(WAIT_TIMEOUT_S)
        self._listening.close()


@pytest.mark.parametrize("through", ["sockets", "deadline-transport", "httpx"])
def test_a_server_that_reads_slowly_does_not_outlast_the_deadline(through: str, tmp_path: Path) -> None:
    """Something moves all the time, so no silence ends the call: only its own clock does."""
    path = str(tmp_path / "s")
    transport: httpx.BaseTransport = DeadlineTransport(uds=path)
    if through == "httpx":
        transport = httpx.HTTPTransport(uds=path)
    http = None if through == "sockets" else httpx.Client(transport=transport)
    # Three seconds at least for all that it reads; a third of it may lie in the kernel.
    miser = SlowReader(tmp_path / "s", 600)
    try:
        with (
            pytest.raises(TimedOut),
            Client(uds=None if http else path, timeout=0.3, http_client=http) as client,
        ):
            client.max_pool2d(X, 2)
    finally:
        miser.close()
    assert not miser.got_all


class SlowSender:
    """A port from which a byte comes now and then, of an answer of so many; or none before its TLS handshake.

    Args:
        head: what comes first, byte by byte as well.
        most: bytes in all.
        context: for TLS.
    """

    def __init__(self, head: bytes, most: int, context: ssl.SSLContext | None = None) -> None:
        self._said = head.ljust(most, b"x")
        self._context = context
        self.said_all = False
        self._never = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.netloc = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        plain, _ = self._listening.accept()
        with suppress(OSError), self._context.wrap_socket(plain, True) if self._context else plain as connection:
            connection.recv(65536)
            for place in range(len(self._said)):
                connection.sendall(self._said[place : place + 1])
                self._never.wait(0.01)
            self.said_all = True

    def close(self) -> None:
        self._thread.join(WAIT_TIMEOUT_S)
        self._listening.close()


SLOW_RESPONSES = {
    "head": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
}


@pytest.mark.parametrize(
    ("way", "said"),
    [
        *((way, said) for way in ("direct", "deadline-transport", "proxy", "tls") for said in SLOW_RESPONSES.values()),
        # A head that trickles outlasts the deadline in an httpx client with a transport of its own, as docs/python.md
        # says: httpx tells nobody that a read has ended.
        ("httpx", SLOW_RESPONSES["body"]),
    ],
)
def test_a_server_that_trickles_does_not_outlast_the_deadline(
    way: str, said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something comes all the time, so no silence ends the call: only its own clock does."""
    if way == "tls" and shutil.which("openssl") is None:
        pytest.skip("needs openssl to make certificates (Debian: apt-get install openssl)")
    verify: ssl.SSLContext | bool = True
    serving_context = None
    if way == "tls":
        made, key = certificate(tmp_path, "trickles")
        serving_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving_context.load_cert_chain(made, key)
        verify = trusting_context(made)
    # Three seconds at least for all of it.
    trickle = SlowSender(said, 300, serving_context)
    url = f"{'https' if way == 'tls' else 'http'}://{trickle.netloc}"
    if way == "proxy":
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.delenv("no_proxy", raising=False)
        url = "http://pool.example"
    http = {
        "httpx": lambda: httpx.Client(trust_env=False),
        "deadline-transport": lambda: httpx.Client(transport=DeadlineTransport()),
        "tls": lambda: httpx.Client(transport=DeadlineTransport(verify)),
    }.get(way, lambda: None)()
    try:
        with pytest.raises(TimedOut), Client(url, timeout=0.4, http_client=http) as client:
            client.operators()
    finally:
        trickle.close()

    assert not trickle.said_all


@pytest.mark.parametrize("way", ["httpx", "local"])
def test_an_httpx_client_of_any_kind_can_be_given(way: str) -> None:
    """One for tests has no connections at all."""
    said = httpx.ByteStream(b'{"operators":[]}')
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=said)) if way == "local" else None

    with run_scripted_server(lambda _: EMPTY_LIST) as listener:
        http = httpx.Client(transport=transport, trust_env=False)
        with Client(listener.url, http_client=http) as one, Client(listener.url, http_client=http) as other:
            assert one.operators() == other.operators() == ()


def test_another_service_is_not_taken_for_ours() -> None:
    """A wrong port that answers 200 to everything."""
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"

    with run_scripted_server(lambda _: page) as listener, Client(listener.url) as client:
        with pytest.raises(UnexpectedAnswer):
            client.operators()
        with pytest.raises(UnexpectedAnswer):
            client.max_pool1d([[1.0]], 1)


def test_leaving_a_map_breaks_off_what_it_has_begun() -> None:
    """A loop that found what it sought must not go on paying for the rest."""
    taken: list[float] = []
    metadata = b'[{"name":"output","dtype":"uint8","shape":[1,1],"start":0,"end":1}]'
    pooled = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTensor-Metadata: " + metadata + b"\r\n\r\n\x07"

    def inputs() -> Iterator[object]:
        for each in range(100):
            taken.append(each)
            yield [[float(each)]]

    # The first input alone is answered: its one element is a zero.
    def script(count: int) -> bytes | None:
        return pooled if listener.heads[count - 1].endswith(bytes(8)) else None

    with run_scripted_server(script) as listener, Client(listener.url, timeout=None) as client:
        answers = client.map("max_pool1d", inputs(), kernel_size=1, concurrency=3)
        assert next(answers).output == [[7]]
        for _ in range(3):
            assert listener.asked.acquire(timeout=WAIT_TIMEOUT_S)

        answers.close()

        for _ in range(2):
            assert listener.gone.acquire(timeout=WAIT_TIMEOUT_S)
        assert taken == [0, 1, 2]


class _LateTransport:
    """A transport whose first call is answered, and whose second begins to wait only once it was interrupted."""

    def __init__(self) -> None:
        self.second = threading.Event()
        self.interrupted = threading.Semaphore(0)
        self.lasted = False

    def exchange(self, send: Send) -> Response:
        body = b"".join(send.request.body)
        if body == bytes(8):
            assert self.second.wait(WAIT_TIMEOUT_S)
            metadata = '[{"name":"output","dtype":"uint8","shape":[1,1],"start":0,"end":1}]'
            headers = {"content-length": "1", "tensor-metadata": metadata}
            assert send.request.allocate_body is not None
            return Response(
                200, headers, send.request.allocate_body(200, headers, send.request.max_response_bytes) or ()
            )
        self.second.set()
        for _ in range(2):
            self.lasted = not self.interrupted.acquire(timeout=WAIT_TIMEOUT_S)
        raise ConnectionFailed("interrupted")

    def interrupt(self, threads: Collection[int]) -> None:
        self.interrupted.release()

    @property
    def closed(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


def test_a_call_that_begins_while_its_map_is_left_is_broken_off_too() -> None:
    """Between looking whether to stop and having a connection it cannot be seen; the loop's end would wait for it."""
    transport = _LateTransport()
    client = Client._with_transport(transport, None)

    answers = client.map("max_pool1d", [[[0.0]], [[1.0]]], kernel_size=1, concurrency=2)
    next(answers)
    answers.close()

    assert not transport.lasted


def test_an_async_map_cancels_what_it_has_begun() -> None:
    """Closing the iterator closes the connections, and the server sees that nobody waits."""
    taken: list[int] = []

    def inputs() -> Iterator[object]:
        for each in range(100):
            taken.append(each)
            yield [[1.0]]

    async def leave(listener: ScriptedServer) -> None:
        async with AsyncClient(listener.url, timeout=None) as client:
            async with aclosing(client.map("max_pool1d", inputs(), kernel_size=1, concurrency=3)) as answers:
                waiting = asyncio.ensure_future(_first(answers))
                for _ in range(3):
                    assert await asyncio.to_thread(listener.asked.acquire, timeout=WAIT_TIMEOUT_S)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            for _ in range(3):
                assert await asyncio.to_thread(listener.gone.acquire, timeout=WAIT_TIMEOUT_S)

    with run_scripted_server(lambda _: None) as listener:
        asyncio.run(leave(listener))

    assert len(taken) == 3


@pytest.mark.parametrize(
    ("base_url", "uds", "environment", "expected"),
    [
        (None, None, {}, Endpoint("http://localhost:8000", "", None)),
        (None, None, {"POOLHOUSE_URL": "https://h/p/"}, Endpoint("https://h", "/p", None)),
        ("http://a:1", None, {"POOLHOUSE_URL": "https://h"}, Endpoint("http://a:1", "", None)),
        ("unix:/run/s", None, {}, Endpoint("http://localhost", "", "/run/s")),
        (None, "/run/s", {"POOLHOUSE_URL": "https://h"}, Endpoint("http://localhost:8000", "", "/run/s")),
    ],
)
def test_an_argument_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
    base_url: str | None,
    uds: str | None,
    environment: dict[str, str],
    expected: Endpoint,
) -> None:
    """As everywhere."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert parse_endpoint(base_url, uds) == expected


NO_ADDRESS = ["localhost:8000", "ftp://h", "http://", "http://h?a=b", "unix:", "http://h:99999", "http://h:a"]
# What would end the request's line, or is written in another way there.
NO_ADDRESS += ["http://h/a b", "http://h/a\r\nX: y", "http://h/ü", "http://bücher.example"]


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    """Not at the first call, far from the mistake."""
    with pytest.raises(ValueError, match="base_url"):
        Client(url)


def test_two_ways_at_once_are_refused() -> None:
    """One of them would be left out without a word, and the call go to another service."""
    with pytest.raises(ValueError, match="Unix socket"):
        Client("https://h", uds="/run/s")
    with httpx.Client() as http:
        with pytest.raises(ValueError, match="Unix socket"):
            Client(uds="/run/s", http_client=http)
        with pytest.raises(ValueError, match="Unix socket"):
            Client("unix:/run/s", http_client=http)
        with pytest.raises(TypeError, match="AsyncClient"):
            AsyncClient(http_client=http)  # type: ignore[arg-type]  # the mistake that is meant


def test_the_base_url_of_an_injected_client_counts() -> None:
    """Who has put it there would else call this machine's port 8000."""
    with run_scripted_server(lambda _: EMPTY_LIST) as listener:
        http = httpx.Client(base_url=f"{listener.url}/under/", trust_env=False)
        with Client(http_client=http) as client:
            client.operators()

        assert listener.heads[0].startswith(b"GET /under/v1/operators HTTP/1.1\r\n")


@pytest.mark.parametrize("timeouts", [{"timeout": 0}, {"timeout": -2}, {"timeout": math.nan}, {"connect_timeout": 0}])
def test_a_time_that_nobody_means_is_refused_at_once(timeouts: dict[str, float]) -> None:
    """A deadline of no time would be told at every call, and be hard to find."""
    with pytest.raises(ValueError, match=next(iter(timeouts))):
        Client(**timeouts)  # type: ignore[arg-type]  # which of the numbers it is, no checker can see
    with pytest.raises(ValueError, match="read_timeout"):
        AsyncClient(read_timeout=None)  # type: ignore[arg-type]  # what httpx takes for none
    with pytest.raises(ValueError, match="timeout"), Client() as client:
        client.with_options(timeout=-5)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_infinity_is_for_ever(kind: str) -> None:
    """The way to write it that needs no None; neither the kernel nor the header can say it."""

    async def ask(url: str) -> None:
        async with AsyncClient(url, timeout=math.inf, read_timeout=math.inf) as client:
            await client.operators()

    with run_scripted_server(lambda _: EMPTY_LIST) as listener:
        if kind == "async":
            asyncio.run(ask(listener.url))
        else:
            with Client(listener.url, timeout=math.inf, read_timeout=math.inf) as client:
                client.with_options(timeout=math.inf).operators()

        assert b"request-timeout" not in listener.heads[0].lower()


def test_a_password_in_the_address_stays_out_of_messages() -> None:
    """Messages are logged."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    client = Client(f"http://ann:secret@127.0.0.1:{port}", max_retries=0)
    with client, pytest.raises(ConnectionFailed, match=f"http://127.0.0.1:{port}") as caught:
        client.operators()

    assert "secret" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_forked_process_has_connections_of_its_own(live_server: LiveServer) -> None:
    """A data loader's workers are forked; on one connection each would read the answers of the others."""
    code = (
        "import os, sys, threading, poolhouse\n"
        "client = poolhouse.Client(sys.argv[1], max_retries=0)\n"
        "client.operators()\n"
        "(kept, _), = client._transport._connection_pool._idle\n"
        "mine = kept.getsockname()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    client.operators()\n"
        "    (kept, _), = client._transport._connection_pool._idle\n"
        "    os._exit(0 if kept.getsockname() != mine else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "client.operators()\n"
        "(kept, _), = client._transport._connection_pool._idle\n"
        "assert kept.getsockname() == mine\n"
    )

    subprocess.run([sys.executable, "-c", code, live_server.url], check=True, timeout=WAIT_TIMEOUT_S)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_forked_process_has_connections_of_its_own_through_httpx_too() -> None:
    """There it is a proxy, or TLS, where two processes on one connection understand nothing at all."""
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

    with run_scripted_server(lambda _: EMPTY_LIST) as listener:
        environment = {"PYTHONPATH": str(SERVICE), "http_proxy": listener.url}
        subprocess.run([sys.executable, "-c", code], check=True, timeout=WAIT_TIMEOUT_S, env=environment)

        assert len(listener.heads) == 4
        assert listener.connections == 2


def test_a_key_is_sent_as_a_bearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the argument or the environment, and none is none."""
    assert "Authorization" not in dict(client_headers(None))
    monkeypatch.setenv("POOLHOUSE_API_KEY", "k1")
    assert dict(client_headers(None))["Authorization"] == "Bearer k1"
    assert dict(client_headers("k2"))["Authorization"] == "Bearer k2"


@pytest.mark.parametrize("key", ["k1\n", "k\r\nX-Evil: 1", "a key", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    """A line end would begin a header of its own; it comes with keys that are read from files."""
    with pytest.raises(ValueError, match="API key") as caught:
        Client(api_key=key)

    assert key not in str(caught.value)


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_a_proxy_of_the_environment_is_gone_through(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Plain sockets would go around it; httpx does not."""
    monkeypatch.delenv("no_proxy", raising=False)
    assert parse_endpoint("http://h", None).is_plain_http
    monkeypatch.setenv(variable, "http://proxy:3128")

    assert not parse_endpoint("http://h", None).is_plain_http
    monkeypatch.setenv("no_proxy", "h")
    assert parse_endpoint("http://h", None).is_plain_http
