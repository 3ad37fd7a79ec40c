"""Adapters through HTTP: each body, the other routes, and errors in the caller's words."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from poolhouse.dtypes import FLOAT32, INT64
from poolhouse.rest.app import create_app
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.npz import NPZ
from poolhouse.wire.safetensors import SAFETENSORS

X = np.arange(25, dtype=np.float32).reshape(1, 1, 5, 5)
UNPOOLED = {"kernel_shape": [2, 2], "strides": [2, 2]}


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """A client of a running application."""
    with TestClient(create_app(Settings.model_validate({"device": "cpu"}))) as found:
        yield found


def test_a_node_of_onnx_is_answered_in_json_npy_and_raw(client: TestClient) -> None:
    """The attributes are members of a JSON body, or query parameters."""
    query = "kernel_shape=3,3&pads=2,2,2,2&return_indices=false"
    npy = io.BytesIO()
    np.save(npy, X)
    fields: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [2, 2, 2, 2]}

    as_json = client.post("/v1/pool/onnx.MaxPool", json={"input": X.tolist(), **fields}).json()
    as_npy = client.post(
        f"/v1/pool/onnx.MaxPool?{query}", content=npy.getvalue(), headers={"Content-Type": "application/x-npy"}
    )
    as_raw = client.post(
        f"/v1/pool/onnx.MaxPool?{query}&shape=1,1,5,5&dtype=float32",
        content=X.tobytes(),
        headers={"Content-Type": "application/octet-stream"},
    )

    expected = np.array(as_json["output"]["data"], np.float32)
    assert expected.shape == (1, 1, 7, 7)
    assert expected[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 4, 4]
    np.testing.assert_array_equal(np.load(io.BytesIO(as_npy.content)), expected)
    np.testing.assert_array_equal(np.frombuffer(as_raw.content, np.float32).reshape(expected.shape), expected)


@pytest.mark.parametrize("codec", [NPZ, SAFETENSORS], ids=["npz", "safetensors"])
def test_output_shape_may_be_a_tensor(client: TestClient, codec: Any) -> None:
    """It is an input of ONNX's MaxUnpool, and a file of tensors holds nothing else."""
    tensors = {
        "input": Tensor(FLOAT32, np.array([[[[5, 6], [7, 8]]]], np.float32)),
        "indices": Tensor(INT64, np.array([[[[5, 7], [13, 15]]]], np.int64)),
        "output_shape": Tensor(INT64, np.array([1, 1, 5, 5], np.int64)),
    }
    encoded = codec.encode(Message(tensors))
    body = b"".join(bytes(chunk) for chunk in encoded.chunks)
    path = "/v1/pool/onnx.MaxUnpool?kernel_shape=2&strides=2"
    headers = {"Content-Type": encoded.media_type, "Accept": "application/json"}

    answer = client.post(path, content=body, headers=headers)
    twice = client.post(f"{path}&output_shape=5,5", content=body, headers=headers)
    as_json = client.post(
        "/v1/pool/onnx.MaxUnpool",
        json={name: tensor.array.tolist() for name, tensor in tensors.items()} | UNPOOLED,
    )

    assert np.flatnonzero(answer.json()["output"]["data"]).tolist() == [6, 8, 16, 18]
    assert "max_unpool2d" in answer.headers["Pool-Warning"]
    assert twice.json()["errors"][0]["code"] == "duplicate"
    assert as_json.json() == answer.json()


def test_a_tensor_that_is_no_field_is_refused(client: TestClient) -> None:
    """A long one, or one of another operator, is an unknown tensor."""
    for operator, shape in (("onnx.MaxUnpool", (9,)), ("max_unpool2d", (4,))):
        tensors = {
            "input": Tensor(FLOAT32, np.ones((1, 1, 2, 2), np.float32)),
            "indices": Tensor(INT64, np.zeros((1, 1, 2, 2), np.int64)),
            "output_shape": Tensor(INT64, np.ones(shape, np.int64)),
        }
        encoded = SAFETENSORS.encode(Message(tensors))
        size = "kernel_shape" if "onnx" in operator else "kernel_size"

        refused = client.post(
            f"/v1/pool/{operator}?{size}=2",
            content=b"".join(bytes(chunk) for chunk in encoded.chunks),
            headers={"Content-Type": encoded.media_type},
        )

        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_tensor")


def test_plans_and_refusals_have_the_names_of_the_framework(client: TestClient) -> None:
    """The caller knows no field of ours."""
    shape = {"shape": [2, 8, 8, 3]}

    plan = client.post("/v1/plan/keras.AveragePooling2D", json={"input": shape, "padding": "same"}).json()
    refused = client.post("/v1/plan/keras.AveragePooling2D", json={"input": shape, "pool_size": [9, 0]}).json()
    too_large = client.post("/v1/plan/keras.AveragePooling2D", json={"input": shape, "pool_size": 9}).json()

    assert plan["operator"] == "keras.AveragePooling2D"
    assert plan["spec"] == {
        "pool_size": [2, 2],
        "strides": [2, 2],
        "padding": "same",
        "data_format": "channels_last",
    }
    assert plan["outputs"]["output"]["shape"] == [2, 4, 4, 3]
    assert [each["pointer"] for each in refused["errors"]] == ["/pool_size"]
    assert too_large["code"] == "window_does_not_fit"
    assert "pool_size 9" in too_large["detail"]


def test_an_adapter_is_a_model_of_the_open_inference_protocol(client: TestClient) -> None:
    """Its parameters are the attributes; a name without a rank takes inputs of each."""
    metadata = client.get("/v2/models/onnx.AveragePool").json()
    for shape in ([1, 1, 4], [1, 1, 2, 2]):
        answer = client.post(
            "/v2/models/onnx.AveragePool/infer",
            json={
                "inputs": [{"name": "input", "shape": shape, "datatype": "FP32", "data": [1, 2, 3, 6]}],
                "parameters": {"kernel_shape": 2},
            },
        ).json()
        assert answer["outputs"][0]["data"][-1] == (4.5 if len(shape) == 3 else 3)

    assert metadata["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1]}]
