"""Invalid and malicious responses: each raises an error of the client at once, and allocates no announced memory."""

from __future__ import annotations

import asyncio
import gzip
import json

import httpx
import numpy as np
import pytest

from poolhouse.client import calls
from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.errors import ConnectionFailed, UnexpectedAnswer
from poolhouse.client.results import Pooled
from poolhouse.client.transports import response_body
from poolhouse.errors import TooLarge
from tests.client.test_transports import run_scripted_server

WAIT_TIMEOUT_S = 20.0
"""No test waits that long: an invalid response raises its error when it arrives."""

CLIENT_KINDS = ("sync", "async", "sync-httpx", "async-httpx")

OUTPUT = {"name": "output", "dtype": "float32", "shape": [1, 1], "start": 0, "end": 4}
SECOND = {"name": "output", "dtype": "float32", "shape": [1, 1], "start": 4, "end": 8}


def call_client(client_kind: str, url: str, method: str, *arguments: object, **named: object) -> object:
    """Call a method of a client of this kind and return its result."""

    async def call() -> object:
        http = httpx.AsyncClient(trust_env=False) if client_kind.endswith("httpx") else None
        async with AsyncClient(url, max_retries=0, timeout=WAIT_TIMEOUT_S, http_client=http) as client:
            result: object = await getattr(client, method)(*arguments, **named)
            return result

    if client_kind.startswith("async"):
        return asyncio.run(call())
    http = httpx.Client(trust_env=False) if client_kind.endswith("httpx") else None
    with Client(url, max_retries=0, timeout=WAIT_TIMEOUT_S, http_client=http) as client:
        result: object = getattr(client, method)(*arguments, **named)
        return result


def elements_response(metadata: object, body: bytes = bytes(4), length: object = None, headers: str = "") -> bytes:
    """A pooling response; metadata and length may contradict the body."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    length = len(body) if length is None else length
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nTensor-Metadata: {text}\r\n{headers}\r\n".encode() + body


def document_response(body: object, status: str = "200 OK", length: object = None, headers: str = "") -> bytes:
    """A JSON response, with any bytes in place of the document."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    length = len(content) if length is None else length
    media_type = "application/json" if status.startswith("200") else "application/problem+json"
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n{headers}\r\n"
    return head.encode() + content


DEEP = b"[" * 100_000
MANY_DIGITS = "9" * 5000

