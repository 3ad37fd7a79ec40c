"""Answers of servers that err or mean harm: one of our errors in each case, at once, and no memory at their word."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client import calls
from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.errors import ConnectionFailed, UnexpectedAnswer
from poolhouse.client.exchange import Request
from poolhouse.client.results import Pooled
from poolhouse.client.transports import response_body
from poolhouse.client.transports.response_body import ResponseBody
from poolhouse.errors import TooLarge, Unprocessable
from tests.client.test_transports import run_scripted_server

WAIT_TIMEOUT_S = 20.0
"""Nothing below waits for it: an answer that is wrong is wrong when it has come."""

CLIENT_KINDS = ("sync", "async", "sync-httpx", "async-httpx")
ClientCall = Callable[[str], object]

OUTPUT = {"name": "output", "dtype": "float32", "shape": [1, 1], "start": 0, "end": 4}
SECOND = {"name": "output", "dtype": "float32", "shape": [1, 1], "start": 4, "end": 8}


def call_client(client_kind: str, url: str, method: str, *arguments: object, **named: object) -> object:
    """What a method of the client of that way gives."""

    async def awaited() -> object:
        http = httpx.AsyncClient(trust_env=False) if client_kind.endswith("httpx") else None
        async with AsyncClient(url, max_retries=0, timeout=WAIT_TIMEOUT_S, http_client=http) as client:
            found: object = await getattr(client, method)(*arguments, **named)
            return found

    if client_kind.startswith("async"):
        return asyncio.run(awaited())
    http = httpx.Client(trust_env=False) if client_kind.endswith("httpx") else None
    with Client(url, max_retries=0, timeout=WAIT_TIMEOUT_S, http_client=http) as client:
        found: object = getattr(client, method)(*arguments, **named)
        return found


def elements_response(metadata: object, body: bytes = bytes(4), length: object = None, further: str = "") -> bytes:
    """A pooled answer of this metadata, which need not be true of the body, nor the length."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    said = len(body) if length is None else length
    return f"HTTP/1.1 200 OK\r\nContent-Length: {said}\r\nTensor-Metadata: {text}\r\n{further}\r\n".encode() + body


