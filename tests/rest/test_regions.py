"""Operators with several tensors over HTTP: every codec gives the same bits, and refusals say how to mend a request."""

from __future__ import annotations

import io
import json
from random import Random

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from tests.operators.region_cases import MAKERS, RegionCase, random_case

Array = npt.NDArray[np.generic]

NPZ, SAFETENSORS = "application/x-npz", "application/vnd.safetensors"


def arrays_of(case: RegionCase) -> dict[str, Array]:
    """The tensors of a request."""
    return {name: tensor.array for name, tensor in case.tensors.items()}


def cases(name: str) -> list[RegionCase]:
    """Some requests in float32 and float16, with finite elements, which JSON lists hold."""
    random = Random(5)
    drawn = [random_case(random, name, dtype) for dtype in ("float32", "float16") for _ in range(12)]
    finite = [each for each in drawn if np.isfinite(each.tensors["input"].array).all() and not each.plan.is_empty]
    return finite[:8]


def post(client: httpx.Client, case: RegionCase, media_type: str, content: bytes) -> dict[str, Array]:
    """Pool, and read the outputs."""
    fields = case.plan.spec.field_values()
    query = {key: json.dumps(value) if isinstance(value, list) else str(value) for key, value in fields.items()}
    query = {key: value.strip("[]").replace('"', "").replace(" ", "") for key, value in query.items()}
    query = {key: value.lower() if value in ("True", "False") else value for key, value in query.items()}
    response = client.post(
        f"/v1/pool/{case.plan.spec.name}", params=query, content=content, headers={"Content-Type": media_type}
    )
    assert response.status_code == 200, response.text
    if media_type == NPZ:
        with np.load(io.BytesIO(response.content)) as found:
            return dict(found)
    return dict(load_safetensors(response.content))


def post_json(client: httpx.Client, case: RegionCase) -> dict[str, Array]:
    """Pool with JSON lists, and read the outputs."""
    body: dict[str, object] = {
        name: {"dtype": tensor.dtype.name, "shape": list(tensor.shape), "data": tensor.array.reshape(-1).tolist()}
        for name, tensor in case.tensors.items()
    }
    response = client.post(f"/v1/pool/{case.plan.spec.name}", json={**body, **case.plan.spec.field_values()})
    assert response.status_code == 200, response.text
    return {
        name: np.array(entry["data"], entry["dtype"]).reshape(entry["shape"]) for name, entry in response.json().items()
    }


@pytest.mark.parametrize("name", MAKERS)
def test_every_codec_gives_the_same_bits(name: str, client: httpx.Client) -> None:
    """JSON lists, npz and safetensors, with all tensors and fields of a request."""
    for case in cases(name):
        expected = {output: tensor.array for output, tensor in case.run().items()}
        file = io.BytesIO()
        np.savez(file, **arrays_of(case))  # type: ignore[arg-type]  # numpy's stub mistakes them for allow_pickle

        as_npz = post(client, case, NPZ, file.getvalue())
        as_safetensors = post(client, case, SAFETENSORS, save_safetensors(arrays_of(case)))
        as_json = post_json(client, case)

        for found in (as_npz, as_safetensors, as_json):
            assert list(found) == list(expected) or set(found) == set(expected)
            for output, array in expected.items():
                np.testing.assert_array_equal(found[output], array)


@pytest.mark.parametrize("name", MAKERS)
def test_a_plan_has_the_shapes_of_the_answer(name: str, client: httpx.Client) -> None:
    """It is made from shapes alone."""
    for case in cases(name):
        body = {each: {"shape": list(x.shape), "dtype": x.dtype.name} for each, x in case.tensors.items()}

        planned = client.post(f"/v1/plan/{name}", json={**body, **case.plan.spec.field_values()})

        assert planned.status_code == 200, planned.text
        shapes = {output: entry["shape"] for output, entry in planned.json()["outputs"].items()}
        assert shapes == {output: list(tensor.shape) for output, tensor in case.run().items()}


def test_raw_elements_are_rows_without_a_mask(client: httpx.Client) -> None:
    """One tensor is enough for padded rows that are all of one length."""
    x = np.arange(24, dtype=np.float32).reshape(2, 4, 3)

    response = client.post(
        "/v1/pool/token_pool?shape=2,4,3&dtype=float32&modes=mean,last",
        content=x.tobytes(),
        headers={"Content-Type": "application/octet-stream"},
    )

    assert response.status_code == 200, response.text
    found = np.frombuffer(response.content, np.float32).reshape(2, 6)
    np.testing.assert_array_equal(found, np.concatenate((x.mean(1), x[:, -1]), 1))


def test_the_number_of_segments_follows_from_the_elements(client: httpx.Client) -> None:
    """A plan has no elements, so it must be given there."""
    body = {"input": [[1.0], [2.0], [4.0]], "segments": [2, 0, 2], "reduce": "sum"}

    pooled = client.post("/v1/pool/segment_pool", json=body)
    planned = client.post(
        "/v1/plan/segment_pool", json={"input": {"shape": [3, 1]}, "segments": {"shape": [3], "dtype": "int64"}}
    )

    assert pooled.json()["output"]["data"] == [[2.0], [0.0], [5.0]]
    assert (planned.status_code, planned.json()["code"]) == (422, "invalid_fields")
    assert "num_segments" in planned.json()["detail"]