INVALID_POOLING = {
    "truncated": elements_response([OUTPUT], bytes(2), 4),
    "metadata shorter than the body": elements_response([OUTPUT], bytes(8)),
    "metadata that is not JSON": elements_response("{{"),
    "deeply nested metadata": elements_response("[" * 20_000),
    "the same output twice": elements_response([OUTPUT, SECOND], bytes(8)),
    "another name": elements_response([{**OUTPUT, "name": "result"}]),
    "parts out of order": elements_response([{**OUTPUT, "start": 4, "end": 0}]),
    "a hundred axes": elements_response([{**OUTPUT, "shape": [1] * 100}]),
    "a huge axis and an empty axis": elements_response([{**OUTPUT, "shape": [0, 10**30], "end": 0}], b""),
    "40 TB": elements_response([{**OUTPUT, "shape": [10**13], "end": 4 * 10**13}], b"", 4 * 10**13),
    "a length of many digits": elements_response([OUTPUT], length=MANY_DIGITS),
    "a negative length": elements_response([OUTPUT], length=-4),
    "a length that is no number": elements_response([OUTPUT], length="four"),
    "two lengths": elements_response([OUTPUT], headers="Content-Length: 8\r\n"),
    "an HTML page": document_response(b"<html>hello</html>"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a refusal of 1 PB": document_response(b"", "500 Oops", length=10**15),
    "a refusal of a length of many digits": document_response(b"", "500 Oops", length=MANY_DIGITS),
    "a deeply nested refusal": document_response(DEEP, "422 No"),
    "a refusal with wrong types": document_response(
        {"code": ["a"], "detail": 3, "errors": 7, "limit_bytes": "x"}, "422 No"
    ),
    "a redirect": document_response(b"", "302 Found", headers="Location: https://else.where/\r\n"),
    "a negative chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n\r\n0\r\n\r\n",
    "a huge chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\nab",
}


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("response", INVALID_POOLING.values(), ids=list(INVALID_POOLING))
def test_an_invalid_pooling_response_raises_connection_failed(client_kind: str, response: bytes) -> None:
    """A wrong tensor is never returned, and no other class of error is raised."""
    with run_scripted_server(lambda _: response, closes=True) as server, pytest.raises(ConnectionFailed) as caught:
        call_client(client_kind, server.url, "max_pool1d", [[1.0]], 1)

    assert str(caught.value)


INVALID_CATALOGUES = {
    "rows of numbers": document_response({"operators": [1]}),
    "rows without fields": document_response({"operators": [{"name": "a", "rank": 1, "summary": "s"}]}),
    "not a number": document_response(b'{"operators": NaN}'),
    "a list": document_response([]),
    "deeply nested": document_response(DEEP),
    "1 PB": document_response(b"", length=10**15),
    "a length of many digits": document_response(b"", length=MANY_DIGITS),
}
PLAN = {"operator": "max_pool1d", "spec": {}, "input_bytes": 4, "output_bytes": 4, "warnings": []}
INVALID_PLANS = {
    "an empty object": document_response({}),
    "no outputs": document_response({**PLAN, "outputs": {}}),
    "a size that is not a number": document_response(
        {**PLAN, "outputs": {"output": {"dtype": "int8", "shape": [float("nan")]}}}
    ),
    "a negative size": document_response({**PLAN, "outputs": {"output": {"dtype": "int8", "shape": [-1]}}}),
    "a type that is a list": document_response({**PLAN, "outputs": {"output": {"dtype": ["int8"], "shape": [1]}}}),
    "bytes that are not a number": document_response(
        {**PLAN, "input_bytes": float("nan"), "outputs": {"output": {"dtype": "int8", "shape": [1]}}}
    ),
}


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("response", INVALID_CATALOGUES.values(), ids=list(INVALID_CATALOGUES))
def test_an_invalid_catalogue_raises_connection_failed(client_kind: str, response: bytes) -> None:
    """A part of a catalogue must not be returned as the whole."""
    with run_scripted_server(lambda _: response, closes=True) as server, pytest.raises(ConnectionFailed):
        call_client(client_kind, server.url, "operators")


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("response", INVALID_PLANS.values(), ids=list(INVALID_PLANS))
def test_an_invalid_plan_raises_unexpected_answer(client_kind: str, response: bytes) -> None:
    """A caller allocates buffers by it, so an invalid size must not become zero."""
    with run_scripted_server(lambda _: response, closes=True) as server, pytest.raises(UnexpectedAnswer):
        call_client(client_kind, server.url, "plan", "max_pool1d", (1, 1), kernel_size=1)


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
def test_a_redirect_is_not_followed_and_the_error_names_its_location(client_kind: str) -> None:
    """The body and the key would be sent to an address that the response chooses."""
    response = document_response(b"", "308 Moved", headers="Location: https://else.where/v1\r\n")

    with (
        run_scripted_server(lambda _: response, closes=True) as server,
        pytest.raises(UnexpectedAnswer, match=r"https://else\.where/v1"),
    ):
        call_client(client_kind, server.url, "max_pool1d", [[1.0]], 1)

    assert len(server.heads) == 1


def test_missing_indices_raise_unexpected_answer() -> None:
    """By its type, the result has indices if they were requested."""
    with (
        run_scripted_server(lambda _: elements_response([OUTPUT])) as server,
        pytest.raises(UnexpectedAnswer, match="no indices"),
    ):
        call_client("sync", server.url, "max_pool1d", [[1.0]], 1, return_indices=True)


def test_invalid_optional_headers_are_ignored() -> None:
    """Without timings and a seed the result is still usable."""
    headers = f"Server-Timing: decode;dur=nan, queue;dur=1e999, x, compute;dur=2\r\nPool-Seed: {MANY_DIGITS}\r\n"

    with (
        run_scripted_server(lambda _: elements_response([OUTPUT], headers=headers)) as server,
        Client(server.url) as client,
    ):
        pooled = client.max_pool1d([[1.0]], 1)

    assert pooled.output == [[0.0]]
    assert pooled.timings == {"compute": 2.0}
    assert pooled.seed is None


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ('"a, b", "c \\"d\\""', ("a, b", 'c "d"')),
        ('"a", 3, null', ("a",)),
        ("not quoted", ()),
        ('"open', ()),
        ('"a"], ["b"', ()),
        ("[" * 3000, ()),
        ("", ()),
    ],
)
def test_invalid_warnings_are_ignored(text: str, warnings: tuple[str, ...]) -> None:
    """They are JSON strings, separated by commas."""
    headers = f"Pool-Warning: {text}\r\n"

    with (
        run_scripted_server(lambda _: elements_response([OUTPUT], headers=headers)) as server,
        Client(server.url) as client,
    ):
        assert client.max_pool1d([[1.0]], 1).warnings == warnings


