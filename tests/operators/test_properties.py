"""Properties that hold for every operator of the catalogue and for every spec, shape, element type and plane."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend import torch_worker
from poolhouse.backend.conversion import torch_dtype
from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, INT64, ElementType
from poolhouse.errors import CODES, PoolhouseError, Unprocessable
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.field_types import Flag
from poolhouse.operators.operator import Refusal, Sample
from poolhouse.operators.plan import Limits, Plan, make_plan
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import IntegerPerAxis
from poolhouse.operators.unsigned import as_bits
from poolhouse.tensors import Tensor, TensorMetadata
from tests.hypothesis_profiles import MANY_REJECTED, scaled_examples
from tests.operators.kernel_runner import run_on_cpu
from tests.operators.plane_plans import kernel_of, plane_spec, planes_shape_of, random_inputs_of
from tests.operators.random_cases import (
    COVERED,
    CPU,
    LIMITS,
    Case,
    cases,
    covered_types_of,
    element_types_of,
    oracle,
    random_fields,
    random_tensors,
    seeded_randoms,
    settled_plan,
    similar_shape,
)
from tests.operators.resource_usage import measure_usage
from tests.operators.tolerances import assert_equals_oracle

every_operator = pytest.mark.parametrize("member", COVERED, ids=lambda member: member.name)
every_typed_operator = pytest.mark.parametrize(
    ("member", "dtype"),
    [
        pytest.param(member, dtype, id=f"{member.name}-{dtype}")
        for member in COVERED
        for dtype in covered_types_of(member)
    ],
)
every_refusal = pytest.mark.parametrize(
    ("member", "refusal"),
    [
        pytest.param(member, refusal, id=f"{member.name}-{place}")
        for member in COVERED
        for place, refusal in enumerate(member.refusals)
    ],
)


@every_typed_operator
def test_outputs_equal_the_oracle(member: type[PlaneOperator], dtype: ElementType) -> None:
    """Every faster algorithm must give the results of plain Python, in the planned shape and type."""

    @scaled_examples(12, *MANY_REJECTED)
    @given(cases(member, dtype))
    def holds(case: Case) -> None:
        assert_equals_oracle(case, case.run())

    holds()


@every_typed_operator
def test_every_sample_works_for_every_element_type(member: type[PlaneOperator], dtype: ElementType) -> None:
    """Samples are used for the warm-up and the documentation; none may fail for a supported type."""
    # Not a test each: there are over a thousand.
    for sample in member.samples:
        _check_sample(member, sample, dtype)


def _check_sample(member: type[PlaneOperator], sample: Sample, dtype: ElementType) -> None:
    spec = member.of(**sample.fields)
    try:
        spec.check_element_type(dtype)
    except Unprocessable:
        # A reduction that is chosen by a field, such as the mean of booleans.
        return
    plan = settled_plan(spec, dtype, (1, 1, *sample.spatial[-member.rank :]))
    case = Case(plan, random_tensors(Random(7), plan))

    outputs = case.run()

    assert {name: tensor.metadata for name, tensor in outputs.items()} == plan.outputs, sample
    # The oracle takes many seconds for windows of thousands of elements; small windows are enough.
    if math.prod(getattr(plan.spec, "kernel_size", (1,))) < 1000:
        assert_equals_oracle(case, outputs)


@every_refusal
def test_every_refusal_is_refused_at_once_and_without_memory(member: type[PlaneOperator], refusal: Refusal) -> None:
    """A refused request must cost the service almost nothing."""
    shape = (2, 2, *refusal.spatial[-member.rank :])
    dtype = ELEMENT_TYPES[refusal.dtype]

    with measure_usage() as usage, pytest.raises(Unprocessable) as refused:
        settled_plan(member.of(**refusal.fields), dtype, shape)

    assert refused.value.code == refusal.code
    assert refused.value.detail
    assert all(problem.message for problem in refused.value.problems)
    assert usage.peak_bytes < 2**20
    assert usage.seconds < 0.05


@every_operator
def test_every_refusal_is_an_unprocessable_error(member: type[PlaneOperator]) -> None:
    """A client gets a code and a sentence, never an exception of Python, numpy or torch."""
    sizes = st.lists(st.integers(0, 2**32) | st.integers(1, 9), max_size=6).map(tuple)

    @scaled_examples(60, *MANY_REJECTED)
    @given(seeded_randoms, sizes, st.sampled_from(list(ELEMENT_TYPES.values())))
    def holds(random: Random, shape: tuple[int, ...], dtype: ElementType) -> None:
        refusal = _refusal(member, random_fields(random, member), dtype, shape)

        assert refusal is None or (isinstance(refusal, Unprocessable) and refusal.code in CODES and refusal.detail)

    holds()


def _refusal(
    member: type[PlaneOperator], values: dict[str, object], dtype: ElementType, shape: tuple[int, ...]
) -> PoolhouseError | None:
    try:
        settled_plan(member.of(**values), dtype, shape)
    except PoolhouseError as refused:
        return refused
    return None


@every_operator
def test_pooling_in_a_batch_equals_pooling_alone(member: type[PlaneOperator]) -> None:
    """A result must not depend on the other requests of its batch."""

    @scaled_examples(25, *MANY_REJECTED)
    @given(st.data(), st.integers(1, 3))
    def holds(data: st.DataObject, others: int) -> None:
        case = data.draw(cases(member))
        spec, plan = case.spec, case.plan
        random = data.draw(seeded_randoms)
        requests = [case]
        for _ in range(others):
            batch_shape = random.choice(((1, 1), (2, 1), (3,), (1, 5)))
            # N, C and the seed are not part of the batch key, so requests of a batch may differ in them.
            other_spec = _with_another_seed(spec, random)
            other = settled_plan(other_spec, plan.inputs["input"].dtype, similar_shape(plan, batch_shape))
            requests.append(Case(other, random_tensors(random, other)))
        together = {
            name: torch.cat([_planes(each, name) for each in requests])
            for name in (*plan.inputs, *random_inputs_of(plan, 0, max(plan.planes, 1)))
        }

        pools = bool(together["input"].numel() and plan.output_bytes)
        results = run_on_cpu(spec, _kernel_of(plan), together, 2) if pools else ()

        assert len({each.plan.batch_key for each in requests}) == 1
        for position, result in enumerate(results):
            begin = 0
            for each in requests:
                alone = list(each.run().values())[position]
                part = result[begin : begin + each.plan.planes]
                assert _bits(part) == _bits(_as_torch(alone))
                begin += each.plan.planes
            assert result[0].numel() * plan.planes == list(plan.outputs.values())[position].element_count

    holds()


def _kernel_of(plan: Plan) -> Kernel | None:
    """The kernel for planes of a plan's shape, also for an empty batch."""
    return kernel_of(plan.spec, plan.plane_shape, plan.inputs["input"].dtype) if plan.uses_compiled_loops else None


