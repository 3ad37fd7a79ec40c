"""What the head of a request with several poolings decides before its body is read."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest

from poolhouse.errors import PoolhouseError
from poolhouse.operators.plan import Limits
from poolhouse.rest.http.head import Head
from poolhouse.rest.routes.poolings.head_plan import PoolingsHeadPlan, PoolingsHeadPlanner
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from tests.operators.random_cases import CATALOGUE, CPU

LIST = quote('[{"operator": "max_pool2d", "kernel_size": 2}]')
WRONG = quote('[{"operator": "max_pool2d", "kernel_size": -2}]')
LARGE = quote('[{"operator": "max_pool2d", "kernel_size": 1}]')


def plan(query: str, content_type: str, length: int | None = 64) -> PoolingsHeadPlan:
    """The plan of a head."""
    headers = [(b"content-type", content_type.encode())]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    head = Head("POST", f"/v1/pool?{query}".encode(), "1.1", headers, keeps_alive=True)

    async def make() -> PoolingsHeadPlan:
        service = PoolingService(CATALOGUE, (CPU,), Limits(2**20, 2**40), capacity_bytes=2**30, inline_steps=0)
        return PoolingsHeadPlanner(service, Settings()).plan_of(head)

    return asyncio.run(make())


def test_a_body_is_decoded_in_a_thread() -> None:
    """However short it is: it may have 256 poolings."""
    made = plan("", "application/json")

    assert made.decode_on_loop_bytes < 0
    assert not made.may_copy_on_loop


@pytest.mark.parametrize(
    ("query", "content_type", "code"),
    [
        (f"poolings={WRONG}&shape=1,1,4,4&dtype=float32", "application/octet-stream", "invalid_fields"),
        (f"poolings={LARGE}&shape=1,9,999,999&dtype=float32", "application/octet-stream", "shape"),
        (f"poolings={LIST}&shape=1,1,4,5&dtype=float32", "application/octet-stream", "malformed_body"),
        (f"poolings={LIST}", "application/octet-stream", "invalid_fields"),
        (f"poolings={LIST}&kernel_size=2", "application/x-npy", "invalid_fields"),
        ("poolings=1", "application/x-npy", "invalid_fields"),
        (f"poolings={LIST}", "text/plain", "unsupported_media_type"),
    ],
)
def test_what_no_body_could_mend_is_refused(query: str, content_type: str, code: str) -> None:
    """Before it is received."""
    length = 4 * 9 * 999 * 999 if code == "shape" else 64
    with pytest.raises(PoolhouseError) as refusal:
        plan(query, content_type, length)

    assert refusal.value.code == ("output_too_large" if code == "shape" else code)


@pytest.mark.parametrize("content_type", ["application/x-npz", "application/vnd.safetensors", "image/png"])
def test_valid_heads(content_type: str) -> None:
    """The rest is in the body."""
    assert plan(f"poolings={LIST}", content_type)
