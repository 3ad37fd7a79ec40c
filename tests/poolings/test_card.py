"""The plan of several poolings as plain values."""

from __future__ import annotations

from poolhouse.describe import plan_card
from poolhouse.poolings.card import poolings_card
from tests.poolings.test_plan import MAX, PAIR, plan_of


def test_each_run_is_described_as_alone() -> None:
    """But for the names of its outputs."""
    plan = plan_of([PAIR, {**MAX, "name": "b", "of": "a", "returned": False}])
    card = poolings_card(plan, ("cpu",))
    runs = card["poolings"]
    assert isinstance(runs, list)

    for run, planned in zip(runs, plan.runs, strict=True):
        alone = plan_card(planned.plan, ("cpu",))
        assert {name: run[name] for name in alone if name != "outputs"} == {
            name: value for name, value in alone.items() if name != "outputs"
        }
    assert [(each["name"], each["of"], each["returned"]) for each in runs] == [("a", "", True), ("b", "a", False)]
    assert [list(each["outputs"]) for each in runs] == [["a", "a.indices"], ["b"]]
    assert list(card["outputs"]) == ["a", "a.indices"]  # type: ignore[call-overload]
    assert card["held_bytes"] == plan.held_bytes
