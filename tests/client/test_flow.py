"""One call's flow, driven by a script: no socket, no sleep, a clock that the script turns."""

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

Step = Response | ConnectionFailed


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Response:
    """An answer as a transport gives it."""
    return Response(status, headers or {}, (memoryview(body),))


def problem(code: str, **further: object) -> Response:
    """A refusal as our server writes it."""
    status = CODES[code].status
    document = {"status": status, "code": code, "detail": "Not so.", "request_id": "r1", **further}
    headers = {"content-type": "application/problem+json", "x-request-id": "r1"}
    return answer(status, headers, json.dumps(document).encode())


@dataclass
class Script:
    """Plays the server: one step for each request, the last one for ever; each takes ``step_s``."""

    steps: Sequence[Step]
    step_s: float = 0.0
    chance: Callable[[], float] = lambda: 0.5
    now: float = 100.0
    sent: list[Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def play(self, options: Options, budget: Budget | None = None) -> Response:
        """What the flow returns."""
        asked = Request("POST", "/v1/pool/max_pool2d")
        flow = call(asked, options, budget or Budget(), now=lambda: self.now, random=self.chance)
        try:
            todo = next(flow)
            while True:
                if isinstance(todo, Sleep):
                    self.pauses.append(todo.seconds)
                    self.now += todo.seconds
                    todo = flow.send(None)
                    continue
                step = self.steps[min(len(self.sent), len(self.steps) - 1)]
                self.sent.append(todo.request)
                self.patience = todo.timeouts
                self.now += self.step_s
                todo = flow.send(step) if isinstance(step, Response) else flow.throw(step)
        except StopIteration as done:
            final: Response = done.value
            return final


FAILED = ConnectionFailed("nobody listens")


def step_name(step: Step) -> str:
    """A name that is the same in each process of a parallel run, as an address in memory is not."""
    return str(step.status) if isinstance(step, Response) else "failed"


@given(status=st.integers(201, 599), most=st.integers(0, 5))
def test_only_what_may_pass_is_tried_again(status: int, most: int) -> None:
    """A refused field stays refused however often it is sent."""
    script = Script([answer(status)])

    with pytest.raises(PoolhouseError):
        script.play(Options(retry=RetryPolicy(most)))

    assert len(script.sent) == (1 + most if status in RETRIED_STATUSES else 1)


@pytest.mark.parametrize("hiccup", [FAILED, *map(answer, sorted(RETRIED_STATUSES))], ids=step_name)
def test_a_hiccup_is_not_seen_by_the_caller(hiccup: Step) -> None:
    """A server that restarts is the everyday case."""
    good = answer(200)

    assert Script([hiccup, hiccup, good]).play(Options()) is good


def test_silence_is_not_asked_again() -> None:
    """Who was silent once with this request would be silent twice, and the caller's time is gone."""
    script = Script([TimedOut("silent")])

    with pytest.raises(TimedOut):
        script.play(Options())

    assert len(script.sent) == 1


@given(retry=st.integers(0, 10_000), drawn=st.floats(0, 1), asked=st.none() | st.floats(0, 60))
def test_a_pause_is_drawn_from_nothing_to_its_bound_above_what_was_asked(
    retry: int, drawn: float, asked: float | None
) -> None:
    """Full jitter, and never before Retry-After."""
    policy = RetryPolicy(max_retries=10_001)

    pause = policy.delay_s(retry, retry_after_s=asked, left_s=None, random=lambda: drawn)

    assert pause is not None
    assert 0 <= pause - (asked or 0) <= policy.max_delay_s + 1e-9
    assert policy.delay_s(retry, retry_after_s=asked, left_s=None, random=lambda: 0.0) == (asked or 0)


def test_retry_after_is_waited_for() -> None:
    """The server knows its queue."""
    script = Script([answer(503, {"retry-after": "7"}), answer(200)], chance=lambda: 0.0)

    script.play(Options())

    assert script.pauses == [7.0]


@pytest.mark.parametrize(
    ("asked", "expected_s"),
    [
        ("Wed, 21 Oct 2015 07:28:07 GMT", 7.0),
        ("Wed, 21 Oct 2015 07:27:59 GMT", 0.0),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
        ("soon", None),
        ("9" * 400, None),
        ("-1", None),
    ],
)
def test_a_date_is_held_against_the_answers_own_clock(asked: str, expected_s: float | None) -> None:
    """A proxy may send one, and our clock may differ from its."""
    headers = {"retry-after": asked, "date": "Wed, 21 Oct 2015 07:28:00 GMT"}

    assert parse_retry_after_s(answer(503, headers)) == expected_s
    assert parse_retry_after_s(answer(503, {"retry-after": "Wed, 21 Oct 2015 07:28:07 GMT"})) is None


@pytest.mark.parametrize(("asked", "timeout_s"), [("61", None), ("20", 10.0)])
def test_a_retry_after_beyond_all_patience_ends_the_call_at_once(asked: str, timeout_s: float | None) -> None:
    """A caller that cannot wait so long should hear so now."""
    script = Script([answer(503, {"retry-after": asked})])

    with pytest.raises(Unavailable) as caught:
        script.play(Options(timeout_s=timeout_s))

    assert caught.value.retry_after_s == float(asked)
    assert (len(script.sent), script.pauses) == (1, [])


_ROUNDED_S = 1.1e-3
"""So much is what the server is told beside what is left, at most."""


@given(
    timeout_s=st.floats(0.01, 100),
    step_s=st.floats(0, 50),
    most=st.integers(0, 20),
    statuses=st.lists(st.sampled_from(sorted(RETRIED_STATUSES)), min_size=1),
)
def test_a_call_begins_nothing_after_its_deadline(
    timeout_s: float, step_s: float, most: int, statuses: list[int]
) -> None:
    """The deadline holds for the call, retries and pauses included, and each request says what is left of it."""
    script = Script([answer(status) for status in statuses], step_s=step_s)

    with pytest.raises(PoolhouseError):
        script.play(Options(timeout_s=timeout_s, retry=RetryPolicy(most)))

    granted = [float(dict(request.headers)["Request-Timeout"]) for request in script.sent]
    assert granted[0] == pytest.approx(timeout_s, abs=_ROUNDED_S)
    assert all(0 < later < earlier + _ROUNDED_S for earlier, later in itertools.pairwise(granted))
    assert script.now <= 100 + timeout_s + step_s
    assert script.patience.total_s is not None
    assert script.patience.read_s <= script.patience.total_s


def test_without_a_deadline_none_is_sent() -> None:
    """timeout=None means for ever, on both sides."""
    script = Script([answer(200)])

    script.play(Options(timeout_s=None))

    assert "Request-Timeout" not in dict(script.sent[0].headers)
    assert script.patience.total_s is None


def test_a_dying_server_is_not_hammered() -> None:
    """A thousand calls that all fail make hardly more than a thousand requests."""
    budget, script = Budget(), Script([FAILED])

    for _ in range(1000):
        with pytest.raises(ConnectionFailed):
            script.play(Options(timeout_s=None), budget)

    assert len(script.sent) <= 1000 + Budget.CAPACITY


@given(st.lists(st.booleans(), max_size=300))
def test_retries_are_at_most_a_tenth_of_what_succeeded(outcomes: list[bool]) -> None:
    """And the full budget once, for the first bad moment."""
    budget = Budget()
    taken = succeeded = 0

    for good in outcomes:
        if good:
            budget.record_success()
            succeeded += 1
        else:
            taken += budget.try_spend()

        assert taken <= Budget.CAPACITY + Budget.REFILL_PER_SUCCESS * succeeded + 1e-6
        assert 0 <= budget.remaining <= Budget.CAPACITY


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_raised_as_its_class(code: str) -> None:
    """One table joins server and client."""
    fields = [{"pointer": "/stride", "code": "range", "message": "too small"}]
    script = Script([problem(code, errors=fields, limit_bytes=7)])

    with pytest.raises(CODES[code]) as caught:
        script.play(Options(retry=RetryPolicy(0)))

    refused = caught.value
    assert type(refused) is CODES[code]
    assert (refused.code, refused.detail, refused.request_id, refused.limit_bytes) == (code, "Not so.", "r1", 7)
    assert refused.problems == (FieldProblem("/stride", "range", "too small"),)


@pytest.mark.parametrize(
    "strange",
    [
        answer(502, body=b"<html>Bad Gateway</html>"),
        answer(302, {"location": "elsewhere"}),
        answer(500, {"content-type": "application/problem+json"}, b"{"),
        answer(500, {"content-type": "application/problem+json"}, b"[]"),
        answer(500, {"content-type": "application/problem+json"}, b'{"code": "of next year", "detail": "?"}'),
        answer(500, {"content-type": "application/problem+json"}, b'{"code": ["internal"], "detail": "?"}'),
    ],
    ids=["page", "redirect", "no JSON", "no object", "no code of ours", "no code"],
)
def test_an_answer_of_something_else_is_said_to_be_one(strange: Response) -> None:
    """Proxies speak too, and a KeyError of ours would hide what they said."""
    with pytest.raises(UnexpectedAnswer) as caught:
        Script([strange]).play(Options(retry=RetryPolicy(0)))

    assert caught.value.status == strange.status
    assert strange.text[:10] in str(caught.value)


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthorized), (403, Forbidden), (413, TooLarge)])
def test_a_proxys_refusal_is_of_the_class_of_ours(status: int, kind: type[PoolhouseError]) -> None:
    """To the caller it is the same, whoever refuses."""
    with pytest.raises(kind, match="nginx"):
        Script([answer(status, body=b"nginx")]).play(Options())
