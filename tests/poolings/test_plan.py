"""Planning several poolings from metadata."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, INT64
from poolhouse.errors import PoolhouseError
from poolhouse.operators.plan import Limits, Plan
from poolhouse.operators.planner import Planner
from poolhouse.poolings.entries import read_poolings
from poolhouse.poolings.plan import MAX_OUTPUTS, PoolingsPlan, Source, plan_poolings
from poolhouse.poolings.tensors import split_tensors
from poolhouse.tensors import TensorMetadata
from tests.operators.random_cases import CATALOGUE, LIMITS

IMAGE = TensorMetadata(FLOAT32, (1, 2, 8, 8))
MAX = {"operator": "max_pool2d", "kernel_size": 2}
PAIR = {**MAX, "name": "a", "return_indices": True}


def plan_of(
    poolings: object,
    tensors: Mapping[str, TensorMetadata] | None = None,
    *,
    are_named: bool = False,
    limits: Limits = LIMITS,
) -> PoolingsPlan:
    """The plan of a list, by default of one image."""
    planner = Planner(CATALOGUE, LIMITS)

    def plan_run(operator: str, metadata: Mapping[str, TensorMetadata], fields: Mapping[str, object]) -> Plan:
        return planner.plan(operator, fields, {}, metadata)

    given = split_tensors({"input": IMAGE} if tensors is None else tensors, are_named=are_named)
    return plan_poolings(read_poolings(poolings, CATALOGUE), given, plan_run, limits)


def refusal_of(*args: object, **options: object) -> PoolhouseError:
    """The refusal of a list."""
    with pytest.raises(PoolhouseError) as refusal:
        plan_of(*args, **options)  # type: ignore[arg-type]
    return refusal.value


def test_outputs_are_named_by_their_poolings() -> None:
    """In the order of the list."""
    plan = plan_of([PAIR, {"operator": "global_avg_pool2d"}])

    assert {name: each.shape for name, each in plan.outputs.items()} == {
        "a": (1, 2, 4, 4),
        "a.indices": (1, 2, 4, 4),
        "global_avg_pool2d": (1, 2, 1, 1),
    }


def test_levels_of_a_pyramid() -> None:
    """The first output has the name of the pooling, whatever the operator calls it."""
    plan = plan_of([{"operator": "pyramid_pool2d", "name": "p", "levels": 2}])

    assert tuple(plan.outputs) == ("p", "p.level2")


def test_outputs_of_several_inputs() -> None:
    """They begin with the name of the input; a single pooling without a name adds nothing."""
    inputs = {"u": IMAGE, "v": TensorMetadata(ELEMENT_TYPES["uint8"], (3, 1, 4, 6))}

    assert tuple(plan_of([PAIR, {**MAX, "name": "b"}], inputs).outputs) == (
        *("u.a", "u.a.indices", "u.b"),
        *("v.a", "v.a.indices", "v.b"),
    )
    assert tuple(plan_of([MAX], inputs).outputs) == ("u", "v")
    assert tuple(plan_of([{**MAX, "name": "b"}], inputs).outputs) == ("u.b", "v.b")


def test_a_chain_pools_an_earlier_output() -> None:
    """Of the same input."""
    plan = plan_of(
        [
            PAIR,
            {**MAX, "name": "b", "of": "a"},
            {"operator": "max_pool2d", "name": "c", "of": "a.indices", "kernel_size": 4},
        ],
        {"u": IMAGE, "v": IMAGE},
    )

    assert [run.sources["input"] for run in plan.runs] == [
        *(Source(-1, "u"), Source(0, "output"), Source(0, "indices")),
        *(Source(-1, "v"), Source(3, "output"), Source(3, "indices")),
    ]
    assert plan.outputs["v.b"].shape == (1, 2, 2, 2)
    assert plan.outputs["v.c"] == TensorMetadata(INT64, (1, 2, 1, 1))


@pytest.mark.parametrize("more", [{}, {"indices": "a.indices"}])
def test_unpooling_takes_the_indices_of_its_source(more: dict[str, object]) -> None:
    """Or those that it names."""
    plan = plan_of([PAIR, {"operator": "max_unpool2d", "of": "a", "kernel_size": 2, **more}])

    assert plan.runs[1].sources == {"input": Source(0, "output"), "indices": Source(0, "indices")}
    assert plan.outputs["max_unpool2d"].shape == IMAGE.shape


def test_unpooling_takes_the_indices_of_the_request() -> None:
    """Without an earlier pooling."""
    small = TensorMetadata(FLOAT32, (1, 2, 4, 4))
    tensors = {"input": small, "indices": TensorMetadata(INT64, small.shape)}
    plan = plan_of([{"operator": "max_unpool2d", "kernel_size": 2}, MAX], tensors)

    assert plan.runs[0].sources["indices"] == Source(-1, "indices")
    assert plan.input_bytes == sum(each.nbytes for each in tensors.values())


def test_what_is_not_returned_is_held_but_no_output() -> None:
    """An intermediate result of a chain."""
    whole = plan_of([{**MAX, "name": "a"}, {"operator": "avg_pool2d", "of": "a", "kernel_size": 2}])
    part = plan_of([{**MAX, "name": "a", "returned": False}, {"operator": "avg_pool2d", "of": "a", "kernel_size": 2}])

    assert tuple(part.outputs) == ("avg_pool2d",)
    assert part.output_bytes < whole.output_bytes
    assert part.held_bytes == whole.held_bytes


def test_sums_are_those_of_the_runs() -> None:
    """The input is counted once."""
    plan = plan_of([PAIR, {"operator": "avg_pool2d", "kernel_size": 3}])

    assert plan.steps == sum(run.plan.steps for run in plan.runs)
    assert plan.held_bytes == IMAGE.nbytes + sum(run.plan.output_bytes + run.plan.workspace_bytes for run in plan.runs)


def test_random_poolings_get_seeds() -> None:
    """Each its own, by name; given ones stay."""
    fractional = {"operator": "fractional_max_pool2d", "kernel_size": 2, "output_size": 3}
    plan = plan_of([{**fractional, "name": "a"}, {**fractional, "name": "b", "seed": 7}, MAX])

    assert plan.seeds == {"b": 7}
    seeded = plan.with_seed()
    assert set(seeded.seeds) == {"a", "b"}
    assert seeded.seeds["b"] == 7
    assert seeded.with_seed() is seeded


def test_warnings_name_their_output() -> None:
    """As a plan of one pooling has them."""
    photo = TensorMetadata(ELEMENT_TYPES["uint8"], (1, 224, 224, 3))
    (warning,) = plan_of([{**MAX, "name": "a"}], {"input": photo}).warnings

    assert warning.startswith("a: ")


@pytest.mark.parametrize(
    ("poolings", "code", "pointer"),
    [
        ([MAX, {**MAX, "name": "b", "kernel_size": 0}], "invalid_fields", "/poolings/1/kernel_size"),
        ([{**MAX, "kernal": 2}], "invalid_fields", "/poolings/0/kernal"),
        ([{**MAX, "shape": [1]}], "invalid_fields", "/poolings/0/shape"),
        ([{"operator": "max_pool2d"}], "invalid_fields", "/poolings/0/kernel_size"),
        ([{**MAX, "kernel_size": 9}], "window_does_not_fit", "/poolings/0"),
        ([MAX, {"operator": "global_avg_pool1d", "of": "max_pool2d"}], "wrong_rank", "/poolings/1"),
        ([{**MAX, "of": "a"}], "invalid_fields", "/poolings/0/of"),
        ([{**MAX, "of": "max_pool2d"}], "invalid_fields", "/poolings/0/of"),
        ([MAX, {**PAIR, "of": "max_pool2d.indices"}], "invalid_fields", "/poolings/1/of"),
        ([{**MAX, "of": "b"}, {**MAX, "name": "b"}], "invalid_fields", "/poolings/0/of"),
        ([{"operator": "max_unpool2d", "kernel_size": 2}], "missing_tensor", "/poolings/0"),
        ([MAX, {"operator": "max_unpool2d", "of": "max_pool2d", "kernel_size": 2}], "missing_tensor", "/poolings/1"),
        ([{"operator": "max_unpool2d", "indices": "b", "kernel_size": 2}], "invalid_fields", "/poolings/0/indices"),
        ([PAIR, {"operator": "mode_pool2d", "of": "a", "kernel_size": 2}], "unsupported_dtype", "/poolings/1"),
    ],
)
def test_each_refusal_names_its_pooling(poolings: object, code: str, pointer: str) -> None:
    """By a JSON pointer, and in words."""
    refusal = refusal_of(poolings)

    assert (refusal.code, refusal.problems[0].pointer) == (code, pointer)
    assert pointer.split("/")[2] in refusal.detail


def test_a_refusal_names_the_input() -> None:
    """One of several does not fit."""
    refusal = refusal_of([MAX], {"good": IMAGE, "bad": TensorMetadata(FLOAT32, (1, 1, 1, 1))})

    assert "input bad" in refusal.detail


def test_a_tensor_that_no_pooling_takes_is_refused() -> None:
    """It may be an input under a wrong name."""
    refusal = refusal_of([MAX], {"input": IMAGE, "other": IMAGE})

    assert (refusal.code, refusal.problems[0].pointer) == ("unknown_tensor", "/other")


def test_two_outputs_cannot_have_one_name() -> None:
    """Dots in the names of inputs may make them equal."""
    refusal = refusal_of(
        [{**PAIR, "name": "b"}, {**MAX, "name": "indices"}], {"a": IMAGE, "a.b": IMAGE}, are_named=True
    )

    assert (refusal.code, refusal.problems[0].code) == ("invalid_fields", "duplicate")


def test_the_number_of_outputs_has_a_limit() -> None:
    """Of all inputs together."""
    inputs = {f"i{number}": IMAGE for number in range(MAX_OUTPUTS // 8)}
    poolings = [{**MAX, "name": f"p{number}"} for number in range(8)]

    assert len(plan_of(poolings, inputs).outputs) == MAX_OUTPUTS
    assert refusal_of([*poolings, MAX], inputs).problems[0].pointer == "/poolings"


@pytest.mark.parametrize(
    ("limits", "code"),
    [(Limits(600, 2**60), "output_too_large"), (Limits(2**30, 10_000), "work_too_large")],
)
def test_sums_have_the_limits_of_one_request(limits: Limits, code: str) -> None:
    """Each pooling alone is within them; also what is not returned counts."""
    copies = [{**MAX, "name": f"p{number}", "returned": number == 9} for number in range(10)]

    assert plan_of(copies[9:], limits=limits).outputs
    refusal = refusal_of(copies, limits=limits)
    assert refusal.code == code
    assert refusal.problems[0].pointer.startswith("/poolings/")


def test_a_chain_that_grows_is_refused_before_it_is_large() -> None:
    """Padding may add any number of windows, link after link; each link alone is within the limits."""
    links: list[dict[str, object]] = [{**MAX, "name": "p0"}]
    for number in range(30):
        wide = {"operator": "avg_pool2d", "kernel_size": 1, "padding": [[1000, 1000], [1000, 1000]]}
        links.append({**wide, "name": f"p{number + 1}", "of": f"p{number}", "returned": False})

    refusal = refusal_of(links)

    assert refusal.code in ("output_too_large", "work_too_large")
    assert refusal.problems[0].pointer.startswith("/poolings/")
