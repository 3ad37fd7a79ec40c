"""What both clients give, over a live server and in process: one suite for all four doors."""

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
from tests.client.conftest import AnyClient

CATALOGUE = discover()


def photo(*shape: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Some float32 numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", CATALOGUE.names)
def test_every_operator_has_its_method_and_its_method_pools(any_client: AnyClient, name: str) -> None:
    """The methods are generated; one that is missing or misnames a field is found here."""
    member = CATALOGUE.find(name)
    sample = member.samples[0]
    shape = (2, *sample.spatial[-member.rank :])
    inputs: list[object] = [photo(*shape)]
    if "indices" in member.inputs:
        inputs.append(np.zeros(shape, np.int64))

    pooled = any_client.call(name, *inputs, **sample.fields)

    again = any_client.pool(name, *inputs, **sample.fields)
    assert isinstance(pooled, type(again))
    assert isinstance(pooled.output, np.ndarray)
    np.testing.assert_array_equal(pooled.output, again.output)


def test_the_numbers_are_torchs(any_client: AnyClient) -> None:
    """The whole point: output and indices, bit for bit."""
    x = torch.from_numpy(photo(2, 3, 9, 11))
    expected, places = F.max_pool2d(x, 3, 2, 1, return_indices=True)

    output, indices = any_client.pool("max_pool2d", x, kernel_size=3, stride=2, padding=1, return_indices=True)

    assert isinstance(output, torch.Tensor)
    assert isinstance(indices, torch.Tensor)
    assert torch.equal(output, expected)
    assert torch.equal(indices, places)


@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_every_element_type_comes_back_as_it_went(any_client: AnyClient, name: str) -> None:
    """A caller's bfloat16 must not come back as something else with the same bits."""
    dtype = np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
    x = (photo(1, 2, 6) * 4 > 0).astype(dtype)
    tensor = torch.zeros(1, 2, 6, dtype=getattr(torch, name))

    of_numpy = any_client.pool("max_pool1d", x, kernel_size=2).output
    of_torch = any_client.pool("max_pool1d", tensor, kernel_size=2).output

    assert isinstance(of_numpy, np.ndarray)
    assert isinstance(of_torch, torch.Tensor)
    assert of_numpy.dtype == dtype
    assert np.array_equal(of_numpy, x.reshape(1, 2, 3, 2).max(-1))
    assert of_torch.dtype == tensor.dtype


def test_indices_after_an_odd_number_of_bytes_are_right(any_client: AnyClient) -> None:
    """Three bytes of output come before eight-byte indices on the wire; in memory each lies as it must."""
    x = np.arange(6, dtype=np.uint8).reshape(1, 1, 6)

    output, indices = any_client.pool("max_pool1d", x, kernel_size=2, return_indices=True)

    assert isinstance(output, np.ndarray)
    assert isinstance(indices, np.ndarray)
    assert output.tolist() == indices.tolist() == [[[1, 3, 5]]]
    assert indices.flags.aligned


def test_what_was_pooled_can_be_unpooled(any_client: AnyClient) -> None:
    """Two inputs go out in one body."""
    x = photo(1, 2, 4, 4)
    output, indices = any_client.pool("max_pool2d", x, kernel_size=2, return_indices=True)

    back = any_client.pool("max_unpool2d", output, indices, kernel_size=2).output

    assert isinstance(back, np.ndarray)
    assert isinstance(output, np.ndarray)
    np.testing.assert_array_equal(back, np.where(np.isin(x, output), x, 0))


def test_an_empty_batch_comes_back_empty(any_client: AnyClient) -> None:
    """The last batch of a data set may hold nothing."""
    output = any_client.pool("avg_pool2d", np.zeros((0, 3, 4, 4), np.float32), kernel_size=2).output

    assert isinstance(output, np.ndarray)
    assert output.shape == (0, 3, 2, 2)


def test_an_answer_says_where_the_time_went_and_what_its_name_is(any_client: AnyClient) -> None:
    """Without the name a report leads nowhere."""
    pooled = any_client.pool("max_pool1d", [[1.0, 2.0]], kernel_size=2)

    assert {"decode", "queue", "compute", "encode"} <= set(pooled.timings)
    assert pooled.request_id
    assert pooled.indices is None


def test_random_pooling_names_its_seed(any_client: AnyClient) -> None:
    """The seed that was drawn gives the same windows again."""
    x = photo(1, 2, 12, 12)
    drawn = any_client.pool("fractional_max_pool2d", x, kernel_size=2, output_size=5)

    again = any_client.pool("fractional_max_pool2d", x, kernel_size=2, output_size=5, seed=drawn.seed)

    assert drawn.seed is not None
    np.testing.assert_array_equal(again.output, drawn.output)


def test_an_answer_tells_what_is_seldom_meant(any_client: AnyClient) -> None:
    """A picture with its channels last is pooled along the wrong axes, and the shape of the answer looks right."""
    warned = any_client.pool("max_pool2d", np.zeros((1, 32, 32, 3), np.float32), kernel_size=3)
    quiet = any_client.pool("max_pool2d", np.zeros((1, 3, 32, 32), np.float32), kernel_size=3)

    assert [warning.partition(" was ")[0] for warning in warned.warnings] == ["shape [1, 32, 32, 3]"]
    assert quiet.warnings == ()


def test_a_plan_says_what_pooling_will_give(any_client: AnyClient) -> None:
    """A caller sizes buffers by it."""
    plan = any_client.call("plan", "max_unpool2d", (2, 3, 4, 4), "float16", kernel_size=(2, 3))

    assert isinstance(plan, Plan)
    assert plan.outputs["output"].shape == (2, 3, 8, 12)
    assert plan.output_bytes == 2 * 3 * 8 * 12 * 2
    assert plan.spec["stride"] == [2, 3]


@pytest.mark.parametrize(
    "dtype", ["bfloat16", np.dtype(ml_dtypes.bfloat16), ml_dtypes.bfloat16, torch.bfloat16], ids=str
)
def test_a_plan_takes_an_element_type_as_an_array_has_it(any_client: AnyClient, dtype: object) -> None:
    """``x.shape`` and ``x.dtype`` are what a caller has in hand."""
    plan = any_client.call("plan", "max_pool1d", torch.Size([2, 8]), dtype, kernel_size=2)

    assert isinstance(plan, Plan)
    assert plan.outputs["output"].dtype.name == "bfloat16"


def test_the_catalogue_is_the_servers(any_client: AnyClient) -> None:
    """A newer server may know more than this client."""
    lines = any_client.call("operators")
    card = any_client.call("operator", "lp_pool1d")

    assert isinstance(lines, tuple)
    assert all(isinstance(line, OperatorSummary) for line in lines)
    assert tuple(line.name for line in lines) == CATALOGUE.names
    assert isinstance(card, dict)
    assert card["rank"] == 1


def test_a_refusal_is_the_servers_own_class(any_client: AnyClient) -> None:
    """Who catches Unprocessable on the server catches it here, with all that was said."""
    with pytest.raises(Unprocessable) as caught:
        any_client.pool("max_pool2d", photo(1, 1, 4, 4), kernel_size=0)

    refused = caught.value
    assert refused.code == "invalid_fields"
    assert [field.pointer for field in refused.problems] == ["?kernel_size"]
    assert refused.status == refused.problem["status"] == 422
    assert refused.request_id == refused.problem["request_id"]


def test_a_misspelt_operator_is_refused_with_the_nearest_name(any_client: AnyClient) -> None:
    """As torch's own AttributeError would hint."""
    with pytest.raises(NotFound, match="max_pool2d"):
        any_client.pool("max_pol2d", photo(1, 1, 4, 4), kernel_size=2)


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_a_map_gives_its_answers_in_order(any_client: AnyClient, concurrency: int) -> None:
    """Inputs of different cost overtake each other on the way."""
    inputs: list[object] = [photo(1, 1, 2 + 40 * (each % 3), 2, seed=each) for each in range(7)]
    told: list[int] = []

    answers = any_client.map("global_max_pool2d", inputs, concurrency=concurrency, progress=told.append)

    assert told == [1, 2, 3, 4, 5, 6, 7]
    for given, answer in zip(inputs, answers, strict=True):
        assert isinstance(given, np.ndarray)
        assert isinstance(answer, Pooled)
        assert np.asarray(answer.output).item() == given.max()


def test_a_map_stops_at_the_first_refusal(any_client: AnyClient) -> None:
    """An answer out of order or left out would be worse than an error."""
    with pytest.raises(Unprocessable):
        any_client.map("max_pool1d", [[[1.0, 2.0]], [[1.0]], [[1.0, 2.0]]], kernel_size=2, concurrency=2)
