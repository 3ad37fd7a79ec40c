"""Hostile traffic against a server process: it is refused quickly, in little memory, and other clients are not
affected."""

from __future__ import annotations

import json
import socket
import struct
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hostile.hostile_bodies import HOSTILE_BODIES, LIMIT_BYTES
from tests.hostile.hostile_body import HostileBody
from tests.hostile.hostile_poolings import ROWS as HOSTILE_POOLINGS
from tests.hostile.inference.all_rows import OF_HEADS, OF_JSON
from tests.hostile.inference.hostile_inference import INFER, HostileInference
from tests.hostile.server_process import HttpConnection, Reply, ServerProcess, poll_until_at_most, server_process
from tests.run_level import Level, level

OPERATOR = "/v1/pool/max_pool2d"
GOOD_BODY = b'{"input": [[[[1, 2], [3, 4]]]], "kernel_size": 2}'
GOOD_INFERENCE = b'{"inputs":[{"name":"input","shape":[1,1,2,2],"datatype":"FP32","data":[1,2,3,4]}]}'
JSON_HEADERS = {"Content-Type": "application/json"}
WORST_MS = 50
HEADER_LIMIT = 16 * 1024
# Python objects of the refusal, socket buffers and a malloc arena, none of which grows with the body.
SLACK_BYTES = 2 * 2**20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's /proc")


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for all tests, since it must survive each of them."""
    limits = {
        "max_body_bytes": LIMIT_BYTES,
        "max_json_bytes": LIMIT_BYTES,
        "max_output_bytes": 64 * LIMIT_BYTES,
        "max_header_bytes": HEADER_LIMIT,
    }
    # On the CPU, for which the memory limits are.
    with server_process(**limits, device="cpu", body_timeout_s=2, header_timeout_s=2, shared_memory="true") as running:
        yield running


def check_valid_request(client: HttpConnection) -> bool:
    """Whether a valid request gets its response."""
    reply = client.send("POST", OPERATOR, JSON_HEADERS, GOOD_BODY)
    return reply.status == 200 and json.loads(reply.body)["output"]["data"] == [[[[4.0]]]]


def send(client: HttpConnection, hostile: HostileBody | HostileInference, body: bytes) -> Reply:
    headers = dict(hostile.headers)
    if isinstance(hostile, HostileInference):
        return client.send("POST", INFER.format(hostile.model), headers, body)
    if hostile.media_type:
        headers["Content-Type"] = hostile.media_type
    return client.send("POST", f"{hostile.path}?{hostile.query}", headers, body)


def check_refusal(reply: Reply, hostile: HostileBody | HostileInference) -> None:
    document = json.loads(reply.body)
    if isinstance(hostile, HostileInference):
        assert (reply.status, document["code"]) == (hostile.status, hostile.code), document
        assert reply.headers["content-type"] == "application/json"
        # Clients of the protocol inflate no refusal.
        assert "content-encoding" not in reply.headers
        assert len(document["error"]) > 20
    else:
        assert reply.status in hostile.statuses, document
        assert reply.headers["content-type"] == "application/problem+json"
        assert document["status"] == reply.status
        assert len(document["detail"]) > 20


# The server's code before the parser of the JSON part sees no difference between those of OF_JSON, and little between
# bodies of one kind, which are neighbours; test_codecs tests all of them.
BEFORE_PARSER: tuple[HostileBody | HostileInference, ...] = (*HOSTILE_BODIES, *HOSTILE_POOLINGS, *OF_HEADS)
ROWS = [
    *(
        pytest.param(each, id=each.name, marks=pytest.mark.slow if at % 4 else ())
        for at, each in enumerate(BEFORE_PARSER)
    ),
    *(pytest.param(each, id=each.name, marks=pytest.mark.slow) for each in OF_JSON),
]


@pytest.mark.parametrize("hostile", ROWS)
def test_a_hostile_body_is_refused_by_the_service(
    server: ServerProcess, hostile: HostileBody | HostileInference
) -> None:
    """Quickly, in bounded memory, and later requests succeed: the server's code before the codec must ensure it too."""
    body = hostile.make()
    times_ms: list[float] = []

    base = server.resident_bytes
    server.reset_peak()
    for _ in range(3):
        with server.http_connection() as client:
            client.connect()
            started_ms = server.cpu_ms
            reply = send(client, hostile, body)
            times_ms.append(server.cpu_ms - started_ms)
        if times_ms[-1] <= WORST_MS:
            break
    peak = server.peak_resident_bytes
    with server.http_connection() as client:
        answered = check_valid_request(client)

    check_refusal(reply, hostile)
    assert min(times_ms) <= WORST_MS
    assert peak - base <= 2 * LIMIT_BYTES + SLACK_BYTES
    assert answered


