"""Compressed requests and responses."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np
import pytest
import tritonclient.http.aio
from tritonclient.http import InferInput

from tests.open_inference.conftest import MAX_BODY_BYTES, MAX_JSON_BYTES, Call
from tests.open_inference.raw_http import (
    ELEMENTS,
    HEADER_LENGTH,
    MAX_POOL,
    MAXIMA,
    Reply,
    binary_request,
    infer,
    json_request,
    send,
)
from tests.rest.live_server import LiveServer

BODY, LENGTH = binary_request()
WITH_LENGTH = (HEADER_LENGTH, str(LENGTH))
LARGE = np.arange(64 * 64, dtype=np.float32).reshape(1, 1, 64, 64)


def raw_deflate(data: bytes) -> bytes:
    """The format that browsers once meant by deflate: without the header and the checksum of zlib."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize("request_coding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("response_coding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_compression_changes_no_result(
    call: Call, request_coding: str | None, response_coding: str | None, binary: bool
) -> None:
    """Requests, responses, and both, with elements as bytes and as JSON."""
    tensor = InferInput("input", list(LARGE.shape), "FP32")
    tensor.set_data_from_numpy(LARGE, binary_data=binary)

    result = call(
        "infer",
        "max_pool2d",
        [tensor],
        parameters={"kernel_size": 1},
        request_compression_algorithm=request_coding,
        response_compression_algorithm=response_coding,
    )

    assert result.as_numpy("output").tobytes() == LARGE.tobytes()


def large_reply(server: LiveServer, *headers: tuple[str, str], wanted: bool = True) -> Reply:
    """The response to a request whose result is worth compressing."""
    document = {
        "inputs": [{"name": "input", "shape": list(LARGE.shape), "datatype": "FP32", "data": LARGE.ravel().tolist()}],
        "parameters": {"kernel_size": 1, "binary_data_output": wanted},
    }
    return infer(server, json.dumps(document).encode(), headers)


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("deflate", "deflate"),
        ("gzip;q=0", None),
        ("*", None),
        ("br", None),
        ("zstd", None),
        ("identity", None),
        ("gzip, deflate, br", None),
        ("gzip, deflate, br, zstd", None),
        ("gzip;q=0.1, deflate;q=0.9", "deflate"),
        ("gzip;q=0.5, deflate;q=0.5", "gzip"),
        ("deflate;q=0.5, gzip;q=0.5, br;q=1", "deflate"),
    ],
)
def test_a_response_is_compressed_only_if_the_client_asks(
    server: LiveServer, accept: str | None, coding: str | None
) -> None:
    """The clients read gzip and deflate only. A list without weights is what HTTP libraries send by default."""
    reply = large_reply(server, *([] if accept is None else [("Accept-Encoding", accept)]))

    assert reply.headers.get("content-encoding") == coding
    assert reply.headers["vary"] == "Accept-Encoding"
    unpack: dict[str | None, Callable[[bytes], bytes]] = {
        None: bytes,
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
    }
    body = unpack[coding](reply.body)
    assert body[int(reply.headers[HEADER_LENGTH.lower()]) :] == LARGE.tobytes()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_the_header_length_is_that_before_compression(server: LiveServer, coding: str) -> None:
    """The client splits the body after it has decompressed it."""
    plain = large_reply(server)
    packed = large_reply(server, ("Accept-Encoding", coding))

    assert packed.headers[HEADER_LENGTH.lower()] == plain.headers[HEADER_LENGTH.lower()]
    assert int(packed.headers["content-length"]) == len(packed.body) < len(plain.body)


def test_only_inferences_are_compressed(server: LiveServer) -> None:
    """The asynchronous client sends aiohttp's default list, and cannot read anything else compressed."""

    async def ask() -> Any:
        async with tritonclient.http.aio.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
            headers = {"Accept-Encoding": "gzip, deflate, br, zstd"}
            return [
                await client.get_server_metadata(headers=headers),
                await client.get_model_metadata("max_pool2d", headers=headers),
                await client.get_model_config("max_pool2d", headers={"Accept-Encoding": "gzip"}),
                await client.get_model_repository_index(headers={"Accept-Encoding": "gzip"}),
                await client.get_inference_statistics(headers={"Accept-Encoding": "gzip"}),
            ]

    assert all(asyncio.run(ask()))


def test_the_default_of_aiohttp_gives_an_uncompressed_response(server: LiveServer) -> None:
    """It would cost more time than it saves, and nobody asked for it."""

    async def ask() -> tuple[int, str | None]:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.post(server.url + MAX_POOL, data=BODY, headers=dict([WITH_LENGTH])) as response,
        ):
            return response.status, response.headers.get("Content-Encoding")

    assert asyncio.run(ask()) == (200, None)


