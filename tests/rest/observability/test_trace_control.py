"""Which requests are traced: one of so many, counted for all models together or for a model alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.observability.trace_control import TraceControl, TraceOverride, TraceSettings


@given(st.integers(1, 50), st.integers(0, 200))
def test_one_of_so_many_requests_is_sampled(rate: int, requests: int) -> None:
    """Exactly, and the first one, so that a rare request is seen."""
    control = TraceControl(is_available=True)
    control.change("", TraceOverride(is_on=True, rate=rate))

    sampled = [control.is_sampled(f"model{number % 3}") for number in range(requests)]

    assert sampled == [number % rate == 0 for number in range(requests)]


def test_a_model_with_settings_of_its_own_is_counted_alone() -> None:
    """Its requests do not use up the samples of the others."""
    control = TraceControl(is_available=True)
    control.change("", TraceOverride(is_on=True, rate=2))
    control.change("a", TraceOverride(is_on=True, rate=3))

    sampled = [(control.is_sampled("a/versions/2"), control.is_sampled("b")) for _ in range(6)]

    assert sampled == [(True, True), (False, False), (False, True), (True, False), (False, True), (False, False)]


def test_nothing_is_sampled_while_tracing_is_off() -> None:
    """At first it is on if the service exports traces."""
    assert TraceControl(is_available=True).is_sampled("")
    assert not TraceControl(is_available=False).is_sampled("")
    control = TraceControl(is_available=True)
    control.change("a", TraceOverride(is_on=False, rate=1))
    assert not control.is_sampled("a")
    assert control.is_sampled("b")


OVERRIDES = st.builds(TraceOverride, st.none() | st.booleans(), st.none() | st.integers(1, 9))


@given(OVERRIDES, OVERRIDES)
def test_a_model_takes_what_is_not_set_from_all_requests(of_all: TraceOverride, own: TraceOverride) -> None:
    """Also after a later change of it; all requests take it from the start."""
    control = TraceControl(is_available=True)
    control.change("a", own)
    control.change("", of_all)

    found = control.settings()
    assert found == TraceSettings(of_all.is_on is not False, of_all.rate or 1)
    assert control.settings("b") == found
    assert control.settings("a") == TraceSettings(
        found.is_on if own.is_on is None else own.is_on, own.rate or found.rate
    )
    control.change("a", TraceOverride())
    assert control.settings("a") == found
