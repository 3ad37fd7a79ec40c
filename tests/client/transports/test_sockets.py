"""The HTTP/1.1 parser and serializer: responses in pieces, incomplete and invalid responses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.calls import PoolCall
from poolhouse.client.errors import ConnectionFailed, UnexpectedAnswer
from poolhouse.client.exchange import Request, Response, Send, Timeouts
from poolhouse.client.transports.request_writer import serialize_request
from poolhouse.client.transports.response_reader import ResponseReader

BODY = bytes(range(256)) * 3
HEAD = b"HTTP/1.1 200 OK\r\nX-Request-ID: r1\r\n"
WITH_LENGTH = HEAD + b"Content-Length: 768\r\n\r\n" + BODY
CHUNKED = (
    HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"%x;x=y\r\n%b\r\n" % (len(part), part) for part in (BODY[:5], BODY[5:700], BODY[700:]))
    + b"0\r\nTrailer: t\r\n\r\n"
)
UNTIL_CLOSE = HEAD + b"\r\n" + BODY
FORMS = {
    "length": WITH_LENGTH,
    "chunked": CHUNKED,
    "close": UNTIL_CLOSE,
    "continue": b"HTTP/1.1 100 Go\r\n\r\n" + WITH_LENGTH,
}


def read(data: bytes, cuts: list[int], request: Request | None = None) -> tuple[Response, bool]:
    """Read a response that arrives in pieces of these sizes, then the rest, then the end of the stream.

    Returns:
        the response, and whether its connection can be reused.
    """
    reader = ResponseReader(request or Request("GET", "/"))
    pending, sizes = memoryview(data), iter(cuts)
    while reader.response is None:
        piece = pending[: min(len(reader.buffer), next(sizes, len(pending)))]
        reader.buffer[: len(piece)] = piece
        pending = pending[len(piece) :]
        reader.feed(len(piece))
    return reader.response, reader.can_reuse_connection


@pytest.mark.parametrize("form", FORMS)
@given(cuts=st.lists(st.integers(1, 400), max_size=40))
def test_a_response_in_any_pieces_is_the_same(form: str, cuts: list[int]) -> None:
    """The network may split it anywhere."""
    response, can_reuse = read(FORMS[form], cuts)

    assert b"".join(response.body) == BODY
    assert response.request_id == "r1"
    assert can_reuse == (form != "close")


@given(cuts=st.lists(st.integers(1, 40), max_size=40))
def test_each_output_is_filled_from_its_own_part(cuts: list[int]) -> None:
    """Three bytes of output, then indices, with the boundary in any piece."""
    rows = [
        {"name": "output", "dtype": "uint8", "shape": [1, 3], "start": 0, "end": 3},
        {"name": "indices", "dtype": "int64", "shape": [1, 3], "start": 3, "end": 27},
    ]
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\nTensor-Metadata: " + json.dumps(rows).encode() + b"\r\n\r\n"
    body = bytes([7, 8, 9]) + b"".join(each.to_bytes(8, "little") for each in (1, 2, 3))
    call = PoolCall("max_pool1d", {"input": [[1.0]]}, {})

    response, _ = read(head + body, cuts, call.request)

    pooled = call.read_result(response)
    assert (pooled.output, pooled.indices) == ([[7, 8, 9]], [[1, 2, 3]])


@pytest.mark.parametrize("form", ["length", "chunked"])
@given(data=st.data())
def test_an_incomplete_response_raises_connection_failed(form: str, data: st.DataObject) -> None:
    """The rest of the tensor would be uninitialized memory."""
    complete = FORMS[form]
    size = data.draw(st.integers(0, len(complete) - 1))

    with pytest.raises(ConnectionFailed):
        read(complete[:size], [])


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 5000,
    ],
    ids=lambda data: data[:12].decode(),
)
def test_bytes_that_are_not_http_raise_unexpected_answer(data: bytes) -> None:
    """The port may belong to another service."""
    with pytest.raises(UnexpectedAnswer):
        read(data, [])


@pytest.mark.parametrize(
    "rows",
    [
        None,
        [],
        {},
        [7],
        [{"name": "output", "dtype": "float32", "shape": [10**12]}],
        [{"name": "output", "dtype": "float99", "shape": [1]}],
        [{"name": "output", "dtype": "uint8", "shape": [-4]}],
    ],
    ids=str,
)
def test_memory_is_not_allocated_for_an_announced_size(rows: object) -> None:
    """The metadata must agree with the length before memory is allocated."""
    call = PoolCall("max_pool1d", {"input": [[1.0]]}, {})
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTensor-Metadata: " + json.dumps(rows).encode() + b"\r\n\r\nabcd"

    with pytest.raises(UnexpectedAnswer, match="Tensor-Metadata"):
        read(head, [], call.request)


@pytest.mark.parametrize("header", [b"Connection: close\r\n", b"Connection: Close\r\n"])
def test_a_connection_that_the_server_closes_is_not_reused(header: bytes) -> None:
    """The next request on it would fail."""
    response, can_reuse = read(HEAD + header + b"Content-Length: 0\r\n\r\n", [])

    assert not can_reuse
    assert response.text == ""


@given(sizes=st.lists(st.integers(0, 3_000_000), max_size=3))
def test_a_request_has_as_many_bytes_as_it_announces(sizes: list[int]) -> None:
    """Otherwise the server would parse the next request at the wrong position."""
    request = Request("POST", "/p", (("A", "b"),), tuple(memoryview(bytes(size)) for size in sizes))

    sent = list(serialize_request(Send(request, Timeouts(1, 1, None)), "h:1"))

    head, _, start = bytes(sent[0]).partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[:3] == [b"POST /p HTTP/1.1", b"Host: h:1", b"A: b"]
    assert b"Content-Length: %d" % sum(sizes) in head.split(b"\r\n")
    assert len(start) + sum(map(len, sent[1:])) == sum(sizes)
