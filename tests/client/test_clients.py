"""Results and errors of both clients, with a live server and in process."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from poolhouse.client.results import OperatorSummary, Plan, Pooled
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import NotFound, Unprocessable
from poolhouse.operators.catalogue import discover
from poolhouse.operators.plane_operator import PlaneOperator
from tests.client.conftest import AnyClient

CATALOGUE = discover()


def random_array(*shape: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Random float32 numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", CATALOGUE.names)
def test_the_method_of_every_operator_pools(any_client: AnyClient, name: str) -> None:
    """The methods are generated; this finds a missing method or a wrong field name."""
    member = CATALOGUE.find(name)
    sample = member.samples[0]
    if issubclass(member, PlaneOperator):
        # A name without a rank needs N, and its indices count through the whole output.
        shape = (*((1, 1) if member.is_rank_free else (2,)), *sample.spatial[-member.rank :])
        tensors: dict[str, object] = {"input": np.round(random_array(*shape)).astype(sample.dtype)}
        tensors.update({each.name: np.zeros(shape, np.int64) for each in member.companions})
    else:
        tensors = {each: tensor.array for each, tensor in member.example_inputs(sample).items()}

    pooled = any_client.call(name, **tensors, **sample.fields)

    again = any_client.pool(name, tensors.pop("input"), **tensors, **sample.fields)
    assert isinstance(pooled, type(again))
    assert isinstance(pooled.output, np.ndarray)
    np.testing.assert_array_equal(pooled.output, again.output)


def test_tokens_are_pooled_with_their_mask(any_client: AnyClient) -> None:
    """As lists of truth values or of numbers, and beside an array of another library."""
    x = np.array([[[1, 2], [3, 4], [9, 9]], [[5, 6], [9, 9], [9, 9]]], np.float32)
    mask = [[True, True, False], [True, False, False]]

    for given in (mask, np.array(mask), torch.tensor(mask).long(), np.array(mask, np.int64).tolist()):
        pooled = any_client.call("token_pool", x, mask=given)

        assert isinstance(pooled, Pooled)
        assert isinstance(pooled.output, np.ndarray)
        assert pooled.output.tolist() == [[2, 3], [5, 6]]


def test_every_mode_can_have_its_own_output(any_client: AnyClient) -> None:
    """``output`` is the first of them."""
    pooled = any_client.pool("span_pool", [[1, 2], [3, 4]], spans=[[0, 2], [1, 2]], modes=["max", "min"], concat=False)

    assert pooled.outputs == {"max": [[3, 4], [3, 4]], "min": [[1, 2], [3, 4]]}
    assert pooled.output == pooled.outputs["max"]
    assert pooled.indices is None


def test_a_map_takes_a_mask_for_each_input(any_client: AnyClient) -> None:
    """Texts have different numbers of tokens; what all inputs share is given once."""
    inputs: list[object] = [{"input": [[1, 2], [3, 4]], "mask": mask} for mask in ([1, 0], [0, 1])]

    own = any_client.map("token_pool", inputs, modes="sum")
    shared = any_client.map("token_pool", [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], mask=[0, 1])

    assert [pooled.output for pooled in own if isinstance(pooled, Pooled)] == [[1, 2], [3, 4]]
    assert [pooled.output for pooled in shared if isinstance(pooled, Pooled)] == [[3, 4], [7, 8]]


def test_a_tensor_that_the_operator_does_not_take_is_refused(any_client: AnyClient) -> None:
    """By the service, which may be newer than the client."""
    with pytest.raises(Unprocessable, match="max_pool1d takes input; got") as refused:
        any_client.pool("max_pool1d", [[1.0, 2.0]], kernel_size=2, mask=[1, 0])

    assert refused.value.code == "unknown_tensor"


def test_the_results_equal_torch_s(any_client: AnyClient) -> None:
    """Output and indices, bit for bit."""
    x = torch.from_numpy(random_array(2, 3, 9, 11))
    expected, expected_indices = F.max_pool2d(x, 3, 2, 1, return_indices=True)

    output, indices = any_client.pool("max_pool2d", x, kernel_size=3, stride=2, padding=1, return_indices=True)

    assert isinstance(output, torch.Tensor)
    assert isinstance(indices, torch.Tensor)
    assert torch.equal(output, expected)
    assert torch.equal(indices, expected_indices)


@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_every_element_type_is_kept(any_client: AnyClient, name: str) -> None:
    """A bfloat16 array must not become another type with the same bits."""
    dtype = np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
    x = (random_array(1, 2, 6) * 4 > 0).astype(dtype)
    tensor = torch.zeros(1, 2, 6, dtype=getattr(torch, name))

    of_numpy = any_client.pool("max_pool1d", x, kernel_size=2).output
    of_torch = any_client.pool("max_pool1d", tensor, kernel_size=2).output

    assert isinstance(of_numpy, np.ndarray)
    assert isinstance(of_torch, torch.Tensor)
    assert of_numpy.dtype == dtype
    assert np.array_equal(of_numpy, x.reshape(1, 2, 3, 2).max(-1))
    assert of_torch.dtype == tensor.dtype


def test_indices_after_an_odd_number_of_bytes_are_aligned(any_client: AnyClient) -> None:
    """In the response, three bytes of output precede eight-byte indices; in memory both are aligned."""
    x = np.arange(6, dtype=np.uint8).reshape(1, 1, 6)

    output, indices = any_client.pool("max_pool1d", x, kernel_size=2, return_indices=True)

    assert isinstance(output, np.ndarray)
    assert isinstance(indices, np.ndarray)
    assert output.tolist() == indices.tolist() == [[[1, 3, 5]]]
    assert indices.flags.aligned


def test_an_output_can_be_unpooled(any_client: AnyClient) -> None:
    """Two inputs are sent in one body."""
    x = random_array(1, 2, 4, 4)
    output, indices = any_client.pool("max_pool2d", x, kernel_size=2, return_indices=True)

    unpooled = any_client.pool("max_unpool2d", output, indices, kernel_size=2).output

    assert isinstance(unpooled, np.ndarray)
    assert isinstance(output, np.ndarray)
    np.testing.assert_array_equal(unpooled, np.where(np.isin(x, output), x, 0))


def test_an_empty_batch_gives_an_empty_output(any_client: AnyClient) -> None:
    """The last batch of a data set may be empty."""
    output = any_client.pool("avg_pool2d", np.zeros((0, 3, 4, 4), np.float32), kernel_size=2).output

    assert isinstance(output, np.ndarray)
    assert output.shape == (0, 3, 2, 2)


def test_a_result_has_timings_and_a_request_id(any_client: AnyClient) -> None:
    """The id finds the request in the server's log."""
    pooled = any_client.pool("max_pool1d", [[1.0, 2.0]], kernel_size=2)

    assert {"decode", "queue", "compute", "encode"} <= set(pooled.timings)
    assert pooled.request_id
    assert pooled.indices is None


