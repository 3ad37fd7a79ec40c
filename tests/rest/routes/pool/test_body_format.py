"""The values between the handler and the formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from poolhouse.errors import PoolhouseError
from poolhouse.rest.routes.pool.body_format import Decoded, NeedsMemory, StaticResponse
from poolhouse.tensors import Tensor
from poolhouse.wire.codec import EncodedBody


def encode(outputs: Mapping[str, Tensor], queue_s: float, compute_s: float) -> EncodedBody:
    """Not called."""
    raise NotImplementedError


def test_a_need_of_memory_is_no_refusal() -> None:
    """The handler reserves the bytes and decodes again; as an error of the service a client would get it."""
    with pytest.raises(NeedsMemory) as raised:
        raise NeedsMemory(2**40)

    assert raised.value.nbytes == 2**40
    assert not isinstance(raised.value, PoolhouseError | MemoryError)
    assert str(raised.value) == str(2**40)


def test_a_format_states_only_what_differs() -> None:
    """Most formats know nothing of the response before it is encoded, and give no time limit."""
    prepared: Any = object()
    decoded = Decoded(prepared, encode, text_bytes=0, encode_on_loop_bytes=None, holds_gil=False)

    assert (decoded.static, decoded.timeout_s) == (None, None)


def test_a_static_response_is_its_headers_and_its_first_bytes() -> None:
    """The handler unpacks it so."""
    lines, prefix = StaticResponse(header_lines=b"content-type: a/b\r\n", prefix=b"{")

    assert (lines, prefix) == (b"content-type: a/b\r\n", b"{")
