"""Operators that pool regions: their oracle, slices and batches, and their refusals, for all of the catalogue."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import pool_on_cpu
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import PoolhouseError, Unprocessable
from poolhouse.operators.plan import Plan, make_plan
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.tensors import Tensor
from tests.hypothesis_profiles import scaled_examples
from tests.operators.region_cases import (
    CATALOGUE,
    FLOATS,
    LIMITS,
    MAKERS,
    REGION_OPERATORS,
    RegionCase,
    as_numbers,
    random_case,
    tensor_of,
)

SPACING = {"float64": 1e-12, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""The distance of neighbouring elements, relative to them; for float64 the errors of sums in another order."""
LEAST = {"float64": 1e-300, "float32": 1e-37, "float16": 1e-7, "bfloat16": 1e-37}

every_operator = pytest.mark.parametrize("name", [member.name for member in REGION_OPERATORS])
every_float = pytest.mark.parametrize("dtype", FLOATS)
randoms = st.integers(0, 2**32 - 1).map(Random)


def bits(tensor: Tensor) -> list[object]:
    """The elements, so that equal lists mean equal results; NaN have many bits."""
    return [str(value) for value in as_numbers(tensor).reshape(-1).tolist()]


def assert_close(found: Tensor, expected: list[float], scale: float = 4.0) -> None:
    """Equal within some units of the last place of the element type and of intermediate sums."""
    name = found.dtype.name
    values = as_numbers(found).reshape(-1).astype(np.float64)
    wanted = np.array(expected, np.float64)
    if name in SPACING:
        with np.errstate(over="ignore"):
            wanted = as_numbers(tensor_of(name, wanted)).astype(np.float64)
        largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=1.0)
        np.testing.assert_allclose(values, wanted, rtol=scale * SPACING[name], atol=LEAST[name] + largest * 1e-12)
    else:
        np.testing.assert_array_equal(values, wanted)


def test_every_operator_has_random_cases() -> None:
    """A new one needs a maker in region_cases.py, and its tensors need a name that the codecs know."""
    assert set(MAKERS) == {member.name for member in REGION_OPERATORS}
    for member in REGION_OPERATORS:
        for companion in member.companions:
            assert TENSOR_TYPES[companion.name] is companion.default_type


@every_float
@every_operator
def test_results_are_those_of_the_reference(name: str, dtype: str) -> None:
    """The reference is plain Python."""

    @scaled_examples(40)
    @given(randoms)
    def holds(random: Random) -> None:
        case = random_case(random, name, dtype)

        found, expected = case.run(), case.reference()

        assert list(found) == list(case.plan.outputs) == list(expected)
        for output, tensor in found.items():
            assert tensor.metadata == case.plan.outputs[output]
            assert_close(tensor, [float(value) for value in expected[output]])

    holds()


@every_float
@every_operator
def test_torch_and_the_loops_agree(name: str, dtype: str) -> None:
    """Which of them pools a request depends on the machine."""

    @scaled_examples(30)
    @given(randoms)
    def holds(random: Random) -> None:
        case = random_case(random, name, dtype)
        by_torch = make_plan(case.plan.spec, case.plan.inputs, replace(LIMITS, allow_compiled_loops=False))

        found, other = case.run(), RegionCase(by_torch, case.tensors).run()

        assert not by_torch.uses_compiled_loops
        for output, tensor in found.items():
            assert_close(tensor, as_numbers(other[output]).reshape(-1).tolist(), 1.0)

    holds()


@every_float
@every_operator
def test_a_slice_gives_the_bits_of_the_whole(name: str, dtype: str) -> None:
    """Large requests are cut, and where depends on their company."""

    @scaled_examples(30)
    @given(randoms)
    def holds(random: Random) -> None:
        case = random_case(random, name, dtype)
        plan = case.plan
        if plan.planes < 2:
            return
        cut, payload = random.randint(1, plan.planes - 1), Payload(plan, case.tensors)

        whole = case.run()
        parts = [
            pool_on_cpu(plan, payload.slice_planes(start, stop), 1) for start, stop in ((0, cut), (cut, plan.planes))
        ]

        for index, tensor in enumerate(whole.values()):
            joined = np.concatenate([part[index] for part in parts])
            assert bits(Tensor(tensor.dtype, joined)) == bits(tensor)

    holds()


@every_float
@every_operator
def test_together_gives_the_bits_of_alone(name: str, dtype: str) -> None:
    """Requests of unlike lengths share a batch if their keys are equal."""

    @scaled_examples(20)
    @given(randoms)
    def holds(random: Random) -> None:
        first = random_case(random, name, dtype)
        others = [each for _ in range(12) if (each := similar_case(random, first)) is not None]
        cases = [each for each in (first, *others) if not each.plan.is_empty]
        if not cases:
            return
        spec = cases[0].plan.spec
        slices = [Payload(each.plan, each.tensors).slice_planes(0, each.plan.planes) for each in cases]

        together = pool_on_cpu(cases[0].plan, spec.join_slices(slices), 2)

        start = 0
        for case in cases:
            stop = start + case.plan.planes
            for index, tensor in enumerate(case.run().values()):
                assert bits(Tensor(tensor.dtype, np.ascontiguousarray(together[index][start:stop]))) == bits(tensor)
            start = stop

    holds()


def similar_case(random: Random, case: RegionCase) -> RegionCase | None:
    """Another request for the batch of this one; None if a random one does not fit."""
    spec = case.plan.spec
    tensors, _ = MAKERS[spec.name](random, case.plan.inputs["input"].dtype.name)
    if "num_segments" in spec.field_values() and "segments" in tensors:
        highest = int(tensors["segments"].array.max(initial=0))
        if highest >= int(str(spec.field_values()["num_segments"])):
            return None
    try:
        plan = make_plan(spec, {name: tensor.metadata for name, tensor in tensors.items()}, LIMITS)
    except Unprocessable:
        return None
    return RegionCase(plan, tensors) if plan.batch_key == case.plan.batch_key else None


