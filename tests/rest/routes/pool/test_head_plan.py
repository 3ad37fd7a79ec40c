"""The bytes that a request holds while its body is received, by the kind of its body."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.pool.head_plan import HeadPlan, RawBodyPlan
from poolhouse.rest.routes.pool.response_format import ResponseFormat
from poolhouse.rest.routes.request_limits import UNREAD_BYTES
from poolhouse.wire.codec import Codec
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.codec import JSON, peak_memory_factor
from poolhouse.wire.npy import NpyCodec
from poolhouse.wire.raw import RAW

UNUSED: Any = None
NPY = NpyCodec()


def plan_of(codec: Codec, *, length: int | None = 1000, is_inflated: bool = False, raw: Any = None) -> HeadPlan:
    return HeadPlan("max", codec, None, None, {}, raw, TransferLimits(1, 1, ""), length, is_inflated)


def raw_of(input_bytes: int, held_bytes: int, response_bytes: int) -> RawBodyPlan:
    plan: Any = SimpleNamespace(input_bytes=input_bytes, held_bytes=held_bytes)
    return RawBodyPlan(UNUSED, plan, ResponseFormat(RAW, UNUSED, 0, response_bytes), True, None)


@pytest.mark.parametrize("is_ready", [True, False])
def test_json_is_charged_for_the_peak_of_decoding(is_ready: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is several times the text, and more without compiled loops; the buffers of receiving are free by then."""
    monkeypatch.setattr(compiled_reader, "is_ready", lambda: is_ready)
    plan = plan_of(JSON)

    assert plan.admitted_bytes == plan.held_bytes(1000, 10**6) == 1000 * peak_memory_factor()
    assert peak_memory_factor() == (10 if is_ready else 40)


def test_a_binary_body_is_charged_with_the_bytes_beside_it() -> None:
    """The plan of its pooling is known only after its header was decoded, and is charged then."""
    plan = plan_of(NPY)

    assert plan.admitted_bytes == 1000
    assert plan.held_bytes(2000, 300) == 2300


@pytest.mark.parametrize("codec", [JSON, NPY, RAW], ids=lambda codec: codec.name)
@pytest.mark.parametrize(("length", "is_inflated"), [(None, False), (None, True), (1000, True)])
def test_a_body_of_unknown_length_is_charged_for_the_buffers_before_it(
    codec: Codec, length: int | None, is_inflated: bool
) -> None:
    """The announced length of a compressed body tells nothing about the bytes that it becomes."""
    raw = raw_of(500, 500, 0) if codec is RAW else None

    unknown = plan_of(codec, length=length, is_inflated=is_inflated, raw=raw)
    known = plan_of(codec, length=length or 0, raw=raw)

    assert unknown.admitted_bytes == UNREAD_BYTES + known.admitted_bytes


@pytest.mark.parametrize(
    ("nbytes", "extra_bytes", "expected"),
    [
        (0, 0, 100 + 50 + 30),
        (100, 0, 100 + 50 + 30),
        # A body that turns out longer than its input is refused later, and held until then.
        (400, 0, 400 + 50 + 30),
        # While the body is received, its extra bytes take the place of the memory of pooling.
        (100, 70, 100 + 80),
        (100, 90, 100 + 90),
    ],
)
def test_a_raw_body_is_charged_for_its_pooling_and_its_response(nbytes: int, extra_bytes: int, expected: int) -> None:
    """All of it is known before the body, so a request that cannot be finished is refused before it is sent."""
    assert plan_of(RAW, raw=raw_of(100, 150, 30)).held_bytes(nbytes, extra_bytes) == expected
