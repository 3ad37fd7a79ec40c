"""The pool route, end to end over a real socket."""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import threading
import zlib

import httpx
import numpy as np
import pytest
from safetensors.numpy import save as save_safetensors

from tests.rest.conftest import LIMITS
from tests.rest.live_server import IMAGE, POOL, LiveServer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

JSON_REQUEST: dict[str, object] = {"input": IMAGE, "kernel_size": 2}
MAXIMA = [[[[6, 8], [14, 16]]]]
NPY = "application/x-npy"
NPZ = "application/x-npz"
SAFETENSORS = "application/vnd.safetensors"
OCTET = "application/octet-stream"
JSON = "application/json"
QUERY = {"kernel_size": "2"}


def npy(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> bytes:
    """The array as an npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


IMAGE_NPY = npy(np.array(IMAGE, np.float32))


def test_the_documented_example(client: httpx.Client) -> None:
    """The example of the documentation works as it is."""
    response = client.post(POOL, json={**JSON_REQUEST, "return_indices": True})

    assert response.status_code == 200
    document = response.json()
    assert document["output"] == {"dtype": "float32", "shape": [1, 1, 2, 2], "data": MAXIMA}
    assert document["indices"] == {
        "dtype": "int64",
        "shape": [1, 1, 2, 2],
        "data": [[[[5, 7], [13, 15]]]],
    }


@pytest.mark.parametrize("side", [62, 64, 66, 88, 90, 92, 122, 126, 128, 130])
@pytest.mark.parametrize("accept", [OCTET, NPY, JSON])
def test_responses_of_any_length_are_complete(live_server: LiveServer, side: int, accept: str) -> None:
    """The lengths are around the limits up to which a response needs no lease, and is sent in one write."""
    x = np.random.default_rng(side).integers(0, 100, (1, 1, side, side)).astype(np.float32)
    target = f"{POOL}?shape=1,1,{side},{side}&dtype=float32&kernel_size=1"
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {OCTET}\r\nAccept: {accept}\r\n"

    # In one write, so that the server reads head and body together.
    received = live_server.exchange(
        f"{head}Connection: close\r\nContent-Length: {x.nbytes}\r\n\r\n".encode() + x.tobytes()
    )

    lines, _, body = received.partition(b"\r\n\r\n")
    assert lines.startswith(b"HTTP/1.1 200 ")
    if accept == JSON:
        assert json.loads(body)["output"]["data"] == x.tolist()
    elif accept == NPY:
        assert np.array_equal(np.load(io.BytesIO(body)), x)
    else:
        assert body == x.tobytes()


def safetensors_of(metadata: dict[str, str]) -> bytes:
    """The image as a safetensors file with this metadata."""
    return save_safetensors({"input": np.array(IMAGE, np.float32)}, metadata)


@pytest.mark.parametrize("kernel_size", ["kernel_size", "poolhouse.kernel_size"])
@pytest.mark.parametrize(
    "foreign",
    [{}, {"format": "pt"}, {"source": "camera 3"}, {"config": json.dumps({"layers": [{"sizes": [[1, 2], [3]]}] * 40})}],
    ids=["none", "format", "source", "config"],
)
def test_metadata_of_other_programs_is_ignored(client: httpx.Client, kernel_size: str, foreign: dict[str, str]) -> None:
    """A file from a camera or from a training program is a valid request as it is."""
    body = safetensors_of({**foreign, kernel_size: "2"})

    response = client.post(POOL, content=body, headers={"Content-Type": SAFETENSORS, "Accept": JSON})

    assert response.status_code == 200, response.text
    assert response.json()["output"]["data"] == MAXIMA


@pytest.mark.parametrize(
    ("metadata", "query", "pointer", "code"),
    [
        ({"kernel_size": "2x2"}, {}, "/__metadata__/kernel_size", "type"),
        ({"poolhouse.kernel_size": "0"}, {}, "/__metadata__/poolhouse.kernel_size", "range"),
        ({"poolhouse.strid": "2"}, {"kernel_size": "2"}, "/__metadata__/poolhouse.strid", "unknown"),
        ({"kernel_size": "2"}, {"strid": "2"}, "?strid", "unknown"),
        ({"kernel_size": "2"}, {"kernel_size": "2"}, "/__metadata__/kernel_size", "duplicate"),
    ],
)
def test_an_error_of_a_field_in_a_file_points_to_its_place(
    client: httpx.Client, metadata: dict[str, str], query: dict[str, str], pointer: str, code: str
) -> None:
    """A client that sends fields in a file does not look for them in the query string."""
    response = client.post(POOL, params=query, content=safetensors_of(metadata), headers={"Content-Type": SAFETENSORS})

    assert response.status_code == 422
    assert [(each["pointer"], each["code"]) for each in response.json()["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(("place", "pointer"), [("query", "?output_size"), ("file", "/__metadata__/output_size")])
def test_an_error_of_conflicting_fields_points_to_their_places(client: httpx.Client, place: str, pointer: str) -> None:
    """Each field alone is valid, so only the check across fields finds the conflict, and it does not know where
    they were."""
    fields = {"kernel_size": "2", "output_size": "2", "output_ratio": "0.5"}
    query, metadata = (fields, {}) if place == "query" else ({}, fields)

    response = client.post(
        "/v1/pool/fractional_max_pool2d",
        params=query,
        content=safetensors_of(metadata),
        headers={"Content-Type": SAFETENSORS},
    )

    assert [(each["pointer"], each["code"]) for each in response.json()["errors"]] == [(pointer, "conflict")]


@pytest.mark.parametrize("escaped", ["", '"dilation": 1, "\\u0070adding": 0, '])
def test_minus_zero_is_preserved(client: httpx.Client, escaped: str) -> None:
    """Go, .NET and C print it without a decimal point. A gradient or a logarithm after the pooling differs for -0.0."""
    body = f'{{{escaped}"input": [[-0, -5]], "kernel_size": 2}}'

    response = client.post("/v1/pool/max_pool1d", content=body, headers={"Content-Type": JSON})

    assert response.status_code == 200, response.text
    assert '"data":[[-0.0]]' in response.text


def test_an_error_of_a_number_out_of_range_points_to_its_place(client: httpx.Client) -> None:
    """It is valid JSON, and not infinity."""
    response = client.post(
        "/v1/pool/max_pool1d", content='{"input": [[1E400, 1]], "kernel_size": 2}', headers={"Content-Type": JSON}
    )

    assert (response.status_code, response.json()["code"]) == (422, "invalid_data")
    assert "at character 12 " in response.json()["detail"]


@pytest.mark.parametrize(
    ("accept", "indices", "media_type"),
    [
        (None, False, NPY),
        ("*/*", False, NPY),
        (NPY, False, NPY),
        (None, True, NPZ),
        ("*/*", True, NPZ),
        (SAFETENSORS, True, SAFETENSORS),
        (f"{JSON};q=0.5, {OCTET}", True, OCTET),
        (JSON, False, JSON),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", False, NPY),
    ],
)
def test_the_response_has_the_requested_media_type(
    client: httpx.Client, accept: str | None, indices: bool, media_type: str
) -> None:
    """Accept gives the format that the client can read; without it the response has the format of the request."""
    headers = {"Content-Type": NPY, **({"Accept": accept} if accept else {})}
    request = client.build_request("POST", POOL, params={**QUERY, "return_indices": str(indices).lower()})
    request = httpx.Request("POST", request.url, headers=headers, content=IMAGE_NPY)

    response = client.send(request)

    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == media_type
    assert int(response.headers["content-length"]) == len(response.content)
    assert ("tensor-metadata" in response.headers) == (media_type == OCTET)
    if media_type == NPY:
        assert np.load(io.BytesIO(response.content)).tolist() == MAXIMA


@pytest.mark.parametrize(("accept", "indices"), [("image/png", False), (NPY, True)])
def test_an_unsupported_accept_is_refused(client: httpx.Client, accept: str, indices: bool) -> None:
    """A client that gets another format than it requested would misread the bytes."""
    params = {**QUERY, "return_indices": str(indices).lower()}

    response = client.post(POOL, params=params, content=IMAGE_NPY, headers={"Content-Type": NPY, "Accept": accept})

    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "deflate"])
def test_a_compressed_request_has_the_same_response(client: httpx.Client, encoding: str) -> None:
    """Content-Encoding changes the transfer, not the result."""
    body = json.dumps(JSON_REQUEST).encode()
    packed = {"gzip": gzip.compress(body), "zstd": zstd.compress(body), "deflate": zlib.compress(body)}[encoding]

    response = client.post(POOL, content=packed, headers={"Content-Type": JSON, "Content-Encoding": encoding})

    assert response.json()["output"]["data"] == MAXIMA


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "compress"])
def test_an_unsupported_content_coding_is_refused(client: httpx.Client, encoding: str) -> None:
    """Pooling compressed bytes as elements would return a wrong result."""
    response = client.post(POOL, content=b"x", headers={"Content-Type": JSON, "Content-Encoding": encoding})

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_encoding")
    assert "gzip" in response.headers["accept-encoding"]


def test_responses_are_compressed_only_on_request(client: httpx.Client) -> None:
    """Floats hardly shrink, so compression costs time that only the client can choose to spend."""
    zeros = npy(np.zeros((1, 4, 128, 128), np.float32))
    headers = {"Content-Type": NPY, "Accept-Encoding": "identity"}

    plain = client.post(POOL, params=QUERY, content=zeros, headers=headers)
    packed = client.post(POOL, params=QUERY, content=zeros, headers={**headers, "Accept-Encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 2000
    assert packed.content == plain.content


def test_a_large_response_is_complete(client: httpx.Client) -> None:
    """Above the size of one message the chunks are sent from the result's memory, and must stay in order."""
    x = np.arange(4 * 200 * 200, dtype=np.float32).reshape(1, 4, 200, 200)

    response = client.post(POOL, params={"kernel_size": "1"}, content=npy(x), headers={"Content-Type": NPY})

    assert np.array_equal(np.load(io.BytesIO(response.content)), x)


def test_large_json_is_read_and_written(live_server: LiveServer) -> None:
    """JSON above 64 KiB is decoded in a thread, with the same result."""
    x = np.arange(100 * 100, dtype=np.float32).reshape(1, 1, 100, 100)
    body = json.dumps({"input": x.tolist(), "kernel_size": 1}, separators=(",", ":"))

    with live_server.client() as client:
        packed = client.post(POOL, content=body, headers={"Content-Type": JSON})

    assert packed.status_code == (413 if len(body) > LIMITS["max_json_bytes"] else 200)


def test_a_chunked_body_works_like_one_with_a_length(client: httpx.Client) -> None:
    """Streams and pipes have no known length."""
    pieces = iter([IMAGE_NPY[:50], IMAGE_NPY[50:130], IMAGE_NPY[130:]])

    response = client.post(POOL, params=QUERY, content=pieces, headers={"Content-Type": NPY})

    assert np.load(io.BytesIO(response.content)).tolist() == MAXIMA


@pytest.mark.parametrize(("media_type", "limit"), [(JSON, "max_json_bytes"), (NPY, "max_body_bytes")])
@pytest.mark.parametrize("chunked", [True, False])
def test_limits_are_exact_to_the_byte(client: httpx.Client, media_type: str, limit: str, chunked: bool) -> None:
    """JSON and binary bodies have limits of their own. A body at the limit is read, and one byte more is refused."""
    size = int(LIMITS[limit])
    for extra in (0, 1):
        body = b" " * (size + extra)

        response = client.post(POOL, content=iter([body]) if chunked else body, headers={"Content-Type": media_type})

        code = response.json()["code"]
        if extra:
            assert (response.status_code, code) == (413, "body_too_large")
            assert response.json()["limit_bytes"] == size
            assert ("binary" in response.json()["detail"]) == (media_type == JSON)
        else:
            assert code != "body_too_large"


def test_a_compression_bomb_ends_at_the_limit(client: httpx.Client) -> None:
    """A few kilobytes that inflate to a gigabyte may cost the bytes of the limit, not a gigabyte."""
    bomb = gzip.compress(bytes(64 << 20), compresslevel=1)

    response = client.post(POOL, content=bomb, headers={"Content-Type": JSON, "Content-Encoding": "gzip"})

    assert (response.status_code, response.json()["limit_bytes"]) == (413, LIMITS["max_json_bytes"])


def test_server_timing_has_four_stages(client: httpx.Client) -> None:
    """The network panel of a browser shows it."""
    response = client.post(POOL, json=JSON_REQUEST)

    entries = response.headers["server-timing"].split(", ")
    matches = [re.fullmatch(r"(\w+);dur=(\d+\.\d{3})", entry) for entry in entries]
    assert [match and match[1] for match in matches] == ["decode", "queue", "compute", "encode"]


def test_a_passed_deadline_is_refused(client: httpx.Client) -> None:
    """Work for a client that has stopped waiting is not done."""
    response = client.post(POOL, json=JSON_REQUEST, headers={"Request-Timeout": "0.000000001"})

    assert (response.status_code, response.json()["code"]) == (504, "deadline_passed")


def test_a_deadline_in_time_changes_nothing(client: httpx.Client) -> None:
    """A generous deadline is the usual one."""
    response = client.post(POOL, json=JSON_REQUEST, headers={"Request-Timeout": "60.5"})

    assert response.json()["output"]["data"] == MAXIMA


def test_concurrent_clients_get_their_own_results(live_server: LiveServer) -> None:
    """Results of concurrent requests are not mixed up, whatever state they share."""
    wrong: list[int] = []

    def call(number: int) -> None:
        with live_server.client() as client:
            for _ in range(5):
                response = client.post(POOL, json={"input": [[[[number]]]], "kernel_size": 1})
                if response.json()["output"]["data"] != [[[[number]]]]:
                    wrong.append(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


@pytest.mark.parametrize("media_type", [NPY, OCTET, JSON])
def test_a_response_has_the_warnings_of_its_plan(client: httpx.Client, media_type: str) -> None:
    """Few clients request a plan first, and would get unexpected numbers without a warning."""
    picture, fields = np.zeros((1, 16, 16, 3), np.float32), {"output_size": "4"}
    bodies = {
        NPY: npy(picture),
        OCTET: picture.tobytes(),
        JSON: json.dumps({"input": picture.tolist()}).encode(),
    }
    further = {"shape": "1,16,16,3", "dtype": "float32"} if media_type == OCTET else {}

    response = client.post(
        "/v1/pool/adaptive_avg_pool2d",
        params={**fields, **further},
        content=bodies[media_type],
        headers={"Content-Type": media_type},
    )
    plan = client.post(
        "/v1/plan/adaptive_avg_pool2d", params=fields, json={"input": {"shape": list(picture.shape)}}
    ).json()

    assert response.status_code == 200
    assert len(plan["warnings"]) == 2
    assert json.loads(f"[{response.headers['Pool-Warning']}]") == plan["warnings"]


def test_a_response_without_warnings_has_no_warning_header(client: httpx.Client) -> None:
    """The presence of the header means that there is a warning."""
    assert "Pool-Warning" not in client.post(POOL, json=JSON_REQUEST).headers
