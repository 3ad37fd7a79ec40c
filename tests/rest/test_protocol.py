"""Protocol errors, limits and framing on plain sockets, including input that uvicorn would accept or refuse in plain
text."""

from __future__ import annotations

import json
import select
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from poolhouse.settings import Settings
from tests.hypothesis_profiles import scaled_examples
from tests.rest.conftest import LIMITS
from tests.rest.live_server import IMAGE, POOL, LiveServer, read_all, run_live_server

JSON_BODY = json.dumps({"input": IMAGE, "kernel_size": 2}).encode()
LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
HEADER_LIMIT = int(LIMITS["max_header_bytes"])


def posting(*headers: bytes) -> bytes:
    """A request head for the pooling route."""
    lines = [f"POST {POOL} HTTP/1.1".encode(), b"Host: x", b"Content-Type: application/json", *headers]
    return b"\r\n".join([*lines, b"", b""])


def parse(response: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one response."""
    head, _, body = response.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return int(first.split(" ")[1]), dict(pairs), body


def refusal(response: bytes) -> dict[str, object]:
    """The problem document of a response that closes its connection, checked against its headers."""
    status, headers, body = parse(response)
    document: dict[str, object] = json.loads(body)
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["content-length"]) == len(body)
    assert headers["connection"] == "close"
    assert headers["x-request-id"] == document["request_id"]
    assert document["status"] == status
    return document


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"CONNECT example.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        posting(b"Content-Length: 1", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        posting(b"Content-Length: 1", b"Content-Length: 2") + b"ab",
        posting(b"Content-Length: -1"),
        posting(b"Transfer-Encoding: chunked") + b"zz\r\n",
        posting(b"Transfer-Encoding: chunked") + b"3\r\nabcdef\r\n",
    ],
)
def test_invalid_http_is_refused_with_a_problem_document(live_server: LiveServer, sent: bytes) -> None:
    """uvicorn would send plain text, which a client that parses problem documents could not read."""
    document = refusal(live_server.exchange(sent))

    assert (document["status"], document["code"]) == (400, "malformed_request")


@given(st.binary(min_size=1, max_size=300))
@scaled_examples(40, HealthCheck.function_scoped_fixture)
def test_random_bytes_are_refused_or_ignored(live_server: LiveServer, sent: bytes) -> None:
    """Ports are scanned all day."""
    with live_server.connect() as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        response = read_all(connection)

    assert response == b"" or 400 <= refusal(response)["status"] < 500  # type: ignore[operator]  # an int, by JSON


LONG_HEADERS = [
    LIVE + b"X-Long: " + b"a" * 100_000 + b"\r\n\r\n",
    LIVE + b"X-Endless: " + b"a" * 100_000,
    LIVE + b"".join(b"X-%d: y\r\n" % number for number in range(10_000)) + b"\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
]
LONG_FRAMING = [
    posting(b"Transfer-Encoding: chunked") + b"1;" + b"e" * 1_000_000,
    posting(b"Transfer-Encoding: chunked") + b"1\r\n{\r\n0\r\nTrailer: " + b"t" * 1_000_000,
]


# One read is bounded; over several reads, framing without a body has to be counted.
@pytest.mark.parametrize("sent", LONG_HEADERS + LONG_FRAMING)
def test_headers_have_a_limit(live_server: LiveServer, sent: bytes) -> None:
    """httptools accepts and keeps headers of any size."""
    document = refusal(live_server.exchange(sent))

    assert (document["status"], document["code"]) == (431, "headers_too_large")
    assert document["limit_bytes"] == HEADER_LIMIT


def test_headers_just_under_the_limit_are_accepted(live_server: LiveServer) -> None:
    """Large cookies are common behind a proxy; also with a body."""
    padding = b"X-Long: " + b"a" * (HEADER_LIMIT - 400)
    body = JSON_BODY + b" " * 50_000
    head = posting(b"Connection: close", padding, b"Content-Length: %d" % len(body))

    status, _, _ = parse(live_server.exchange(head + body))

    assert status == 200


@pytest.mark.parametrize("sent", [b"GET /livez HT", LIVE + b"X-Slow: 1"])
def test_slow_headers_are_refused(live_server: LiveServer, sent: bytes) -> None:
    """A thousand connections with incomplete headers would exhaust the service."""
    assert refusal(live_server.exchange(sent))["status"] == 408


def test_a_silent_connection_is_closed(live_server: LiveServer) -> None:
    """It costs a file descriptor."""
    assert live_server.exchange(b"") == b""


def test_slow_headers_of_a_second_request_are_refused_too(live_server: LiveServer) -> None:
    """The limit applies to kept connections too."""
    response = live_server.exchange(LIVE + b"\r\n" + LIVE)

    first, second = response.split(b'{"status":"alive"}')
    assert parse(first)[0] == 200
    assert refusal(second)["status"] == 408


@pytest.mark.parametrize("head", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_a_body_that_stalls_is_refused(live_server: LiveServer, head: bytes) -> None:
    """The client learns why its connection is closed."""
    with live_server.connect() as connection:
        connection.sendall(posting(head) + (b"2\r\n{}\r\n" if b"chunked" in head else b"{}"))
        response = connection.recv(65536)

    status, headers, body = parse(response)
    assert (status, json.loads(body)["code"]) == (408, "body_too_slow")
    assert headers["content-type"] == "application/problem+json"


def test_a_deadline_ends_the_receiving_of_a_body(live_server: LiveServer) -> None:
    """The deadline is shorter than the stall timeout."""
    with live_server.connect() as connection:
        connection.sendall(posting(b"Content-Length: 100", b"Request-Timeout: 0.02") + b"{}")
        status, _, body = parse(connection.recv(65536))

    assert (status, json.loads(body)["code"]) == (504, "deadline_passed")


def test_a_length_over_the_limit_is_refused_before_the_body(live_server: LiveServer) -> None:
    """The response arrives although no byte of the body was sent."""
    with live_server.connect() as connection:
        connection.sendall(posting(b"Content-Length: 999999999999"))
        status, _, body = parse(connection.recv(65536))

    document = json.loads(body)
    assert (status, document["code"]) == (413, "body_too_large")
    assert document["limit_bytes"] == LIMITS["max_json_bytes"]
    assert "application/x-npy" in document["detail"]


def test_a_refusal_instead_of_100_continue_closes(live_server: LiveServer) -> None:
    """The client may or may not send the body now; on a kept connection it could be parsed as a request."""
    response = live_server.exchange(posting(b"Content-Length: 999999999999", b"Expect: 100-continue"))

    assert refusal(response)["status"] == 413


def test_100_continue_is_sent_for_an_accepted_head(live_server: LiveServer) -> None:
    """curl waits a second for it before every large body."""
    head = posting(b"Content-Length: %d" % len(JSON_BODY), b"Expect: 100-continue", b"Connection: close")
    with live_server.connect() as connection:
        connection.sendall(head)
        interim = connection.recv(65536)
        connection.sendall(JSON_BODY)
        status, _, _ = parse(read_all(connection))

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert status == 200


def test_pipelined_requests_are_answered_in_order(live_server: LiveServer) -> None:
    """An error for the last request must not affect the responses before it, nor be lost."""
    one = posting(b"Content-Length: %d" % len(JSON_BODY)) + JSON_BODY

    responses = live_server.exchange(3 * one + b"GARBAGE\r\n\r\n")

    for _ in range(3):
        status, headers, body = parse(responses)
        length = int(headers["content-length"])
        assert status == 200
        assert json.loads(body[:length])["output"]["shape"] == [1, 1, 2, 2]
        responses = body[length:]
    assert refusal(responses)["code"] == "malformed_request"


def test_disconnects_in_a_body_do_not_affect_the_service(live_server: LiveServer, client: httpx.Client) -> None:
    """Browsers and load balancers do it all the time."""
    for _ in range(20):
        with live_server.connect() as connection:
            connection.sendall(posting(b"Content-Length: 1000") + b'{"input"')

    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("name", [b"Upgrade", b"upgrade", b"UPGRADE"])
def test_an_offer_to_upgrade_is_ignored(live_server: LiveServer, name: bytes) -> None:
    """Java's client and curl --http2 offer it with a plain POST; its body must not be lost."""
    offer = b"Connection: Upgrade, HTTP2-Settings, close\r\nHTTP2-Settings: AAMAAABkAAQ"
    head = posting(b"Content-Length: %d" % len(JSON_BODY), offer, name + b": h2c")

    status, _, body = parse(live_server.exchange(head + JSON_BODY))

    assert status == 200
    assert json.loads(body)["output"]["shape"] == [1, 1, 2, 2]


def test_curl_sends_a_large_body(tmp_path: Path, live_server: LiveServer) -> None:
    """curl sends an Expect header, and this body needs several buffers."""
    (tmp_path / "x.bin").write_bytes(bytes(1 << 20))
    query = "kernel_size=2&shape=1,4,256,256&dtype=float32"

    command = f"""curl -sS -w %{{http_code}} -o y.bin --noproxy * --data-binary @x.bin
        -H Content-Type:application/octet-stream -H Expect:100-continue {live_server.url}{POOL}?{query}"""
    ran = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=True)

    assert ran.stdout == "200"
    assert (tmp_path / "y.bin").read_bytes() == bytes(1 << 18)


