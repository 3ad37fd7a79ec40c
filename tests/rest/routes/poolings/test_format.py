"""``POST /v1/pool`` and ``/v1/plan``, end to end over a real socket."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from tests.rest.live_server import IMAGE, LiveServer

MAX = {"operator": "max_pool2d", "kernel_size": 2}
POOLINGS = [
    {**MAX, "name": "a", "return_indices": True},
    {"operator": "avg_pool2d", "kernel_size": 2},
    {"operator": "max_unpool2d", "name": "back", "of": "a", "kernel_size": 2},
]
ARRAY = np.array(IMAGE, np.float32)
MAXIMA = [[[[6, 8], [14, 16]]]]
MEANS = [[[[3.5, 5.5], [11.5, 13.5]]]]
TEXT = {"poolings": json.dumps(POOLINGS)}


def npy(array: np.ndarray[Any, Any]) -> bytes:
    """The array as an npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays: np.ndarray[Any, Any]) -> bytes:
    """The arrays as an npz file."""
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy 1 would store allow_pickle as an array
    return file.getvalue()


def read(response: httpx.Response) -> Mapping[str, np.ndarray[Any, Any]]:
    """The arrays of a response in any format."""
    assert response.status_code == 200, response.text
    match response.headers["content-type"]:
        case "application/json":
            return {name: np.array(each["data"], each["dtype"]) for name, each in response.json().items()}
        case "application/x-npz":
            return dict(np.load(io.BytesIO(response.content)))
        case "application/vnd.safetensors":
            return load_safetensors(response.content)
        case "application/x-npy":
            return {"": np.load(io.BytesIO(response.content))}
        case _:
            rows = json.loads(response.headers["tensor-metadata"])
            return {
                row["name"]: np.frombuffer(response.content[row["start"] : row["end"]], row["dtype"]).reshape(
                    row["shape"]
                )
                for row in rows
            }


BODIES: dict[str, tuple[dict[str, str], bytes]] = {
    "application/json": ({}, json.dumps({"input": IMAGE, "poolings": POOLINGS}).encode()),
    "application/x-npy": (TEXT, npy(ARRAY)),
    "application/x-npz": (TEXT, npz(input=ARRAY)),
    "application/vnd.safetensors": ({}, save_safetensors({"input": ARRAY}, {"format": "pt", **TEXT})),
    "application/octet-stream": ({**TEXT, "shape": "1,1,4,4", "dtype": "float32"}, ARRAY.tobytes()),
}
ACCEPTS = ("application/json", "application/x-npz", "application/vnd.safetensors", "application/octet-stream", "*/*")


@pytest.mark.parametrize("media_type", BODIES)
@pytest.mark.parametrize("accept", ACCEPTS)
def test_every_format(client: httpx.Client, media_type: str, accept: str) -> None:
    """In requests and responses."""
    query, body = BODIES[media_type]
    headers = {"Content-Type": media_type, "Accept": accept}
    arrays = read(client.post("/v1/pool", params=query, content=body, headers=headers))

    assert set(arrays) == {"a", "a.indices", "avg_pool2d", "back"}
    assert arrays["a"].tolist() == MAXIMA
    assert arrays["avg_pool2d"].tolist() == MEANS
    assert arrays["back"].shape == ARRAY.shape
    assert arrays["back"][0, 0, 1::2, 1::2].tolist() == MAXIMA[0][0]


def test_a_picture_and_a_form(client: httpx.Client) -> None:
    """The list is in the query string, or a part of the form."""
    file = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(file, "png")
    query = {"poolings": json.dumps([{**MAX, "name": "a"}])}
    picture = client.post("/v1/pool", params=query, content=file.getvalue(), headers={"Content-Type": "image/png"})
    form = client.post("/v1/pool", data=TEXT, files={"input": ("x.npy", npy(ARRAY))})

    assert read(picture)[""].shape == (1, 1, 4, 4)
    assert read(form)["a"].tolist() == MAXIMA


@pytest.mark.parametrize("media_type", ["application/json", "application/x-npz", "application/vnd.safetensors"])
def test_several_inputs(client: httpx.Client, media_type: str) -> None:
    """Of several shapes; without a name for the pooling, outputs have the names of inputs."""
    arrays = {"u": ARRAY, "layer.1": np.arange(24, dtype=np.float32).reshape(2, 1, 2, 6)}
    query: dict[str, str] = {}
    if media_type == "application/json":
        body = json.dumps(
            {"inputs": {name: each.tolist() for name, each in arrays.items()}, "poolings": [MAX]}
        ).encode()
    else:
        query = {"poolings": json.dumps([MAX])}
        body = npz(**arrays) if media_type.endswith("npz") else save_safetensors(arrays)
    found = read(client.post("/v1/pool", params=query, content=body, headers={"Content-Type": media_type}))

    assert {name: each.shape for name, each in found.items()} == {"u": (1, 1, 2, 2), "layer.1": (2, 1, 1, 3)}
    assert found["u"].tolist() == MAXIMA


