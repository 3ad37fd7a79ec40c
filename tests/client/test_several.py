"""Several poolings in one call, with both clients and against the real service."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from poolhouse import AsyncClient, Client, Picture, PoolhouseError, UnexpectedAnswer, Unprocessable
from poolhouse.client.exchange import Response
from poolhouse.client.poolings_text import poolings_text
from poolhouse.client.several import PoolManyCall, plan_many_request, read_plan_many
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.tensors import Tensor
from poolhouse.wire.images.png_writer import encode_png

IMAGE = np.arange(128, dtype=np.float32).reshape(1, 2, 8, 8)
PEAKS: dict[str, object] = {"operator": "max_pool2d", "kernel_size": 2, "return_indices": True}
POOLINGS: dict[str, dict[str, object]] = {
    "peaks": PEAKS,
    "back": {"operator": "max_unpool2d", "of": "peaks", "kernel_size": (2, 2)},
    "mean": {"operator": "avg_pool2d", "of": "peaks", "kernel_size": np.int64(2), "stride": None},
}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of the real service in this process."""
    with Client.local() as local:
        yield local


def test_results_equal_single_calls(client: Client) -> None:
    """By name, and in the order of the list."""
    result = client.pool_many(IMAGE, POOLINGS)
    peaks, indices = client.max_pool2d(IMAGE, 2, return_indices=True)

    assert list(result) == ["peaks", "peaks.indices", "back", "mean"]
    np.testing.assert_array_equal(result["peaks"], peaks)
    np.testing.assert_array_equal(result["peaks.indices"], indices)
    np.testing.assert_array_equal(result["back"], client.max_unpool2d(peaks, indices, 2).output)
    np.testing.assert_array_equal(result["mean"], client.avg_pool2d(peaks, 2).output)
    assert set(result.timings) == {"decode", "queue", "compute", "encode"}
    assert result.request_id
    assert "peaks" in repr(result)


def test_a_list_and_a_mapping_are_the_same(client: Client) -> None:
    """Names may be given either way."""
    listed = [{"name": name, **each} for name, each in POOLINGS.items()]

    assert poolings_text(listed) == poolings_text(POOLINGS)
    assert list(client.pool_many(IMAGE, listed)) == list(client.pool_many(IMAGE, POOLINGS))


def test_the_asyncio_client_does_the_same(client: Client) -> None:
    """One implementation for both."""

    async def run() -> tuple[Mapping[str, Any], Any]:
        async with AsyncClient.local() as local:
            return await local.pool_many(IMAGE, POOLINGS), await local.plan_many(IMAGE.shape, POOLINGS)

    result, plan = asyncio.run(run())
    expected = client.pool_many(IMAGE, POOLINGS)
    assert {name: each.tobytes() for name, each in result.items()} == {
        name: each.tobytes() for name, each in expected.items()
    }
    assert plan.outputs == client.plan_many(IMAGE.shape, POOLINGS).outputs


def test_outputs_have_the_kind_of_their_input(client: Client) -> None:
    """Also with dots in the names."""
    inputs: dict[str, Any] = {"a.b": torch.ones(1, 4, 4), "a": np.ones((1, 4, 4)), "c": [[[1.0, 2.0], [3.0, 4.0]]]}
    result = client.pool_many(inputs, {"p": {"operator": "max_pool2d", "kernel_size": 2}})

    assert isinstance(result["a.b.p"], torch.Tensor)
    assert isinstance(result["a.p"], np.ndarray)
    assert result["c.p"] == [[[4.0]]]


def test_many_outputs(client: Client) -> None:
    """Their metadata do not fit into a header, so they come as a file."""
    inputs = {f"i{number}": IMAGE + number for number in range(40)}
    result = client.pool_many(inputs, [PEAKS])

    assert len(result) == 80
    for name, each in inputs.items():
        np.testing.assert_array_equal(result[name], client.max_pool2d(each, 2).output)