def _with_another_seed(spec: PlaneOperator, random: Random) -> PlaneOperator:
    seeds = {field.name: random.randrange(2**32) for field in spec.fields() if field.name == "seed"}
    # A spec whose sizes begin with N and C cannot share a batch with other N and C.
    with_batch_sizes = {
        field.name
        for field in spec.fields()
        if isinstance(field.field_type, IntegerPerAxis) and field.field_type.allows_batch_sizes
    }
    values = {
        name: value[-spec.rank :] if name in with_batch_sizes and isinstance(value, list) else value
        for name, value in spec.field_values().items()
    }
    return type(spec).of(**{**values, **seeds})


def _planes(case: Case, name: str) -> torch.Tensor:
    if name not in case.tensors:
        return torch.from_numpy(random_inputs_of(case.plan, 0, case.plan.planes)[name])
    return _as_torch(case.tensors[name]).reshape(planes_shape_of(case.plan))


def _as_torch(tensor: Tensor) -> torch.Tensor:
    copy = torch.from_numpy(tensor.array.copy())
    return copy.view(torch.bfloat16) if tensor.dtype is BFLOAT16 else copy


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return list(one) == list(other) and all(
        one[name].metadata == other[name].metadata and _bits(_as_torch(one[name])) == _bits(_as_torch(other[name]))
        for name in one
    )


def _bits(result: torch.Tensor) -> bytes:
    result = result.contiguous()
    if result.is_floating_point():
        # All NaNs count as equal: the sign of a computed NaN depends on the processor.
        result = torch.where(result.isnan(), math.nan, result)
    return (result.view(torch.int16) if result.dtype is torch.bfloat16 else result).numpy().tobytes()