def test_a_plan_equals_the_result(client: httpx.Client) -> None:
    """For one input and for several."""
    for given, planned in (
        ({"input": IMAGE}, {"input": {"shape": [1, 1, 4, 4]}}),
        (
            {"inputs": {"u": IMAGE, "v": IMAGE}},
            {"inputs": {"u": {"shape": [1, 1, 4, 4]}, "v": {"shape": [1, 1, 4, 4]}}},
        ),
    ):
        pooled = client.post("/v1/pool", json={**given, "poolings": POOLINGS}).json()
        plan = client.post("/v1/plan", json={**planned, "poolings": POOLINGS}).json()

        assert {name: (each["dtype"], each["shape"]) for name, each in pooled.items()} == {
            name: (each["dtype"], each["shape"]) for name, each in plan["outputs"].items()
        }
        assert plan["output_bytes"] == sum(each["bytes"] for each in plan["outputs"].values())


REFUSED: list[tuple[dict[str, object], str, str]] = [
    ({"input": IMAGE}, "invalid_fields", "/poolings"),
    ({"input": IMAGE, "poolings": []}, "invalid_fields", "/poolings"),
    ({"poolings": POOLINGS}, "missing_tensor", "/inputs"),
    ({"input": IMAGE, "poolings": [{**MAX, "name": str(each)} for each in range(33)]}, "invalid_fields", "/poolings"),
    ({"input": IMAGE, "poolings": [MAX, {**MAX, "name": "b", "stride": 0}]}, "invalid_fields", "/poolings/1/stride"),
    ({"input": IMAGE, "poolings": [MAX, {**MAX, "name": "b", "kernel_size": 5}]}, "window_does_not_fit", "/poolings/1"),
    ({"input": IMAGE, "poolings": [{**MAX, "of": "b"}]}, "invalid_fields", "/poolings/0/of"),
    ({"input": IMAGE, "poolings": [{"operator": "max_unpool2d", "kernel_size": 2}]}, "missing_tensor", "/poolings/0"),
    ({"input": IMAGE, "kernel_size": 2, "poolings": [MAX]}, "invalid_fields", "/kernel_size"),
    ({"input": IMAGE, "inputs": {"a": IMAGE}, "poolings": [MAX]}, "invalid_fields", "/inputs"),
    ({"inputs": {"a/b": IMAGE}, "poolings": [MAX]}, "invalid_fields", "/inputs/a~1b"),
    ({"inputs": {"a": IMAGE, "b": [[1]]}, "poolings": [MAX]}, "wrong_rank", "/poolings/0"),
]


@pytest.mark.parametrize(("document", "code", "pointer"), REFUSED)
def test_any_refusal_refuses_all(client: httpx.Client, document: dict[str, object], code: str, pointer: str) -> None:
    """And names the pooling; the plan refuses the same."""
    response = client.post("/v1/pool", json=document)

    assert response.status_code == 422
    assert (response.json()["code"], response.json()["errors"][0]["pointer"]) == (code, pointer)
    metadata = {"shape": list(ARRAY.shape)}
    planned: dict[str, object] = {name: value for name, value in document.items() if name not in ("input", "inputs")}
    planned |= {"input": metadata} if "input" in document else {}
    if isinstance(inputs := document.get("inputs"), dict):
        planned["inputs"] = {name: {"shape": list(np.shape(each))} for name, each in inputs.items()}
    refused = client.post("/v1/plan", json=planned).json()
    assert (refused["code"], refused["errors"][0]["pointer"]) == (code, pointer)


def test_formats_with_one_array_are_refused(client: httpx.Client) -> None:
    """For more outputs than they hold."""
    headers = {"Content-Type": "application/x-npy", "Accept": "application/x-npy"}
    several = client.post("/v1/pool", params=TEXT, content=npy(ARRAY), headers=headers)
    one = client.post("/v1/pool", params={"poolings": json.dumps([MAX])}, content=npy(ARRAY), headers=headers)

    assert several.json()["code"] == "not_acceptable"
    assert read(one)[""].tolist() == MAXIMA


