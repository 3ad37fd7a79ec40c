"""The table of a connection's states is complete and consistent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.http import connection_state as states
from poolhouse.rest.http.connection_state import TRANSITIONS, Lifecycle

EVENTS = sorted({event for row in TRANSITIONS.values() for event in row})


def test_every_state_has_a_row() -> None:
    """A state without a row would raise a KeyError."""
    assert {following for row in TRANSITIONS.values() for following in row.values()} | {states.IDLE} == set(TRANSITIONS)


def test_every_state_can_be_reached_and_can_close() -> None:
    """A state without an exit would keep its connection for ever."""
    reached, frontier = {states.IDLE}, [states.IDLE]
    while frontier:
        for following in TRANSITIONS[frontier.pop()].values():
            if following not in reached:
                reached.add(following)
                frontier.append(following)

    assert reached == set(TRANSITIONS)
    assert all(row[states.CONNECTION_LOST] == states.CLOSED for row in TRANSITIONS.values())
    assert set(TRANSITIONS[states.CLOSED]) == {states.CONNECTION_LOST}


@given(st.lists(st.sampled_from(EVENTS), max_size=40))
def test_each_request_gets_at_most_one_response(events: list[str]) -> None:
    """A client would read a second response as that of the next request."""
    lifecycle, open_requests = Lifecycle(), 0
    for event in events:
        if event not in TRANSITIONS[lifecycle.state]:
            before = lifecycle.state
            with pytest.raises(RuntimeError, match=before):
                lifecycle.transition(event)
            assert lifecycle.state == before
            continue
        lifecycle.transition(event)
        if event in (states.HEAD_ENDED, states.HEAD_AND_BODY_ENDED):
            open_requests += 1
        elif event == states.RESPONSE_BEGAN:
            open_requests -= 1
        assert open_requests in (0, 1)
        if lifecycle.state in (states.IDLE, states.DISCARDING):
            assert open_requests == 0


def test_the_table_of_limits_names_existing_states() -> None:
    """The table of limits stands apart from the table of states."""
    assert states.__doc__ is not None
    rows = states.__doc__.split("=============")[-4:]
    named = {name.strip() for line in "".join(rows).splitlines() for name in line[:13].split(",") if name.isupper()}

    assert named <= {name for name, value in vars(states).items() if isinstance(value, str) and value in TRANSITIONS}
