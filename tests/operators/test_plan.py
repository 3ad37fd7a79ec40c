"""Plans: limits at their edges, derived sizes, and decisions that must not depend on the batch."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.errors import Unprocessable
from poolhouse.operators.plan import PIECE_BYTES, PIECE_STEPS, Limits, Plan, make_plan
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.tensors import TensorMetadata
from tests.hypothesis_profiles import scaled_examples
from tests.operators.plane_plans import planes_shape_of, spatial_of
from tests.operators.random_cases import (
    CATALOGUE,
    COVERED,
    OPERATORS,
    Fields,
    random_case,
    random_fields,
    random_shape,
    seeded_randoms,
)

WIDE = Limits(max_output_bytes=2**40, max_steps=2**60)


def planned_with(
    fields: Fields, operator: str, shape: tuple[int, ...], limits: Limits = WIDE, dtype: str = "float32"
) -> Plan:
    """The plan of an operator with these fields."""
    inputs = {"input": TensorMetadata(ELEMENT_TYPES[dtype], shape)}
    return make_plan(CATALOGUE.find(operator).of(**fields), inputs, limits)


def planned(
    operator: str, shape: tuple[int, ...], limits: Limits = WIDE, dtype: str = "float32", **fields: object
) -> Plan:
    """The same with the fields as arguments."""
    return planned_with(fields, operator, shape, limits, dtype)


def test_outputs_are_in_the_order_of_the_response() -> None:
    """Values have the input's type and indices are int64; both have the input's batch axes."""
    plan = planned("max_pool2d", (2, 3, 8, 6), dtype="uint8", kernel_size=2, return_indices=True)

    assert list(plan.outputs.items()) == [
        ("output", TensorMetadata(ELEMENT_TYPES["uint8"], (2, 3, 4, 3))),
        ("indices", TensorMetadata(INT64, (2, 3, 4, 3))),
    ]
    assert (plan.planes, spatial_of(plan), planes_shape_of(plan)) == (6, (8, 6), (6, 8, 6))
    assert (plan.input_bytes, plan.output_bytes) == (6 * 48, 6 * 12 * 9)


@pytest.mark.parametrize(("shape", "size"), [((5, 3, 8, 6), 5), ((0, 3, 8, 6), 0), ((3, 8, 6), 1)])
def test_the_batch_size_is_n(shape: tuple[int, ...], size: int) -> None:
    """Statistics count items; the single leading axis of an unbatched input is its channels."""
    assert planned("max_pool2d", shape, kernel_size=2).batch_size == size


def test_a_request_at_a_limit_is_accepted() -> None:
    """A limit is the most that is allowed, and the message has both numbers."""
    plan = planned("max_pool2d", (2, 3, 8, 8), kernel_size=2)
    exact = Limits(plan.output_bytes, plan.steps)

    assert planned("max_pool2d", (2, 3, 8, 8), exact, kernel_size=2) == plan
    with pytest.raises(Unprocessable, match=f"would take {plan.output_bytes} bytes") as refused:
        planned("max_pool2d", (2, 3, 8, 8), replace(exact, max_output_bytes=plan.output_bytes - 1), kernel_size=2)
    assert (refused.value.code, refused.value.limit_bytes) == ("output_too_large", plan.output_bytes - 1)
    with pytest.raises(Unprocessable, match=f"about {plan.steps} steps") as refused:
        planned("max_pool2d", (2, 3, 8, 8), replace(exact, max_steps=plan.steps - 1), kernel_size=2)
    assert refused.value.code == "work_too_large"


def test_an_empty_batch_is_refused_like_one_plane() -> None:
    """Otherwise a client's spec would work until its first plane."""
    one = planned("max_pool2d", (1, 1, 8, 8), kernel_size=2)
    tight = Limits(one.output_bytes, one.steps)

    assert planned("max_pool2d", (0, 5, 8, 8), tight, kernel_size=2).is_empty
    for limits in (replace(tight, max_output_bytes=one.output_bytes - 1), replace(tight, max_steps=one.steps - 1)):
        with pytest.raises(Unprocessable):
            planned("max_pool2d", (0, 5, 8, 8), limits, kernel_size=2)


