"""The verdict on an attack: a broken promise is a fault at once, and a time over its limit only if it is so in two
tries."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.campaign.observations import Observations, RequestTiming
from tests.hostile.campaign.verdict import BEYOND_MIB, PROBE_MS, SMALL_MS, Result, judge, retry_once_if_late

MIB = 2**20


def waits(ms: float) -> list[RequestTiming]:
    """A request of this duration in milliseconds."""
    return [RequestTiming(0.0, ms / 1000)]


def judged(seen: Observations | None = None, said: str = "exchanges 7", logged: str = "", ready: int = 200) -> Result:
    """The result of an attack that found nothing, except for the arguments."""
    return judge("an attack", seen or Observations(), said, logged, ready)


def test_an_attack_without_findings_has_no_fault() -> None:
    """Refusals of the other client's requests are allowed, and so are times within the limits."""
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
def test_a_time_over_its_limit_is_late_but_not_yet_a_fault(seen: Observations, late: list[str]) -> None:
    """The machine may be the cause, as the control's time at that moment shows."""
    result = judged(seen)

    assert result.late == late
    assert result.faults == []


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (judged(said="exchanges 7\nread 3 of 4 bytes"), "read 3 of 4 bytes"),
        (judged(Observations(failures=["/livez returned 503"])), "/livez returned 503"),
        (judged(ready=503), "/readyz returned 503 afterwards"),
        (judged(ready=0), "/readyz returned 0 afterwards"),
        (judged(Observations(statuses={200: 5, 500: 2})), "2 small requests of another client got status 500"),
        (judged(logged="12:00 INFO x\n12:01 ERROR poolhouse: it broke\n"), "12:01 ERROR poolhouse: it broke"),
        (judged(logged="Traceback (most recent call last):\n  x\n"), "Traceback (most recent call last):"),
        (judged(Observations(unaccounted_bytes=int(200 * MIB))), "200 MiB of memory that held_bytes does not include"),
    ],
)
def test_any_other_violation_is_a_fault_at_once(result: Result, fault: str) -> None:
    """A second try does not make a wrong response right."""
    assert result.faults == [fault]
    assert result.late == []


@pytest.mark.parametrize(("said", "cases"), [("exchanges 7", 7), ("", None), ("exchanges 12\n", 12)])
def test_cases_are_counted_by_the_attackers(said: str, cases: int | None) -> None:
    """Most attacks do not count their cases."""
    assert judged(said=said).cases == cases


def tried(results: list[Result]) -> tuple[Result, int, list[Result]]:
    """Run an attack whose tries have these results; returns its result, the number of tries, and the reported
    results."""
    left, reported = iter(results), list[Result]()
    verdict = retry_once_if_late(lambda: next(left), reported.append)
    return verdict, len(results) - len(list(left)), reported


def result(*, faults: tuple[str, ...] = (), late: tuple[str, ...] = (), cases: int = 1) -> Result:
    """The result of one try."""
    return Result("an attack", cases, Observations(), list(faults), list(late))


ON_TIME, LATE = result(cases=2), result(late=("/livez waited",))


def test_an_attack_without_late_times_runs_once() -> None:
    """Ten minutes are not enough to run all attacks twice."""
    assert tried([ON_TIME, LATE]) == (ON_TIME, 1, [])


def test_a_time_over_its_limit_once_is_reported_and_no_fault() -> None:
    """The machine may have been busy; the report shows it."""
    assert tried([LATE, ON_TIME]) == (ON_TIME, 2, [LATE])


def test_a_time_over_its_limit_twice_is_a_fault_and_there_is_no_third_try() -> None:
    """Retrying until one try is good would prove nothing."""
    verdict, tries, reported = tried([LATE, result(late=("/livez waited longer",)), ON_TIME])

    assert (verdict.faults, verdict.late) == (["/livez waited, and then: /livez waited longer"], [])
    assert (tries, reported) == (2, [LATE])


def test_different_late_times_in_both_tries_are_a_fault() -> None:
    """The promise is broken in both tries, whichever time it was."""
    verdict, _, _ = tried([LATE, result(late=("a small request waited",))])

    assert verdict.faults == ["/livez waited, and then: a small request waited"]


def test_every_late_time_of_the_second_try_is_a_fault() -> None:
    """Late times of the second try all count, even if the first try had fewer."""
    verdict, _, _ = tried([LATE, result(late=("/livez waited longer", "a small request waited"))])

    assert verdict.faults == [
        "/livez waited, and then: /livez waited longer",
        "/livez waited, and then: a small request waited",
    ]


def test_other_faults_are_not_retried() -> None:
    """It is not caused by the machine, and a second try might not show it."""
    broken = result(faults=("500",))

    assert tried([broken, ON_TIME]) == (broken, 1, [])


def test_a_fault_beside_a_late_time_remains_after_the_second_try() -> None:
    """The second try is for the late time only."""
    verdict, tries, _ = tried([dataclasses.replace(LATE, faults=["500"]), ON_TIME])

    assert (verdict.faults, tries) == (["500"], 2)


def test_a_fault_of_the_second_try_counts() -> None:
    """A second try is judged like the first."""
    verdict, _, _ = tried([LATE, result(faults=("500",))])

    assert verdict.faults == ["500"]


RESULTS = st.builds(
    result,
    faults=st.lists(st.sampled_from(["500", "Traceback"]), max_size=2).map(tuple),
    late=st.lists(st.sampled_from(["/livez", "small"]), max_size=2, unique=True).map(tuple),
    cases=st.integers(0, 9),
)


@given(RESULTS, RESULTS)
def test_an_attack_fails_by_a_fault_in_any_try_or_late_times_in_both(first: Result, second: Result) -> None:
    """The complete rule; the figures are those of the last try."""
    verdict, tries, _ = tried([first, second])

    made = [first, second][:tries]
    assert tries == (2 if first.late else 1)
    assert bool(verdict.faults) == (any(each.faults for each in made) or all(each.late for each in [first, second]))
    assert (verdict.cases, verdict.seen, verdict.late) == (made[-1].cases, made[-1].seen, [])
