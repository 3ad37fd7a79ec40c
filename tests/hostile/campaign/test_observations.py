"""What is the service's of a wait: no more than it took, and less by what delayed the control at the same time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.campaign.observations import OTHERS_CORES, Observations, RequestTiming, near_maximum


def wait(begun_ms: float, ended_ms: float, runnable_ms: float = 0.0) -> RequestTiming:
    """A wait in milliseconds."""
    return RequestTiming(begun_ms / 1000, ended_ms / 1000, runnable_ms / 1000)


MOMENTS = st.integers(0, 2000)
WAITS = st.lists(
    st.builds(lambda begun, took, runnable: wait(begun, begun + took, runnable), MOMENTS, st.integers(0, 500), MOMENTS),
    max_size=20,
)
CORES = st.sampled_from([0.0, OTHERS_CORES, 2.0])


@pytest.mark.parametrize(
    ("count", "expected"), [(0, 0.0), (1, 1.0), (199, 199.0), (200, 199.0), (399, 398.0), (400, 398.0), (2000, 1990.0)]
)
def test_the_worst_leaves_out_one_in_two_hundred(count: int, expected: float) -> None:
    """A single slow probe of thousands says nothing about the service; of less than two hundred every one counts."""
    assert near_maximum([float(count - each) for each in range(count)]) == expected


def test_nothing_is_added_by_less_than_nothing() -> None:
    """A control that was slower than the service makes no credit."""
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
def test_a_wait_is_less_by_that_of_the_control_at_the_same_time(controls: list[RequestTiming], added: float) -> None:
    """What delays a server that does nothing is the machine."""
    seen = Observations(controls=controls)

    assert seen.added_ms([wait(1000, 1200)]) == pytest.approx(added)


def test_each_wait_has_its_own_control() -> None:
    """The longest wait may be the machine's, and a shorter one the service's."""
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
def test_waiting_for_a_core_is_forgiven_where_others_take_them(
    others_cores: float, controls: list[RequestTiming], added: float
) -> None:
    """On a machine without others the loop waits for the service's own threads. The control has often waited for the
    same core, so what is forgiven is the longer of both."""
    seen = Observations(controls=controls, other_cores=others_cores)

    assert seen.added_ms([wait(1000, 1200, 150)]) == pytest.approx(added)


@given(WAITS, WAITS, CORES)
def test_added_lies_between_nothing_and_the_wait_and_controls_only_forgive(
    waits: list[RequestTiming], controls: list[RequestTiming], others_cores: float
) -> None:
    """An attack must not look worse by what is measured beside it."""
    alone = Observations(other_cores=others_cores).added_ms(waits)
    with_controls = Observations(controls=controls, other_cores=others_cores).added_ms(waits)

    assert 0 <= with_controls <= alone <= near_maximum([each.ms for each in waits])
