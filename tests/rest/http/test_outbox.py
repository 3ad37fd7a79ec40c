"""Short responses are sent in the iteration in which they are made, in order per connection."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.http.outbox import MAX_PENDING, Outbox
from tests.rest.http.fake_loop import FakeLoop, FakeTransport

Step = tuple[str, int]
steps = st.lists(st.tuples(st.sampled_from(["send", "send", "send", "flush", "close", "turn"]), st.integers(0, 3)))


@given(steps)
def test_every_response_is_sent_once_in_order_within_its_iteration(taken: list[Step]) -> None:
    """A lost, doubled or misplaced response would corrupt its connection."""
    outbox, loop, transports = Outbox(), FakeLoop(), [FakeTransport() for _ in range(4)]
    responses = [b"" for _ in transports]
    for number, (step, which) in enumerate(taken):
        transport = transports[which]
        if step == "send" and not transport.is_closing():
            response = b"%d;" % number
            responses[which] += response
            outbox.send(transport, response, loop.as_loop)
        elif step == "flush":
            outbox.flush(transport)
            assert transport.is_closing() or transport.written == responses[which]
        elif step == "close":
            transport.close()
        else:
            loop.end_iteration()
            for each, whole in zip(transports, responses, strict=True):
                assert each.is_closing() or each.written == whole
        for each, whole in zip(transports, responses, strict=True):
            assert whole.startswith(each.written)


def test_the_first_response_of_an_iteration_is_sent_at_once() -> None:
    """A client with one connection must not wait."""
    outbox, loop = Outbox(), FakeLoop()
    for number in range(3):
        transport = FakeTransport()
        outbox.send(transport, b"response", loop.as_loop)
        assert transport.written == b"response", number
        loop.end_iteration()


def test_the_number_of_pending_responses_is_limited() -> None:
    """Pending responses take memory, and the first waits for the last."""
    outbox, loop, transports = Outbox(), FakeLoop(), [FakeTransport() for _ in range(3 * MAX_PENDING)]
    for transport in transports:
        outbox.send(transport, b"response", loop.as_loop)

    assert sum(not transport.written for transport in transports) <= MAX_PENDING
