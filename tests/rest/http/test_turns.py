"""One turn of the event loop receives a bounded amount, from however many connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.http.inflow import Inflow
from poolhouse.rest.http.turns import PIECE_BYTES, TURN_BYTES, TurnBudget

_ALL = memoryview(bytes(20 << 20))


class Socket:
    """A transport that says whether it reads; one that pauses or resumes twice is a fault."""

    def __init__(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        """It never is."""
        return False

    def pause_reading(self) -> None:
        """Stop."""
        assert self.reads
        self.reads = False

    def resume_reading(self) -> None:
        """Go on."""
        assert not self.reads
        self.reads = True


class Turns:
    """An event loop whose turns the test ends."""

    def __init__(self) -> None:
        self._soon: list[Callable[[], None]] = []

    def call_soon(self, call: Callable[[], None]) -> None:
        """In the next turn."""
        self._soon.append(call)

    def turn(self) -> None:
        """End this one."""
        soon, self._soon = self._soon, []
        for call in soon:
            call()


def inflow_of(socket: Socket) -> Inflow:
    """The receiving side over such a socket."""
    return Inflow(cast("asyncio.Transport", socket))


@given(st.lists(st.sampled_from(["pause", "resume", "rest", "end_rest"]), max_size=30))
def test_a_connection_reads_unless_it_is_paused_or_rests(calls: list[str]) -> None:
    """One that reads while its request is answered is a flood; one that never reads again hangs."""
    socket = Socket()
    inflow, paused, rests = inflow_of(socket), False, False
    for call in calls:
        getattr(inflow, call)()
        paused = call == "pause" or (paused and call != "resume")
        rests = call == "rest" or (rests and call != "end_rest")
        assert socket.reads == (not paused and not rests)


@given(st.lists(st.lists(st.integers(1, 20 << 20), min_size=1, max_size=60), min_size=1, max_size=4))
def test_a_turn_receives_its_bytes_and_a_piece_for_each_connection_more(turns: list[list[int]]) -> None:
    """``turns`` has, for each, what the connections' clients have sent by then."""
    budget, loop = TurnBudget(), Turns()
    for waiting in turns:
        sockets = [Socket() for _ in waiting]
        total = 0
        for socket, there in zip(sockets, waiting, strict=True):
            inflow, left = inflow_of(socket), there
            while left and socket.reads:
                # A read is full where there is more, and then repeated.
                nbytes = len(budget.bounded(_ALL[:left]))
                assert nbytes > 0
                budget.received(nbytes, inflow, cast("asyncio.AbstractEventLoop", loop))
                left -= nbytes
                total += nbytes
        assert total <= TURN_BYTES + PIECE_BYTES * len(waiting)
        loop.turn()
        assert all(socket.reads for socket in sockets), "everybody's turn comes"


@pytest.mark.parametrize("nbytes", [1, 100, 4096])
def test_small_requests_are_never_put_off(nbytes: int) -> None:
    """A probe must not wait for a turn because somebody else sends megabytes."""
    budget, loop, busy, probe = TurnBudget(), cast("asyncio.AbstractEventLoop", Turns()), Socket(), Socket()
    budget.received(TURN_BYTES, inflow_of(busy), loop)
    assert not busy.reads

    budget.received(nbytes, inflow_of(probe), loop)

    assert probe.reads
