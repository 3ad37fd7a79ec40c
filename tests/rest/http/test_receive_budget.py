"""One turn of the event loop receives a bounded amount, from however many connections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.http.read_flow import ReadFlowControl
from poolhouse.rest.http.receive_budget import ITERATION_BYTES, MIN_READ_BYTES, ReceiveBudget
from tests.rest.http.fake_loop import FakeLoop, FakeTransport

_ALL = memoryview(bytes(20 << 20))


@given(st.lists(st.sampled_from(["pause", "resume", "throttle", "unthrottle"]), max_size=30))
def test_a_connection_reads_unless_paused_or_throttled(calls: list[str]) -> None:
    """One that reads while its request is answered is a flood; one that never reads again hangs."""
    transport = FakeTransport()
    inflow, paused, rests = ReadFlowControl(transport), False, False
    for call in calls:
        getattr(inflow, call)()
        paused = call == "pause" or (paused and call != "resume")
        rests = call == "throttle" or (rests and call != "unthrottle")
        assert transport.reads == (not paused and not rests)


@given(st.lists(st.lists(st.integers(1, 20 << 20), min_size=1, max_size=60), min_size=1, max_size=4))
def test_an_iteration_receives_its_budget_and_one_read_per_connection(turns: list[list[int]]) -> None:
    """``turns`` has, for each, what the connections' clients have sent by then."""
    budget, loop = ReceiveBudget(), FakeLoop()
    for waiting in turns:
        transports = [FakeTransport() for _ in waiting]
        total = 0
        for transport, there in zip(transports, waiting, strict=True):
            inflow, left = ReadFlowControl(transport), there
            while left and transport.reads:
                # A read is full where there is more, and then repeated.
                nbytes = len(budget.limit(_ALL[:left]))
                assert nbytes > 0
                budget.consume(nbytes, inflow, loop.as_loop)
                left -= nbytes
                total += nbytes
        assert total <= ITERATION_BYTES + MIN_READ_BYTES * len(waiting)
        loop.end_turn()
        assert all(transport.reads for transport in transports), "everybody's turn comes"


@pytest.mark.parametrize("nbytes", [1, 100, 4096])
def test_small_reads_are_never_throttled(nbytes: int) -> None:
    """A probe must not wait for a turn because somebody else sends megabytes."""
    budget, loop, busy, probe = ReceiveBudget(), FakeLoop(), FakeTransport(), FakeTransport()
    budget.consume(ITERATION_BYTES, ReadFlowControl(busy), loop.as_loop)
    assert not busy.reads

    budget.consume(nbytes, ReadFlowControl(probe), loop.as_loop)

    assert probe.reads
