"""Bodies of inference requests: what is remembered, what is refused before it costs anything, and what is charged."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from poolhouse.errors import Malformed, PoolhouseError, Unprocessable
from poolhouse.models import Models
from poolhouse.rest.http.head import Head
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.request_record import RequestRecord
from poolhouse.rest.routes.infer.format import InferFormat, model_of_path, read_header_length
from poolhouse.rest.routes.infer.head_plan import InferHeadPlan
from poolhouse.rest.routes.pool.body_format import Decoded
from poolhouse.rest.routes.pool.handler import PoolHandler
from poolhouse.service import PoolingService, PreparedRequest
from poolhouse.settings import Settings
from poolhouse.shared_memory.regions import SharedMemory
from poolhouse.wire.open_inference.body import HEADER_LENGTH
from poolhouse.wire.open_inference.request import MAX_ID_CHARS

MIB = 1 << 20
SETTINGS = Settings.model_validate({"device": "cpu", "max_output_bytes": 128 * MIB})
REGION = "r"
REGION_BYTES = 4 * MIB
MANY = 2**31 - 1
ADAPTIVE = "adaptive_avg_pool2d"


@pytest.fixture(scope="module")
def pooling() -> PoolingService:
    """A service that is not started, since decoding needs no device."""
    return PoolingService.from_settings(SETTINGS)


@pytest.fixture
def body_format(pooling: PoolingService) -> InferFormat:
    """A format with empty caches."""
    return format_with(pooling, SharedMemory(enabled=False, max_input_bytes=0))


def format_with(pooling: PoolingService, shared_memory: SharedMemory) -> InferFormat:
    return InferFormat(pooling, Models(pooling.catalogue), shared_memory, SETTINGS)


@pytest.fixture
def with_region(pooling: PoolingService, tmp_path: Path) -> InferFormat:
    """A format with a region of zeros."""
    (tmp_path / "object").write_bytes(bytes(REGION_BYTES))
    shared_memory = SharedMemory(enabled=True, max_input_bytes=2**30, directory=tmp_path)
    shared_memory.register(REGION, "/object", 0, REGION_BYTES)
    return format_with(pooling, shared_memory)


def head_of(**headers: object) -> Head:
    pairs = [(name.replace("_", "-").encode(), str(value).encode()) for name, value in headers.items()]
    return Head("POST", b"/v2/models/max_pool2d/infer", "1.1", pairs, keeps_alive=True)


def plan_of(body_format: InferFormat, name: str = "max_pool2d", **headers: object) -> InferHeadPlan:
    given = {HEADER_LENGTH.lower().replace("-", "_"): 100, "content_length": 164}
    return body_format.plan_of(head_of(**{**given, **headers}), name)


def decode(
    body_format: InferFormat, document: Mapping[str, object], binary: bytes = b"", model: str = "max_pool2d"
) -> Decoded:
    text = json.dumps(document).encode()
    headers = {HEADER_LENGTH.lower().replace("-", "_"): len(text), "content_length": len(text) + len(binary)}
    return body_format.decode(
        body_format.plan_of(head_of(**headers), model), memoryview(text + binary), len(text) + 64 * MIB
    )


def request(shape: tuple[int, ...] = (1, 1, 2, 2), **members: object) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": "input",
        "shape": shape,
        "datatype": "FP32",
        "parameters": {"binary_data_size": 4 * math.prod(shape)},
    }
    return {"inputs": [entry], "parameters": {"kernel_size": 1}, **members}


def classes(number: int) -> list[object]:
    return [{"name": "output", "parameters": {"classification": number}}]


def test_equal_heads_share_a_plan_whatever_their_other_headers_are(body_format: InferFormat) -> None:
    """Credentials and ids differ in every request, and must neither be kept nor prevent a hit."""
    first = plan_of(body_format, authorization="Bearer one", x_request_id="1")

    assert plan_of(body_format, authorization="Bearer two", x_api_key="y", user_agent="x") is first


@pytest.mark.parametrize(
    "other",
    [
        {"name": "avg_pool2d"},
        {"content_length": 165},
        {"content_encoding": "gzip"},
        {"accept_encoding": "gzip"},
        {"pool_parameters": "kernel_size=2"},
        {"inference_header_content_length": 99},
    ],
)
def test_a_plan_depends_on_each_of_these(body_format: InferFormat, other: dict[str, object]) -> None:
    """A plan of another request would decode a body wrongly."""
    first = plan_of(body_format)

    assert plan_of(body_format, **other) != first  # type: ignore[arg-type]  # the name is a string


def test_bytes_that_no_input_announces_are_refused(body_format: InferFormat) -> None:
    """Bytes that are ignored could be those of another request, and an input that lacks some has none of its own."""
    decode(body_format, request(), bytes(16))

    for binary in (bytes(15), bytes(17), b""):
        with pytest.raises(Malformed, match="add up to 16"):
            decode(body_format, request(), binary)


def test_a_response_of_much_text_is_refused_before_it_is_pooled(body_format: InferFormat) -> None:
    """A hundred bytes of request could demand gigabytes of text; as bytes, the same outputs are allowed."""
    parameters = {"output_size": [3_000, 3_000]}
    asked = request((1, 1, 1, 1), parameters=parameters)

    decode(body_format, asked | {"parameters": {**parameters, "binary_data_output": True}}, bytes(4), ADAPTIVE)
    with pytest.raises(Unprocessable) as refusal:
        decode(body_format, asked, bytes(4), ADAPTIVE)

    assert refusal.value.code == "output_too_large"


def test_a_classification_of_many_elements_is_refused(body_format: InferFormat) -> None:
    """Their texts are made one by one, while the GIL is held."""
    largest = {"outputs": classes(65_536), "parameters": {"output_size": [300, 300]}}
    decode(body_format, request((1, 1, 1, 1), **largest), bytes(4), ADAPTIVE)

    with pytest.raises(Unprocessable, match="90000 classes"):
        decode(body_format, request((1, 1, 1, 1), **{**largest, "outputs": classes(MANY)}), bytes(4), ADAPTIVE)


def test_a_classification_is_encoded_where_the_gil_may_be_held(body_format: InferFormat) -> None:
    """Several threads that hold the GIL would delay the event loop."""
    assert decode(body_format, request(outputs=classes(1)), bytes(16)).holds_gil
    assert not decode(body_format, request(), bytes(16)).holds_gil


def test_a_long_id_is_refused(body_format: InferFormat) -> None:
    """The response repeats it; escaped, it takes six times the bytes, which are not charged."""
    for character in "x", "\x01", "💧":
        decode(body_format, request(id=character * MAX_ID_CHARS), bytes(16))
        with pytest.raises(PoolhouseError, match="id has 1025 characters"):
            decode(body_format, request(id=character * (MAX_ID_CHARS + 1)), bytes(16))


@pytest.mark.parametrize("name", ["\x00\x1b\r\n", "\u2028\u202e", '"\\', "💧", "\ufffe", "a" * MAX_ID_CHARS])
@pytest.mark.parametrize("form", [{}, {"parameters": {"kernel_size": 1, "binary_data_output": True}}])
def test_a_response_repeats_any_id_as_valid_json(body_format: InferFormat, name: str, form: dict[str, object]) -> None:
    """An id that broke out of its string could forge members of the response."""
    decoded = decode(body_format, request(id=name) | form, bytes(16))
    tensors = {"output": decoded.prepared.tensors["input"]}

    text = bytes(decoded.encode(tensors, 0.0, 0.0).chunks[0])

    assert json.loads(text)["id"] == name


def region_request() -> bytes:
    """A request whose input is all of the region."""
    region = {"shared_memory_region": REGION, "shared_memory_byte_size": REGION_BYTES}
    entry = {"name": "input", "shape": (1, 1, 1024, 1024), "datatype": "FP32", "parameters": region}
    return json.dumps(request(inputs=[entry])).encode()


def test_a_copy_of_a_region_is_charged_before_it_is_made(pooling: PoolingService, with_region: InferFormat) -> None:
    """Ten requests of a few bytes each could otherwise fill the memory with copies of one large region."""
    body, handler = region_request(), PoolHandler(pooling, with_region, Metrics(pooling))

    async def charged_bytes() -> int:
        accepted = handler.on_head(head_of(content_length=len(body)), "max_pool2d", RequestRecord("POST", "/", b""))
        try:
            response = handler.on_body(accepted, memoryview(body))
            assert asyncio.iscoroutine(response), "so large a copy is made in a thread"
            response.close()
            return accepted.lease.nbytes
        finally:
            accepted.close()

    assert asyncio.run(charged_bytes()) >= REGION_BYTES


@pytest.mark.parametrize("text", [b"1", b"100", b" 7 ", b"0009", b"9223372036854775807"])
def test_a_header_length_is_a_decimal_number(text: bytes) -> None:
    """Leading zeros are digits too, and spaces around a value are no part of it."""
    assert read_header_length({HEADER_LENGTH.lower().encode(): text}) == int(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"0",
        b"000",
        b"-1",
        b"+1",
        b"1e3",
        b"1.0",
        b"0x1",
        b"1_0",
        b"1,1",
        b"1 1",
        b"\xb2",
        b"9" * 20,
        b"9" * 9000,
    ],
)
def test_another_header_length_is_refused(text: bytes) -> None:
    """It decides where the JSON part ends, so it is never guessed; the message quotes little."""
    with pytest.raises(Malformed, match=HEADER_LENGTH) as refusal:
        read_header_length({HEADER_LENGTH.lower().encode(): text})

    assert len(refusal.value.detail) < 400
    assert read_header_length({}) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"inference_header_content_length": 165}, 400),
        ({"inference_header_content_length": "x"}, 400),
        ({"content_length": 0, "inference_header_content_length": 1}, 400),
        ({"name": "none"}, 404),
        ({"name": "max_pool2d/versions/2"}, 404),
        ({"content_length": SETTINGS.max_body_bytes + 1}, 413),
        ({"content_length": 2**26, "inference_header_content_length": SETTINGS.max_json_bytes + 1}, 413),
        ({"content_encoding": "br"}, 415),
        ({"pool_parameters": "a=1&a=2"}, 422),
        ({"pool_parameters": "%zz"}, 400),
    ],
)
def test_a_head_that_no_body_could_make_valid_is_refused(
    body_format: InferFormat, headers: dict[str, object], status: int
) -> None:
    """Before the body is received; a compressed body may have any length."""
    for _ in range(2):
        with pytest.raises(PoolhouseError) as refusal:
            plan_of(body_format, **headers)  # type: ignore[arg-type]  # the name is a string
        assert refusal.value.status == status
    plan_of(body_format, content_encoding="gzip", inference_header_content_length=10_000)


def test_the_limit_of_json_is_that_of_the_text(body_format: InferFormat) -> None:
    """Without a header length the whole body is JSON."""
    limits = SETTINGS.max_json_bytes, SETTINGS.max_body_bytes

    plans = [
        body_format.plan_of(head_of(content_length=1), "max_pool2d"),
        plan_of(body_format, inference_header_content_length=164),
    ]

    assert tuple(plan.limits.limit_bytes for plan in plans) == limits


@pytest.mark.parametrize(
    ("parameters", "name"),
    [({}, "max_pool2d"), ({"version": "1"}, "max_pool2d"), ({"version": "2"}, "max_pool2d/versions/2")],
)
def test_the_model_of_a_path(parameters: dict[str, str], name: str) -> None:
    """A path with the current version is the same model, so their plans are shared."""
    assert model_of_path({"model": "max_pool2d", **parameters}) == name


def remembered(body_format: InferFormat) -> list[dict[str, object]]:
    """Requests that a cache must tell apart, though they have much in common."""
    data: dict[str, object] = {"name": "input", "shape": (1, 1, 2, 2), "datatype": "FP32"}
    return [
        {"inputs": [{**data, "data": [1, 2, 3, 4]}], "parameters": {"kernel_size": 1}},
        {"inputs": [{**data, "data": [4, 3, 2, 1]}], "parameters": {"kernel_size": 1}},
        {"inputs": [{**data, "data": [[[[4, 3], [2, 1]]]]}], "parameters": {"kernel_size": 2}},
        {"inputs": [{**data, "shape": (1, 2, 1, 2), "data": [1, 2, 3, 4]}], "parameters": {"kernel_size": 1}},
        {"inputs": [{**data, "datatype": "INT8", "data": [1, 2, 3, 4]}], "parameters": {"kernel_size": 1}},
        {"inputs": [{**data, "data": [1, 2, 3, 4]}], "parameters": {"kernel_size": 1}, "id": "a"},
        {"inputs": [{**data, "data": [1, 2, 3, 4]}], "parameters": {"kernel_size": 1}, "outputs": classes(1)},
    ]


def test_a_remembered_request_is_decoded_as_a_new_one(pooling: PoolingService, body_format: InferFormat) -> None:
    """Each request twice, in between others, with and without the header; a new format remembers nothing."""
    documents = remembered(body_format)
    for document in [*documents, *reversed(documents), *documents]:
        fresh = decode(format_with(pooling, SharedMemory(enabled=False, max_input_bytes=0)), document)
        found = decode(body_format, document)

        assert isinstance(found.prepared, PreparedRequest)
        assert isinstance(fresh.prepared, PreparedRequest)
        assert found.prepared.plan.spec == fresh.prepared.plan.spec
        assert found.prepared.plan.outputs == fresh.prepared.plan.outputs
        one, other = (each.prepared.tensors["input"] for each in (found, fresh))
        assert (one.metadata, one.array.tolist()) == (other.metadata, other.array.tolist())
        outputs = {"output": one}
        assert found.encode(outputs, 0, 0).chunks == fresh.encode(outputs, 0, 0).chunks


def test_a_refused_request_is_refused_again(body_format: InferFormat) -> None:
    """Nothing of it is remembered, and the next request with the same text but other elements is not affected."""
    document = remembered(body_format)[0]
    wrong = json.loads(json.dumps(document))
    wrong["inputs"][0]["data"] = [1, 2, 3, "x"]

    for _ in range(2):
        with pytest.raises(Unprocessable):
            decode(body_format, wrong)
        assert decode(body_format, document).prepared.tensors["input"].array.ravel().tolist() == [1, 2, 3, 4]


def test_a_static_response_is_what_encoding_gives(body_format: InferFormat) -> None:
    """Its text and headers are made once, and the elements of each request are put behind them."""
    document = request(parameters={"kernel_size": 1, "binary_data_output": True}, id="a")
    decoded = decode(body_format, document, bytes(range(16)))
    assert decoded.static is not None
    outputs = {"output": decoded.prepared.tensors["input"]}

    encoded = decoded.encode(outputs, 0.0, 0.0)

    assert encoded.chunks[0] == decoded.static.prefix
    assert bytes(encoded.chunks[1]) == bytes(range(16))
    lines = decoded.static.header_lines
    assert b"content-length: %d\r\n" % encoded.nbytes in lines
    assert b"inference-header-content-length: %d\r\n" % len(decoded.static.prefix) in lines
    for changed in (
        {"parameters": {"kernel_size": 1}},
        {"parameters": {"kernel_size": 1, "binary_data_output": True, "stats": True}},
        {"outputs": classes(1)},
    ):
        assert decode(body_format, document | changed, bytes(16)).static is None


def test_statistics_are_in_the_response_if_they_are_asked_for(body_format: InferFormat) -> None:
    """A client sees how long its request waited and ran, in whole microseconds."""
    decoded = decode(body_format, request(parameters={"kernel_size": 1, "stats": True}), bytes(16))

    text = bytes(decoded.encode({"output": decoded.prepared.tensors["input"]}, 0.25, 0.0000015).chunks[0])

    assert json.loads(text)["parameters"] == {"queue_us": 250_000, "compute_us": 2}


@pytest.mark.parametrize(("timeout", "seconds"), [(0, None), (1, 1e-6), (2**62, 86_400)])
def test_a_timeout_is_passed_on(body_format: InferFormat, timeout: int, seconds: float | None) -> None:
    """In microseconds, as Triton has it; 0 is none."""
    assert (
        decode(body_format, request(parameters={"kernel_size": 1, "timeout": timeout}), bytes(16)).timeout_s == seconds
    )


def test_an_escaped_name_of_a_list_is_found(body_format: InferFormat) -> None:
    """A text without the name is taken to have no list, and is remembered as a whole: an escape may hide the name."""
    for elements in ([1, 2, 3, 4], [5, 6, 7, 8]):
        document = remembered(body_format)[0]
        document["inputs"] = [{"name": "input", "shape": (1, 1, 2, 2), "datatype": "FP32", "data": elements}]
        text = json.dumps(document).replace('"data"', '"\\u0064ata"').encode()
        headers = {HEADER_LENGTH.lower().replace("-", "_"): len(text), "content_length": len(text)}

        decoded = body_format.decode(body_format.plan_of(head_of(**headers), "max_pool2d"), memoryview(text), 0)

        assert decoded.prepared.tensors["input"].array.ravel().tolist() == elements