POST = f"POST {OPERATOR} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
GOOD = POST + b"Content-Length: %d\r\n" % len(GOOD_BODY)
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"


def target(path: bytes, method: bytes = b"GET") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def inference(*lines: bytes, path: bytes = b"/v2/models/max_pool2d/infer") -> bytes:
    """A valid inference request with additional header lines, on a connection that closes after it."""
    head = [
        b"POST " + path + b" HTTP/1.1",
        b"Host: x",
        b"Connection: close",
        b"Content-Length: %d" % len(GOOD_INFERENCE),
    ]
    return b"\r\n".join([*head, *lines, b"", GOOD_INFERENCE])


def with_headers(*lines: bytes) -> bytes:
    """The valid request with additional header lines, on a connection that closes after it."""
    return GOOD + b"".join(line + b"\r\n" for line in (*lines, b"Connection: close")) + b"\r\n" + GOOD_BODY


# The bytes sent, and the allowed statuses in order; a request that follows a refused one gets no response.
BYTES: dict[str, tuple[bytes, list[int]]] = {
    "garbage": (bytes(range(256)) * 8, [400]),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), [400]),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    "HTTP/0.9": (b"GET /livez\r\n\r\n", [200]),
    "header of 64 KiB": (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 65536 + b"\r\n\r\n", [431]),
    "10,000 headers": (b"GET /livez HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n", [431]),
    "URL of 64 KiB": (target(b"/" + b"a" * 65536), [431]),
    "query of 64 KiB": (target(OPERATOR.encode() + b"?x=" + b"a" * 65536, b"POST"), [431]),
    "name of 8 KiB": (target(b"/v1/operators/" + b"a" * 8192), [404]),
    "header without colon": (b"GET /livez HTTP/1.1\r\nHost x\r\n\r\n", [400]),
    "header folded": (b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", [400]),
    "NUL in a header": (b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", [400]),
    "space before a colon": (b"GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n", [400]),
    "chunk size not a number": (CHUNKED + b"\r\nzz\r\n" + GOOD_BODY, [400]),
    "chunk size negative": (CHUNKED + b"\r\n-1\r\n" + GOOD_BODY, [400]),
    "chunk size of 20 digits": (CHUNKED + b"\r\nfffffffffffffffff1\r\n" + GOOD_BODY, [400]),
    "chunk shorter than said": (CHUNKED + b"\r\n3\r\nabcdef\r\n0\r\n\r\n", [400]),
    "chunk without its end": (CHUNKED + b"\r\n3\r\nabc0\r\n\r\n", [400]),
    "chunk extension of 64 KiB": (CHUNKED + b"\r\n1;" + b"e" * 65536 * 4, [431]),
    "length of 20 digits": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", [400]),
    "length over the limit": (POST + b"Connection: close\r\nContent-Length: 99999999999\r\n\r\n", [413]),
    "length negative": (POST + b"Content-Length: -1\r\n\r\n", [400]),
    "length with a plus": (POST + b"Content-Length: +49\r\n\r\n" + GOOD_BODY, [400]),
    "length in hexadecimal": (POST + b"Content-Length: 0x31\r\n\r\n" + GOOD_BODY, [400]),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", [400]),
    "a list of lengths": (POST + b"Content-Length: 1, 1\r\n\r\na", [400]),
    "length and chunks": (CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + target(b"/livez"), [400]),
    "chunks and length": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400]),
    "coding that is no coding": (POST + b"Transfer-Encoding: identity\r\n\r\n" + GOOD_BODY, [400]),
    "chunked twice over": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", [400]),
    "length shorter than the body": (POST + b"Content-Length: 9\r\n\r\n" + GOOD_BODY, [400, 400]),
    "no length and a body": (POST + b"\r\n" + GOOD_BODY, [400, 400]),
    "unknown method": (target(b"/livez", b"BREW"), [400]),
    "CONNECT": (target(b"example.test:443", b"CONNECT"), [400]),
    "TRACE": (target(OPERATOR.encode(), b"TRACE"), [405]),
    "GET of the pool": (target(OPERATOR.encode()), [405]),
    "DELETE of a page": (target(b"/v1/operators", b"DELETE"), [405]),
    "OPTIONS *": (target(b"*", b"OPTIONS"), [404]),
    "absolute URL": (target(b"http://elsewhere.test/livez"), [200]),
    "path %00": (target(b"/v1/operators/%00"), [404]),
    "path %ff": (target(b"/v1/operators/%ff%fe"), [404]),
    "path %zz": (target(b"/v1/operators/%zz"), [404]),
    "path with slashes": (target(b"//v1///operators"), [404]),
    "path up": (target(b"/docs/../../../../etc/passwd"), [404]),
    "path up in escapes": (target(b"/docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd"), [404]),
    "path of a half surrogate": (target(b"/%ed%a0%80"), [404]),
    "path with a tag": (target(b"/v1/operators/%3Cscript%3E"), [404]),
    "operator with a line break": (target(b"/v1/operators/max_pool2d%0d%0aX:%20y"), [404]),
    "Accept unreadable": (with_headers(b"Accept: /;;=,"), [406]),
    "Accept of no weight": (with_headers(b"Accept: application/json;q=NaN"), [200]),
    "Accept of 10,000 commas": (with_headers(b"Accept: " + b"," * 10_000), [200]),
    "Accept of 1,000 quotes": (with_headers(b'Accept: a/b;c="' + b'\\"' * 5_000), [406]),
    "Accept of another": (with_headers(b"Accept: text/html"), [406]),
    "Request-Timeout NaN": (with_headers(b"Request-Timeout: NaN"), [400]),
    "Request-Timeout below 0": (with_headers(b"Request-Timeout: -1"), [400]),
    "Request-Timeout 1e999": (with_headers(b"Request-Timeout: 1e999"), [400]),
    "Request-Timeout of 0": (with_headers(b"Request-Timeout: 0"), [400]),
    "Request-Timeout of digits": (with_headers(b"Request-Timeout: " + b"9" * 5_000), [400]),
    "Request-Timeout tiny": (with_headers(b"Request-Timeout: 0.000000001"), [504]),
    "Content-Encoding twice": (with_headers(b"Content-Encoding: gzip", b"Content-Encoding: gzip"), [415]),
    "Content-Encoding stack": (with_headers(b"Content-Encoding: " + b"gzip, " * 1_000 + b"gzip"), [415]),
    "Content-Encoding unknown": (with_headers(b"Content-Encoding: br"), [415]),
    "Content-Type twice": (with_headers(b"Content-Type: application/x-npy"), [415]),
    "Accept-Encoding unreadable": (with_headers(b"Accept-Encoding: ;;q=,gzip;q=banana"), [200]),
    "request id with a tag": (with_headers(b"X-Request-ID: <script>\xff"), [200]),
    "traceparent of letters": (with_headers(b"traceparent: " + b"z" * 5_000), [200]),
    "Upgrade": (with_headers(b"Upgrade: websocket", b"Sec-WebSocket-Key: x"), [200]),
    "Expect unknown": (with_headers(b"Expect: the unexpected"), [200]),
    "inference": (inference(), [200]),
    "inference with two lengths of JSON": (inference(*[b"Inference-Header-Content-Length: 5"] * 2), [400]),
    "inference with another length of JSON": (inference(b"inference-header-content-length: 81"), [400]),
    "inference with a length of JSON of 4 KiB": (inference(b"Inference-Header-Content-Length: " + b"1" * 4096), [400]),
    "inference with a length of JSON in quotes": (inference(b'Inference-Header-Content-Length: "83"'), [400]),
    "inference with parameters of 8 KiB": (inference(b"Pool-Parameters: x=" + b"a" * 8192), [400]),
    "inference with parameters of NUL": (inference(b"Pool-Parameters: x=\0"), [400]),
    "inference with parameters not UTF-8": (inference(b"Pool-Parameters: kernel_size=\xff"), [400]),
    "inference of a model with a slash": (inference(path=b"/v2/models/max_pool2d%2Finfer/infer"), [404]),
    "inference of a model above": (inference(path=b"/v2/models/../models/max_pool2d/infer"), [404]),
    "inference of a model with a NUL": (inference(path=b"/v2/models/max_pool2d%00/infer"), [404]),
    "inference of a version of letters": (inference(path=b"/v2/models/max_pool2d/versions/x/infer"), [404]),
    "inference of a version of 8 KiB": (
        inference(path=b"/v2/models/max_pool2d/versions/%b/infer" % (b"1" * 8192)),
        [404],
    ),
    "inference by GET": (target(b"/v2/models/max_pool2d/infer"), [405]),
    "pipelined": (GOOD + b"\r\n" + GOOD_BODY + with_headers(), [200, 200]),
    "pipelined behind garbage": (GOOD + b"\r\n" + GOOD_BODY + b"\0garbage\r\n\r\n", [200, 400]),
}