@pytest.mark.parametrize(
    ("name", "body", "code", "says"),
    [
        ("token_pool", {"input": [[[1.0]]], "mask": [[0]]}, "empty_row", "row 0"),
        ("token_pool", {"input": [[[1.0]]], "mask": [1]}, "shape_mismatch", "[1, 1]"),
        ("token_pool", {"input": [[[1.0]]], "attention_mask": [[1]]}, "invalid_fields", "mask"),
        ("token_pool", {"input": [[[1.0]]], "modes": "weighted"}, "missing_tensor", "weights"),
        ("token_pool", {"input": [[[1.0]]], "mask": [[0.5]]}, "invalid_data", "0.5"),
        ("token_pool", {"input": [[1.0]], "offsets": [0, 2]}, "index_out_of_range", "number of tokens"),
        ("span_pool", {"input": [[1.0]]}, "missing_tensor", "spans"),
        ("span_pool", {"input": [[1.0]], "spans": [[0, 1, 1]]}, "shape_mismatch", "[begin, end]"),
        ("segment_pool", {"input": [[1.0]]}, "missing_tensor", "segments or offsets"),
        ("segment_pool", {"input": [[1.0]], "segments": [0], "offsets": [0, 1]}, "unknown_tensor", "not both"),
        ("segment_pool", {"input": [[1.0]], "segments": [-1]}, "index_out_of_range", "row 0"),
        ("roi_align", {"input": [[[[1.0]]]], "boxes": [[0, 0, 1, 1]], "output_size": 1}, "shape_mismatch", "[K, 5]"),
        ("roi_pool", {"input": [[[[1.0]]]], "output_size": 1}, "missing_tensor", "boxes"),
    ],
)
def test_refusals(client: httpx.Client, name: str, body: dict[str, object], code: str, says: str) -> None:
    """Each says what to send instead."""
    response = client.post(f"/v1/pool/{name}", json=body)

    assert (response.status_code, response.json()["code"]) == (422, code), response.text
    assert says in response.json()["detail"]


def test_one_upload_serves_several_spans_and_modes(client: httpx.Client) -> None:
    """Token vectors are large; the tensors beside them are those of the request."""
    body = {
        "input": [[1.0, 0.0], [3.0, 0.0], [5.0, 1.0]],
        "spans": [[0, 2], [1, 3]],
        "poolings": [
            {"operator": "token_pool", "name": "whole"},
            {"operator": "span_pool", "name": "chunks", "modes": "max"},
        ],
    }

    response = client.post("/v1/pool", json=body)

    assert response.status_code == 200, response.text
    assert response.json()["whole"]["data"] == [3.0, 0.33333334]
    assert response.json()["chunks"]["data"] == [[3.0, 0.0], [5.0, 1.0]]


def test_a_pooling_may_leave_out_a_tensor_of_the_request(client: httpx.Client) -> None:
    """With null; and one that pools an output takes none that describes the input."""
    body = {
        "input": [[1.0, 0.0], [3.0, 0.0], [5.0, 1.0]],
        "mask": [1, 1, 0],
        "spans": [[0, 2], [1, 3]],
        "poolings": [
            {"operator": "token_pool", "name": "masked"},
            {"operator": "token_pool", "name": "whole", "mask": None},
            {"operator": "span_pool", "name": "chunks", "mask": None},
            {"operator": "token_pool", "name": "all", "of": "chunks", "modes": "max"},
        ],
    }

    found = client.post("/v1/pool", json=body).json()

    assert found["masked"]["data"] == [2.0, 0.0]
    assert found["whole"]["data"] == [3.0, 0.33333334]
    assert found["all"]["data"] == [4.0, 0.5]


def test_a_missing_tensor_of_several_poolings_is_named(client: httpx.Client) -> None:
    """Not another one that is optional."""
    response = client.post("/v1/pool", json={"input": [[1.0]], "poolings": [{"operator": "span_pool"}]})

    assert (response.status_code, response.json()["code"]) == (422, "missing_tensor")
    assert "'spans'" in response.json()["detail"]


@pytest.mark.parametrize("query", ["", "?num_segments=null"])
def test_null_is_the_default_number_of_segments(client: httpx.Client, query: str) -> None:
    """As for every other field."""
    body: dict[str, object] = {"input": [[1.0], [2.0]], "segments": [1, 1], "reduce": "sum"}

    response = client.post(f"/v1/pool/segment_pool{query}", json=body if query else {**body, "num_segments": None})

    assert response.json()["output"]["data"] == [[0.0], [3.0]]


def test_no_spans_and_no_boxes_are_empty_lists(client: httpx.Client) -> None:
    """A detector may find nothing."""
    spans = client.post("/v1/pool/span_pool", json={"input": [[1.0, 2.0]], "spans": []})
    boxes = client.post("/v1/pool/roi_pool", json={"input": [[[[1.0]]]], "boxes": [], "output_size": 2})

    assert spans.json()["output"]["shape"] == [0, 2]
    assert boxes.json()["output"]["shape"] == [0, 1, 2, 2]


def test_rows_without_tokens_are_refused_from_their_shape(client: httpx.Client) -> None:
    """Millions of them take no byte of a body."""
    headers = {"Content-Type": "application/octet-stream"}

    response = client.post("/v1/pool/token_pool?shape=5900000,0,1&dtype=float16", headers=headers)
    zeros = client.post("/v1/pool/token_pool?shape=3,0,2&dtype=float16&empty=zero", headers=headers)

    assert (response.status_code, response.json()["code"]) == (422, "empty_row")
    assert zeros.content == bytes(12)