def test_random_pooling_returns_its_seed(any_client: AnyClient) -> None:
    """The seed gives the same windows again."""
    x = random_array(1, 2, 12, 12)
    drawn = any_client.pool("fractional_max_pool2d", x, kernel_size=2, output_size=5)

    again = any_client.pool("fractional_max_pool2d", x, kernel_size=2, output_size=5, seed=drawn.seed)

    assert drawn.seed is not None
    np.testing.assert_array_equal(again.output, drawn.output)


def test_a_result_warns_about_channels_last(any_client: AnyClient) -> None:
    """An image with its channels last is pooled along the wrong axes, and the output looks right."""
    warned = any_client.pool("max_pool2d", np.zeros((1, 32, 32, 3), np.float32), kernel_size=3)
    not_warned = any_client.pool("max_pool2d", np.zeros((1, 3, 32, 32), np.float32), kernel_size=3)

    assert [warning.partition(" was ")[0] for warning in warned.warnings] == ["shape [1, 32, 32, 3]"]
    assert not_warned.warnings == ()


def test_a_plan_has_the_output_shapes(any_client: AnyClient) -> None:
    """A caller allocates buffers by it."""
    plan = any_client.call("plan", "max_unpool2d", (2, 3, 4, 4), "float16", kernel_size=(2, 3))

    assert isinstance(plan, Plan)
    assert plan.outputs["output"].shape == (2, 3, 8, 12)
    assert plan.output_bytes == 2 * 3 * 8 * 12 * 2
    assert plan.spec["stride"] == [2, 3]


