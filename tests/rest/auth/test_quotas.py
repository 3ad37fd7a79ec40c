"""The limits of quotas, with simulated time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.auth.quotas import Quota, QuotaState, TokenBucket

rates = st.floats(0.1, 1e4)
moments = st.lists(st.floats(0, 5), max_size=60)


@given(rates, st.floats(1, 100), moments)
def test_a_quota_of_requests_grants_exactly_its_burst_and_rate(rate: float, burst: float, pauses: list[float]) -> None:
    """A quota must hold under load, and must grant all of the agreed rate."""
    state = QuotaState(Quota(requests_per_s=rate, burst=burst), 0.0)
    now, admitted = 0.0, 0
    for pause in [0.0, *pauses]:
        now += pause
        # As many requests as possible at this time.
        while state.admit(10, now, object()) == 0.0 and admitted < 10_000:
            admitted += 1
        if admitted >= 10_000:
            return

    # A pause longer than the burst loses tokens; without one the full rate is granted.
    assert admitted <= burst + rate * now + 1e-6 * (1 + admitted)
    if all(rate * pause <= max(0.0, burst - 1) for pause in pauses):
        assert admitted >= math.floor((burst + rate * now) * (1 - 1e-9))


@given(rates, st.integers(1, 50))
def test_a_request_after_the_retry_time_is_admitted(rate: float, count: int) -> None:
    """A Retry-After that is too short makes clients retry twice."""
    state = QuotaState(Quota(requests_per_s=rate, burst=1), 0.0)
    now = 0.0
    for _ in range(count):
        wait_s = state.admit(0, now, object())
        now += wait_s * (1 + 1e-9) + 1e-9
        if wait_s:
            assert state.admit(0, now, object()) == 0.0


def test_unannounced_bytes_become_a_debt() -> None:
    """The exact bytes of a response are known when it is finished; later requests wait for the debt."""
    state, request = QuotaState(Quota(bytes_per_s=100), 0.0), object()

    assert state.admit(0, 0.0, request) == 0.0
    state.settle(350, 0.0, request)

    assert state.admit(0, 0.0, object()) == pytest.approx(2.51)
    assert state.admit(0, 2.0, object()) > 0
    assert state.admit(0, 2.52, object()) == 0.0


def test_a_request_larger_than_one_seconds_bytes_is_admitted() -> None:
    """Otherwise a small quota would refuse a large request for ever, and Retry-After would be wrong."""
    state = QuotaState(Quota(bytes_per_s=100), 0.0)

    assert state.admit(1_000, 0.0, object()) == 0.0
    assert state.admit(1, 0.0, object()) == pytest.approx(9.01)


@given(st.floats(0.01, 5))
def test_the_smallest_quota_of_bytes_admits_requests(rate: float) -> None:
    """A quota below one byte a second is slow, but must not refuse every request."""
    state = QuotaState(Quota(bytes_per_s=rate), 0.0)
    assert state.admit(3, 0.0, object()) == 0.0

    wait_s = state.admit(0, 0.0, object())

    assert state.admit(0, wait_s * (1 + 1e-9) + 1e-9, object()) == 0.0


def test_one_request_at_a_time_overdraws() -> None:
    """Many requests may be admitted already: if each could overdraw the quota, bytes would be unlimited."""
    state, first, second = QuotaState(Quota(bytes_per_s=100), 0.0), object(), object()
    assert state.admit(0, 0.0, first) == state.admit(0, 0.0, second) == 0.0

    assert state.consume(60, 0.0, second) == 0.0
    assert state.consume(60, 0.0, first) == 0.0
    assert state.consume(1, 0.0, second) == pytest.approx(0.21)
    assert state.consume(400, 0.0, first) == 0.0
    assert state.consume(1, 0.0, second) == pytest.approx(4.21)
    state.settle(0, 0.0, first)

    # The debt of a finished request remains.
    assert state.consume(1, 4.2, second) > 0.0
    assert state.consume(1, 4.22, second) == 0.0


steps = st.tuples(st.integers(0, 7), st.sampled_from(["consume", "settle", "wait"]), st.integers(1, 300))


@given(st.floats(1, 500), st.lists(steps, max_size=120))
def test_a_key_transfers_at_most_its_rate_and_one_request(rate: float, steps_taken: list[tuple[int, str, int]]) -> None:
    """For any sequence of concurrent requests: otherwise concurrent bodies would circumvent the quota."""
    state, now = QuotaState(Quota(bytes_per_s=rate), 0.0), 0.0
    requests: dict[int, object] = {}
    charged: dict[int, int] = {}
    total = largest = 0
    for client, action, size in steps_taken:
        if action == "wait":
            now += size / 100
        elif action == "settle":
            if client in requests:
                state.settle(0, now, requests.pop(client))
                charged.pop(client)
        elif client not in requests:
            request = object()
            if state.admit(size, now, request) == 0.0:
                requests[client], charged[client] = request, size
                total += size
        elif state.consume(size, now, requests[client]) == 0.0:
            charged[client] += size
            total += size
        largest = max(largest, *charged.values(), 0)

        assert total <= max(1.0, rate) + rate * now + largest + 1e-6


def test_a_refused_request_is_not_charged() -> None:
    """Retries must not prolong the refusal."""
    state = QuotaState(Quota(requests_per_s=1, burst=1, bytes_per_s=10), 0.0)
    assert state.admit(5, 0.0, object()) == 0.0

    for _ in range(100):
        assert state.admit(1_000_000, 0.5, object()) > 0

    assert state.admit(5, 1.0, object()) == 0.0


def test_no_quota_is_no_limit() -> None:
    """A key without a quota is unlimited."""
    state = QuotaState(Quota(), 0.0)

    assert {state.admit(10**12, 0.0, object()) for _ in range(1000)} == {0.0}


def test_no_tokens_without_elapsed_time() -> None:
    """Two requests in one iteration of the event loop have the same time."""
    bucket = TokenBucket(10, 1, 5.0)
    bucket.consume(1, 5.0)

    assert bucket.wait_s(1, 5.0) == pytest.approx(0.1)
    assert bucket.wait_s(1, 4.0) == pytest.approx(0.1)
