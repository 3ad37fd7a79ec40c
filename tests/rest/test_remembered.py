"""What the service remembers of requests is bounded in bytes: a client may vary every word of them without end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from poolhouse.dtypes import FLOAT32
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Limits
from poolhouse.operators.planner import Planner
from poolhouse.operators.windows import Sliding, adaptive_windows
from poolhouse.rest.door import Need, Needs
from poolhouse.tensors import Outline
from poolhouse.wire.json.answer import _head
from tests.operators.cost import counted
from tests.rest.watched import watched

REQUESTS = 1500
MIB = 1 << 20


def planned() -> Callable[[int], object]:
    planner = Planner(discover(), Limits(output_bytes=1 << 30, work=10**12))

    def plan(number: int) -> object:
        fields = {"kernel_size": [2, 2], "stride": [1, number + 1], "padding": [1, 1], "return_indices": True}
        texts = {"dilation": "1,1", "ceil_mode": "true"}
        plan = planner.plan("max_pool2d", fields, texts, {"input": Outline(FLOAT32, (1, 1, 99, 9999 + number))})
        # What follows from a plan is kept with it.
        return plan.held_bytes, plan.output_bytes, plan.nothing_to_pool, plan.batch_key

    return plan


def needed() -> Callable[[int], object]:
    needs = Needs()

    def learn(number: int) -> object:
        word = b"%d" % number
        for size in (10, 200, 60_000):
            for path, query, kind in ((word, b"", b""), (b"", word, b""), (b"", b"", word)):
                given = {b"content-type": kind and kind.ljust(size), b"content-length": b"100000"}
                needs.learn(path and path.ljust(size), query and query.ljust(size), given, Need(number, {}))
        return None

    return learn


KINDS: dict[str, Callable[[], Callable[[int], object]]] = {
    "plans": planned,
    "needs": needed,
    "sliding windows": lambda: lambda number: Sliding(2, 1).windows(100 + number),
    "windows of long axes": lambda: lambda number: Sliding(2, 1).windows(16_000 + number),
    "adaptive windows": lambda: lambda number: adaptive_windows(100_000, 100 + number),
    "heads of answers": lambda: lambda number: _head("output", "float32", (1,) * 30 + (2**60, number), "data"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_remembered_of_many_requests_is_a_few_megabytes(kind: str) -> None:
    """Fourteen thousand small ones were kept as 250 MB, for as long as the process lived."""
    ask = KINDS[kind]()
    ask(0)

    with counted() as cost:
        for number in range(1, 3000):
            ask(number)

    assert cost.peak_bytes < 5 * MIB


def varied(number: int) -> tuple[str, dict[str, str], bytes]:
    """A request like no other: its path with its query, its headers, its body."""
    if number % 3 == 0:
        # What is learnt of large bodies has the words of their headers.
        headers = {"Content-Type": f"application/octet-stream; x={'x' * 50_000}{number}"}
        return f"/v1/pool/max_pool1d?shape=1,1,{70_000 + number}&dtype=uint8&kernel_size=70000", headers, b""
    if number % 3 == 1:
        length = 16_000 + number
        headers = {"Content-Type": "application/octet-stream"}
        return f"/v1/pool/avg_pool1d?shape=1,1,{length}&dtype=int8&kernel_size=1", headers, bytes(length)
    body = b'{"input":[[%s]],"kernel_size":1}' % b",".join([b"1"] * (number % 500 + 1))
    return f"/v1/pool/max_pool1d?stride={number + 1}", {"Content-Type": "application/json"}, body


def test_a_process_that_has_seen_many_kinds_of_requests_is_hardly_larger() -> None:
    """By its memory as the operating system has it, so that nothing is forgotten by whoever counts."""
    with watched() as service:
        for number in range(REQUESTS):
            path, headers, body = varied(number)
            content = body or bytes(70_000 + number)
            assert service.client.post(path, headers=headers, content=content).status_code == 200
        kept = service.taken_bytes()

    assert kept < 40 * MIB
