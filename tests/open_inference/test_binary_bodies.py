"""The header that gives the length of the JSON part, and bodies that contradict it."""

from __future__ import annotations

import json

import pytest

from tests.open_inference.raw_http import (
    ELEMENTS,
    HEADER_LENGTH,
    MAX_POOL,
    MAXIMA,
    binary_request,
    infer,
    json_request,
    send,
)
from tests.rest.live_server import LiveServer, read_all

BODY, LENGTH = binary_request()


@pytest.mark.parametrize(
    "value",
    [
        *("-1", "-0", "0", "00", "", " ", "+1", "1e3", "1.0", "0x10", "abc", "12abc", "1 2", "1,1", "١"),
        *(str(LENGTH + 65), str(len(BODY) + 1), "99999999999", str(2**31), str(2**63), str(2**64 + LENGTH), "9" * 5000),
        f"{LENGTH}, {LENGTH}",
    ],
    ids=lambda value: value[:24] or "empty",
)
def test_an_invalid_header_length_is_refused(server: LiveServer, value: str) -> None:
    """Triton reads abc as 0 and 1e3 as 1: the JSON text itself would be pooled. A huge one once ended it."""
    reply = infer(server, BODY, [(HEADER_LENGTH, value.encode().decode("latin-1"))])

    assert reply.status in (400, 413)
    assert HEADER_LENGTH in reply.refusal()


def test_two_header_lengths_are_refused(server: LiveServer) -> None:
    """A proxy may read the first one, and the service the last one."""
    for other in (LENGTH, LENGTH - 1):
        reply = infer(server, BODY, [(HEADER_LENGTH, str(LENGTH)), (HEADER_LENGTH, str(other))])

        assert (reply.status, bool(reply.refusal())) == (400, True)


@pytest.mark.parametrize("length", [1, LENGTH - 1, LENGTH + 1, len(BODY)])
def test_a_header_length_that_splits_elsewhere_is_refused(server: LiveServer, length: int) -> None:
    """The JSON part would be cut, or have elements behind it."""
    reply = infer(server, BODY, [(HEADER_LENGTH, str(length))])

    assert (reply.status, bool(reply.refusal())) == (400, True)


def test_without_the_header_the_whole_body_is_json(server: LiveServer) -> None:
    """The bytes behind the JSON part are no JSON, and must not be guessed to be elements."""
    assert infer(server, BODY).status == 400


def test_leading_zeros_and_spaces_of_the_header_length(server: LiveServer) -> None:
    """They are digits and optional whitespace of HTTP, so the value is unambiguous."""
    reply = infer(server, BODY, [(HEADER_LENGTH, f"  000{LENGTH} ")])

    assert reply.document()["outputs"][0]["data"] == MAXIMA


@pytest.mark.parametrize("elements", [b"", ELEMENTS.tobytes()[:-1], ELEMENTS.tobytes() + b"\0"])
def test_a_byte_too_few_or_too_many_is_refused(server: LiveServer, elements: bytes) -> None:
    """Elements of another place of the body would be pooled."""
    body, length = binary_request(elements)
    reply = infer(server, body, [(HEADER_LENGTH, str(length))])

    assert reply.status == 400
    assert "64" in reply.refusal()
    assert str(len(elements)) in reply.refusal()


@pytest.mark.parametrize("size", [0, 60, 63, 65, 68, 2**63 - 1, 2**64, -64, 64.0, True, "64", None])
def test_a_size_that_contradicts_the_shape_is_refused(server: LiveServer, size: object) -> None:
    """The size, the shape and the datatype of a tensor agree, or one of them is wrong."""
    text = json.dumps(json_request(data=None, parameters={"binary_data_size": size})).encode()
    reply = infer(server, text + ELEMENTS.tobytes(), [(HEADER_LENGTH, str(len(text)))])

    assert (reply.status, bool(reply.refusal())) == (400, True)


@pytest.mark.parametrize("headers", [[], [(HEADER_LENGTH, "2")]], ids=["absent", "2"])
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_empty_request_is_refused(server: LiveServer, headers: list[tuple[str, str]], body: bytes) -> None:
    """Triton takes an empty body as a tensor without elements, and answers 200."""
    reply = infer(server, body, headers)

    assert (reply.status, bool(reply.refusal())) == (400, True)


@pytest.mark.parametrize(
    "text",
    [
        *(
            b"[]",
            b"null",
            b"1",
            b'"inputs"',
            b"{",
            b"{}}",
            b"{} {}",
            b"\xef\xbb\xbf{}",
            b"\xff",
            b"\0",
            b"   ",
            b"{'a':1}",
        ),
        b'{"inputs": [], "inputs": []}',
        b'{"inputs": [{"name": "input", "name": "input"}]}',
        '{"id": "\ud800"}'.encode("utf-8", "surrogatepass"),
        b'{"id": "\\ud800", "inputs": []}',
    ],
    ids=repr,
)
def test_a_json_part_that_is_no_request_is_refused(server: LiveServer, text: bytes) -> None:
    """It is the caller's fault, which Triton calls its own (500), so that clients retry it."""
    for headers in ([], [(HEADER_LENGTH, str(len(text)))]):
        reply = infer(server, text, headers)

        assert (reply.status, bool(reply.refusal())) == (400, True)


