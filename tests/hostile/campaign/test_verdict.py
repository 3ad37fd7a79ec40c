"""What of an attack is a fault: a broken promise at once, a time over its limit where it is so in two tries."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.campaign.observations import Observations, RequestTiming
from tests.hostile.campaign.verdict import BEYOND_MIB, PROBE_MS, SMALL_MS, Result, judge, retry_once_if_late

MIB = 2**20


def waits(ms: float) -> list[RequestTiming]:
    """One wait of so many milliseconds."""
    return [RequestTiming(0.0, ms / 1000)]


def judged(seen: Observations | None = None, said: str = "exchanges 7", logged: str = "", ready: int = 200) -> Result:
    """The result of an attack that found nothing, but for what is given."""
    return judge("an attack", seen or Observations(), said, logged, ready)


def test_an_attack_that_finds_nothing_has_no_fault() -> None:
    """Refusals of a neighbour's requests are allowed, and so is all that is within its limit."""
    seen = Observations(
        probes=waits(PROBE_MS),
        small_requests=waits(SMALL_MS),
        statuses={200: 5, 503: 9},
        unaccounted_bytes=int(BEYOND_MIB * MIB),
    )
    result = judged(seen, logged="12:00 INFO poolhouse: ready\n12:01 WARNING poolhouse: overloaded\n")

    assert result == Result("an attack", 7, seen, [], [])


@pytest.mark.parametrize(
    ("seen", "late"),
    [
        (Observations(probes=waits(PROBE_MS + 50)), ["/livez waited 150 ms longer than the control"]),
        (Observations(small_requests=waits(SMALL_MS + 50)), ["a small request waited 150 ms longer than the control"]),
        (
            Observations(probes=waits(PROBE_MS + 20), small_requests=waits(SMALL_MS + 50)),
            [
                "/livez waited 120 ms longer than the control",
                "a small request waited 150 ms longer than the control",
            ],
        ),
        (Observations(probes=waits(PROBE_MS + 50), controls=waits(60)), []),
    ],
)
def test_a_time_over_its_limit_is_late_and_no_fault_yet(seen: Observations, late: list[str]) -> None:
    """It may be the machine's; what the control took at the same time is."""
    result = judged(seen)

    assert result.late == late
    assert result.faults == []


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (judged(said="exchanges 7\nread 3 of 4 bytes"), "read 3 of 4 bytes"),
        (judged(Observations(failures=["/livez answered 503"])), "/livez answered 503"),
        (judged(ready=503), "/readyz answers 503 afterwards"),
        (judged(ready=0), "/readyz answers 0 afterwards"),
        (judged(Observations(statuses={200: 5, 500: 2})), "2 small requests of a neighbour were answered with 500"),
        (judged(logged="12:00 INFO x\n12:01 ERROR poolhouse: it broke\n"), "12:01 ERROR poolhouse: it broke"),
        (judged(logged="Traceback (most recent call last):\n  x\n"), "Traceback (most recent call last):"),
        (judged(Observations(unaccounted_bytes=int(200 * MIB))), "200 MiB of memory that held_bytes does not tell of"),
    ],
)
def test_every_other_broken_promise_is_a_fault_at_once(result: Result, fault: str) -> None:
    """No second try makes a wrong answer right."""
    assert result.faults == [fault]
    assert result.late == []


@pytest.mark.parametrize(("said", "cases"), [("exchanges 7", 7), ("", None), ("exchanges 12\n", 12)])
def test_cases_are_what_the_attackers_count(said: str, cases: int | None) -> None:
    """Most attacks count nothing."""
    assert judged(said=said).cases == cases


def tried(results: list[Result]) -> tuple[Result, int, list[Result]]:
    """What comes of an attack whose tries have these results, how many were made, and the results that were told."""
    left, told = iter(results), list[Result]()
    verdict = retry_once_if_late(lambda: next(left), told.append)
    return verdict, len(results) - len(list(left)), told


def result(*, faults: tuple[str, ...] = (), late: tuple[str, ...] = (), cases: int = 1) -> Result:
    """The result of one try."""
    return Result("an attack", cases, Observations(), list(faults), list(late))


ON_TIME, LATE = result(cases=2), result(late=("/livez waited",))


def test_an_attack_on_time_is_tried_once() -> None:
    """Ten minutes are not enough for all attacks twice."""
    assert tried([ON_TIME, LATE]) == (ON_TIME, 1, [])


def test_a_time_over_its_limit_once_is_told_and_no_fault() -> None:
    """The machine may have had something else to do; whoever reads the run sees that it was so."""
    assert tried([LATE, ON_TIME]) == (ON_TIME, 2, [LATE])


def test_a_time_over_its_limit_twice_is_a_fault_and_there_is_no_third_try() -> None:
    """Tries until one is good would prove nothing."""
    verdict, tries, told = tried([LATE, result(late=("/livez waited longer",)), ON_TIME])

    assert (verdict.faults, verdict.late) == (["/livez waited, and then: /livez waited longer"], [])
    assert (tries, told) == (2, [LATE])


def test_two_times_over_their_limits_one_after_the_other_are_a_fault() -> None:
    """The part has broken its promise in both tries, whoever had to wait."""
    verdict, _, _ = tried([LATE, result(late=("a small request waited",))])

    assert verdict.faults == ["/livez waited, and then: a small request waited"]


def test_each_time_over_its_limit_in_the_second_try_is_a_fault() -> None:
    """None is passed over because the first try had fewer."""
    verdict, _, _ = tried([LATE, result(late=("/livez waited longer", "a small request waited"))])

    assert verdict.faults == [
        "/livez waited, and then: /livez waited longer",
        "/livez waited, and then: a small request waited",
    ]


def test_a_fault_that_is_no_time_is_never_tried_again() -> None:
    """It is none of the machine's, and might hide in a second try."""
    broken = result(faults=("500",))

    assert tried([broken, ON_TIME]) == (broken, 1, [])


def test_a_fault_beside_a_late_time_stays_whatever_the_second_try_is() -> None:
    """The second try is for the time alone."""
    verdict, tries, _ = tried([dataclasses.replace(LATE, faults=["500"]), ON_TIME])

    assert (verdict.faults, tries) == (["500"], 2)


def test_a_fault_of_the_second_try_counts() -> None:
    """It is a try like any other."""
    verdict, _, _ = tried([LATE, result(faults=("500",))])

    assert verdict.faults == ["500"]


RESULTS = st.builds(
    result,
    faults=st.lists(st.sampled_from(["500", "Traceback"]), max_size=2).map(tuple),
    late=st.lists(st.sampled_from(["/livez", "small"]), max_size=2, unique=True).map(tuple),
    cases=st.integers(0, 9),
)


@given(RESULTS, RESULTS)
def test_it_is_at_fault_for_a_fault_in_a_try_or_late_times_in_both(first: Result, second: Result) -> None:
    """The rule as a whole; the figures are those of the last try."""
    verdict, tries, _ = tried([first, second])

    made = [first, second][:tries]
    assert tries == (2 if first.late else 1)
    assert bool(verdict.faults) == (any(each.faults for each in made) or all(each.late for each in [first, second]))
    assert (verdict.cases, verdict.seen, verdict.late) == (made[-1].cases, made[-1].seen, [])
