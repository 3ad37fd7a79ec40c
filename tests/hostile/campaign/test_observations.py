"""The delay caused by the service is the request's duration minus the control's delay at the same time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.campaign.observations import OTHERS_CORES, Observations, RequestTiming, near_maximum


def wait(begun_ms: float, ended_ms: float, runnable_ms: float = 0.0) -> RequestTiming:
    """A request of this duration in milliseconds."""
    return RequestTiming(begun_ms / 1000, ended_ms / 1000, runnable_ms / 1000)


MOMENTS = st.integers(0, 2000)
WAITS = st.lists(
    st.builds(
        lambda started, took, runnable: wait(started, started + took, runnable), MOMENTS, st.integers(0, 500), MOMENTS
    ),
    max_size=20,
)
CORES = st.sampled_from([0.0, OTHERS_CORES, 2.0])


@pytest.mark.parametrize(
    ("count", "expected"), [(0, 0.0), (1, 1.0), (199, 199.0), (200, 199.0), (399, 398.0), (400, 398.0), (2000, 1990.0)]
)
def test_the_maximum_ignores_one_request_in_two_hundred(count: int, expected: float) -> None:
    """One slow probe among thousands is no evidence; with fewer than two hundred every one counts."""
    assert near_maximum([float(count - each) for each in range(count)]) == expected


def test_a_slower_control_gives_no_negative_delay() -> None:
    """A control that is slower than the service must not give a negative delay."""
    assert near_maximum([-5.0, -1.0]) == 0.0


@pytest.mark.parametrize(
    ("controls", "added"),
    [
        ([], 200),
        ([wait(1000, 1150)], 50),
        ([wait(900, 1001)], 99),
        ([wait(1199, 1300)], 99),
        ([wait(900, 1000), wait(1200, 1500)], 200),
        ([wait(1000, 1060), wait(1060, 1130), wait(1130, 1190)], 130),
        ([wait(500, 2000)], 0),
    ],
    ids=[
        "no control",
        "beside it",
        "over its begin",
        "over its end",
        "only before and behind it",
        "several: the longest and not their sum",
        "longer than itself",
    ],
)
def test_the_simultaneous_delay_of_the_control_is_subtracted(controls: list[RequestTiming], added: float) -> None:
    """What delays a minimal server is caused by the machine."""
    seen = Observations(controls=controls)

    assert seen.added_ms([wait(1000, 1200)]) == pytest.approx(added)


def test_each_request_has_its_own_control() -> None:
    """The longest delay may be caused by the machine, and a shorter one by the service."""
    seen = Observations(controls=[wait(0, 290)])

    assert seen.added_ms([wait(0, 300), wait(1000, 1120)]) == pytest.approx(120)


@pytest.mark.parametrize(
    ("others_cores", "controls", "added"),
    [
        (0.0, [], 200),
        (OTHERS_CORES, [], 200),
        (OTHERS_CORES + 0.01, [], 50),
        (2.0, [wait(1000, 1100)], 50),
        (2.0, [wait(1000, 1180)], 20),
    ],
)
def test_waiting_for_a_core_is_subtracted_if_other_programs_use_cores(
    others_cores: float, controls: list[RequestTiming], added: float
) -> None:
    """Without other programs the loop waits for the service's own threads. The control may have waited for the same
    core, so the longer of both is subtracted, not the sum."""
    seen = Observations(controls=controls, other_cores=others_cores)

    assert seen.added_ms([wait(1000, 1200, 150)]) == pytest.approx(added)


@given(WAITS, WAITS, CORES)
def test_the_added_delay_is_bounded_and_controls_only_reduce_it(
    waits: list[RequestTiming], controls: list[RequestTiming], others_cores: float
) -> None:
    """Additional measurements must not make an attack look worse."""
    alone = Observations(other_cores=others_cores).added_ms(waits)
    with_controls = Observations(controls=controls, other_cores=others_cores).added_ms(waits)

    assert 0 <= with_controls <= alone <= near_maximum([each.ms for each in waits])