def test_there_are_similar_cases() -> None:
    """Else the test above compares nothing."""
    for name in MAKERS:
        random, found = Random(3), 0
        for _ in range(30):
            case = random_case(random, name, "float32")
            found += sum(similar_case(random, case) is not None for _ in range(12))
        assert found > 5, name


@every_operator
def test_declared_refusals(name: str) -> None:
    """Each code is stable: callers branch on it."""
    member = CATALOGUE.find(name)
    assert issubclass(member, RegionOperator)
    for refusal in member.refusals:
        sample = replace(member.samples[0], spatial=refusal.spatial)
        inputs = {each: tensor.metadata for each, tensor in member.example_inputs(sample).items()}
        inputs["input"] = replace(inputs["input"], dtype=ELEMENT_TYPES[refusal.dtype])
        with pytest.raises(PoolhouseError) as raised:
            make_plan(member.of(**refusal.fields), inputs, LIMITS)
        assert raised.value.code == refusal.code, refusal


@every_operator
def test_samples_work(name: str) -> None:
    """They are the examples of the documentation, and the warm-up."""
    member = CATALOGUE.find(name)
    for sample in member.samples:
        tensors = member.example_inputs(sample)
        plan = make_plan(member.of(**sample.fields), {each: x.metadata for each, x in tensors.items()}, LIMITS)
        case = RegionCase(plan, tensors)
        plan.spec.check_elements(tensors)
        for output, expected in case.reference().items():
            assert_close(case.run()[output], [float(value) for value in expected])


def refused(name: str, tensors: dict[str, Tensor], **fields: object) -> Unprocessable:
    """The error of a request whose shapes fit."""
    spec = CATALOGUE.find(name).of(**fields)
    plan: Plan = make_plan(spec, {each: tensor.metadata for each, tensor in tensors.items()}, LIMITS)
    with pytest.raises(Unprocessable) as raised:
        plan.spec.check_elements(tensors)
    return raised.value


X = tensor_of("float32", np.ones((2, 4, 3)))
FLAT = tensor_of("float32", np.ones((8, 3)))
MAP = tensor_of("float32", np.ones((2, 1, 4, 4)))


@pytest.mark.parametrize(
    ("name", "tensors", "fields", "code", "says"),
    [
        ("token_pool", {"input": X, "mask": [[1, 0, 1, 1], [0, 0, 0, 0]]}, {}, "empty_row", "row 1"),
        ("token_pool", {"input": FLAT, "offsets": [0, 5, 3, 8]}, {}, "index_out_of_range", "row 1 ends"),
        ("token_pool", {"input": FLAT, "offsets": [0, 5]}, {}, "index_out_of_range", "number of tokens, 8"),
        ("token_pool", {"input": FLAT, "offsets": [0, 3, 3, 8]}, {}, "empty_row", "row 1"),
        ("span_pool", {"input": FLAT, "spans": [[0, 2], [5, 9]]}, {}, "index_out_of_range", "span 1 is [5, 9]"),
        ("span_pool", {"input": FLAT, "spans": [[3, 2]]}, {}, "index_out_of_range", "span 0"),
        ("span_pool", {"input": FLAT, "spans": [[-1, 2]]}, {}, "index_out_of_range", "span 0"),
        ("span_pool", {"input": FLAT, "spans": [[0, 2], [2, 2]]}, {}, "empty_row", "span 1"),
        ("span_pool", {"input": X, "spans": [[2, 0, 1]]}, {}, "index_out_of_range", "2 rows"),
        ("segment_pool", {"input": FLAT, "segments": [0, 1, 2, 3, 4, 5, 6, 7]}, {"num_segments": 7},
         "index_out_of_range", "row 7"),
        ("segment_pool", {"input": FLAT, "segments": [0, 0, 0, 0, 0, 0, 0, -1]}, {"num_segments": 7},
         "index_out_of_range", "segment -1"),
        ("segment_pool", {"input": FLAT, "offsets": [0, 9, 8]}, {}, "index_out_of_range", "segment 1 ends"),
        ("roi_align", {"input": MAP, "boxes": [[2, 0, 0, 1, 1]]}, {"output_size": 1}, "index_out_of_range", "image 2"),
        ("roi_align", {"input": MAP, "boxes": [[0.5, 0, 0, 1, 1]]}, {"output_size": 1}, "index_out_of_range", "0.5"),
        ("roi_pool", {"input": MAP, "boxes": [[0, 0, 0, np.nan, 1]]}, {"output_size": 1}, "invalid_data", "box 0"),
        ("roi_pool", {"input": MAP, "boxes": [[0, 0, 0, 1e30, 1]]}, {"output_size": 1}, "invalid_data", "box 0"),
        ("roi_align", {"input": MAP, "boxes": [[0, 0, 0, 1e6, 1e6]]}, {"output_size": 1}, "work_too_large", "samples"),
    ],
)  # fmt: skip
def test_elements_that_must_not_reach_a_kernel(
    name: str, tensors: dict[str, object], fields: dict[str, object], code: str, says: str
) -> None:
    """The message names the row, span, segment or box."""
    given = {
        each: x if isinstance(x, Tensor) else tensor_of(TENSOR_TYPES[each].name, np.array(x))
        for each, x in tensors.items()
    }

    error = refused(name, given, **fields)

    assert error.code == code
    assert says in error.detail
