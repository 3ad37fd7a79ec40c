"""Requests made to exhaust memory, time or the stack: each gets a clear refusal, before anything is allocated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.open_inference.conftest import MAX_BODY_BYTES, MAX_JSON_BYTES
from tests.open_inference.raw_http import (
    ELEMENTS,
    HEADER_LENGTH,
    MAX_POOL,
    binary_request,
    infer,
    infer_json,
    json_request,
    send,
)
from tests.rest.live_server import LiveServer

FORMS: dict[str, dict[str, Any]] = {
    "json": {},
    "bytes": {"data": None, "parameters": {"binary_data_size": 64}},
    "region": {"data": None, "parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 64}},
}
SHAPES: dict[str, object] = {
    "product over 2^63": [16, 2**60 + 2],
    "bytes over 2^63": [4, 2**60 + 2],
    "product over 2^64 that wraps to 16": [2**32, 2**32, 16],
    "wraps to 16 with a zero": [2**32, 2**32, 0],
    "huge": [1, 2**62],
    "2^63": [1, 1, 1, 2**63],
    "2^64": [1, 1, 1, 2**64],
    "more digits": [1, 1, 1, 10**30],
    "negative": [1, 1, -4, -4],
    "minus one": [1, 1, 4, -1],
    "float": [1, 1, 4, 4.0],
    "exponent": [1, 1, 4, 4e0],
    "bool": [True, 1, 4, 4],
    "string": ["1", 1, 4, 4],
    "null": [1, 1, 4, None],
    "list": [[1, 1, 4, 4]],
    "65 dimensions": [1] * 65,
    "33 dimensions": [1] * 33,
    "100,000 dimensions": [1] * 100_000,
    "none": [],
    "number": 16,
    "text": "1,1,4,4",
    "object": {"0": 1},
    "missing": None,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_that_no_tensor_has_is_refused(server: LiveServer, form: str, shape: str) -> None:
    """Products that overflow 64 bits made other servers read and write out of bounds."""
    text = json.dumps(json_request(**FORMS[form] | {"shape": SHAPES[shape]})).encode()
    headers = [(HEADER_LENGTH, str(len(text)))] if form == "bytes" else []
    reply = infer(server, text + (ELEMENTS.tobytes() if form == "bytes" else b""), headers)

    assert (reply.status, bool(reply.refusal())) == (400, True)
    assert len(reply.body) < 1024


DEEP = {
    "data": '{"inputs":[{"name":"input","shape":[1,1,4,4],"datatype":"FP32","data":NESTED}]}',
    "shape": '{"inputs":[{"name":"input","shape":NESTED,"datatype":"FP32","data":[1]}]}',
    "parameter": '{"inputs":[{"name":"input","shape":[1],"datatype":"INT8","data":[1]}],"parameters":{"a":NESTED}}',
    "outputs": '{"outputs":NESTED,"inputs":[{"name":"input","shape":[1,1],"datatype":"FP32","data":[1]}]}',
    "inputs": '{"inputs":NESTED}',
    "unknown member": '{"a":NESTED}',
    "body": "NESTED",
}


@pytest.mark.parametrize("place", DEEP)
@pytest.mark.parametrize("depth", [101, 1_100, 250_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
@pytest.mark.parametrize("is_closed", [True, False])
def test_deep_nesting_is_refused(
    server: LiveServer, place: str, depth: int, opening: str, closing: str, is_closed: bool
) -> None:
    """A recursive parser would end the process: there is no stack for 250,000 levels."""
    if len(opening) * depth + depth > MAX_JSON_BYTES:
        depth = 150_000
    nested = opening * depth + "1" + (closing * depth if is_closed else "")
    text = DEEP[place].replace("NESTED", nested).encode()
    reply = infer(server, text)

    assert (reply.status, bool(reply.refusal())) == (400, True)


def test_a_body_over_the_limit_is_refused_by_its_head(server: LiveServer) -> None:
    """Nothing of it is received; the refusal has the limit."""
    too_large: list[tuple[int, list[tuple[str, str]], int]] = [
        (MAX_JSON_BYTES + 1, [], MAX_JSON_BYTES),
        (MAX_BODY_BYTES + 1, [(HEADER_LENGTH, "100")], MAX_BODY_BYTES),
        (MAX_BODY_BYTES, [(HEADER_LENGTH, str(MAX_JSON_BYTES + 1))], MAX_JSON_BYTES),
    ]
    for length, headers, limit in too_large:
        head = f"POST {MAX_POOL} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        with server.connect() as connection:
            connection.sendall((head + lines + "\r\n").encode())
            received = connection.recv(65536)
            while b"\r\n\r\n" not in received or not received.endswith(b"}"):
                received += connection.recv(65536)

        assert received.startswith(b"HTTP/1.1 413 ")
        document = json.loads(received.partition(b"\r\n\r\n")[2])
        assert (document["limit_bytes"], document["code"]) == (limit, "body_too_large")


@pytest.mark.parametrize("has_length", [True, False])
def test_a_chunked_body_over_the_limit_is_refused(server: LiveServer, has_length: bool) -> None:
    """It does not say its length, so it is counted."""
    limit = MAX_BODY_BYTES if has_length else MAX_JSON_BYTES
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    headers = [("Transfer-Encoding", "chunked"), *([(HEADER_LENGTH, "100")] if has_length else [])]
    reply = send(server, "POST", MAX_POOL, headers, chunk * (limit // 65536 + 1) + b"0\r\n\r\n")

    assert (reply.status, json.loads(reply.body)["limit_bytes"]) == (413, limit)
    assert reply.refusal()


@pytest.mark.parametrize("outputs", ["data", "bytes", "classes"])
@pytest.mark.parametrize("size", [2**31 - 1, 2**15])
def test_a_small_request_for_a_large_result_is_refused(server: LiveServer, outputs: str, size: int) -> None:
    """An adaptive output of any size can be asked for in a line."""
    document = json_request()
    document["parameters"] = {"output_size": size}
    if outputs != "data":
        parameters = {"binary_data": True} if outputs == "bytes" else {"classification": 2**31 - 1}
        document["outputs"] = [{"name": "output", "parameters": parameters}]
    reply = infer_json(server, document, model="adaptive_avg_pool2d")

    assert reply.status in (400, 413)
    assert reply.refusal()


@pytest.mark.parametrize("count", [65, 100])
@pytest.mark.parametrize("name", ["inputs", "outputs"])
def test_more_tensors_than_any_operator_has_are_refused(server: LiveServer, name: str, count: int) -> None:
    """Each entry costs objects; a pyramid has the most outputs, 62."""
    document = json_request()
    document[name] = [{**json_request()["inputs"][0], "name": f"input{index}"} for index in range(count)]

    assert "at most 64" in infer_json(server, document).refusal()


@pytest.mark.parametrize(
    "document",
    [
        {"a" * 100_000: 1},
        {"id": "i" * 900_000},
        {"inputs": [{"name": "n" * 100_000, "shape": [1, 1], "datatype": "FP32", "data": [1]}]},
        {"inputs": [{"name": "input", "shape": [1, 1], "datatype": "D" * 100_000, "data": [1]}]},
        {**json_request(), "parameters": {"p" * 100_000: 1}},
        {**json_request(), "parameters": {"kernel_size": "9" * 100_000}},
        {**json_request(), "parameters": {f"p{index}": index for index in range(10_000)}},
        {**json_request(), "outputs": [{"name": "o" * 100_000}]},
    ],
    ids=["member", "id", "name", "datatype", "parameter", "value", "many parameters", "output"],
)
def test_a_refusal_quotes_little(server: LiveServer, document: dict[str, object]) -> None:
    """A request must not choose what the log and the client have to hold."""
    reply = infer_json(server, document)

    assert (reply.status, bool(reply.refusal())) == (400, True)
    assert len(reply.body) < 16_384


def test_a_long_id_is_repeated_whole(server: LiveServer) -> None:
    """A client finds its request by it; a longer one is refused, since the response would be longer than is counted."""
    name = 'é\n\u2028"' * 256
    reply = infer_json(server, json_request() | {"id": name})

    assert reply.document()["id"] == name
    assert "id" in infer_json(server, json_request() | {"id": name + "x"}).refusal()


@pytest.mark.parametrize(
    "value", ["kernel_size=2&" * 3000, "=", "&&&", "kernel_size", "%zz=%zz", "kernel_size=%ff", "\xff=1"]
)
def test_a_hostile_header_of_fields_is_refused_or_ignored(server: LiveServer, value: str) -> None:
    """It is parsed before the body arrives."""
    text, length = binary_request()
    reply = infer(server, text, [(HEADER_LENGTH, str(length)), ("Pool-Parameters", value)])

    assert reply.status in (200, 400)


def test_the_server_is_as_before(server: LiveServer) -> None:
    """Nothing of the above has an effect on other clients."""
    assert infer_json(server, json_request()).status == 200