def test_many_outputs_are_not_sent_raw(client: httpx.Client) -> None:
    """Their metadata would be a header of many kilobytes."""
    arrays = {f"i{number}": ARRAY for number in range(33)}
    poolings = {"poolings": json.dumps([{**MAX, "name": "a"}, {**MAX, "name": "b"}])}
    headers = {"Content-Type": "application/x-npz", "Accept": "application/octet-stream"}
    refused = client.post("/v1/pool", params=poolings, content=npz(**arrays), headers=headers)
    headers["Accept"] += ", application/vnd.safetensors;q=0.5"
    sent = client.post("/v1/pool", params=poolings, content=npz(**arrays), headers=headers)

    assert refused.status_code == 406
    assert "64" in refused.json()["detail"]
    assert len(read(sent)) == 66


def test_a_compressed_body(client: httpx.Client) -> None:
    """It is served by the ASGI route."""
    query, body = BODIES["application/json"]
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    assert (
        read(client.post("/v1/pool", params=query, content=gzip.compress(body), headers=headers))["a"].tolist()
        == MAXIMA
    )


def test_base64(client: httpx.Client) -> None:
    """Asked for once for all outputs."""
    response = client.post("/v1/pool", json={"input": IMAGE, "poolings": POOLINGS, "encoding": "base64"})

    assert all("base64" in each for each in response.json().values())


def test_a_request_is_counted_once(client: httpx.Client) -> None:
    """As one of the model pool, with one Server-Timing."""
    statistics = client.get("/v2/models/pool/stats").json()["model_stats"][0]
    before = statistics["inference_count"], statistics["inference_stats"]["success"]["count"]
    response = client.post("/v1/pool", json={"input": IMAGE, "poolings": POOLINGS})
    statistics = client.get("/v2/models/pool/stats").json()["model_stats"][0]

    assert [part.partition(";")[0] for part in response.headers["server-timing"].split(", ")] == [
        *("decode", "queue", "compute", "encode")
    ]
    assert statistics["inference_stats"]["success"]["count"] == int(before[1]) + 1
    assert statistics["inference_count"] == int(before[0]) + len(POOLINGS)


def test_seeds_are_in_a_header(client: httpx.Client) -> None:
    """By the name of the output."""
    fractional = {"operator": "fractional_max_pool2d", "name": "f", "kernel_size": 2, "output_size": 2}
    response = client.post("/v1/pool", json={"input": IMAGE, "poolings": [fractional, MAX]})

    assert set(json.loads(response.headers["pool-seeds"])) == {"f"}


def test_a_short_request_arrives_in_one_packet(live_server: LiveServer) -> None:
    """It is answered like one whose body comes later."""
    query, body = BODIES["application/json"]
    assert not query
    received = live_server.exchange(
        b"POST /v1/pool HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )

    assert received.startswith(b"HTTP/1.1 200 ")
    assert b'"back":' in received


def test_the_generic_model_of_v2(client: httpx.Client) -> None:
    """In JSON, and as bytes behind the JSON; the outputs may be chosen."""
    entry = {"name": "input", "shape": [1, 1, 4, 4], "datatype": "FP32"}
    parameters = {"poolings": json.dumps(POOLINGS)}
    text = client.post("/v2/models/pool/infer", json={"inputs": [{**entry, "data": IMAGE}], "parameters": parameters})
    outputs = {each["name"]: each["data"] for each in text.json()["outputs"]}
    assert set(outputs) == {"a", "a.indices", "avg_pool2d", "back"}
    assert outputs["a"] == [6.0, 8.0, 14.0, 16.0]

    head = {
        "inputs": [{**entry, "parameters": {"binary_data_size": 64}}],
        "parameters": {**parameters, "binary_data_output": True},
    }
    for names in ([], ["avg_pool2d"]):
        document = {**head, **({"outputs": [{"name": name} for name in names]} if names else {})}
        part = json.dumps(document).encode()
        headers = {"Inference-Header-Content-Length": str(len(part))}
        response = client.post("/v2/models/pool/infer", content=part + ARRAY.tobytes(), headers=headers)
        length = int(response.headers["inference-header-content-length"])
        found = json.loads(response.content[:length])["outputs"]
        assert [each["name"] for each in found] == (names or ["a", "a.indices", "avg_pool2d", "back"])
        means = next(each for each in found if each["name"] == "avg_pool2d")
        offset = length + sum(each["parameters"]["binary_data_size"] for each in found[: found.index(means)])
        assert np.frombuffer(response.content[offset : offset + 16], np.float32).tolist() == [3.5, 5.5, 11.5, 13.5]
    refused = client.post(
        "/v2/models/pool/infer",
        json={"inputs": [{**entry, "data": IMAGE}], "parameters": {"poolings": '[{"operator": "no"}]'}},
    )
    assert "poolings[0]" in refused.json()["error"]