def test_a_refusal_with_invalid_optional_parts_is_raised() -> None:
    """Its code and detail are sufficient."""
    body = b'{"code": "body_too_large", "detail": "Too large.", "limit_bytes": NaN, "errors": [1, null, {"code": 3}]}'

    with (
        run_scripted_server(lambda _: document_response(body, "413 No")) as server,
        pytest.raises(TooLarge, match="Too large") as caught,
    ):
        call_client("sync", server.url, "max_pool1d", [[1.0]], 1)

    assert caught.value.limit_bytes is None


CHUNKED = "Transfer-Encoding: chunked\r\n"
METADATA = f"Tensor-Metadata: {json.dumps([OUTPUT])}\r\n"
ENDLESS = {
    "chunks": f"{CHUNKED}\r\n".encode() + b"10000\r\n".join([b"", *[bytes(0x10000) + b"\r\n"] * 64]),
    "one chunk": f"{CHUNKED}\r\n7fffffffffffffff\r\n".encode() + bytes(4 * 1024 * 1024),
    "no length": b"\r\n" + bytes(4 * 1024 * 1024),
}


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("response", ENDLESS.values(), ids=list(ENDLESS))
def test_an_endless_document_is_refused(client_kind: str, response: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fill the memory until the deadline, since it has no length."""
    monkeypatch.setattr(response_body, "MAX_DOCUMENT_BYTES", 1024 * 1024)
    response = b"HTTP/1.1 200 OK\r\n" + response

    with (
        run_scripted_server(lambda _: response, closes=True) as server,
        pytest.raises(UnexpectedAnswer, match="without a length"),
    ):
        call_client(client_kind, server.url, "operators")


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("response", ENDLESS.values(), ids=list(ENDLESS))
def test_a_response_longer_than_its_tensors_is_refused(client_kind: str, response: bytes) -> None:
    """As soon as the buffers are full."""
    response = f"HTTP/1.1 200 OK\r\n{METADATA}".encode() + response

    with (
        run_scripted_server(lambda _: response, closes=True) as server,
        pytest.raises(UnexpectedAnswer, match="longer than its headers announce"),
    ):
        call_client(client_kind, server.url, "max_pool1d", [[1.0]], 1)


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize(
    "framing", [f"{CHUNKED}\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", "\r\nabcd"], ids=["chunks", "no length"]
)
def test_a_response_without_a_length_is_read(client_kind: str, framing: str) -> None:
    """A proxy may replace the length by the chunked coding."""
    response = f"HTTP/1.1 200 OK\r\n{METADATA}{framing}".encode()

    with run_scripted_server(lambda _: response, closes=True) as server:
        pooled = call_client(client_kind, server.url, "max_pool1d", np.zeros((1, 1), np.float32), 1)

    assert isinstance(pooled, Pooled)
    assert np.asarray(pooled.output).tobytes() == b"abcd"


HUGE = {"name": "output", "dtype": "uint8", "shape": [2**50], "start": 0, "end": 2**50}


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
def test_metadata_without_a_length_allocates_at_most_the_limit(
    client_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header of a hundred bytes could announce a petabyte."""
    response = f"HTTP/1.1 200 OK\r\nTensor-Metadata: {json.dumps([HUGE])}\r\n{CHUNKED}\r\n0\r\n\r\n".encode()
    monkeypatch.setattr(calls, "allocate", lambda metadata: pytest.fail(f"allocated memory for {metadata}"))

    with (
        run_scripted_server(lambda _: response, closes=True) as server,
        pytest.raises(UnexpectedAnswer, match=f"has {2**50} bytes.*max_answer_bytes"),
    ):
        call_client(client_kind, server.url, "max_pool1d", [[1.0]], 1)


@pytest.mark.parametrize("shape", [[10**9, 0], [1, 10**9, 0], [2**20, 2, 0]])
def test_too_many_empty_lists_are_refused(shape: list[int]) -> None:
    """A response without elements could become a thousand million empty lists; as an array it takes no memory."""
    response = elements_response([{**OUTPUT, "shape": shape, "end": 0}], b"")
    x = np.zeros((1, 1), np.float32)

    with run_scripted_server(lambda _: response) as server, Client(server.url) as client:
        assert np.asarray(client.max_pool1d(x, 1).output).shape == tuple(shape)
        with pytest.raises(UnexpectedAnswer, match="give an array"):
            client.max_pool1d([[1.0]], 1)


INDICES = {"name": "indices", "dtype": "int64", "shape": [1, 1], "start": 4, "end": 12}


@pytest.mark.parametrize(
    "invalid",
    [{"dtype": "float64"}, {"shape": [1]}, {"dtype": "uint8", "shape": [8]}],
    ids=["another type", "other axes", "both"],
)
def test_indices_of_another_type_or_shape_are_refused(invalid: dict[str, object]) -> None:
    """They must be int64, one for each element of the output."""
    responses = [elements_response([OUTPUT, {**INDICES, **changes}], bytes(12)) for changes in ({}, invalid)]

    with run_scripted_server(lambda count: responses[count - 1]) as server, Client(server.url) as client:
        assert client.max_pool1d([[1.0]], 1, return_indices=True).indices == [[0]]
        with pytest.raises(UnexpectedAnswer, match="The response has indices of"):
            client.max_pool1d([[1.0]], 1, return_indices=True)


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
def test_a_refusal_that_announces_too_many_bytes_is_not_read(client_kind: str) -> None:
    """Its length is checked before its body is read."""
    response = document_response(b"", "500 Oops", length=response_body.MAX_DOCUMENT_BYTES + 1)

    with (
        run_scripted_server(lambda _: response, closes=True) as server,
        pytest.raises(UnexpectedAnswer, match="a document has at most"),
    ):
        call_client(client_kind, server.url, "max_pool1d", [[1.0]], 1)


LARGE = {
    "length": elements_response([OUTPUT]),
    "chunks": f"HTTP/1.1 200 OK\r\n{METADATA}{CHUNKED}\r\n4\r\nabcd\r\n0\r\n\r\n".encode(),
    "a document": document_response({}, headers="X: 1\r\n"),
    "a document in chunks": f"HTTP/1.1 500 No\r\n{CHUNKED}\r\n4\r\nabcd\r\n0\r\n\r\n".encode(),
    "a length of many digits": elements_response([OUTPUT], length=MANY_DIGITS),
}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("response", LARGE.values(), ids=list(LARGE))
def test_a_response_above_the_limit_is_refused_with_the_name_of_the_limit(
    kind: type[Client] | type[AsyncClient], response: bytes
) -> None:
    """So that the message tells how to accept it."""

    async def call_async() -> object:
        async with AsyncClient(server.url, max_answer_bytes=1) as client:
            return await client.max_pool1d([[1.0]], 1)

    def call() -> object:
        if kind is AsyncClient:
            return asyncio.run(call_async())
        with Client(server.url, max_answer_bytes=1) as client:
            return client.max_pool1d([[1.0]], 1)

    with (
        run_scripted_server(lambda _: response, closes=True) as server,
        pytest.raises(UnexpectedAnswer, match=r"accepts at most 1;.*max_answer_bytes"),
    ):
        call()


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("status", ["200 OK", "503 No"])
@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "deflate", "br", "x-other"])
def test_a_compressed_response_is_refused(client_kind: str, status: str, coding: str) -> None:
    """Inflated, kilobytes could become gigabytes; not inflated, they could be taken for the elements of a tensor."""
    bomb = gzip.compress(gzip.compress(bytes(1024 * 1024)))
    head = f"HTTP/1.1 {status}\r\n{METADATA}Content-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n"

    with (
        run_scripted_server(lambda _: head.encode() + bomb, closes=True) as server,
        pytest.raises(UnexpectedAnswer, match=f"Content-Encoding '{coding}', which the client does not accept"),
    ):
        call_client(client_kind, server.url, "max_pool1d", [[1.0]], 1)


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
def test_a_response_with_the_coding_identity_is_read(client_kind: str) -> None:
    """Some proxies add this header."""
    with run_scripted_server(
        lambda _: elements_response([OUTPUT], b"abcd", headers="Content-Encoding: identity\r\n")
    ) as server:
        pooled = call_client(client_kind, server.url, "max_pool1d", np.zeros((1, 1), np.float32), 1)

    assert isinstance(pooled, Pooled)
    assert np.asarray(pooled.output).tobytes() == b"abcd"