def test_a_plan_has_the_shapes_of_further_tensors(any_client: AnyClient) -> None:
    """The number of outputs depends on them."""
    plan = any_client.call("plan", "span_pool", (50, 8), tensors={"spans": (7, 2)}, modes=["mean", "max"])

    assert isinstance(plan, Plan)
    assert plan.outputs["output"].shape == (7, 16)
    assert plan.input_bytes == 50 * 8 * 4 + 7 * 2 * 8


@pytest.mark.parametrize(
    "dtype", ["bfloat16", np.dtype(ml_dtypes.bfloat16), ml_dtypes.bfloat16, torch.bfloat16], ids=str
)
def test_a_plan_accepts_dtypes_of_numpy_and_torch(any_client: AnyClient, dtype: object) -> None:
    """``x.shape`` and ``x.dtype`` can be passed as they are."""
    plan = any_client.call("plan", "max_pool1d", torch.Size([2, 8]), dtype, kernel_size=2)

    assert isinstance(plan, Plan)
    assert plan.outputs["output"].dtype.name == "bfloat16"


def test_the_catalogue_is_the_servers(any_client: AnyClient) -> None:
    """A newer server may have more operators than this client."""
    summaries = any_client.call("operators")
    document = any_client.call("operator", "lp_pool1d")

    assert isinstance(summaries, tuple)
    assert all(isinstance(each, OperatorSummary) for each in summaries)
    assert tuple(each.name for each in summaries) == CATALOGUE.names
    assert isinstance(document, dict)
    assert document["rank"] == 1


def test_a_refusal_is_raised_as_the_servers_class(any_client: AnyClient) -> None:
    """With everything that the response contains."""
    with pytest.raises(Unprocessable) as caught:
        any_client.pool("max_pool2d", random_array(1, 1, 4, 4), kernel_size=0)

    error = caught.value
    assert error.code == "invalid_fields"
    assert [field.pointer for field in error.problems] == ["?kernel_size"]
    assert error.status == error.problem["status"] == 422
    assert error.request_id == error.problem["request_id"]


def test_a_misspelt_operator_is_refused_with_a_suggestion(any_client: AnyClient) -> None:
    """As an AttributeError of torch would have."""
    with pytest.raises(NotFound, match="max_pool2d"):
        any_client.pool("max_pol2d", random_array(1, 1, 4, 4), kernel_size=2)


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_a_map_returns_its_results_in_order(any_client: AnyClient, concurrency: int) -> None:
    """Though cheaper inputs are finished earlier."""
    inputs: list[object] = [random_array(1, 1, 2 + 40 * (each % 3), 2, seed=each) for each in range(7)]
    progress: list[int] = []

    results = any_client.map("global_max_pool2d", inputs, concurrency=concurrency, progress=progress.append)

    assert progress == [1, 2, 3, 4, 5, 6, 7]
    for x, result in zip(inputs, results, strict=True):
        assert isinstance(x, np.ndarray)
        assert isinstance(result, Pooled)
        assert np.asarray(result.output).item() == x.max()


def test_a_map_stops_at_the_first_refusal(any_client: AnyClient) -> None:
    """It must not leave out a result."""
    with pytest.raises(Unprocessable):
        any_client.map("max_pool1d", [[[1.0, 2.0]], [[1.0]], [[1.0, 2.0]]], kernel_size=2, concurrency=2)