def test_sizes_beyond_numpys_are_refused_without_elements() -> None:
    """numpy leaves sizes of 0 out of the product when it checks an array's size."""
    largest = 2**31 - 1

    with pytest.raises(Unprocessable, match="no elements, but sizes that no array can have") as refused:
        planned("adaptive_max_pool3d", (0, 1, 1, 1, 1), Limits(2**200, 2**200), output_size=[largest, 0, largest])

    assert refused.value.code == "output_too_large"


def test_the_workspace_of_one_plane_is_bounded() -> None:
    """A plane is never split, and a few bytes of input can ask for windows that take gigabytes."""
    unbounded = Limits(2**62, 2**62)

    with pytest.raises(Unprocessable, match="intermediate results of one plane") as refused:
        planned("adaptive_max_pool2d", (1, 1, 8, 8), unbounded, output_size=2**16, return_indices=True, dtype="int64")

    assert refused.value.code == "work_too_large"


@pytest.mark.parametrize(
    ("shape", "output_size"), [((0, 3, 8, 8), 4), ((2, 0, 8, 8), 4), ((2, 3, 8, 8), 0), ((2, 3, 8, 8), [0, 4])]
)
def test_an_empty_plan_has_no_work(shape: tuple[int, ...], output_size: object) -> None:
    """Kernels refuse empty arrays, so neither torch nor a loop may be called."""
    plan = planned("adaptive_max_pool2d", shape, output_size=output_size)

    assert plan.is_empty
    assert (plan.steps, plan.workspace_bytes, plan.kernel()) == (0, 0, None)
    assert plan.held_bytes == plan.input_bytes