def test_a_picture(client: Client) -> None:
    """Its outputs are arrays."""
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
    picture = Picture(encode_png(Tensor(ELEMENT_TYPES["uint8"], pixels)))
    result = client.pool_many(
        picture, {"p": {"operator": "max_pool2d", "kernel_size": 8}, "q": {"operator": "global_avg_pool2d"}}
    )

    assert result["p"].tolist() == [[[[63]]]]
    assert result["q"].shape == (1, 1, 1, 1)


def test_tensors_beside_the_input(client: Client) -> None:
    """Each goes to the poolings that take it, unless they say None."""
    tokens = np.arange(24, dtype=np.float32).reshape(6, 4)
    tensors = {"spans": [[0, 2], [1, 6]], "mask": np.array([1, 1, 1, 0, 0, 0])}
    poolings: dict[str, dict[str, object]] = {
        "text": {"operator": "token_pool"},
        "all": {"operator": "token_pool", "mask": None},
        "chunks": {"operator": "span_pool", "modes": "last"},
    }

    result = client.pool_many(tokens, poolings, tensors=tensors)
    plan = client.plan_many(tokens.shape, poolings, tensors={"spans": (2, 2), "mask": ((6,), "uint8")})

    np.testing.assert_array_equal(result["text"], tokens[:3].mean(0))
    np.testing.assert_array_equal(result["all"], tokens.mean(0))
    np.testing.assert_array_equal(result["chunks"], tokens[[1, 2]])
    assert {name: each.shape for name, each in plan.outputs.items()} == {
        name: each.shape for name, each in result.items()
    }


def test_an_unknown_tensor_beside_the_input_is_refused() -> None:
    """It would be pooled as an input of its own."""
    with pytest.raises(PoolhouseError, match="there is no tensor 'rows'"):
        PoolManyCall(IMAGE, [PEAKS], {"rows": IMAGE})


def test_indices_of_the_input(client: Client) -> None:
    """As with one pooling."""
    peaks, indices = client.max_pool2d(IMAGE, 2, return_indices=True)
    result = client.pool_many(peaks, {"back": {"operator": "max_unpool2d", "kernel_size": 2}}, indices=indices)

    np.testing.assert_array_equal(result["back"], client.max_unpool2d(peaks, indices, 2).output)


def test_seeds_and_warnings(client: Client) -> None:
    """A drawn seed gives the same windows again."""
    fractional = {"operator": "fractional_max_pool2d", "kernel_size": 2, "output_size": 3}
    first = client.pool_many(IMAGE, {"f": fractional})
    again = client.pool_many(IMAGE, {"f": {**fractional, "seed": first.seeds["f"]}})

    np.testing.assert_array_equal(first["f"], again["f"])
    photo = np.zeros((1, 224, 224, 3), np.uint8)
    (warning,) = client.pool_many(photo, {"p": {"operator": "max_pool2d", "kernel_size": 2}}).warnings
    assert warning.startswith("p: ")


def test_a_plan_equals_the_result(client: Client) -> None:
    """Without data."""
    inputs: dict[str, np.ndarray[Any, Any]] = {"u": IMAGE, "v": IMAGE.astype(np.float64)}
    types = {"v": np.float64}
    plan = client.plan_many({name: each.shape for name, each in inputs.items()}, POOLINGS, types)
    result = client.pool_many(inputs, POOLINGS)

    assert {name: (each.dtype.name, each.shape) for name, each in plan.outputs.items()} == {
        name: (each.dtype.name, each.shape) for name, each in result.items()
    }
    assert [each.operator for each in plan.poolings] == ["max_pool2d", "max_unpool2d", "avg_pool2d"] * 2
    assert plan.output_bytes == sum(each.nbytes for each in result.values())
    unpool = {"back": {"operator": "max_unpool2d", "kernel_size": 2}}
    assert client.plan_many((1, 2, 2), unpool).outputs["back"].shape == (1, 4, 4)


