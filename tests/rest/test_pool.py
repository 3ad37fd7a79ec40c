"""The pool route, end to end over a real socket."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import re
import sys
import threading

import httpx
import numpy as np
import pytest
from safetensors.numpy import save as save_safetensors
from starlette.types import Message as Event

from poolhouse.errors import DeadlinePassed
from poolhouse.rest.app import create_app
from poolhouse.rest.http.accounting import ClientDisconnected
from poolhouse.rest.routes.handler_endpoint import cancel_on_disconnect
from poolhouse.service import PoolResult
from poolhouse.settings import Settings
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


def test_the_example_of_the_contract(client: httpx.Client) -> None:
    """The first thing a newcomer tries."""
    answer = client.post(POOL, json={**JSON_REQUEST, "return_indices": True})

    assert answer.status_code == 200
    document = answer.json()
    assert document["output"] == {"dtype": "float32", "shape": [1, 1, 2, 2], "data": MAXIMA}
    assert document["indices"] == {
        "dtype": "int64",
        "shape": [1, 1, 2, 2],
        "data": [[[[5, 7], [13, 15]]]],
    }


@pytest.mark.parametrize("side", [62, 64, 66, 88, 90, 92, 122, 126, 128, 130])
@pytest.mark.parametrize("accept", [OCTET, NPY, JSON])
def test_answers_of_any_length_are_whole(live_server: LiveServer, side: int, accept: str) -> None:
    """Around the lengths from which something is held for an answer, and from which it is not sent in one piece."""
    x = np.random.default_rng(side).integers(0, 100, (1, 1, side, side)).astype(np.float32)
    target = f"{POOL}?shape=1,1,{side},{side}&dtype=float32&kernel_size=1"
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {OCTET}\r\nAccept: {accept}\r\n"

    # In one piece, so that head and body are read together.
    came = live_server.exchange(f"{head}Connection: close\r\nContent-Length: {x.nbytes}\r\n\r\n".encode() + x.tobytes())

    lines, _, body = came.partition(b"\r\n\r\n")
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
def test_notes_of_other_programs_are_passed_over(
    client: httpx.Client, kernel_size: str, foreign: dict[str, str]
) -> None:
    """A file from a camera or a trainer is a request as it is."""
    body = safetensors_of({**foreign, kernel_size: "2"})

    answer = client.post(POOL, content=body, headers={"Content-Type": SAFETENSORS, "Accept": JSON})

    assert answer.status_code == 200, answer.text
    assert answer.json()["output"]["data"] == MAXIMA


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
def test_a_field_of_a_file_is_told_where_it_stood(
    client: httpx.Client, metadata: dict[str, str], query: dict[str, str], pointer: str, code: str
) -> None:
    """Nobody looks into a file for what the refusal places in the query string."""
    answer = client.post(POOL, params=query, content=safetensors_of(metadata), headers={"Content-Type": SAFETENSORS})

    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(("place", "pointer"), [("query", "?output_size"), ("file", "/__metadata__/output_size")])
def test_fields_that_contradict_each_other_are_told_where_they_stood(
    client: httpx.Client, place: str, pointer: str
) -> None:
    """Each is right alone, so only what relates them knows, and it knows no places."""
    fields = {"kernel_size": "2", "output_size": "2", "output_ratio": "0.5"}
    query, metadata = (fields, {}) if place == "query" else ({}, fields)

    answer = client.post(
        "/v1/pool/fractional_max_pool2d",
        params=query,
        content=safetensors_of(metadata),
        headers={"Content-Type": SAFETENSORS},
    )

    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [(pointer, "conflict")]


@pytest.mark.parametrize("escaped", ["", '"dilation": 1, "\\u0070adding": 0, '])
def test_minus_zero_stays_what_it_is(client: httpx.Client, escaped: str) -> None:
    """Go, .NET and C print it without a point; a gradient or a logarithm behind the pooling tells it from zero."""
    body = f'{{{escaped}"input": [[-0, -5]], "kernel_size": 2}}'

    answer = client.post("/v1/pool/max_pool1d", content=body, headers={"Content-Type": JSON})

    assert answer.status_code == 200, answer.text
    assert '"data":[[-0.0]]' in answer.text


def test_a_number_beyond_every_type_is_told_by_its_place(client: httpx.Client) -> None:
    """It is JSON, and it is not infinity."""
    answer = client.post(
        "/v1/pool/max_pool1d", content='{"input": [[1E400, 1]], "kernel_size": 2}', headers={"Content-Type": JSON}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_data")
    assert "at character 12 " in answer.json()["detail"]


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
def test_the_answer_is_of_the_type_that_was_asked_for(
    client: httpx.Client, accept: str | None, indices: bool, media_type: str
) -> None:
    """Accept says what the caller can read; with nothing said the answer mirrors the request."""
    headers = {"Content-Type": NPY, **({"Accept": accept} if accept else {})}
    request = client.build_request("POST", POOL, params={**QUERY, "return_indices": str(indices).lower()})
    request = httpx.Request("POST", request.url, headers=headers, content=IMAGE_NPY)

    answer = client.send(request)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == media_type
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert ("tensor-metadata" in answer.headers) == (media_type == OCTET)
    if media_type == NPY:
        assert np.load(io.BytesIO(answer.content)).tolist() == MAXIMA


@pytest.mark.parametrize(("accept", "indices"), [("image/png", False), (NPY, True)])
def test_an_answer_that_cannot_be_given_is_refused(client: httpx.Client, accept: str, indices: bool) -> None:
    """A caller that gets another type than it asked for would read rubbish."""
    params = {**QUERY, "return_indices": str(indices).lower()}

    answer = client.post(POOL, params=params, content=IMAGE_NPY, headers={"Content-Type": NPY, "Accept": accept})

    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_compressed_request_is_the_same_request(client: httpx.Client, encoding: str) -> None:
    """Content-Encoding changes the transport, never the answer."""
    body = json.dumps(JSON_REQUEST).encode()
    packed = gzip.compress(body) if encoding == "gzip" else zstd.compress(body)

    answer = client.post(POOL, content=packed, headers={"Content-Type": JSON, "Content-Encoding": encoding})

    assert answer.json()["output"]["data"] == MAXIMA


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate"])
def test_a_coding_that_is_not_spoken_is_refused(client: httpx.Client, encoding: str) -> None:
    """Pooling compressed bytes as if they were elements would answer nonsense."""
    answer = client.post(POOL, content=b"x", headers={"Content-Type": JSON, "Content-Encoding": encoding})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")
    assert "gzip" in answer.headers["accept-encoding"]


def test_answers_are_compressed_only_when_asked(client: httpx.Client) -> None:
    """Floats hardly shrink, so compression costs time that only the caller can want to spend."""
    zeros = npy(np.zeros((1, 4, 128, 128), np.float32))
    headers = {"Content-Type": NPY, "Accept-Encoding": "identity"}

    plain = client.post(POOL, params=QUERY, content=zeros, headers=headers)
    packed = client.post(POOL, params=QUERY, content=zeros, headers={**headers, "Accept-Encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 2000
    assert packed.content == plain.content


def test_a_large_answer_arrives_whole(client: httpx.Client) -> None:
    """Beyond one message the bytes go out as they lie in memory, and must still be in order."""
    x = np.arange(4 * 200 * 200, dtype=np.float32).reshape(1, 4, 200, 200)

    answer = client.post(POOL, params={"kernel_size": "1"}, content=npy(x), headers={"Content-Type": NPY})

    assert np.array_equal(np.load(io.BytesIO(answer.content)), x)


def test_large_json_is_read_and_written(live_server: LiveServer) -> None:
    """JSON over 64 KiB takes another way, through a thread, to the same answer."""
    x = np.arange(100 * 100, dtype=np.float32).reshape(1, 1, 100, 100)
    body = json.dumps({"input": x.tolist(), "kernel_size": 1}, separators=(",", ":"))

    with live_server.client() as client:
        packed = client.post(POOL, content=body, headers={"Content-Type": JSON})

    assert packed.status_code == (413 if len(body) > LIMITS["max_json_bytes"] else 200)


def test_a_chunked_body_works_like_one_with_a_length(client: httpx.Client) -> None:
    """Streams and pipes cannot know their length."""
    pieces = iter([IMAGE_NPY[:50], IMAGE_NPY[50:130], IMAGE_NPY[130:]])

    answer = client.post(POOL, params=QUERY, content=pieces, headers={"Content-Type": NPY})

    assert np.load(io.BytesIO(answer.content)).tolist() == MAXIMA


@pytest.mark.parametrize(("media_type", "limit"), [(JSON, "max_json_bytes"), (NPY, "max_body_bytes")])
@pytest.mark.parametrize("chunked", [True, False])
def test_limits_hold_to_the_byte(client: httpx.Client, media_type: str, limit: str, chunked: bool) -> None:
    """JSON and binary have limits of their own; at the limit the body is read, one above it is not."""
    size = int(LIMITS[limit])
    for extra in (0, 1):
        body = b" " * (size + extra)

        answer = client.post(POOL, content=iter([body]) if chunked else body, headers={"Content-Type": media_type})

        code = answer.json()["code"]
        if extra:
            assert (answer.status_code, code) == (413, "body_too_large")
            assert answer.json()["limit_bytes"] == size
            assert ("binary" in answer.json()["detail"]) == (media_type == JSON)
        else:
            assert code != "body_too_large"


def test_a_bomb_ends_at_the_limit(client: httpx.Client) -> None:
    """A few kilobytes that inflate to a gigabyte must cost a limit's worth, not a gigabyte."""
    bomb = gzip.compress(bytes(64 << 20), compresslevel=1)

    answer = client.post(POOL, content=bomb, headers={"Content-Type": JSON, "Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json()["limit_bytes"]) == (413, LIMITS["max_json_bytes"])


def test_server_timing_tells_the_four_stops(client: httpx.Client) -> None:
    """Developers see it in the network panel of their browser."""
    answer = client.post(POOL, json=JSON_REQUEST)

    entries = answer.headers["server-timing"].split(", ")
    matches = [re.fullmatch(r"(\w+);dur=(\d+\.\d{3})", entry) for entry in entries]
    assert [match and match[1] for match in matches] == ["decode", "queue", "compute", "encode"]


def test_a_deadline_that_has_passed_is_told(client: httpx.Client) -> None:
    """Work that nobody waits for any more is not done."""
    answer = client.post(POOL, json=JSON_REQUEST, headers={"Request-Timeout": "0.000000001"})

    assert (answer.status_code, answer.json()["code"]) == (504, "deadline_passed")


def test_a_deadline_in_time_changes_nothing(client: httpx.Client) -> None:
    """A generous deadline is the usual one."""
    answer = client.post(POOL, json=JSON_REQUEST, headers={"Request-Timeout": "60.5"})

    assert answer.json()["output"]["data"] == MAXIMA


def test_many_callers_at_once_get_their_own_answers(live_server: LiveServer) -> None:
    """Whatever is shared inside, nobody sees another's result."""
    wrong: list[int] = []

    def call(number: int) -> None:
        with live_server.client() as client:
            for _ in range(5):
                answer = client.post(POOL, json={"input": [[[[number]]]], "kernel_size": 1})
                if answer.json()["output"]["data"] != [[[[number]]]]:
                    wrong.append(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


@pytest.mark.parametrize("media_type", [NPY, OCTET, JSON])
def test_a_plans_warnings_come_with_the_answer_too(client: httpx.Client, media_type: str) -> None:
    """Hardly anyone asks for a plan before each request, and the numbers would be wrong without a word."""
    picture, fields = np.zeros((1, 16, 16, 3), np.float32), {"output_size": "4"}
    bodies = {
        NPY: npy(picture),
        OCTET: picture.tobytes(),
        JSON: json.dumps({"input": picture.tolist()}).encode(),
    }
    further = {"shape": "1,16,16,3", "dtype": "float32"} if media_type == OCTET else {}

    answer = client.post(
        "/v1/pool/adaptive_avg_pool2d",
        params={**fields, **further},
        content=bodies[media_type],
        headers={"Content-Type": media_type},
    )
    plan = client.post(
        "/v1/plan/adaptive_avg_pool2d", params=fields, json={"input": {"shape": list(picture.shape)}}
    ).json()

    assert answer.status_code == 200
    assert len(plan["warnings"]) == 2
    assert json.loads(f"[{answer.headers['Pool-Warning']}]") == plan["warnings"]


def test_an_answer_without_a_warning_has_no_header_for_it(client: httpx.Client) -> None:
    """Whoever looks for the header has found something."""
    assert "Pool-Warning" not in client.post(POOL, json=JSON_REQUEST).headers


def test_a_plan_needs_no_data(client: httpx.Client) -> None:
    """One asks for shapes before one builds the tensor."""
    body = {"input": {"shape": [8, 64, 112, 112], "dtype": "float32"}, "kernel_size": 3, "stride": 2}

    answer = client.post("/v1/plan/max_pool2d", json=body)

    assert answer.status_code == 200
    assert answer.json()["operator"] == "max_pool2d"
    assert answer.json()["input_bytes"] == 25690112


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": NPY}, 415),
        ({"Content-Type": JSON, "Accept": NPY}, 406),
        ({"Content-Type": JSON, "Accept": f"{NPY}, {JSON};q=0.1"}, 422),
    ],
)
def test_a_plan_is_json_both_ways(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    """A plan has no elements, so binary has nothing to hold."""
    answer = client.post("/v1/plan/max_pool2d", content=b"{}", headers=headers)

    assert answer.status_code == status


class _DisconnectProbe:
    """Work of the pool that notes whether it was given up."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.given_up = False

    async def never_done(self) -> PoolResult:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        raise AssertionError("nobody sets it")


def test_work_ends_when_its_caller_leaves() -> None:
    """What nobody waits for any more would keep others waiting."""

    async def go() -> bool:
        watched = _DisconnectProbe()

        async def receive() -> Event:
            await watched.begun.wait()
            return {"type": "http.disconnect"}

        with pytest.raises(ClientDisconnected):
            await cancel_on_disconnect(watched.never_done(), receive)
        await asyncio.sleep(0)  # one turn, in which the cancellation arrives
        return watched.given_up

    assert asyncio.run(go())


@pytest.mark.parametrize("fails", [True, False])
def test_watching_the_caller_changes_no_answer(fails: bool) -> None:
    """Results and refusals of the work arrive as they are."""

    async def work() -> PoolResult:
        if fails:
            raise DeadlinePassed("deadline_passed", "late")
        return PoolResult({}, {}, 1.0, 2.0)

    async def never() -> Event:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    if fails:
        with pytest.raises(DeadlinePassed):
            asyncio.run(cancel_on_disconnect(work(), never))
    else:
        assert asyncio.run(cancel_on_disconnect(work(), never)).compute_s == 2.0


@pytest.mark.parametrize("rows", [2, 4096])
@pytest.mark.parametrize("media_type", ["application/octet-stream", "application/x-npy", "application/json"])
def test_another_server_gets_bytes_as_asgi_promises(rows: int, media_type: str) -> None:
    """Our own server takes views of memory; one that sends messages to another process cannot."""
    app = create_app(Settings())
    bodies: list[object] = []
    coming = [bytes(4 * 64 * rows)]

    async def receive() -> Event:
        if not coming:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": coming.pop(), "more_body": False}

    async def send(message: Event) -> None:
        bodies.append(message.get("body", b""))

    async def go() -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/pool/max_pool2d",
            "query_string": f"shape=1,1,{rows},64&dtype=float32&kernel_size=1".encode(),
            "headers": [(b"content-type", b"application/octet-stream"), (b"accept", media_type.encode())],
        }
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)

    asyncio.run(go())

    assert {type(body) for body in bodies} == {bytes}
    assert sum(len(body) for body in bodies if isinstance(body, bytes)) > 4 * 64