@pytest.mark.parametrize(
    "text",
    [
        '{"inputs":[{"name":"input","shape":[1,1,1,1],"datatype":"FP32","data":[NUMBER]}],"parameters":{"kernel_size":1}}',
        '{"inputs":[{"name":"input","shape":[1,1,1,1],"datatype":"FP32","data":[1]}],"parameters":{"kernel_size":NUMBER}}',
        '{"inputs":[{"name":"input","shape":[1,1,1,NUMBER],"datatype":"FP32","data":[1]}],"parameters":{"kernel_size":1}}',
        '{"inputs":[{"name":"input","shape":[1,1,1,1],"datatype":"FP32","data":[1]}],"parameters":{"timeout":NUMBER}}',
    ],
    ids=["data", "field", "shape", "timeout"],
)
@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "9" * 5000, "1" + "0" * 400, "01", "+1", "1.", ".5", "0x1", "1_0", "--1", "1e"]
)
def test_a_number_that_is_none_or_too_large_is_refused(server: LiveServer, text: str, number: str) -> None:
    """1e400 becomes Infinity in Triton, and integers of 5,000 digits make Python's own parser raise."""
    reply = infer(server, text.replace("NUMBER", number).encode())

    assert (reply.status, bool(reply.refusal())) == (400, True)


def test_the_requests_of_the_cpp_client(server: LiveServer) -> None:
    """It always sends the header, with only JSON too, and a media type that says whether there are bytes."""
    text = json.dumps(json_request()).encode()
    common = [("User-Agent", "libcurl-agent/1.0"), ("Accept", "*/*")]
    only_json = infer(server, text, [*common, (HEADER_LENGTH, str(len(text))), ("Content-Type", "application/json")])
    with_bytes = infer(
        server, BODY, [*common, (HEADER_LENGTH, str(LENGTH)), ("Content-Type", "application/octet-stream")]
    )

    assert only_json.document() == with_bytes.document()
    assert only_json.document()["outputs"][0]["data"] == MAXIMA


@pytest.mark.parametrize("media_type", ["text/plain", "application/octet-stream", "image/png", "nonsense", None])
@pytest.mark.parametrize("binary", [False, True])
def test_the_media_type_decides_nothing(server: LiveServer, media_type: str | None, binary: bool) -> None:
    """The clients send none, or application/octet-stream for JSON."""
    headers = [] if media_type is None else [("Content-Type", media_type)]
    body = BODY if binary else json.dumps(json_request()).encode()
    if binary:
        headers.append((HEADER_LENGTH.upper(), str(LENGTH)))

    assert infer(server, body, headers).document()["outputs"][0]["data"] == MAXIMA


def test_a_chunked_body(server: LiveServer) -> None:
    """Its length is unknown when the head arrives; chunks may end anywhere."""
    chunks = [BODY[start : start + 7] for start in range(0, len(BODY), 7)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    headers = [("Transfer-Encoding", "chunked")]

    reply = infer(server, framed, [*headers, (HEADER_LENGTH, str(LENGTH))])
    too_short = infer(server, framed, [*headers, (HEADER_LENGTH, str(len(BODY) + 1))])

    assert reply.document()["outputs"][0]["data"] == MAXIMA
    assert (too_short.status, HEADER_LENGTH in too_short.refusal()) == (400, True)
    assert infer(server, b"0\r\n\r\n", headers).status == 400


@pytest.mark.parametrize("length", [LENGTH, len(BODY) + 1])
def test_a_client_that_waits_before_it_sends_the_body(server: LiveServer, length: int) -> None:
    """curl asks for bodies over 1 MiB: a valid head gets 100 Continue, and an invalid one its refusal at once."""
    head = (
        f"POST {MAX_POOL} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\nExpect: 100-continue\r\n"
        f"{HEADER_LENGTH}: {length}\r\nConnection: close\r\n\r\n"
    )
    with server.connect() as connection:
        connection.sendall(head.encode())
        first = connection.recv(65536)
        if length == LENGTH:
            assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(BODY)
            assert b"[5.0,7.0,13.0,15.0]" in read_all(connection)
        else:
            assert first.startswith(b"HTTP/1.1 400 ")


def test_unaligned_elements_give_the_same_result(server: LiveServer) -> None:
    """The JSON part may have any length, so the elements may begin at any address."""
    expected = infer(server, BODY, [(HEADER_LENGTH, str(LENGTH))]).document()["outputs"]
    for spaces in range(1, 65):
        body = b" " * spaces + BODY
        reply = infer(server, body, [(HEADER_LENGTH, str(LENGTH + spaces))])

        assert reply.document()["outputs"] == expected


def test_other_methods_are_refused(server: LiveServer) -> None:
    """The refusal says which method the path has."""
    for method in ("GET", "PUT", "DELETE"):
        reply = send(server, method, MAX_POOL)

        assert (reply.status, reply.headers["allow"], bool(reply.refusal())) == (405, "POST", True)
