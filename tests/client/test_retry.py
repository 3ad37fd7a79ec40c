"""The decision whether and when to retry: bounds of the delays, and the budget."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.retry import Budget, RetryPolicy


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


@pytest.mark.parametrize(("retry", "longest_s"), [(0, 0.25), (1, 0.5), (4, 4.0), (5, 8.0), (6, 8.0), (10_000, 8.0)])
def test_the_longest_delay_doubles_up_to_the_bound(retry: int, longest_s: float) -> None:
    """Clients of an overloaded server spread over a longer time with each retry, and with no number overflow."""
    policy = RetryPolicy(max_retries=10_001)

    assert policy.delay_s(retry, retry_after_s=None, left_s=None, random=lambda: 1.0) == longest_s


@pytest.mark.parametrize(
    ("retry", "retry_after_s", "left_s", "delay_s"),
    [
        (1, None, None, 0.25),
        (2, None, None, None),
        (0, 60.0, None, 60.125),
        (0, 60.5, None, None),
        (0, 5.0, 5.126, 5.125),
        (0, 5.0, 5.125, None),
        (0, None, 0.0, None),
    ],
)
def test_a_call_gives_up_if_it_cannot_wait(
    retry: int, retry_after_s: float | None, left_s: float | None, delay_s: float | None
) -> None:
    """Too many retries, too long a ``Retry-After``, or no time left after the delay."""
    found = RetryPolicy().delay_s(retry, retry_after_s=retry_after_s, left_s=left_s, random=lambda: 0.5)

    assert found == delay_s


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


def test_ten_successes_pay_for_one_retry() -> None:
    """A budget that is never refilled would end all retries after the first outage."""
    budget = Budget()
    assert [budget.try_spend() for _ in range(11)] == [True] * 10 + [False]

    for _ in range(19):
        budget.record_success()

    assert [budget.try_spend() for _ in range(2)] == [True, False]


def test_an_unpickled_budget_is_full() -> None:
    """It belongs to another process, whose server did not fail yet; and its lock cannot be pickled."""
    budget = Budget()
    budget.try_spend()

    assert pickle.loads(pickle.dumps(budget)).remaining == Budget.CAPACITY