def test_the_servers_refusal_names_the_pooling(client: Client) -> None:
    """For pooling and for planning."""
    wrong = {"a": PEAKS, "b": {"operator": "max_pool2d", "kernel_size": 0}}
    for call in (lambda: client.pool_many(IMAGE, wrong), lambda: client.plan_many(IMAGE.shape, wrong)):
        with pytest.raises(PoolhouseError) as refusal:
            call()
        assert refusal.value.problems[0].pointer == "/poolings/1/kernel_size"


def test_an_unknown_output_is_a_key_error(client: Client) -> None:
    """With the names that there are."""
    with pytest.raises(KeyError, match="there are p"):
        client.pool_many(IMAGE, {"p": {"operator": "global_max_pool2d"}})["q"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: PoolManyCall(IMAGE, "max_pool2d"),  # type: ignore[arg-type]
        lambda: PoolManyCall(IMAGE, 3),  # type: ignore[arg-type]
        lambda: PoolManyCall(IMAGE, ["max_pool2d"]),  # type: ignore[list-item]
        lambda: PoolManyCall(IMAGE, {"a": {"name": "b"}}),
        lambda: PoolManyCall(IMAGE, [{"operator": object()}]),
        lambda: PoolManyCall(IMAGE, [{"kernel_size": np.zeros(2)}]),
        lambda: PoolManyCall({"input": IMAGE}, [PEAKS]),
        lambda: PoolManyCall({}, [PEAKS]),
        lambda: PoolManyCall({"a": IMAGE}, [PEAKS], {"indices": IMAGE}),
        lambda: PoolManyCall(Picture(b"\x89PNG\r\n\x1a\n"), [PEAKS], {"indices": IMAGE}),
        lambda: PoolManyCall("a", [PEAKS]),
    ],
)
def test_what_cannot_be_sent_is_refused(make: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(Unprocessable):
        make()


def test_numbers_are_written_as_json_has_them() -> None:
    """numpy's are converted, infinities are strings."""
    given = [
        {"a": np.float32(0.5), "b": math.inf, "c": -math.inf, "d": np.True_, "e": [(1, np.int8(2))], "f": math.nan}
    ]

    assert json.loads(poolings_text(given)) == [
        {"a": 0.5, "b": "Infinity", "c": "-Infinity", "d": True, "e": [[1, 2]], "f": "NaN"}
    ]


@pytest.mark.parametrize("body", [b"", b"x", b"\x08" + bytes(7) + b"{}      ", b"\xff" * 16])
def test_a_response_that_is_no_file_is_unexpected(body: bytes) -> None:
    """Whatever answers."""
    call = PoolManyCall(IMAGE, [PEAKS])
    headers = {"content-length": str(len(body))}
    assert call.request.allocate_body is not None
    buffers = call.request.allocate_body(200, headers, 1 << 20)
    assert buffers is not None
    buffers[0][:] = body
    with pytest.raises(UnexpectedAnswer):
        call.read_result(Response(200, headers, buffers))
    with pytest.raises(UnexpectedAnswer):
        call.request.allocate_body(200, {"content-length": "2000000"}, 1 << 20)
    assert call.request.allocate_body(200, {"content-length": "x"}, 1 << 20) is None
    assert call.request.allocate_body(422, headers, 1 << 20) is None


@pytest.mark.parametrize(
    "document", [{}, {"outputs": {"a": {}}}, {"outputs": {}, "poolings": [], "warnings": []}, {"outputs": 1}]
)
def test_a_document_that_is_no_plan_is_unexpected(document: object) -> None:
    """Whatever answers."""
    with pytest.raises(UnexpectedAnswer):
        read_plan_many(Response(200, {}, (memoryview(json.dumps(document).encode()),)))


def test_the_plan_of_unpooling_has_indices() -> None:
    """Only where no earlier pooling has them."""
    request = plan_many_request((1, 4, 4), POOLINGS, "float32")
    alone = plan_many_request((1, 4, 4), [{"operator": "max_unpool2d"}], "float32")

    assert "indices" not in json.loads(bytes(request.body[0]))
    assert "indices" in json.loads(bytes(alone.body[0]))
