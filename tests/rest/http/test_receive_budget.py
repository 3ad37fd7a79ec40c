"""The bytes received per event loop iteration are bounded over all connections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.http.read_flow import ReadFlowControl
from poolhouse.rest.http.receive_budget import ITERATION_BYTES, MIN_READ_BYTES, ReceiveBudget
from tests.rest.http.fake_loop import FakeLoop, FakeTransport

_ALL = memoryview(bytes(20 << 20))


@given(st.lists(st.lists(st.integers(1, 20 << 20), min_size=1, max_size=60), min_size=1, max_size=4))
def test_an_iteration_receives_its_budget_and_one_read_per_connection(iterations: list[list[int]]) -> None:
    """``iterations`` has the bytes that each connection's client has sent by then."""
    budget, loop = ReceiveBudget(), FakeLoop()
    for waiting in iterations:
        transports = [FakeTransport() for _ in waiting]
        total = 0
        for transport, nbytes_sent in zip(transports, waiting, strict=True):
            read_flow, left = ReadFlowControl(transport), nbytes_sent
            while left and transport.reads:
                # The event loop reads again while a read fills its buffer.
                nbytes = len(budget.limit(_ALL[:left]))
                assert nbytes > 0
                budget.consume(nbytes, read_flow, loop.as_loop)
                left -= nbytes
                total += nbytes
        assert total <= ITERATION_BYTES + MIN_READ_BYTES * len(waiting)
        loop.end_iteration()
        assert all(transport.reads for transport in transports), "every connection continues"


@pytest.mark.parametrize("nbytes", [1, 100, 4096])
def test_small_reads_are_never_throttled(nbytes: int) -> None:
    """A health check must not wait because another client sends megabytes."""
    budget, loop, busy, probe = ReceiveBudget(), FakeLoop(), FakeTransport(), FakeTransport()
    budget.consume(ITERATION_BYTES, ReadFlowControl(busy), loop.as_loop)
    assert not busy.reads

    budget.consume(nbytes, ReadFlowControl(probe), loop.as_loop)

    assert probe.reads