def test_a_small_response_arrives_in_one_piece(live_server: LiveServer) -> None:
    """Two packets would wake the client twice."""
    with live_server.connect() as connection:
        connection.sendall(posting(b"Content-Length: %d" % len(JSON_BODY)) + JSON_BODY)

        piece = connection.recv(1 << 16)

    status, headers, body = parse(piece)
    assert status == 200
    assert len(body) == int(headers["content-length"])


def test_requests_in_one_segment_are_answered_in_order(live_server: LiveServer) -> None:
    """The first runs at once, the others in later iterations of the event loop."""
    names = [f"r{number}" for number in range(50)]
    heads = [posting(b"X-Request-ID: " + name.encode(), b"Content-Length: %d" % len(JSON_BODY)) for name in names]

    with live_server.connect() as connection:
        connection.sendall(b"".join(head + JSON_BODY for head in heads) + LIVE + b"Connection: close\r\n\r\n")
        responses = read_all(connection)

    assert responses.count(b"HTTP/1.1 200 OK") == len(names) + 1
    assert [part.split(b"\r\n")[0].decode() for part in responses.split(b"x-request-id: ")[1:-1]] == names


def test_an_idle_connection_is_closed_and_a_used_one_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The idle timer is rescheduled lazily, but must count from the last request."""
    monkeypatch.setattr("poolhouse.rest.server._KEEP_ALIVE_S", 0.3)
    with run_live_server(Settings(port=0)) as short, short.connect() as connection:
        for _ in range(5):
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            # Half of the keep-alive time, and more than all of it in total.
            assert not select.select([connection], [], [], 0.15)[0]

        assert connection.recv(1) == b""
