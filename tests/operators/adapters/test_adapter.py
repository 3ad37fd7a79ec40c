"""Adapters: what they pass to our operators, their batches, and refusals in the words of their framework."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from poolhouse.backend.payload import Payload
from poolhouse.batching.fair_queue import JobSlice
from poolhouse.errors import Unprocessable
from poolhouse.operators.adapters.adapter import Adapter, adapt
from poolhouse.operators.adapters.attributes import Adaptation, Attribute
from poolhouse.operators.layout import join_shape
from poolhouse.operators.max_pool import MaxPool
from poolhouse.operators.operator import Sample
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import IntegerPerAxis
from tests.operators.adapters.pooling import ADAPTERS, Array, plan_of, pool, random_array
from tests.operators.plane_plans import plane_spec, planes_shape_of

OUR_WORDS = re.compile(r"kernel_size|norm_type|divisor_override|output_size|\b(max|avg|lp)_pool\dd")


def inputs_of(member: type[PlaneOperator], sample: Sample, rank: int) -> dict[str, Array]:
    """The inputs of a sample, of two times three planes; indices are the first of each plane."""
    made = member.at_ranks[rank] if member.is_rank_free and issubclass(member, Adapter) else member
    spec = made.parse(dict(sample.fields))
    spatial = sample.spatial[-rank:]
    x = random_array(*join_shape((2, 3), spatial, channels_last=spec.is_channels_last))
    if "indices" not in member.inputs:
        return {"input": x}
    firsts = np.arange(6, dtype=np.int64).reshape(2, 3, *[1] * rank) * math.prod(spec.spatial_out(spatial))
    return {"input": x, "indices": np.ascontiguousarray(np.broadcast_to(firsts, x.shape))}


@pytest.mark.parametrize("member", ADAPTERS, ids=lambda each: each.name)
def test_samples_pool_and_refusals_are_refused_in_their_words(member: type[PlaneOperator]) -> None:
    """Every sample at every rank equals the oracle plane by plane; no refusal names a field of ours."""
    for rank in member.ranks:
        for sample in member.samples:
            inputs = inputs_of(member, sample, rank)
            plan, _ = plan_of(member.name, inputs, **sample.fields)
            assert plan.spec.name == member.name
            found = pool(member.name, inputs, **sample.fields)
            assert {name: each.shape for name, each in found.items()} == {
                name: each.shape for name, each in plan.outputs.items()
            }
            if "indices" not in inputs:
                planes = inputs["input"].reshape(planes_shape_of(plan))
                expected = np.concatenate([plane_spec(plan.spec).reference(plane, None)[0] for plane in planes])
                np.testing.assert_allclose(found["output"].reshape(-1), expected, rtol=1e-5, atol=1e-6)
        for refusal in member.refusals:
            x = random_array(2, 3, *refusal.spatial[-rank:])
            inputs = {name: x if name == "input" else np.zeros(x.shape, np.int64) for name in member.inputs}
            with pytest.raises(Unprocessable) as refused:
                plan_of(member.name, inputs, **refusal.fields)
            assert refused.value.code == refusal.code
            own = {field.name for field in member.fields()} | set(refusal.fields)
            assert {problem.pointer[1:] for problem in refused.value.problems} <= own
            # The message quotes what the request had.
            assert not OUR_WORDS.search(refused.value.detail.replace("'kernel_size'", ""))


def test_requests_share_batches_with_ours() -> None:
    """An adapter's spec is our operator's, so a batch may hold both."""
    x = random_array(2, 3, 8, 8)

    theirs, _ = plan_of("onnx.MaxPool", {"input": x}, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
    ours, _ = plan_of("max_pool2d", {"input": x}, kernel_size=2, padding=[[0, 0], [0, 0]])

    assert theirs.batch_key == ours.batch_key


def test_slices_of_a_request_have_the_indices_of_the_whole() -> None:
    """A large request is pooled in slices, and a small one joins a batch; indices count through the request."""
    x = random_array(2, 3, 6, 5)
    fields = {"kernel_shape": 2, "strides": 2, "return_indices": True, "storage_order": 1}
    whole = pool("onnx.MaxPool", x, **fields)
    plan, tensors = plan_of("onnx.MaxPool", {"input": x}, **fields)
    payload = Payload(plan, tensors)
    job = payload.make_job()
    kernel = plan.kernel()
    assert kernel is not None

    for start, stop in ((0, 2), (2, 6)):
        for name, result in zip(plan.outputs, kernel(payload.slice_planes(start, stop), 1), strict=True):
            payload.store(JobSlice(job, start, stop), name, result, owned=False)

    for name, tensor in payload.output_tensors().items():
        np.testing.assert_array_equal(tensor.array, whole[name])


def test_a_name_without_a_rank_takes_it_from_the_input() -> None:
    """ONNX has one name for one to three axes, and no unbatched input."""
    for shape in ((4,), (2, 3), (1,) * 6):
        with pytest.raises(Unprocessable, match="3 to 5 dimensions") as refused:
            plan_of("onnx.GlobalMaxPool", {"input": random_array(*shape)})
        assert refused.value.code == "wrong_rank"
    with pytest.raises(Unprocessable, match="kernel_shape: expected one integer or a list of 3") as refused:
        plan_of("onnx.MaxPool", {"input": random_array(1, 1, 4, 4, 4)}, kernel_shape=[2, 2])
    assert [(each.pointer, each.code) for each in refused.value.problems] == [("/kernel_shape", "length")]


def test_fields_that_only_ours_refuses_are_named_in_their_words() -> None:
    """A table may let through what our operator refuses."""
    row = Attribute("window", "kernel_size", IntegerPerAxis(0), "Elements.", 0)
    adaptation = Adaptation("Pool", MaxPool, (row,), "A pooling.", "input.", "nowhere", (), ranks=(2,))
    made = adapt("toy", adaptation)

    with pytest.raises(Unprocessable) as refused:
        made.parse({"window": 0})

    assert made.name == "toy.Pool"
    assert [(each.pointer, each.code) for each in refused.value.problems] == [("/window", "range")]
    assert refused.value.detail == "window: expected an integer from 1 to 2147483647, got 0"
    assert isinstance(made.parse({"window": 2}), Adapter)
