"""The flow of one call, driven by a script without sockets and sleeps, with simulated time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.errors import ConnectionFailed, TimedOut
from poolhouse.client.exchange import Request, Response, Sleep
from poolhouse.client.flow import Options, call
from poolhouse.client.retry import RETRIED_STATUSES, Budget, RetryPolicy
from poolhouse.errors import PoolhouseError, Unavailable
from tests.client.test_errors import make_response

Outcome = Response | ConnectionFailed


@dataclass
class Script:
    """Plays the server: one outcome for each request, the last one repeatedly; each takes ``request_s``."""

    outcomes: Sequence[Outcome]
    request_s: float = 0.0
    random: Callable[[], float] = lambda: 0.5
    now: float = 100.0
    sent: list[Request] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)

    def play(self, options: Options, budget: Budget | None = None) -> Response:
        """Run the flow and return its response."""
        request = Request("POST", "/v1/pool/max_pool2d")
        flow = call(request, options, budget or Budget(), now=lambda: self.now, random=self.random)
        try:
            action = next(flow)
            while True:
                if isinstance(action, Sleep):
                    self.sleeps.append(action.seconds)
                    self.now += action.seconds
                    action = flow.send(None)
                    continue
                outcome = self.outcomes[min(len(self.sent), len(self.outcomes) - 1)]
                self.sent.append(action.request)
                self.timeouts = action.timeouts
                self.now += self.request_s
                action = flow.send(outcome) if isinstance(outcome, Response) else flow.throw(outcome)
        except StopIteration as done:
            final: Response = done.value
            return final


FAILED = ConnectionFailed("connection refused")


def outcome_name(outcome: Outcome) -> str:
    """A test id that is equal in all processes of a parallel run."""
    return str(outcome.status) if isinstance(outcome, Response) else "failed"


@given(status=st.integers(201, 599), max_retries=st.integers(0, 5))
def test_only_temporary_failures_are_retried(status: int, max_retries: int) -> None:
    """An invalid field is refused again at every retry."""
    script = Script([make_response(status)])

    with pytest.raises(PoolhouseError):
        script.play(Options(retry=RetryPolicy(max_retries)))

    assert len(script.sent) == (1 + max_retries if status in RETRIED_STATUSES else 1)


@pytest.mark.parametrize("failure", [FAILED, *map(make_response, sorted(RETRIED_STATUSES))], ids=outcome_name)
def test_a_temporary_failure_is_hidden_from_the_caller(failure: Outcome) -> None:
    """As when a server restarts."""
    success = make_response(200)

    assert Script([failure, failure, success]).play(Options()) is success


def test_a_timeout_is_not_retried() -> None:
    """The next attempt would probably time out too, and the time of the call is used up."""
    script = Script([TimedOut("no response")])

    with pytest.raises(TimedOut):
        script.play(Options())

    assert len(script.sent) == 1


def test_retry_after_is_waited_for() -> None:
    """The server knows the length of its queue."""
    script = Script([make_response(503, {"retry-after": "7"}), make_response(200)], random=lambda: 0.0)

    script.play(Options())

    assert script.sleeps == [7.0]


@pytest.mark.parametrize(("retry_after", "timeout_s"), [("61", None), ("20", 10.0)])
def test_a_too_long_retry_after_ends_the_call_at_once(retry_after: str, timeout_s: float | None) -> None:
    """Sleeping until the deadline would only delay the error."""
    script = Script([make_response(503, {"retry-after": retry_after})])

    with pytest.raises(Unavailable) as caught:
        script.play(Options(timeout_s=timeout_s))

    assert caught.value.retry_after_s == float(retry_after)
    assert (len(script.sent), script.sleeps) == (1, [])


_ROUNDING_S = 1.1e-3
"""The largest difference between the time left and the header, which is rounded."""


@given(
    timeout_s=st.floats(0.01, 100),
    request_s=st.floats(0, 50),
    max_retries=st.integers(0, 20),
    statuses=st.lists(st.sampled_from(sorted(RETRIED_STATUSES)), min_size=1),
)
def test_a_call_sends_nothing_after_its_deadline(
    timeout_s: float, request_s: float, max_retries: int, statuses: list[int]
) -> None:
    """The deadline includes retries and sleeps, and each request sends the time left."""
    script = Script([make_response(status) for status in statuses], request_s=request_s)

    with pytest.raises(PoolhouseError):
        script.play(Options(timeout_s=timeout_s, retry=RetryPolicy(max_retries)))

    left_s = [float(dict(request.headers)["Request-Timeout"]) for request in script.sent]
    assert left_s[0] == pytest.approx(timeout_s, abs=_ROUNDING_S)
    assert all(0 < later < earlier + _ROUNDING_S for earlier, later in itertools.pairwise(left_s))
    assert script.now <= 100 + timeout_s + request_s
    assert script.timeouts.total_s is not None
    assert script.timeouts.read_s <= script.timeouts.total_s


def test_without_a_deadline_none_is_sent() -> None:
    """timeout=None means no deadline, also for the server."""
    script = Script([make_response(200)])

    script.play(Options(timeout_s=None))

    assert "Request-Timeout" not in dict(script.sent[0].headers)
    assert script.timeouts.total_s is None


def test_a_failing_server_gets_hardly_more_requests() -> None:
    """A thousand calls that fail send hardly more than a thousand requests."""
    budget, script = Budget(), Script([FAILED])

    for _ in range(1000):
        with pytest.raises(ConnectionFailed):
            script.play(Options(timeout_s=None), budget)

    assert len(script.sent) <= 1000 + Budget.CAPACITY
