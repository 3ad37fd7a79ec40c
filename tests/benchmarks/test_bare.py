"""The bare protocol is a limit only if it does the work: every answer whole and right, however its bytes come."""

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


class Written(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data


def post(x: Floats) -> bytes:
    asked = v1_raw(x)
    return build_request(asked.target, asked.headers["Content-Type"], asked.body)


def fed(requests: bytes, lengths: list[int]) -> bytes:
    """What the protocol answers when the bytes come in pieces of these lengths, over and over."""
    transport, protocol = Written(), BareServerProtocol(pool_by_slices)
    protocol.connection_made(transport)
    number = 0
    while requests:
        buffer = protocol.get_buffer(-1)
        size = min(lengths[number % len(lengths)], len(buffer), len(requests))
        assert size, "the protocol gives no memory to receive into"
        buffer[:size] = requests[:size]
        protocol.buffer_updated(size)
        requests = requests[size:]
        number += 1
    return bytes(transport.written)


def bodies(answers: bytes) -> list[bytes]:
    found = []
    while answers:
        head, _, answers = answers.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)\r\n", head)
        assert length is not None
        assert len(answers) >= int(length[1])
        found.append(answers[: int(length[1])])
        answers = answers[int(length[1]) :]
    return found


@given(
    shapes=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4),
    lengths=st.lists(st.integers(50, 1 << 17), min_size=1, max_size=4),
)
def test_answers_do_not_depend_on_how_bytes_come(shapes: list[tuple[int, ...]], lengths: list[int]) -> None:
    """Older bytes of the same head, a kept buffer, and the start of the next request lie where they could be taken."""
    inputs = [np.random.default_rng(n).random(shape, np.float32) for n, shape in enumerate(shapes)]

    answers = fed(b"".join(post(x) for x in inputs), lengths)

    assert bodies(answers) == [expected_output(x).tobytes() for x in inputs]


def test_a_head_is_read_into_what_an_answer_needs() -> None:
    """The tensor's metadata are those of our own service."""
    head = parse_head(b"POST /v1/pool/max_pool2d?shape=2,3,8,6 HTTP/1.1\r\nContent-Length: 1152\r\n\r\n")

    assert (head.body_bytes, head.input_shape, head.output_shape) == (1152, (6, 8, 6), (6, 4, 3))
    assert b'[{"name":"output","dtype":"float32","shape":[2,3,4,3],"start":0,"end":288}]' in head.response_head


@pytest.mark.parametrize("name", ["slices", "installed"])
def test_what_pools_is_torchs_maximum(name: str) -> None:
    """NaN, infinities and zeros of both signs included: a limit that skips them would do less."""
    x = input_array("small")
    x[0, 0, :4, :8] = [[np.nan, 1, np.inf, -np.inf, -np.inf, -np.inf, 3, np.nan]] * 4
    pool = pool_by_slices if name == "slices" else choose_pool_function()[1]
    pooled = np.empty((3, 16, 16), np.float32)

    pool(x[0], pooled)

    assert np.array_equal(pooled, expected_output(x)[0], equal_nan=True)
