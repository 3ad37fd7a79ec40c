"""Payloads: however a request is cut, every plane gets its inputs and its results, without needless copies."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend.payload import Payload
from poolhouse.batching.fair_queue import JobSlice
from poolhouse.dtypes import FLOAT32
from poolhouse.operators.plan import Limits, make_plan
from poolhouse.tensors import Tensor
from tests.hypothesis_profiles import scaled_examples
from tests.operators.random_cases import CATALOGUE

PLANES = 6
LIMITS = Limits(2**30, 2**30)


def payload_of(operator: str = "max_pool2d", batch_shape: tuple[int, ...] = (2, 3), **fields: object) -> Payload:
    """A payload whose input counts from 0."""
    shape = (*batch_shape, 4, 6)
    tensor = Tensor(FLOAT32, np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    plan = make_plan(CATALOGUE.find(operator).of(kernel_size=2, **fields), {"input": tensor.metadata}, LIMITS)
    return Payload(plan.with_seed(), {"input": tensor})


def results_of(payload: Payload) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Distinct results for all planes."""
    shape = (payload.plan.planes, *payload.plan.outputs["output"].shape[-2:])
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@scaled_examples(50)
@given(st.sets(st.integers(1, PLANES - 1), min_size=1), st.randoms(use_true_random=False))
def test_results_of_slices_in_any_order_give_the_whole(cuts: set[int], random: Random) -> None:
    """Threads end in any order, and a wrong offset would mix the planes of a request."""
    payload = payload_of()
    job, results = payload.make_job(), results_of(payload_of())
    slices = [JobSlice(job, start, stop) for start, stop in pairwise([0, *sorted(cuts), PLANES])]
    random.shuffle(slices)

    for part in slices:
        payload.store(part, "output", results[part.start : part.stop], owned=False)

    output = payload.output_tensors()["output"]
    assert output.metadata == payload.plan.outputs["output"]
    assert output.array.tobytes() == results.tobytes() == b"".join(payload.output_chunks())


@pytest.mark.parametrize("owned", [True, False])
def test_a_whole_result_is_copied_only_if_it_is_not_owned(owned: bool) -> None:
    """The next batch overwrites a buffer that the worker keeps; any other copy is for nothing."""
    payload = payload_of()
    results = results_of(payload)

    payload.store(payload.make_job().whole_slice(), "output", results, owned=owned)
    expected = results.tobytes()
    output, chunk = payload.output_tensors()["output"].array, payload.output_chunks()[0]

    assert np.shares_memory(output, results) == owned
    assert np.shares_memory(output, np.frombuffer(chunk, np.uint8))
    results[:] = -1
    assert (output.tobytes() == expected) != owned


@pytest.mark.parametrize(("start", "stop"), [(0, PLANES), (0, 1), (2, 5), (5, PLANES)])
def test_a_slice_has_its_planes_and_no_copy(start: int, stop: int) -> None:
    """The planes of a request are counted over N and C."""
    payload = payload_of()
    given = payload.tensors["input"].array

    planes = payload.slice_planes(start, stop)["input"]

    assert np.array_equal(planes, given.reshape(PLANES, 4, 6)[start:stop])
    assert np.shares_memory(planes, given)


def test_the_random_inputs_of_a_plane_do_not_depend_on_the_slice() -> None:
    """A request gets the same response, whatever else is in its batch."""
    payload = payload_of("fractional_max_pool2d", output_size=2, seed=7)

    whole = payload.slice_planes(0, PLANES)
    part = payload.slice_planes(2, 5)

    (name,) = whole.keys() - {"input"}
    assert np.array_equal(part[name], whole[name][2:5])
    assert len(np.unique(whole[name], axis=0)) == PLANES


def test_a_job_is_what_the_plan_says() -> None:
    """The engine knows only these numbers, and joins jobs by their key."""
    payload = payload_of()
    job, plan = payload.make_job(), payload.plan

    assert job.payload is payload
    assert (job.key, job.planes, job.plane_bytes, job.steps) == (plan.batch_key, PLANES, plan.plane_bytes, plan.steps)


def test_outputs_are_in_the_order_of_the_plan() -> None:
    """Raw responses have no names, only an order; the worker may store them in another one."""
    payload = payload_of(return_indices=True)
    whole = payload.make_job().whole_slice()
    indices = results_of(payload).astype(np.int64)

    payload.store(whole, "indices", indices, owned=True)
    payload.store(whole, "output", results_of(payload), owned=True)

    assert list(payload.output_tensors()) == ["output", "indices"]
    assert [len(chunk) for chunk in payload.output_chunks()] == [indices.nbytes // 2, indices.nbytes]


@pytest.mark.parametrize("batch_shape", [(0, 3), (2, 0), (0,)])
def test_an_empty_batch_has_empty_outputs_without_a_result(batch_shape: tuple[int, ...]) -> None:
    """No worker sees it, so nothing is ever stored."""
    payload = payload_of(batch_shape=batch_shape, return_indices=True)

    assert {name: tensor.shape for name, tensor in payload.output_tensors().items()} == {
        "output": (*batch_shape, 2, 3),
        "indices": (*batch_shape, 2, 3),
    }
    assert payload.output_chunks() == ()
