"""Short answers leave in the turn in which they were made, each connection's in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.http.outbox import MOST, Outbox


class Socket:
    """A transport that notes what it was given."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closes = False

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closes

    def write(self, data: bytes) -> None:
        """Send."""
        assert not self.closes
        self.sent.append(data)


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


Step = tuple[str, int]
steps = st.lists(st.tuples(st.sampled_from(["send", "send", "send", "flush", "close", "turn"]), st.integers(0, 3)))


@given(steps)
def test_every_answer_leaves_once_in_order_and_within_its_turn(taken: list[Step]) -> None:
    """An answer that is lost, doubled or out of order breaks its connection for good."""
    outbox, loop, sockets = Outbox(), Turns(), [Socket() for _ in range(4)]
    transports = [cast("asyncio.Transport", socket) for socket in sockets]
    given_to: list[list[bytes]] = [[] for _ in sockets]
    for number, (step, which) in enumerate(taken):
        socket = sockets[which]
        if step == "send" and not socket.closes:
            answer = b"%d;" % number
            given_to[which].append(answer)
            outbox.send(transports[which], answer, cast("asyncio.AbstractEventLoop", loop))
        elif step == "flush":
            outbox.flush(transports[which])
            assert socket.closes or b"".join(socket.sent) == b"".join(given_to[which])
        elif step == "close":
            socket.closes = True
        else:
            loop.turn()
            for each, answers in zip(sockets, given_to, strict=True):
                assert each.closes or b"".join(each.sent) == b"".join(answers)
        for each, answers in zip(sockets, given_to, strict=True):
            assert b"".join(answers).startswith(b"".join(each.sent))


def test_the_first_answer_of_a_turn_goes_at_once() -> None:
    """A lone client must not wait for company."""
    outbox, loop = Outbox(), Turns()
    for number in range(3):
        socket = Socket()
        outbox.send(cast("asyncio.Transport", socket), b"answer", cast("asyncio.AbstractEventLoop", loop))
        assert socket.sent == [b"answer"], number
        loop.turn()


def test_only_so_many_wait() -> None:
    """What waits is memory, and the first of them waits for all."""
    outbox, loop, sockets = Outbox(), Turns(), [Socket() for _ in range(3 * MOST)]
    for socket in sockets:
        outbox.send(cast("asyncio.Transport", socket), b"answer", cast("asyncio.AbstractEventLoop", loop))

    assert sum(not socket.sent for socket in sockets) <= MOST