def statuses(response: bytes) -> list[int]:
    """The statuses of the responses in these bytes, split by their lengths."""
    found: list[int] = []
    while response:
        head, end, rest = response.partition(b"\r\n\r\n")
        assert end, response
        first, *lines = head.split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
        found.append(int(first.split(b" ")[1]))
        assert len(rest) >= length or b"HEAD" in first
        response = rest[length:]
    return found


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def exchange(server: ServerProcess, sent: bytes) -> bytes:
    """The bytes that the server sends for these until it closes the connection."""
    with server.connect() as connection:
        received = bytearray()
        try:
            connection.sendall(sent)
            while piece := connection.recv(65536):
                received += piece
        except (BrokenPipeError, ConnectionResetError):
            # A client that keeps sending a refused body is disconnected in the end; it has received the refusal before.
            pass
        return bytes(received)


@pytest.mark.parametrize("name", BYTES)
def test_hostile_bytes_are_refused_by_the_connection(server: ServerProcess, name: str) -> None:
    """Bytes that another server in front of or behind ours would parse differently must be refused here."""
    sent, expected = BYTES[name]

    response = exchange(server, sent)
    with server.http_connection() as client:
        answered = check_valid_request(client)

    assert statuses(response) == expected
    assert answered


def test_a_hundred_thousand_chunks_of_one_byte_use_little_memory(server: ServerProcess) -> None:
    """A server that keeps an object for each chunk runs out of memory by almost no traffic (CVE-2025-23310)."""
    body = GOOD_BODY + b" " * 100_000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    sent = CHUNKED + b"Connection: close\r\n\r\n" + chunks
    exchange(server, sent)

    base = server.resident_bytes
    server.reset_peak()
    responses = [statuses(exchange(server, sent)) for _ in range(5)]

    assert responses == [[200]] * 5
    assert server.peak_resident_bytes - base <= SLACK_BYTES


