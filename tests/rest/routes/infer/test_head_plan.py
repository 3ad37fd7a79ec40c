"""The bytes that an inference request holds and copies, by the length of its JSON part."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.models import Model
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.infer.head_plan import InferHeadPlan
from poolhouse.rest.routes.request_limits import UNREAD_BYTES
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.codec import peak_memory_factor

MODEL = Model("m", None)


def plan_of(header_length: int | None, length: int | None = 1000, *, is_inflated: bool = False) -> InferHeadPlan:
    return InferHeadPlan(MODEL, header_length, {}, None, TransferLimits(1, 1, ""), length, is_inflated)


def aligned_body(nbytes: int, text: bytes, offset: int = 0) -> memoryview:
    """A body whose first byte is at an address that is ``offset`` behind a multiple of 64."""
    memory = bytearray(nbytes + 128)
    start = -np.frombuffer(memory, np.uint8).ctypes.data % 64 + offset
    body = memoryview(memory)[start : start + nbytes]
    body[: len(text)] = text
    return body


@pytest.mark.parametrize("is_ready", [True, False])
def test_json_is_charged_for_the_peak_of_decoding(is_ready: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several times the text, and more without compiled loops; the bytes behind it are charged once."""
    monkeypatch.setattr(compiled_reader, "is_ready", lambda: is_ready)
    factor = peak_memory_factor()

    assert plan_of(None).admitted_bytes == 1000 * factor
    assert plan_of(100).admitted_bytes == 900 + 100 * factor
    assert plan_of(2000).admitted_bytes == 1000 * factor
    assert plan_of(100).holds_gil is not is_ready


@pytest.mark.parametrize(("length", "is_inflated"), [(None, False), (1000, True), (None, True)])
def test_a_body_of_unknown_length_is_charged_for_the_buffers_before_it(length: int | None, is_inflated: bool) -> None:
    """The announced length of a compressed body tells nothing about the bytes that it becomes."""
    unknown = plan_of(100, length, is_inflated=is_inflated)

    assert unknown.held_bytes(5000) == UNREAD_BYTES + plan_of(100).held_bytes(5000)
    assert unknown.admitted_bytes >= UNREAD_BYTES


@given(st.none() | st.integers(1, 5000), st.integers(0, 5000), st.integers(0, 10**6))
def test_what_is_held_covers_the_body_and_never_shrinks(header_length: int | None, nbytes: int, extra: int) -> None:
    """A lease that were too small would let requests exceed the memory of the service together."""
    plan = plan_of(header_length, nbytes)

    assert plan.held_bytes(nbytes, extra) >= nbytes + extra
    assert plan.held_bytes(nbytes + 1, extra) >= plan.held_bytes(nbytes, extra)
    assert plan.held_bytes(nbytes, extra + 1) >= plan.held_bytes(nbytes, extra)
    assert plan.admitted_bytes == plan.held_bytes(nbytes)


@given(st.none() | st.integers(1, 10**6))
def test_padding_aligns_the_bytes_behind_the_text(header_length: int | None) -> None:
    """The body is received behind the padding, so that its tensors need no copy."""
    padding = plan_of(header_length).body_padding

    assert 0 <= padding < 64
    assert (padding + (header_length or 0)) % 64 == 0


@pytest.mark.parametrize(
    ("text", "offset", "copied"),
    [
        (b'{"datatype":"FP32"}', 0, 0),
        (b'{"datatype":"FP32"}', 1, 900),
        (b'{"datatype":"FP32"}', 4, 900),
        (b'{"datatype":"FP32"}', 8, 0),
        (b'{"datatype":"BOOL"}', 0, 900),
        (b'{"datatype":"BO\\u004fL"}', 0, 900),
    ],
)
def test_tensors_are_copied_or_scanned_if_unaligned_or_boolean(text: bytes, offset: int, copied: int) -> None:
    """These bytes take time, so a large body of them is decoded in a thread; an escape may hide the datatype."""
    header_length = 100
    body = aligned_body(1000, text.ljust(header_length), (offset - header_length) % 64)
    plan = plan_of(header_length)

    assert plan.copied_bytes(body) == copied
    assert plan.decoding_bytes(body, copied) >= max(plan.held_bytes(1000), 1000 + copied)


def test_all_of_a_json_body_counts_as_copied() -> None:
    """Its numbers become elements, in other memory."""
    body = memoryview(bytearray(json.dumps({"inputs": [1] * 100}).encode()))
    plan = plan_of(None, len(body))

    assert plan.copied_bytes(body) == len(body) * (peak_memory_factor() - 1)
    assert plan.decoding_bytes(body, plan.copied_bytes(body)) == len(body) * peak_memory_factor()


def test_a_large_body_is_decoded_on_the_loop_if_its_text_is_short() -> None:
    """A view of a gigabyte of elements takes microseconds, and parsing a megabyte of text milliseconds."""
    limit = plan_of(100).decode_on_loop_bytes

    assert plan_of(limit).may_copy_on_loop
    assert not plan_of(limit + 1).may_copy_on_loop
    assert not plan_of(None).may_copy_on_loop
