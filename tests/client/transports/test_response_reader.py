"""The parser of HTTP/1.1 responses: responses in pieces, incomplete and invalid responses, limits."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.calls import PoolCall
from poolhouse.client.errors import ConnectionFailed, UnexpectedAnswer
from poolhouse.client.exchange import Request, Response
from poolhouse.client.transports.response_reader import NoResponse, ResponseReader

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
    "continue": b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" + WITH_LENGTH,
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
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n",
    ],
    ids=lambda data: data[:12].decode(),
)
def test_bytes_that_are_not_http_raise_unexpected_answer(data: bytes) -> None:
    """The port may belong to another service."""
    with pytest.raises(UnexpectedAnswer):
        read(data, [])


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"Connection: Close\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"Connection: keep-alive, close\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"Connection: keep-alive\r\nConnection: CLOSE ,x\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"Content-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
    ],
    ids=[
        "close",
        "Close",
        "keep-alive, close",
        "two headers",
        "HTTP/1.0",
        "more bytes",
        "more bytes without a body",
        "more bytes after chunks",
    ],
)
def test_a_connection_that_is_closed_or_has_more_bytes_is_not_reused(data: bytes) -> None:
    """The next request on it would fail, or get bytes that belong to no request."""
    response, can_reuse = read(data, [])

    assert not can_reuse
    assert response.text == ""


def test_a_connection_with_other_options_is_reused() -> None:
    """Only the whole word ``close`` ends it."""
    _, can_reuse = read(HEAD + b"Connection: keep-alive, not-close\r\nContent-Length: 0\r\n\r\n", [])

    assert can_reuse


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        (b"Transfer-Encoding: gzip", "Transfer-Encoding 'gzip'"),
        (b"Transfer-Encoding: gzip, chunked", "Transfer-Encoding 'gzip, chunked'"),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding 'chunked, chunked'"),
        (b"Transfer-Encoding: identity", "Transfer-Encoding 'identity'"),
        (b"Transfer-Encoding:", "Transfer-Encoding ''"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 6", "both Transfer-Encoding and Content-Length"),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)
def test_a_response_in_another_transfer_coding_is_refused(headers: bytes, text: str) -> None:
    """Read raw, the coding's bytes would be elements of a tensor, or the next response."""

    def allocate(*_: object) -> list[memoryview]:
        raise AssertionError("memory was allocated for a refused response")

    for data in (b"0\r\n\r\n", b"1\r\na\r\n0\r\n\r\n"):
        with pytest.raises(UnexpectedAnswer, match=f"^HTTP 200 with (the )?{text}"):
            read(HEAD + headers + b"\r\n\r\n" + data, [], Request("GET", "/", allocate_body=allocate))
    assert read(HEAD + b"Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", [])[0].text == "a"


@given(
    form=st.sampled_from(sorted(FORMS)),
    start=st.integers(0, 900),
    removed=st.integers(0, 3),
    inserted=st.binary(max_size=3),
    cuts=st.lists(st.integers(1, 400), max_size=40),
)
def test_changed_bytes_in_any_pieces_have_the_same_outcome(
    form: str, start: int, removed: int, inserted: bytes, cuts: list[int]
) -> None:
    """A response that is refused only at some places of the cuts would pass unnoticed."""

    def outcome(cuts: list[int]) -> object:
        try:
            response, _ = read(data, cuts)
        except ConnectionFailed as error:
            return type(error), str(error)
        return response.status, response.headers, b"".join(response.body)

    data = FORMS[form][:start] + inserted + FORMS[form][start + removed :]

    assert outcome(cuts) == outcome([])


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_without_a_body_ends_with_its_head(status: int) -> None:
    """Waiting for bytes that never come would end at the timeout."""
    reader = ResponseReader(Request("GET", "/"))
    head = b"HTTP/1.1 %d x\r\n\r\n" % status
    reader.buffer[: len(head)] = head

    reader.feed(len(head))

    assert reader.response == Response(status, {}, (memoryview(b""),))
    assert reader.can_reuse_connection


@pytest.mark.parametrize(
    ("data", "error_class"),
    [
        (b"", NoResponse),
        (b"H", ConnectionFailed),
        (b"HTTP/1.1 100 Continue\r\n\r\n", ConnectionFailed),
        (HEAD, ConnectionFailed),
    ],
)
def test_only_a_connection_without_any_byte_has_no_response(data: bytes, error_class: type[ConnectionFailed]) -> None:
    """On a reused connection the transport then sends the request again, silently."""
    with pytest.raises(ConnectionFailed) as caught:
        read(data, [])

    assert type(caught.value) is error_class


@pytest.mark.parametrize("data", [b"", b"H", b"HTTP/1.1 100 Continue\r\n\r\n", HEAD, WITH_LENGTH[:-1], CHUNKED[:-1]])
def test_only_a_reset_before_any_byte_means_no_response(data: bytes) -> None:
    """As for a connection that was closed."""
    reader = ResponseReader(Request("GET", "/"))
    reader.buffer[: len(data)] = data
    if data:
        reader.feed(len(data))

    error = reader.reset_error()

    assert type(error) is (ConnectionFailed if data else NoResponse)
    assert str(error).endswith("the whole response." if data else "a response.")


def test_headers_have_lower_case_names_and_repeated_ones_are_joined() -> None:
    """Of two contradicting lengths none must be used silently."""
    response, _ = read(b"HTTP/1.1 200 OK\r\nA-B:  x \r\na-b: y:z\r\nContent-Length: 0\r\n\r\n", [])

    assert response.headers == {"a-b": "x, y:z", "content-length": "0"}
    with pytest.raises(UnexpectedAnswer, match="'5, 6', not a number"):
        read(HEAD + b"Content-Length: 5\r\ncontent-length: 6\r\n\r\nabcdef", [])


CHUNKED_HEAD = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def padded(before: bytes, after: bytes, size: int) -> bytes:
    """Bytes between the two, so that all have this size together."""
    return before + b"a" * (size - len(before) - len(after)) + after


@pytest.mark.parametrize(
    ("make", "limit"),
    [
        (lambda size: padded(HEAD + b"X: ", b"\r\nContent-Length: 0\r\n\r\n", size), 32 * 1024),
        (lambda size: CHUNKED_HEAD + padded(b"0;", b"\r\n", size) + b"\r\n", 1024),
        (lambda lines: CHUNKED_HEAD + b"0\r\n" + (b"a" * 512 + b"\r\n") * lines + b"\r\n", 64),
    ],
    ids=["head", "chunk line", "trailers"],
)
def test_endless_parts_have_a_limit(make: Callable[[int], bytes], limit: int) -> None:
    """They would otherwise be collected until the deadline; a response up to the limit is read."""
    assert read(make(limit), [limit - 1])[0].status == 200
    with pytest.raises(UnexpectedAnswer, match="longer than"):
        read(make(limit + 1), [])


@pytest.mark.parametrize("size", [b"", b"+1", b"-1", b"0x1", b"1_0", b"g", b";x", b"\xb9"])
def test_a_chunk_size_is_hexadecimal_digits_only(size: bytes) -> None:
    """Another reader on the way would find another end of the body."""
    with pytest.raises(UnexpectedAnswer, match="not a hexadecimal number"):
        read(CHUNKED_HEAD + size + b"\r\na\r\n0\r\n\r\n", [])
    assert read(CHUNKED_HEAD + b"0A;x\r\n0123456789\r\n0\r\n\r\n", [])[0].text == "0123456789"