def document_response(body: object, status: str = "200 OK", length: object = None, further: str = "") -> bytes:
    """A document, or bytes in its place."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = len(content) if length is None else length
    kind = "application/json" if status.startswith("200") else "application/problem+json"
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {said}\r\n{further}\r\n"
    return head.encode() + content


DEEP = b"[" * 100_000
MANY_DIGITS = "9" * 5000

POOLED = {
    "truncated": elements_response([OUTPUT], bytes(2), 4),
    "metadata for less than there is": elements_response([OUTPUT], bytes(8)),
    "metadata that is no JSON": elements_response("{{"),
    "metadata too deep": elements_response("[" * 20_000),
    "the same output twice": elements_response([OUTPUT, SECOND], bytes(8)),
    "another name": elements_response([{**OUTPUT, "name": "result"}]),
    "parts out of order": elements_response([{**OUTPUT, "start": 4, "end": 0}]),
    "a hundred axes": elements_response([{**OUTPUT, "shape": [1] * 100}]),
    "an axis without end beside none": elements_response([{**OUTPUT, "shape": [0, 10**30], "end": 0}], b""),
    "forty terabytes": elements_response([{**OUTPUT, "shape": [10**13], "end": 4 * 10**13}], b"", 4 * 10**13),
    "a length of many digits": elements_response([OUTPUT], length=MANY_DIGITS),
    "a length below zero": elements_response([OUTPUT], length=-4),
    "a length in words": elements_response([OUTPUT], length="four"),
    "two lengths": elements_response([OUTPUT], further="Content-Length: 8\r\n"),
    "a page": document_response(b"<html>hello</html>"),
    "nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a refusal of a petabyte": document_response(b"", "500 Oops", length=10**15),
    "a refusal of a length of many digits": document_response(b"", "500 Oops", length=MANY_DIGITS),
    "a refusal too deep": document_response(DEEP, "422 No"),
    "a refusal of other types": document_response(
        {"code": ["a"], "detail": 3, "errors": 7, "limit_bytes": "x"}, "422 No"
    ),
    "a redirect": document_response(b"", "302 Found", further="Location: https://else.where/\r\n"),
    "a chunk below zero": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n\r\n0\r\n\r\n",
    "a chunk without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\nab",
}


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("said", POOLED.values(), ids=list(POOLED))
def test_a_pooled_answer_that_is_none_is_an_error_of_ours(client_kind: str, said: bytes) -> None:
    """Who catches PoolhouseError has caught whatever a server can do, and a wrong tensor is never handed out."""
    with run_scripted_server(lambda _: said, hangs_up=True) as listener, pytest.raises(ConnectionFailed) as caught:
        call_client(client_kind, listener.url, "max_pool1d", [[1.0]], 1)

    assert str(caught.value)


LISTS = {
    "rows of numbers": document_response({"operators": [1]}),
    "rows without fields": document_response({"operators": [{"name": "a", "rank": 1, "summary": "s"}]}),
    "not a number": document_response(b'{"operators": NaN}'),
    "a list": document_response([]),
    "too deep": document_response(DEEP),
    "a petabyte": document_response(b"", length=10**15),
    "a length of many digits": document_response(b"", length=MANY_DIGITS),
}
PLAN = {"operator": "max_pool1d", "spec": {}, "input_bytes": 4, "output_bytes": 4, "warnings": []}
PLANS = {
    "nothing in it": document_response({}),
    "no outputs": document_response({**PLAN, "outputs": {}}),
    "a size that is not a number": document_response(
        {**PLAN, "outputs": {"output": {"dtype": "int8", "shape": [float("nan")]}}}
    ),
    "a size below zero": document_response({**PLAN, "outputs": {"output": {"dtype": "int8", "shape": [-1]}}}),
    "a type that is a list": document_response({**PLAN, "outputs": {"output": {"dtype": ["int8"], "shape": [1]}}}),
    "bytes that are not a number": document_response(
        {**PLAN, "input_bytes": float("nan"), "outputs": {"output": {"dtype": "int8", "shape": [1]}}}
    ),
}


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("said", LISTS.values(), ids=list(LISTS))
def test_a_catalogue_that_is_none_is_an_error_of_ours(client_kind: str, said: bytes) -> None:
    """Half a catalogue would be taken for the whole."""
    with run_scripted_server(lambda _: said, hangs_up=True) as listener, pytest.raises(ConnectionFailed):
        call_client(client_kind, listener.url, "operators")


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("said", PLANS.values(), ids=list(PLANS))
def test_a_plan_that_is_none_is_an_error_of_ours(client_kind: str, said: bytes) -> None:
    """A caller sizes buffers by it: a size that was not understood must not become zero."""
    with run_scripted_server(lambda _: said, hangs_up=True) as listener, pytest.raises(UnexpectedAnswer):
        call_client(client_kind, listener.url, "plan", "max_pool1d", (1, 1), kernel_size=1)


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
def test_a_redirect_names_the_place_and_is_not_followed(client_kind: str) -> None:
    """The body and the key would go to whoever the answer names; a person can give the address."""
    said = document_response(b"", "308 Moved", further="Location: https://else.where/v1\r\n")

    with (
        run_scripted_server(lambda _: said, hangs_up=True) as listener,
        pytest.raises(UnexpectedAnswer, match=r"https://else\.where/v1"),
    ):
        call_client(client_kind, listener.url, "max_pool1d", [[1.0]], 1)

    assert len(listener.heads) == 1


def test_indices_that_were_asked_for_and_do_not_come_are_an_error() -> None:
    """The types say that they are there."""
    with (
        run_scripted_server(lambda _: elements_response([OUTPUT])) as listener,
        pytest.raises(UnexpectedAnswer, match="no indices"),
    ):
        call_client("sync", listener.url, "max_pool1d", [[1.0]], 1, return_indices=True)


def test_what_stands_beside_an_answer_may_be_nonsense() -> None:
    """Timings and a seed are worth having, and no reason to lose the tensor."""
    further = f"Server-Timing: decode;dur=nan, queue;dur=1e999, x, compute;dur=2\r\nPool-Seed: {MANY_DIGITS}\r\n"

    with (
        run_scripted_server(lambda _: elements_response([OUTPUT], further=further)) as listener,
        Client(listener.url) as client,
    ):
        pooled = client.max_pool1d([[1.0]], 1)

    assert pooled.output == [[0.0]]
    assert pooled.timings == {"compute": 2.0}
    assert pooled.seed is None


@pytest.mark.parametrize(
    ("said", "understood"),
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
def test_warnings_are_strings_or_none(said: str, understood: tuple[str, ...]) -> None:
    """A header of somebody's proxy is no reason to lose the tensor either."""
    further = f"Pool-Warning: {said}\r\n"

    with (
        run_scripted_server(lambda _: elements_response([OUTPUT], further=further)) as listener,
        Client(listener.url) as client,
    ):
        assert client.max_pool1d([[1.0]], 1).warnings == understood


