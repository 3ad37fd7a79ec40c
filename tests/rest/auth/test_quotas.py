"""What a quota lets through, told by times and not by waiting."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.auth.quotas import Quota, QuotaState, TokenBucket

rates = st.floats(0.1, 1e4)
moments = st.lists(st.floats(0, 5), max_size=60)


@given(rates, st.floats(1, 100), moments)
def test_a_quota_of_requests_lets_through_its_burst_and_its_rate_and_no_more(
    rate: float, burst: float, pauses: list[float]
) -> None:
    """A quota that leaks under pressure is none, and one that is too tight takes what was paid for."""
    allowance = QuotaState(Quota(requests_per_s=rate, burst=burst), 0.0)
    now, let_in = 0.0, 0
    for pause in [0.0, *pauses]:
        now += pause
        # As many as wish at this moment.
        while allowance.admit(10, now, object()) == 0.0 and let_in < 10_000:
            let_in += 1
        if let_in >= 10_000:
            return

    # Whoever rests loses what passes the burst; who asks all the time gets all of it.
    assert let_in <= burst + rate * now + 1e-6 * (1 + let_in)
    if all(rate * pause <= max(0.0, burst - 1) for pause in pauses):
        assert let_in >= math.floor((burst + rate * now) * (1 - 1e-9))


@given(rates, st.integers(1, 50))
def test_who_waits_as_told_gets_in(rate: float, asked: int) -> None:
    """Retry-After that is too short makes callers knock twice."""
    allowance = QuotaState(Quota(requests_per_s=rate, burst=1), 0.0)
    now = 0.0
    for _ in range(asked):
        wait_s = allowance.admit(0, now, object())
        now += wait_s * (1 + 1e-9) + 1e-9
        if wait_s:
            assert allowance.admit(0, now, object()) == 0.0


def test_bytes_that_were_not_announced_are_owed() -> None:
    """What an answer was longer than its elements is known when it is over; the next request waits for it."""
    allowance, request = QuotaState(Quota(bytes_per_s=100), 0.0), object()

    assert allowance.admit(0, 0.0, request) == 0.0
    allowance.settle(350, 0.0, request)

    assert allowance.admit(0, 0.0, object()) == pytest.approx(2.51)
    assert allowance.admit(0, 2.0, object()) > 0
    assert allowance.admit(0, 2.52, object()) == 0.0


def test_a_request_larger_than_a_seconds_bytes_gets_in() -> None:
    """Else a small quota would refuse a large request for ever, and Retry-After would lie."""
    allowance = QuotaState(Quota(bytes_per_s=100), 0.0)

    assert allowance.admit(1_000, 0.0, object()) == 0.0
    assert allowance.admit(1, 0.0, object()) == pytest.approx(9.01)


@given(st.floats(0.01, 5))
def test_the_smallest_quota_of_bytes_lets_somebody_in(rate: float) -> None:
    """A quota below a byte a second is slow; it is not a door that never opens and says when to come back."""
    allowance = QuotaState(Quota(bytes_per_s=rate), 0.0)
    assert allowance.admit(3, 0.0, object()) == 0.0

    wait_s = allowance.admit(0, 0.0, object())

    assert allowance.admit(0, wait_s * (1 + 1e-9) + 1e-9, object()) == 0.0


def test_one_request_at_a_time_takes_more_than_there_is() -> None:
    """Those inside already are many as well: let each take what it likes, and the quota is one of requests."""
    allowance, first, second = QuotaState(Quota(bytes_per_s=100), 0.0), object(), object()
    assert allowance.admit(0, 0.0, first) == allowance.admit(0, 0.0, second) == 0.0

    assert allowance.consume(60, 0.0, second) == 0.0
    assert allowance.consume(60, 0.0, first) == 0.0
    assert allowance.consume(1, 0.0, second) == pytest.approx(0.21)
    assert allowance.consume(400, 0.0, first) == 0.0
    assert allowance.consume(1, 0.0, second) == pytest.approx(4.21)
    allowance.settle(0, 0.0, first)

    # Who owes nothing any more because it is over leaves its debt behind.
    assert allowance.consume(1, 4.2, second) > 0.0
    assert allowance.consume(1, 4.22, second) == 0.0


steps = st.tuples(st.integers(0, 7), st.sampled_from(["draw", "leave", "wait"]), st.integers(1, 300))


@given(st.floats(1, 500), st.lists(steps, max_size=120))
def test_what_a_key_moves_is_its_rate_and_one_request(rate: float, played: list[tuple[int, str, int]]) -> None:
    """However many requests take turns, come and go: else bodies side by side are a way around the quota."""
    allowance, now = QuotaState(Quota(bytes_per_s=rate), 0.0), 0.0
    inside: dict[int, object] = {}
    moved: dict[int, int] = {}
    total = largest = 0
    for who, what, size in played:
        if what == "wait":
            now += size / 100
        elif what == "leave":
            if who in inside:
                allowance.settle(0, now, inside.pop(who))
                moved.pop(who)
        elif who not in inside:
            request = object()
            if allowance.admit(size, now, request) == 0.0:
                inside[who], moved[who] = request, size
                total += size
        elif allowance.consume(size, now, inside[who]) == 0.0:
            moved[who] += size
            total += size
        largest = max(largest, *moved.values(), 0)

        assert total <= max(1.0, rate) + rate * now + largest + 1e-6


def test_who_is_refused_is_not_charged() -> None:
    """Knocking on a closed door must not keep it closed."""
    allowance = QuotaState(Quota(requests_per_s=1, burst=1, bytes_per_s=10), 0.0)
    assert allowance.admit(5, 0.0, object()) == 0.0

    for _ in range(100):
        assert allowance.admit(1_000_000, 0.5, object()) > 0

    assert allowance.admit(5, 1.0, object()) == 0.0


def test_no_quota_is_no_limit() -> None:
    """A key without numbers may do what it likes."""
    allowance = QuotaState(Quota(), 0.0)

    assert {allowance.admit(10**12, 0.0, object()) for _ in range(1000)} == {0.0}


def test_a_clock_that_stands_still_gives_nothing() -> None:
    """Two requests in one turn of the loop have one time."""
    bucket = TokenBucket(10, 1, 5.0)
    bucket.consume(1, 5.0)

    assert bucket.wait_s(1, 5.0) == pytest.approx(0.1)
    assert bucket.wait_s(1, 4.0) == pytest.approx(0.1)