CUTS: dict[str, bytes] = {
    "in the request line": b"POST /v1/po",
    "in the headers": POST,
    "in the length": POST + b"Content-Le",
    "before the body": GOOD + b"\r\n",
    "in the body": GOOD + b"\r\n" + GOOD_BODY[:-3],
    "in a chunk": CHUNKED + b"\r\n31\r\n" + GOOD_BODY[:9],
    "before the last chunk": CHUNKED + b"\r\n31\r\n" + GOOD_BODY + b"\r\n",
    "at once": b"",
}


@pytest.mark.parametrize("name", CUTS)
def test_a_disconnected_client_leaves_nothing_behind(server: ServerProcess, name: str) -> None:
    """Clients disconnect at every stage, and must leave neither a connection nor a response behind."""
    with server.http_connection() as client:
        assert check_valid_request(client)
        open_before = connections(server)

        for _ in range(20):
            with server.connect() as connection:
                connection.sendall(CUTS[name])
                connection.shutdown(socket.SHUT_WR)
                response = read_all(connection)
                assert not response or statuses(response) in ([400], [408])
        for _ in range(20):
            with server.connect() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.sendall(CUTS[name])

        assert poll_until_at_most(lambda: connections(server), open_before) == open_before
        assert check_valid_request(client)


def connections(server: ServerProcess) -> int:
    """The number of connections that the server has open."""
    return len(server.process.net_connections("tcp"))


def test_a_hundred_silent_clients_delay_no_request(server: ServerProcess) -> None:
    """Silent clients cost a socket until their timeout, and do not delay others."""
    started = [POST + b"X: y", GOOD + b"\r\n" + GOOD_BODY[:1], CHUNKED + b"\r\n31\r\n"]
    slow: list[socket.socket] = []
    try:
        for index in range(99):
            slow.append(server.connect())
            slow[-1].sendall(started[index % len(started)])
        with server.http_connection() as client:
            answered = [check_valid_request(client) for _ in range(50)]
        ends = [statuses(read_all(one)) for one in slow]
    finally:
        for one in slow:
            one.close()

    assert all(answered)
    assert ends == [[408]] * len(slow)


def test_clients_that_leave_the_queue_do_not_affect_others(server: ServerProcess) -> None:
    """A load balancer that gives up on a busy service closes many connections at once; other requests continue."""
    target = f"{OPERATOR}?kernel_size=3&stride=1&shape=1,64,90,90&dtype=float32"
    headers = {"Content-Type": "application/octet-stream"}
    body = bytes(4 * 64 * 90 * 90)
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "x", **headers}.items())
    asked = f"POST {target} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def stay() -> list[int]:
        with server.http_connection() as client:
            return [client.send("POST", target, headers, body).status for _ in range(20)]

    with ThreadPoolExecutor(2) as pool:
        staying = [pool.submit(stay) for _ in range(2)]
        for _ in range(5 if level() is Level.QUICK else 20):
            leaving = [server.connect() for _ in range(6)]
            for one in leaving:
                one.sendall(asked)
            for one in leaving:
                one.close()
        answered = [status for each in staying for status in each.result()]

    assert answered == [200] * 40
    assert server.readiness_status() == 200
