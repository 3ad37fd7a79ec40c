"""A connection reads unless it is paused or throttled, and keeps pipelined bytes in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.http.read_flow import ReadFlowControl
from tests.rest.http.fake_loop import FakeTransport


@given(st.lists(st.sampled_from(["pause", "resume", "throttle", "unthrottle"]), max_size=30))
def test_a_connection_reads_unless_paused_or_throttled(calls: list[str]) -> None:
    """A connection that reads at the wrong time allows a flood; one that never reads again hangs."""
    transport = FakeTransport()
    read_flow, paused, throttled = ReadFlowControl(transport), False, False
    for call in calls:
        getattr(read_flow, call)()
        paused = call == "pause" or (paused and call != "resume")
        throttled = call == "throttle" or (throttled and call != "unthrottle")
        assert transport.reads == (not paused and not throttled)


def test_pipelined_bytes_are_kept_in_order_and_taken_once() -> None:
    """They are copied, since the receive buffer is used again for the next read."""
    transport, received = FakeTransport(), bytearray(b"ab")
    read_flow = ReadFlowControl(transport)

    read_flow.buffer_and_pause(memoryview(received))
    received[:] = b"cd"
    read_flow.buffer_and_pause(memoryview(received))

    assert not transport.reads
    assert bytes(read_flow.take_buffered()) == b"abcd"
    assert bytes(read_flow.take_buffered()) == b""


def test_a_closing_connection_is_neither_paused_nor_resumed() -> None:
    """A transport that is closing raises at either."""
    transport = FakeTransport()
    read_flow = ReadFlowControl(transport)
    transport.close()

    read_flow.pause()
    read_flow.throttle()

    assert transport.reads