@scaled_examples(60)
@given(seeded_randoms, st.sampled_from([member for member in OPERATORS if member.inputs == ("input",)]))
def test_the_workspace_is_that_of_one_piece(random: Random, member: type[PlaneOperator]) -> None:
    """Large requests are pooled piece by piece; too little planned memory ends the process."""
    shape = (40_000, *random_shape(random, member.rank)[-member.rank - 1 :])
    try:
        plan = planned_with(random_fields(random, member), member.name, shape)
    except Unprocessable:
        return
    if plan.is_empty:
        return

    pieces = [
        piece
        for piece in range(1, plan.planes + 1)
        if piece == 1 or (piece * plan.plane_bytes <= PIECE_BYTES and piece * plan.plane_steps <= PIECE_STEPS)
    ]
    copied = 0 if pieces[-1] == plan.planes else pieces[-1] * (plan.output_bytes // plan.planes)
    assert plan.workspace_bytes == pieces[-1] * plan.plane_workspace_bytes + plan.call_bytes + copied
    assert plan.held_bytes == plan.input_bytes + plan.output_bytes + plan.workspace_bytes


def test_the_outputs_of_a_piece_are_held_twice() -> None:
    """They are copied to the whole output, which a small request is spared."""
    whole, pieces = (planned("max_pool2d", (n, 1, 64, 64), kernel_size=2) for n in (100, 100_000))

    piece = PIECE_BYTES // pieces.plane_bytes
    assert whole.workspace_bytes == 100 * whole.plane_workspace_bytes + whole.call_bytes
    assert pieces.workspace_bytes == piece * (pieces.plane_workspace_bytes + 32 * 32 * 4) + pieces.call_bytes


def test_requests_share_a_batch_whatever_n_and_c_are() -> None:
    """But not with other fields, sizes or element types; the seed is drawn for each request."""
    plan = planned("max_pool2d", (2, 3, 8, 8), kernel_size=2)
    seeds: list[Fields] = [{"kernel_size": 2, "output_size": 3, "seed": seed} for seed in (1, 2)]

    assert planned("max_pool2d", (7, 8, 8), kernel_size=[2, 2]).batch_key == plan.batch_key
    others = [
        planned("max_pool2d", (2, 3, 8, 8), kernel_size=3),
        planned("max_pool2d", (2, 3, 8, 9), kernel_size=2),
        planned("max_pool2d", (2, 3, 8, 8), dtype="float64", kernel_size=2),
        planned("avg_pool2d", (2, 3, 8, 8), kernel_size=2),
    ]
    assert len({each.batch_key for each in (plan, *others)}) == 5
    assert len({planned_with(each, "fractional_max_pool2d", (1, 8, 8)).batch_key for each in seeds}) == 1


def test_a_seed_is_drawn_only_where_one_is_missing() -> None:
    """The response names the seed, and a plan in the cache must stay without one."""
    unseeded = planned("fractional_max_pool2d", (1, 8, 8), kernel_size=2, output_size=3)
    plan = planned("max_pool2d", (1, 8, 8), kernel_size=2)

    seeds = {unseeded.with_seed().spec.field_values()["seed"] for _ in range(3)}

    assert len(seeds) == 3
    assert "seed" not in unseeded.spec.field_values()
    assert plan.with_seed() is plan
    seeded = unseeded.with_seed()
    assert seeded.with_seed() is seeded


def test_notes_are_seeds_and_warnings() -> None:
    """Only a response without either has no headers of its own."""
    fractional: dict[str, object] = {"kernel_size": 2, "output_size": 3}

    assert not planned("max_pool2d", (1, 3, 8, 8), kernel_size=2).has_notes
    assert planned("max_pool2d", (1, 64, 64, 3), kernel_size=2).has_notes
    assert planned_with(fractional, "fractional_max_pool2d", (1, 8, 8)).has_notes
    assert planned_with({**fractional, "seed": 0}, "fractional_max_pool2d", (1, 8, 8)).has_notes


def test_loops_may_be_turned_off() -> None:
    """Their cost must not be planned where torch pools."""
    by_loops = planned("max_pool2d", (8, 64, 112, 112), kernel_size=3, stride=2)
    by_torch = planned(
        "max_pool2d", (8, 64, 112, 112), replace(WIDE, allow_compiled_loops=False), kernel_size=3, stride=2
    )

    assert by_loops.uses_compiled_loops
    assert not by_torch.uses_compiled_loops
    assert by_torch.kernel() is None
    assert by_torch.plane_steps > by_loops.plane_steps


def test_kernels_of_large_planes_are_not_kept_with_the_plan() -> None:
    """Thousands of plans are cached, and the positions of a long axis take megabytes."""
    few, many = (planned("avg_pool1d", (64, 1, length), kernel_size=3, stride=1) for length in (4098, 4099))

    assert few.kernel() is few.kernel() is not None
    assert many.kernel() is not None
    assert many.kernel() is not many.kernel()


def test_bytes_of_a_large_output_cost_more() -> None:
    """Its pages are new to the process; the steps of a plane therefore depend on the number of planes."""
    small, large = (planned("max_pool2d", (n, 1, 64, 64), kernel_size=1) for n in (16, 4096))

    assert small.output_bytes < 32 * 2**20 <= large.output_bytes
    extra = large.plane_steps - small.plane_steps
    assert math.isclose(extra, 0.4 * 64 * 64 * 4, rel_tol=0.01)


@pytest.mark.parametrize(
    ("shape", "fields", "count"),
    [
        ((1, 64, 64, 3), {"kernel_size": 2, "padding": 1}, 1),
        ((1, 64, 64, 3), {"kernel_size": [2, 1]}, 0),
        ((1, 3, 64, 64), {"kernel_size": 2}, 0),
    ],
)
def test_a_channels_last_input_is_warned_about(shape: tuple[int, ...], fields: Fields, count: int) -> None:
    """Windows along some axes only are intended, so the shape alone is not enough."""
    warnings = planned_with(fields, "max_pool2d", shape).warnings

    assert len([each for each in warnings if "channels_last" in each]) == count


@pytest.mark.parametrize("member", COVERED, ids=lambda member: member.name)
@scaled_examples(20)
@given(random=seeded_randoms)
def test_the_inputs_of_all_planes_are_those_of_one_slice_with_all(member: type[PlaneOperator], random: Random) -> None:
    """A request that is pooled at once takes a shorter way to them."""
    case = random_case(random, member)
    assert case is not None
    plan = case.plan
    arrays = {each: tensor.array for each, tensor in case.tensors.items()}

    whole = plan.whole_inputs(case.tensors)

    expected = plan.slice_inputs(plan.spec.prepare_inputs(arrays, plan.planes), 0, plan.planes)
    assert whole.keys() == expected.keys()
    for each, array in expected.items():
        assert (whole[each].dtype, whole[each].shape) == (array.dtype, array.shape)
        assert np.array_equal(whole[each].view(np.uint8), array.view(np.uint8))