@every_operator
def test_pooling_in_pieces_changes_nothing(member: type[PlaneOperator], monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker pools large requests piece by piece, which must not change the results."""

    @scaled_examples(15, *MANY_REJECTED)
    @given(cases(member))
    def holds(case: Case) -> None:
        whole = case.run()
        with monkeypatch.context() as patch:
            patch.setattr(torch_worker, "PIECE_BYTES", 1 + 2 * case.plan.held_bytes // max(case.plan.planes, 1))
            in_pieces = case.run()
        with monkeypatch.context() as patch:
            patch.setattr(torch_worker, "PIECE_BYTES", 1)
            one_by_one = case.run()

        assert _same(whole, in_pieces)
        assert _same(whole, one_by_one)

    holds()


@every_operator
def test_a_strided_input_changes_nothing(member: type[PlaneOperator]) -> None:
    """Operators also get views; they must read a tensor by its strides."""

    @scaled_examples(20, *MANY_REJECTED)
    @given(cases(member), st.sampled_from(("transposed", "sliced", "expanded")))
    def holds(case: Case, layout: str) -> None:
        if not case.plan.planes or not case.plan.output_bytes:
            return
        names = (*case.plan.inputs, *random_inputs_of(case.plan, 0, case.plan.planes))
        plain = {name: _planes(case, name) for name in names}
        if layout == "expanded":
            plain = {name: plane[:1].repeat(3, *[1] * (plane.ndim - 1)) for name, plane in plain.items()}

        expected = case.spec.run(plain)
        found = case.spec.run({name: _strided(plane, layout) for name, plane in plain.items()})

        assert [_bits(each) for each in found] == [_bits(each) for each in expected]

    holds()


def _strided(plane: torch.Tensor, layout: str) -> torch.Tensor:
    """The same numbers in another memory layout."""
    if layout == "transposed":
        return plane.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "expanded":
        return plane[:1].expand(plane.shape)
    wide = torch.full([2 * size + 1 for size in plane.shape], 1, dtype=plane.dtype)
    view = wide[tuple(slice(1, None, 2) for _ in plane.shape)]
    view.copy_(plane)
    return view


INDEXED = [member for member in COVERED if "return_indices" in {field.name for field in member.fields()}]


@pytest.mark.parametrize("member", INDEXED, ids=lambda member: member.name)
def test_the_element_at_an_index_is_the_value(member: type[PlaneOperator]) -> None:
    """Unpooling, and reading another tensor at these indices, relies on it."""

    @scaled_examples(25, *MANY_REJECTED)
    @given(cases(member))
    def holds(case: Case) -> None:
        plan = settled_plan(
            type(case.spec).of(**{**case.spec.field_values(), "return_indices": True}),
            case.plan.inputs["input"].dtype,
            case.plan.inputs["input"].shape,
        )
        outputs = run_plan(plan, case.tensors, CPU)
        if plan.is_empty:
            return
        planes = _by_plane(case.tensors["input"], plan)
        indices = _by_plane(outputs["indices"], plan)

        found = indices >= 0
        # A window has no index only where all of its elements are passed over.
        assert found.all() or getattr(case.spec, "skips", False)
        assert indices.min() >= -1
        assert indices.max() < planes.shape[1]
        values = _by_plane(outputs["output"], plan)
        assert _bits(planes.gather(1, indices.clamp(min=0))[found]) == _bits(values[found])

    holds()


def _by_plane(tensor: Tensor, plan: Plan) -> torch.Tensor:
    """A tensor with one row for each n and c, whatever its layout."""
    elements = as_bits(_as_torch(tensor))
    if not plane_spec(plan.spec).is_channels_last:
        return elements.reshape(plan.planes, -1)
    channels = plan.plane_shape[-1]
    return elements.reshape(plan.planes, -1, channels).transpose(1, 2).reshape(plan.planes * channels, -1)


@every_operator
def test_an_output_does_not_share_memory_with_the_request(member: type[PlaneOperator]) -> None:
    """The buffer of a request body is reused for the next request, which would change such an output."""

    @scaled_examples(15, *MANY_REJECTED)
    @given(cases(member))
    def holds(case: Case) -> None:
        for output in case.run().values():
            for tensor in case.tensors.values():
                assert not np.shares_memory(output.array, tensor.array)

    holds()


@every_operator
def test_an_input_is_never_written_to(member: type[PlaneOperator]) -> None:
    """The memory may belong to a batch, a cache or the caller."""

    @scaled_examples(15, *MANY_REJECTED)
    @given(cases(member))
    def holds(case: Case) -> None:
        before = {name: tensor.array.tobytes() for name, tensor in case.tensors.items()}

        case.run()

        assert {name: tensor.array.tobytes() for name, tensor in case.tensors.items()} == before

    holds()


@every_operator
def test_an_empty_batch_gives_empty_outputs(member: type[PlaneOperator]) -> None:
    """Torch refuses some of these, but clients that filter a batch may send an empty one."""
    sample = member.samples[0]
    spatial = sample.spatial[-member.rank :]
    for batch_shape in ((0, 3), (3, 0), (0,)):
        plan = settled_plan(member.of(**sample.fields), ELEMENT_TYPES[sample.dtype], (*batch_shape, *spatial))

        outputs = Case(plan, random_tensors(Random(0), plan)).run()

        assert [tensor.metadata for tensor in outputs.values()] == list(plan.outputs.values())
        # The number of channels may be another, but not another zero.
        assert all(tensor.shape[0] == 0 or 0 in tensor.shape[:2] for tensor in outputs.values())


@every_operator
def test_an_unbatched_input_is_a_batch_of_one(member: type[PlaneOperator]) -> None:
    """``(C, …)`` and ``(1, C, …)`` are the same planes."""
    sample = member.samples[0]
    shape = (3, *sample.spatial[-member.rank :])
    unbatched = settled_plan(member.of(**sample.fields), ELEMENT_TYPES[sample.dtype], shape)
    batched = settled_plan(member.of(**sample.fields), ELEMENT_TYPES[sample.dtype], (1, *shape))
    tensors = random_tensors(Random(3), unbatched)
    with_n = {name: Tensor(tensor.dtype, tensor.array[None]) for name, tensor in tensors.items()}

    one, other = run_plan(unbatched, tensors, CPU), run_plan(batched, with_n, CPU)

    for name in one:
        assert other[name].shape == (1, *one[name].shape)
        assert other[name].array.tobytes() == one[name].array.tobytes()


@every_operator
def test_wrong_ranks_and_empty_axes_are_refused(member: type[PlaneOperator]) -> None:
    """For these torch raises an IndexError, fails an internal assertion, or returns NaN."""
    spec = member.of(**member.samples[0].fields)
    dtype = element_types_of(member)[0]

    for shape in ((), (2,) * member.rank, (2,) * (member.rank + 3), (2,) * 65):
        with pytest.raises(Unprocessable) as refused:
            settled_plan(spec, dtype, shape)
        assert refused.value.code == "wrong_rank"
    for axis in range(member.rank):
        spatial = list(member.samples[0].spatial[-member.rank :])
        spatial[axis] = 0
        with pytest.raises(Unprocessable) as refused:
            settled_plan(spec, dtype, (1, 1, *spatial))
        assert refused.value.code == "empty_dimension"


@every_operator
def test_other_element_types_and_tensors_are_refused(member: type[PlaneOperator]) -> None:
    """An unsupported type, an unknown tensor and a missing tensor each have their own error code."""
    spec = member.of(**member.samples[0].fields).with_seed()
    dtype = element_types_of(member)[0]
    shape = (1, 1, *member.samples[0].spatial[-member.rank :])
    inputs = {name: TensorMetadata(INT64 if name == "indices" else dtype, shape) for name in spec.inputs}

    for other in ELEMENT_TYPES.values():
        if other.kind not in member.element_types:
            assert _code(spec, {**inputs, "input": TensorMetadata(other, shape)}) == "unsupported_dtype"
    assert _code(spec, {**inputs, "image": TensorMetadata(dtype, shape)}) == "unknown_tensor"
    for name in spec.inputs:
        fewer = {each: metadata for each, metadata in inputs.items() if each != name}
        assert _code(spec, fewer) == "missing_tensor"
    for name in spec.inputs[1:]:
        assert _code(spec, {**inputs, name: TensorMetadata(INT64, (*shape[:-1], 99))}) == "shape_mismatch"


def _code(spec: PlaneOperator, inputs: Mapping[str, TensorMetadata]) -> str:
    with pytest.raises(Unprocessable) as refused:
        make_plan(spec, inputs, LIMITS)
    return refused.value.code


@every_operator
def test_limits_bound_output_and_work(member: type[PlaneOperator]) -> None:
    """The limits apply to every operator at exactly the planned numbers, and the errors name them."""
    plan = settled_plan(
        member.of(**member.samples[0].fields),
        ELEMENT_TYPES[member.samples[0].dtype],
        (2, 3, *member.samples[0].spatial[-member.rank :]),
    )
    fits = Limits(max_output_bytes=plan.output_bytes, max_steps=plan.steps)

    assert make_plan(plan.spec, plan.inputs, fits).outputs == plan.outputs
    with pytest.raises(Unprocessable) as refused:
        make_plan(plan.spec, plan.inputs, Limits(max_output_bytes=plan.output_bytes - 1, max_steps=plan.steps))
    assert (refused.value.code, refused.value.limit_bytes) == ("output_too_large", plan.output_bytes - 1)
    with pytest.raises(Unprocessable) as refused:
        make_plan(plan.spec, plan.inputs, Limits(max_output_bytes=plan.output_bytes, max_steps=plan.steps - 1))
    assert refused.value.code == "work_too_large"


@every_operator
def test_a_misspelt_field_is_refused_with_the_nearest_name(member: type[PlaneOperator]) -> None:
    """Torch's names are long, and ignoring a field silently would give a wrong result."""
    for field in member.fields():
        misspelt = field.name[:-1] + field.name[-1] * 2

        with pytest.raises(Unprocessable) as refused:
            member.parse({**dict(member.samples[0].fields), misspelt: 1})

        assert refused.value.code == "invalid_fields"
        problem = next(each for each in refused.value.problems if each.code == "unknown")
        assert problem.pointer == f"/{misspelt}"
        assert f"did you mean {field.name}" in problem.message
    with pytest.raises(Unprocessable) as refused:
        member.parse(dict(member.samples[0].fields), {"zzzzzz": "1"})
    assert [problem.pointer for problem in refused.value.problems] == ["?zzzzzz"]


@every_operator
def test_a_query_string_and_json_give_the_same_spec(member: type[PlaneOperator]) -> None:
    """Users of curl write fields as text, which must give the same spec as JSON."""

    @scaled_examples(40, *MANY_REJECTED)
    @given(seeded_randoms.map(lambda random: random_fields(random, member)))
    def holds(values: dict[str, object]) -> None:
        texts = {name: _as_text(value) for name, value in values.items()}

        assert _spec_or_codes(member, values, {}) == _spec_or_codes(member, {}, texts)

    holds()


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        # A pair of paddings within the list is written with a colon.
        return ",".join(":".join(map(str, each)) if isinstance(each, list) else _as_text(each) for each in value)
    return "null" if value is None else str(value)


def _spec_or_codes(member: type[PlaneOperator], values: dict[str, object], texts: dict[str, str]) -> object:
    try:
        return member.parse(values, texts)
    except Unprocessable as refused:
        return sorted(problem.code for problem in refused.problems)


@every_operator
def test_the_field_values_of_a_spec_give_the_same_spec(member: type[PlaneOperator]) -> None:
    """A client may send back the fields of a plan, with defaults filled in, and must get the same spec."""

    @scaled_examples(40, *MANY_REJECTED)
    @given(cases(member))
    def holds(case: Case) -> None:
        again = type(case.spec).of(**case.spec.field_values())

        assert again == case.spec
        assert hash(again) == hash(case.spec)
        assert again.spec_key() == case.spec.spec_key()

    holds()


@every_operator
def test_a_field_given_twice_is_refused(member: type[PlaneOperator]) -> None:
    """Body and query may contradict each other."""
    for field in member.fields():
        if not isinstance(field.field_type, Flag | IntegerPerAxis):
            continue
        text = "true" if isinstance(field.field_type, Flag) else "2"
        values = {**dict(member.samples[0].fields), field.name: text == "true" or 2}

        with pytest.raises(Unprocessable) as refused:
            member.parse(values, {field.name: text})

        assert "duplicate" in {problem.code for problem in refused.value.problems}


@every_operator
def test_the_schema_of_a_field_accepts_its_valid_values(member: type[PlaneOperator]) -> None:
    """The API document has these schemas; generated clients would reject valid values."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema, which the test group installs")

    @scaled_examples(30, *MANY_REJECTED)
    @given(seeded_randoms.map(lambda random: random_fields(random, member)))
    def holds(values: dict[str, object]) -> None:
        for field in member.fields():
            if field.name in values and values[field.name] is not None:
                jsonschema.validate(values[field.name], field.schema(member.rank))

    holds()


@every_typed_operator
def test_outputs_have_the_planned_torch_types(member: type[PlaneOperator], dtype: ElementType) -> None:
    """Outputs are sent as bytes, so another type than the planned one would be decoded wrongly."""
    sample = member.samples[0]
    plan = settled_plan(member.of(**sample.fields), dtype, (1, 1, *sample.spatial[-member.rank :]))
    case = Case(plan, random_tensors(Random(1), plan))
    names = (*plan.inputs, *random_inputs_of(plan, 0, 1))

    results = plan.spec.run({name: _planes(case, name) for name in names})

    assert [result.dtype for result in results] == [torch_dtype(metadata.dtype) for metadata in plan.outputs.values()]
    assert len(oracle(case)) == len(results)
    assert [math.prod(each.shape) for each in plan.outputs.values()] == [result.numel() for result in results]
