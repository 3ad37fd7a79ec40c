"""The bare protocol must do the work to be a valid limit: every response is complete and correct."""

from __future__ import annotations

import asyncio
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from _bare_server import BareServerProtocol, choose_pool_function, parse_head, pool_by_slices
from _cases import Floats, expected_output, input_array, v1_raw
from _harness import build_request

SHAPES = ((1, 1, 4, 4), (1, 3, 32, 32), (1, 8, 56, 56))
"""The last does not fit into the receive buffer."""


class RecordingTransport(asyncio.Transport):
    """Records the written bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data


def post(x: Floats) -> bytes:
    request = v1_raw(x)
    return build_request(request.target, request.headers["Content-Type"], request.body)


def responses_to(requests: bytes, lengths: list[int]) -> bytes:
    """The responses to requests that arrive in pieces of these lengths, repeatedly."""
    transport, protocol = RecordingTransport(), BareServerProtocol(pool_by_slices)
    protocol.connection_made(transport)
    number = 0
    while requests:
        buffer = protocol.get_buffer(-1)
        size = min(lengths[number % len(lengths)], len(buffer), len(requests))
        assert size, "the protocol returns an empty buffer"
        buffer[:size] = requests[:size]
        protocol.buffer_updated(size)
        requests = requests[size:]
        number += 1
    return bytes(transport.written)


def bodies(responses: bytes) -> list[bytes]:
    found = []
    while responses:
        head, _, responses = responses.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)\r\n", head)
        assert length is not None
        assert len(responses) >= int(length[1])
        found.append(responses[: int(length[1])])
        responses = responses[int(length[1]) :]
    return found


@given(
    shapes=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4),
    lengths=st.lists(st.integers(50, 1 << 17), min_size=1, max_size=4),
)
def test_responses_do_not_depend_on_the_pieces(shapes: list[tuple[int, ...]], lengths: list[int]) -> None:
    """Older bytes, a reused buffer, and the start of the next request must not be mixed into a request."""
    inputs = [np.random.default_rng(n).random(shape, np.float32) for n, shape in enumerate(shapes)]

    responses = responses_to(b"".join(post(x) for x in inputs), lengths)

    assert bodies(responses) == [expected_output(x).tobytes() for x in inputs]


def test_a_head_is_parsed() -> None:
    """The tensor metadata is the same as in our service."""
    head = parse_head(b"POST /v1/pool/max_pool2d?shape=2,3,8,6 HTTP/1.1\r\nContent-Length: 1152\r\n\r\n")

    assert (head.body_bytes, head.input_shape, head.output_shape) == (1152, (6, 8, 6), (6, 4, 3))
    assert b'[{"name":"output","dtype":"float32","shape":[2,3,4,3],"start":0,"end":288}]' in head.response_head


@pytest.mark.parametrize("name", ["slices", "installed"])
def test_both_pooling_functions_agree_with_torch(name: str) -> None:
    """Also for NaN, infinities and zeros of both signs; to ignore them would be less work."""
    x = input_array("small")
    x[0, 0, :4, :8] = [[np.nan, 1, np.inf, -np.inf, -np.inf, -np.inf, 3, np.nan]] * 4
    pool = pool_by_slices if name == "slices" else choose_pool_function()[1]
    output = np.empty((3, 16, 16), np.float32)

    pool(x[0], output)

    assert np.array_equal(output, expected_output(x)[0], equal_nan=True)
