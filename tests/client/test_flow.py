"""The flow of one call, driven by a script without sockets and sleeps, with simulated time."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.errors import ConnectionFailed, TimedOut, UnexpectedAnswer, parse_retry_after_s
from poolhouse.client.exchange import Request, Response, Sleep
from poolhouse.client.flow import Options, call
from poolhouse.client.retry import RETRIED_STATUSES, Budget, RetryPolicy
from poolhouse.errors import CODES, FieldProblem, Forbidden, PoolhouseError, TooLarge, Unauthorized, Unavailable

Outcome = Response | ConnectionFailed


def make_response(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Response:
    """Make a response as of a transport."""
    return Response(status, headers or {}, (memoryview(body),))


def make_refusal(code: str, **members: object) -> Response:
    """Make a refusal as the service sends it."""
    status = CODES[code].status
    document = {"status": status, "code": code, "detail": "Refused.", "request_id": "r1", **members}
    headers = {"content-type": "application/problem+json", "x-request-id": "r1"}
    return make_response(status, headers, json.dumps(document).encode())


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


@given(retry=st.integers(0, 10_000), random=st.floats(0, 1), retry_after_s=st.none() | st.floats(0, 60))
def test_a_delay_is_retry_after_and_a_random_time_up_to_the_bound(
    retry: int, random: float, retry_after_s: float | None
) -> None:
    """Full jitter, and never before Retry-After."""
    policy = RetryPolicy(max_retries=10_001)

    delay_s = policy.delay_s(retry, retry_after_s=retry_after_s, left_s=None, random=lambda: random)

    assert delay_s is not None
    assert 0 <= delay_s - (retry_after_s or 0) <= policy.max_delay_s + 1e-9
    assert policy.delay_s(retry, retry_after_s=retry_after_s, left_s=None, random=lambda: 0.0) == (retry_after_s or 0)


def test_retry_after_is_waited_for() -> None:
    """The server knows the length of its queue."""
    script = Script([make_response(503, {"retry-after": "7"}), make_response(200)], random=lambda: 0.0)

    script.play(Options())

    assert script.sleeps == [7.0]


@pytest.mark.parametrize(
    ("retry_after", "expected_s"),
    [
        ("Wed, 21 Oct 2015 07:28:07 GMT", 7.0),
        ("Wed, 21 Oct 2015 07:27:59 GMT", 0.0),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
        ("soon", None),
        ("9" * 400, None),
        ("-1", None),
    ],
)
def test_a_date_is_compared_with_the_date_of_the_response(retry_after: str, expected_s: float | None) -> None:
    """A proxy may send a date, and its time may differ from that of this machine."""
    headers = {"retry-after": retry_after, "date": "Wed, 21 Oct 2015 07:28:00 GMT"}

    assert parse_retry_after_s(make_response(503, headers)) == expected_s
    assert parse_retry_after_s(make_response(503, {"retry-after": "Wed, 21 Oct 2015 07:28:07 GMT"})) is None


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


@given(st.lists(st.booleans(), max_size=300))
def test_retries_are_at_most_a_tenth_of_the_successes(outcomes: list[bool]) -> None:
    """In addition to the initial budget."""
    budget = Budget()
    retries = succeeded = 0

    for success in outcomes:
        if success:
            budget.record_success()
            succeeded += 1
        else:
            retries += budget.try_spend()

        assert retries <= Budget.CAPACITY + Budget.REFILL_PER_SUCCESS * succeeded + 1e-6
        assert 0 <= budget.remaining <= Budget.CAPACITY


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_raised_as_its_class(code: str) -> None:
    """Server and client share one table of codes."""
    fields = [{"pointer": "/stride", "code": "range", "message": "too small"}]
    script = Script([make_refusal(code, errors=fields, limit_bytes=7)])

    with pytest.raises(CODES[code]) as caught:
        script.play(Options(retry=RetryPolicy(0)))

    error = caught.value
    assert type(error) is CODES[code]
    assert (error.code, error.detail, error.request_id, error.limit_bytes) == (code, "Refused.", "r1", 7)
    assert error.problems == (FieldProblem("/stride", "range", "too small"),)


@pytest.mark.parametrize(
    "response",
    [
        make_response(502, body=b"<html>Bad Gateway</html>"),
        make_response(302, {"location": "elsewhere"}),
        make_response(500, {"content-type": "application/problem+json"}, b"{"),
        make_response(500, {"content-type": "application/problem+json"}, b"[]"),
        make_response(500, {"content-type": "application/problem+json"}, b'{"code": "of next year", "detail": "?"}'),
        make_response(500, {"content-type": "application/problem+json"}, b'{"code": ["internal"], "detail": "?"}'),
    ],
    ids=["page", "redirect", "invalid JSON", "no object", "unknown code", "code of another type"],
)
def test_a_response_of_another_service_raises_unexpected_answer(response: Response) -> None:
    """The error quotes it, for example the error page of a proxy."""
    with pytest.raises(UnexpectedAnswer) as caught:
        Script([response]).play(Options(retry=RetryPolicy(0)))

    assert caught.value.status == response.status
    assert response.text[:10] in str(caught.value)


@pytest.mark.parametrize(("status", "error_class"), [(401, Unauthorized), (403, Forbidden), (413, TooLarge)])
def test_a_refusal_of_a_proxy_has_the_same_class(status: int, error_class: type[PoolhouseError]) -> None:
    """As a refusal of the service with this status."""
    with pytest.raises(error_class, match="nginx"):
        Script([make_response(status, body=b"nginx")]).play(Options())
