"""One call, from its request to its answer, as a generator that touches nothing.

It yields what is to be done (:class:`Send`, :class:`Sleep`) and is handed what came of it; a connection that fails is
thrown into it. The two clients are thin loops around it, and the tests a third.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from poolhouse.client.errors import ConnectionFailed, TimedOut, UnexpectedAnswer, error_from_response
from poolhouse.client.exchange import DEFAULT_MAX_RESPONSE_BYTES, Request, Response, Send, Sleep, Timeouts
from poolhouse.client.retry import RETRIED_STATUSES, Budget, RetryPolicy
from poolhouse.errors import PoolhouseError

Flow = Generator[Send | Sleep, Response | None, Response]


@dataclass(frozen=True, slots=True)
class Options:
    """How a client calls.

    Attributes:
        timeout_s: a call's deadline, retries and pauses included, which the server is told; None for none.
        connect_timeout_s: for a connection.
        read_timeout_s: for the next byte of an answer.
        retry: how often a failed call is repeated.
        headers: sent with every request.
        max_answer_bytes: the largest answer that is taken.
    """

    timeout_s: float | None = 60.0
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    headers: tuple[tuple[str, str], ...] = ()
    max_answer_bytes: int = DEFAULT_MAX_RESPONSE_BYTES


def call(
    request: Request,
    options: Options,
    budget: Budget,
    *,
    now: Callable[[], float],
    random: Callable[[], float],
) -> Flow:
    """The flow of one call; returns an answer with status 200.

    Args:
        request: what to ask; the options' headers and the deadline are added.
        options: how patient to be.
        budget: of the client, shared by its calls.
        now: a clock that only goes forward, in seconds.
        chance: draws from 0 to 1.

    Raises:
        PoolhouseError: the server's refusal, or :class:`ConnectionFailed`.
    """
    deadline = None if options.timeout_s is None else now() + options.timeout_s
    retry = 0
    while True:
        left_s = None if deadline is None else deadline - now()
        if left_s is not None and left_s <= 0:
            raise TimedOut(f"The call was not answered within its {options.timeout_s:g} s; give it a longer timeout.")
        try:
            answer = yield Send(_with_headers(request, options, left_s), _timeouts(options, left_s))
            assert answer is not None, "the answer to Send is an Answer"
            if answer.status == 200:
                budget.record_success()
                return answer
            fault = error_from_response(answer)
            again = answer.status in RETRIED_STATUSES
        except (TimedOut, UnexpectedAnswer):
            raise
        except ConnectionFailed as failure:
            fault, again = failure, True
        pause_s = _delay_s(fault, options.retry, retry, None if deadline is None else deadline - now(), random)
        if not again or pause_s is None or not budget.try_spend():
            raise fault
        yield Sleep(pause_s)
        retry += 1


def _delay_s(
    fault: PoolhouseError, policy: RetryPolicy, retry: int, left_s: float | None, random: Callable[[], float]
) -> float | None:
    return policy.delay_s(retry, retry_after_s=fault.retry_after_s, left_s=left_s, random=random)


def _timeouts(options: Options, left_s: float | None) -> Timeouts:
    if left_s is None:
        return Timeouts(options.connect_timeout_s, options.read_timeout_s, None)
    return Timeouts(min(options.connect_timeout_s, left_s), min(options.read_timeout_s, left_s), left_s)


def _with_headers(request: Request, options: Options, left_s: float | None) -> Request:
    headers = (*request.headers, *options.headers)
    if left_s is not None:
        # The server wants digits above 0 and nothing else: no exponent, and no rounding down to nothing. A head that
        # repeats the one before, which a microsecond more or less would prevent, is not parsed again.
        left = f"{left_s:.3f}" if left_s >= 1 else f"{max(left_s, 1e-6):.6f}"
        headers += (("Request-Timeout", left),)
    return request._replace(headers=headers, max_response_bytes=options.max_answer_bytes)