@pytest.mark.parametrize("accept", ["gzip", "deflate", "gzip, deflate, br"])
@pytest.mark.parametrize("target", ["/v2/models/none/infer", "/v2/models/none", "/v2/none"])
def test_refusals_are_never_compressed(server: LiveServer, accept: str, target: str) -> None:
    """The clients decode them without looking at Content-Encoding."""
    reply = send(server, "POST" if target.endswith("infer") else "GET", target, [("Accept-Encoding", accept)], None)

    assert (reply.status, bool(reply.refusal())) == (404, True)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(BODY)[:-1]),
        ("gzip", gzip.compress(BODY)[:-9]),
        ("gzip", gzip.compress(BODY)[:-8] + bytes(8)),
        ("gzip", gzip.compress(BODY)[:20] + b"\xff" + gzip.compress(BODY)[21:]),
        ("gzip", gzip.compress(BODY) + b"\0"),
        ("gzip", gzip.compress(BODY) + b"rest"),
        ("gzip", BODY),
        ("gzip", b""),
        ("gzip", gzip.compress(b"")),
        ("gzip", zlib.compress(BODY)),
        ("deflate", raw_deflate(BODY)),
        ("deflate", zlib.compress(BODY)[:-1]),
        ("deflate", zlib.compress(BODY)[:-4] + bytes(4)),
        ("deflate", zlib.compress(BODY) + b"rest"),
        ("deflate", gzip.compress(BODY)),
        ("deflate", BODY),
        ("deflate", b""),
        ("identity", gzip.compress(BODY)),
    ],
)
def test_a_stream_that_does_not_end_cleanly_is_refused(server: LiveServer, coding: str, packed: bytes) -> None:
    """Triton decodes raw deflate and corrupt gzip to an empty body, and pools an empty tensor."""
    for headers in ([WITH_LENGTH], []):
        reply = infer(server, packed, [*headers, ("Content-Encoding", coding)])

        assert (reply.status, bool(reply.refusal())) == (400, True)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("length", [0, LENGTH - 1, LENGTH + 1, len(BODY) + 1])
def test_the_header_length_of_a_request_is_checked_after_inflation(
    server: LiveServer, coding: str, length: int
) -> None:
    """Before that the service knows only the length of the compressed body, which may be shorter or longer."""
    packed = gzip.compress(BODY) if coding == "gzip" else zlib.compress(BODY)
    headers = [("Content-Encoding", coding)]

    assert infer(server, packed, [*headers, WITH_LENGTH]).document()["outputs"][0]["data"] == MAXIMA
    assert infer(server, packed, [*headers, (HEADER_LENGTH, str(length))]).status == 400


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("is_json", [True, False])
def test_a_bomb_is_stopped_at_the_limit(server: LiveServer, coding: str, is_json: bool) -> None:
    """64 MiB arrive as 64 kB; inflation ends at the limit for JSON or for bodies with bytes."""
    text = json.dumps(json_request()).encode()
    content = text + b" " * 2**26 if is_json else BODY + bytes(2**26)
    packed = gzip.compress(content, 1) if coding == "gzip" else zlib.compress(content, 1)
    assert len(packed) < MAX_JSON_BYTES

    reply = infer(server, packed, [("Content-Encoding", coding), *([] if is_json else [WITH_LENGTH])])

    assert (reply.status, bool(reply.refusal())) == (413, True)
    assert json.loads(reply.body)["limit_bytes"] == (MAX_JSON_BYTES if is_json else MAX_BODY_BYTES)


@pytest.mark.parametrize("coding", ["br", "compress", "gzip, gzip", "gzip, deflate", "nonsense"])
def test_an_unsupported_coding_is_refused(server: LiveServer, coding: str) -> None:
    """The response says which ones are supported, as RFC 9110 asks."""
    reply = infer(server, BODY, [("Content-Encoding", coding), WITH_LENGTH])

    assert (reply.status, bool(reply.refusal())) == (415, True)
    assert {"gzip", "deflate"} <= set(reply.headers["accept-encoding"].replace(",", " ").split())


@pytest.mark.parametrize("coding", ["", "identity", "IDENTITY"])
def test_no_coding(server: LiveServer, coding: str) -> None:
    """Identity is the name of none."""
    reply = infer(server, BODY, [("Content-Encoding", coding), WITH_LENGTH])

    assert reply.document()["outputs"][0]["data"] == MAXIMA


def test_small_responses_are_not_compressed(server: LiveServer) -> None:
    """They fit into one packet; the client takes the missing header as no compression."""
    reply = infer(server, BODY, [WITH_LENGTH, ("Accept-Encoding", "gzip")])

    assert "content-encoding" not in reply.headers
    assert reply.document()["outputs"][0]["shape"] == [1, 1, 2, 2]
    assert ELEMENTS.max() in reply.document()["outputs"][0]["data"]
