"""One call, with its deadline and retries, as a generator without I/O.

It yields :class:`Send` or :class:`Sleep` and receives the response; a connection error is thrown into it. The blocking
client, the asyncio client and the tests each drive it with a short loop.
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
    """Options of a client's calls.

    Attributes:
        timeout_s: the deadline of a call, retries included, which is also sent to the server; None for none.
        connect_timeout_s: for a connection.
        read_timeout_s: for the next byte of a response.
        retry: number and delays of retries.
        headers: sent with every request.
        max_answer_bytes: the largest response that is accepted.
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
    """Run one call; returns a response with status 200.

    Args:
        request: the request; the headers of the options and the deadline are added.
        options: timeouts, retries and headers.
        budget: the retry budget, which all calls of a client share.
        now: the monotonic time in seconds.
        random: random numbers from 0 to 1.

    Raises:
        PoolhouseError: the server's refusal, or :class:`ConnectionFailed`.
    """
    deadline = None if options.timeout_s is None else now() + options.timeout_s
    retry = 0
    while True:
        left_s = None if deadline is None else deadline - now()
        if left_s is not None and left_s <= 0:
            raise TimedOut(f"There was no response within {options.timeout_s:g} s; give the call a longer timeout.")
        try:
            response = yield Send(_with_headers(request, options, left_s), _timeouts(options, left_s))
            assert response is not None, "a driver returns the response to a Send"
            if response.status == 200:
                budget.record_success()
                return response
            fault = error_from_response(response)
            can_retry = response.status in RETRIED_STATUSES
        except (TimedOut, UnexpectedAnswer):
            raise
        except ConnectionFailed as failure:
            fault, can_retry = failure, True
        delay_s = _delay_s(fault, options.retry, retry, None if deadline is None else deadline - now(), random)
        if not can_retry or delay_s is None or not budget.try_spend():
            raise fault
        yield Sleep(delay_s)
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
        # The server requires decimal digits and a value above 0. It skips parsing a head that repeats the previous one,
        # so the text must not change with every microsecond.
        text = f"{left_s:.3f}" if left_s >= 1 else f"{max(left_s, 1e-6):.6f}"
        headers += (("Request-Timeout", text),)
    return request._replace(headers=headers, max_response_bytes=options.max_answer_bytes)
