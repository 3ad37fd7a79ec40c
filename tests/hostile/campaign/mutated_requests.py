"""Send mutated HTTP requests: bytes are removed, duplicated or swapped, and sent in pieces.

The server must respond to each request in order, with a status that is not 5xx except 503, and with valid JSON if the
content type says so; or close the connection.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from random import Random
from threading import Event
from typing import Final

from tests.hostile.campaign.targeted_attacks import connected, pool_request, request_head

_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_REFUSAL: Final = re.compile(
    rb"HTTP/1\.1 4\d\d [^\r\n]*\r\n(?:[a-z-]+: [^\r\n]*\r\n)*?"
    rb"content-type: application/(?:problem\+)?json\r\n(?:[a-z-]+: [^\r\n]*\r\n)*?content-length: (\d+)\r\n"
    rb"(?:[a-z-]+: [^\r\n]*\r\n)*\r\n"
)
_INFERENCE: Final = (
    b'{"id":"7","inputs":[{"name":"input","shape":[1,1,4],"datatype":"FP32","data":[1,NaN,3,4]}],'
    b'"parameters":{"kernel_size":2}}'
)
_BINARY_INFERENCE: Final = (
    b'{"inputs":[{"name":"input","shape":[1,1,2,2],"datatype":"FP32","parameters":{"binary_data_size":16}}],'
    b'"outputs":[{"name":"output","parameters":{"classification":1}}],"parameters":{"op":"max_pool2d","stats":true}}'
)
_SEEDS: Final = (
    request_head("/livez", method="GET"),
    request_head("/v1/operators/max_pool2d", "Accept: application/json, */*;q=.1", method="GET"),
    request_head("/openapi.json", "Accept-Encoding: gzip", method="GET"),
    pool_request("max_pool2d", {"input": [[[1, 2], [3, 4]]], "kernel_size": 2}),
    pool_request("avg_pool1d", bytes(64), "Expect: 100-continue", query="kernel_size=2&dtype=float32&shape=1,1,16"),
    pool_request(
        "max_pool1d", bytes(64), "Connection: Upgrade", "Upgrade: h2c", query="kernel_size=2&dtype=float32&shape=1,16"
    ),
    request_head("/v1/pool/max_pool1d", "Content-Type: application/json", "Transfer-Encoding: chunked")
    + b'1c\r\n{"input": [[1, 2, 3, 4]], "k\r\n11\r\nernel_size": 2}  \r\n0\r\n\r\n',
    request_head("/v1/plan/avg_pool3d", "Content-Type: application/json", length=66)
    + b'{"input": {"shape": [1, 4, 4, 4], "dtype": "bool"}, "kernel_size":2}'[:66],
    request_head("/v2", method="GET"),
    request_head("/v2/models/max_pool1d/infer", length=len(_INFERENCE)) + _INFERENCE,
    request_head(
        "/v2/models/pool/versions/1/infer",
        f"Inference-Header-Content-Length: {len(_BINARY_INFERENCE)}",
        "Pool-Parameters: kernel_size=2",
        "Accept-Encoding: gzip",
        length=len(_BINARY_INFERENCE) + 16,
    )
    + _BINARY_INFERENCE
    + bytes(16),
)
_SCRAPS: Final = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b":",
        b";",
        b",",
        b"\xff",
        b"%00",
        b"HTTP/1.1",
        b"HTTP/1.0",
        b"Host: y\r\n",
    ),
    *(
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"Expect: 100-continue\r\n",
    ),
    *(
        b"Upgrade: websocket\r\n",
        b"Content-Encoding: gzip\r\n",
        b"0\r\n\r\n",
        b"-1",
        b"99999999999999999999",
        b"{",
        b"[",
        b'"',
    ),
)


def mutated(random: Random) -> bytes:
    """One to four requests in one text, with some bytes mutated."""
    text = bytearray(b"".join(random.choice(_SEEDS) for _ in range(random.randint(1, 4))))
    for _ in range(random.randint(0, 4)):
        at = random.randrange(len(text) + 1)
        match random.randrange(5):
            case 0:
                text[at:at] = random.choice(_SCRAPS)
            case 1:
                del text[at : at + random.randrange(1, 20)]
            case 2:
                start = random.randrange(len(text) + 1)
                text[at:at] = text[start : start + random.randrange(80)]
            case 3 if at < len(text):
                text[at] = random.randrange(256)
            case _:
                del text[at:]
    return bytes(text)


def find_fault(received: bytes) -> str | None:
    """What is wrong with the responses, as a sentence."""
    for status in _STATUS.findall(received):
        if status.startswith(b"5") and status != b"503":
            return f"status {status.decode()}"
    for refusal in _REFUSAL.finditer(received):
        body = received[refusal.end() :][: int(refusal[1])]
        if len(body) < int(refusal[1]):
            continue  # the connection was closed within the body
        try:
            json.loads(body)
        except ValueError:
            return f"a refusal that is no JSON: {body[:200]!r}"
    return None


def mutate(port: int, seed: int, stop: Event) -> None:
    """Mutate until stopped. Each fault is printed as a line, and the number of cases last."""
    random, count = Random(seed), 0
    while not stop.is_set():
        text = mutated(random)
        cuts = sorted(random.randrange(len(text) + 1) for _ in range(random.choice((0, 0, 1, 2, 5))))
        received = bytearray()
        with suppress(OSError), connected(port) as connection:
            connection.settimeout(0.3)
            for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
                connection.sendall(text[start:end])
            connection.shutdown(1)
            while piece := connection.recv(1 << 16):
                received += piece
        count += 1
        if (fault := find_fault(bytes(received))) is not None:
            print(f"{fault} to {text[:600]!r} cut at {cuts}", flush=True)
    print(f"exchanges {count}", flush=True)
    sys.stdout.flush()