def test_a_refusal_is_told_though_its_further_parts_are_nonsense() -> None:
    """The code and the sentence are what a caller needs."""
    body = b'{"code": "body_too_large", "detail": "Too large.", "limit_bytes": NaN, "errors": [1, null, {"code": 3}]}'

    with (
        run_scripted_server(lambda _: document_response(body, "413 No")) as listener,
        pytest.raises(TooLarge, match="Too large") as caught,
    ):
        call_client("sync", listener.url, "max_pool1d", [[1.0]], 1)

    assert caught.value.limit_bytes is None


CHUNKED = "Transfer-Encoding: chunked\r\n"
METADATA = f"Tensor-Metadata: {json.dumps([OUTPUT])}\r\n"
ENDLESS = {
    "chunks": f"{CHUNKED}\r\n".encode() + b"10000\r\n".join([b"", *[bytes(0x10000) + b"\r\n"] * 64]),
    "one chunk": f"{CHUNKED}\r\n7fffffffffffffff\r\n".encode() + bytes(4 * 1024 * 1024),
    "no length": b"\r\n" + bytes(4 * 1024 * 1024),
}


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("said", ENDLESS.values(), ids=list(ENDLESS))
def test_an_answer_without_end_is_given_up(client_kind: str, said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the deadline it would fill the memory, since no length says how much comes."""
    monkeypatch.setattr(response_body, "MAX_DOCUMENT_BYTES", 1024 * 1024)
    answer = b"HTTP/1.1 200 OK\r\n" + said

    with (
        run_scripted_server(lambda _: answer, hangs_up=True) as listener,
        pytest.raises(UnexpectedAnswer, match="nowhere announced"),
    ):
        call_client(client_kind, listener.url, "operators")


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("said", ENDLESS.values(), ids=list(ENDLESS))
def test_an_answer_is_no_longer_than_its_tensors(client_kind: str, said: bytes) -> None:
    """Its shapes come before it: nobody has to wait for the end to know that it is too long."""
    answer = f"HTTP/1.1 200 OK\r\n{METADATA}".encode() + said

    with (
        run_scripted_server(lambda _: answer, hangs_up=True) as listener,
        pytest.raises(UnexpectedAnswer, match="longer than its headers announce"),
    ):
        call_client(client_kind, listener.url, "max_pool1d", [[1.0]], 1)


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize(
    "framing", [f"{CHUNKED}\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", "\r\nabcd"], ids=["chunks", "no length"]
)
def test_an_answer_whose_length_was_taken_on_the_way_is_the_same_answer(client_kind: str, framing: str) -> None:
    """Proxies send in chunks what came with a length."""
    answer = f"HTTP/1.1 200 OK\r\n{METADATA}{framing}".encode()

    with run_scripted_server(lambda _: answer, hangs_up=True) as listener:
        pooled = call_client(client_kind, listener.url, "max_pool1d", np.zeros((1, 1), np.float32), 1)

    assert isinstance(pooled, Pooled)
    assert np.asarray(pooled.output).tobytes() == b"abcd"


HUGE = {"name": "output", "dtype": "uint8", "shape": [2**50], "start": 0, "end": 2**50}


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
def test_metadata_without_a_length_takes_no_more_memory_than_an_answer_may(
    client_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header of a hundred bytes would be given a petabyte, which no length contradicts."""
    said = f"HTTP/1.1 200 OK\r\nTensor-Metadata: {json.dumps([HUGE])}\r\n{CHUNKED}\r\n0\r\n\r\n".encode()
    monkeypatch.setattr(calls, "_allocate", lambda metadata: pytest.fail(f"took memory for {metadata}"))

    with (
        run_scripted_server(lambda _: said, hangs_up=True) as listener,
        pytest.raises(UnexpectedAnswer, match=f"has {2**50} bytes.*max_answer_bytes"),
    ):
        call_client(client_kind, listener.url, "max_pool1d", [[1.0]], 1)


@pytest.mark.parametrize("shape", [[10**9, 0], [1, 10**9, 0], [2**20, 2, 0]])
def test_lists_without_an_element_take_memory_too(shape: list[int]) -> None:
    """Ten bytes of body would become a thousand million empty lists; an array of that shape is as good as nothing."""
    said = elements_response([{**OUTPUT, "shape": shape, "end": 0}], b"")
    x = np.zeros((1, 1), np.float32)

    with run_scripted_server(lambda _: said) as listener, Client(listener.url) as client:
        assert np.asarray(client.max_pool1d(x, 1).output).shape == tuple(shape)
        with pytest.raises(UnexpectedAnswer, match="give an array"):
            client.max_pool1d([[1.0]], 1)


INDICES = {"name": "indices", "dtype": "int64", "shape": [1, 1], "start": 4, "end": 12}


@pytest.mark.parametrize(
    "other",
    [{"dtype": "float64"}, {"shape": [1]}, {"dtype": "uint8", "shape": [8]}],
    ids=["another type", "other axes", "both"],
)
def test_indices_are_whole_numbers_one_for_each_element(other: dict[str, object]) -> None:
    """The caller looks elements up by them."""
    said = [elements_response([OUTPUT, {**INDICES, **further}], bytes(12)) for further in ({}, other)]

    with run_scripted_server(lambda count: said[count - 1]) as listener, Client(listener.url) as client:
        assert client.max_pool1d([[1.0]], 1, return_indices=True).indices == [[0]]
        with pytest.raises(UnexpectedAnswer, match="The answer holds indices of"):
            client.max_pool1d([[1.0]], 1, return_indices=True)


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
def test_a_refusal_of_more_bytes_than_a_document_has_takes_none(client_kind: str) -> None:
    """Memory is taken as the bytes come, and none for what is announced beyond the most."""
    said = document_response(b"", "500 Oops", length=response_body.MAX_DOCUMENT_BYTES + 1)

    with (
        run_scripted_server(lambda _: said, hangs_up=True) as listener,
        pytest.raises(UnexpectedAnswer, match="more than a document has"),
    ):
        call_client(client_kind, listener.url, "max_pool1d", [[1.0]], 1)


@given(
    parts=st.lists(st.binary(max_size=9), max_size=9),
    announced=st.none() | st.integers(0, 99),
    most=st.integers(1, 99),
)
def test_a_document_takes_memory_only_as_it_comes(parts: list[bytes], announced: int | None, most: int) -> None:
    """Whatever its length says, nothing is kept but what came, and never more than may be."""
    headers = {} if announced is None else {"content-length": str(announced)}
    request = Request("GET", "/", max_response_bytes=most)
    if announced is not None and announced > most:
        with pytest.raises(UnexpectedAnswer, match="max_answer_bytes"):
            ResponseBody(request, 200, headers)
        return
    filled = ResponseBody(request, 200, headers)
    whole = b"".join(parts)

    try:
        for part in parts:
            filled.write(part)
    except UnexpectedAnswer:
        assert len(whole) > most
    else:
        assert b"".join(filled.finish()) == whole


LARGE = {
    "length": elements_response([OUTPUT]),
    "chunks": f"HTTP/1.1 200 OK\r\n{METADATA}{CHUNKED}\r\n4\r\nabcd\r\n0\r\n\r\n".encode(),
    "a document": document_response({}, further="X: 1\r\n"),
    "a document in chunks": f"HTTP/1.1 500 No\r\n{CHUNKED}\r\n4\r\nabcd\r\n0\r\n\r\n".encode(),
    "a length of many digits": elements_response([OUTPUT], length=MANY_DIGITS),
}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("said", LARGE.values(), ids=list(LARGE))
def test_a_larger_answer_than_the_client_takes_is_refused_with_the_name_of_the_limit(
    kind: type[Client] | type[AsyncClient], said: bytes
) -> None:
    """Whoever has the memory must learn from the message how to raise it."""

    async def awaited() -> object:
        async with AsyncClient(listener.url, max_answer_bytes=1) as client:
            return await client.max_pool1d([[1.0]], 1)

    def asked() -> object:
        if kind is AsyncClient:
            return asyncio.run(awaited())
        with Client(listener.url, max_answer_bytes=1) as client:
            return client.max_pool1d([[1.0]], 1)

    with (
        run_scripted_server(lambda _: said, hangs_up=True) as listener,
        pytest.raises(UnexpectedAnswer, match=r"takes at most 1;.*max_answer_bytes"),
    ):
        asked()


def test_a_limit_that_takes_no_answer_is_refused_at_once() -> None:
    """Not at the first call, far from the mistake."""
    with pytest.raises(ValueError, match="max_answer_bytes"):
        Client(max_answer_bytes=0)


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
@pytest.mark.parametrize("status", ["200 OK", "503 No"])
@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "deflate", "br", "x-other"])
def test_a_compression_that_nobody_asked_for_is_refused(client_kind: str, status: str, coding: str) -> None:
    """Inflated, kilobytes are gigabytes; as they are, they would be taken for the tensor's where the lengths agree."""
    bomb = gzip.compress(gzip.compress(bytes(1024 * 1024)))
    head = f"HTTP/1.1 {status}\r\n{METADATA}Content-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n"

    with (
        run_scripted_server(lambda _: head.encode() + bomb, hangs_up=True) as listener,
        pytest.raises(UnexpectedAnswer, match=f"Content-Encoding '{coding}', which nobody asked for"),
    ):
        call_client(client_kind, listener.url, "max_pool1d", [[1.0]], 1)


@pytest.mark.parametrize("client_kind", CLIENT_KINDS)
def test_an_answer_that_says_that_it_is_as_it_is_is_read(client_kind: str) -> None:
    """Which some proxies do."""
    with run_scripted_server(
        lambda _: elements_response([OUTPUT], b"abcd", further="Content-Encoding: identity\r\n")
    ) as listener:
        pooled = call_client(client_kind, listener.url, "max_pool1d", np.zeros((1, 1), np.float32), 1)

    assert isinstance(pooled, Pooled)
    assert np.asarray(pooled.output).tobytes() == b"abcd"


@pytest.mark.parametrize("field", ["shape", "dtype"])
def test_a_field_cannot_say_how_the_elements_are_read(field: str) -> None:
    """In the query it would, and the answer would be right for another tensor."""
    with Client() as client, pytest.raises(Unprocessable, match=f"{field} is no field of max_pool1d"):
        client.pool("max_pool1d", np.zeros((1, 4), np.float32), kernel_size=2, **{field: "int32"})
