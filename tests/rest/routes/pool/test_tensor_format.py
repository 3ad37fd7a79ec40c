"""Bodies of ``/v1``: when a raw body is a view, and what is known of a response before it is encoded."""

from __future__ import annotations

import json

import numpy as np
import pytest

from poolhouse.dtypes import FLOAT32
from poolhouse.errors import PoolhouseError
from poolhouse.rest.http.head import Head
from poolhouse.rest.routes.pool.body_format import Decoded, NeedsMemory
from poolhouse.rest.routes.pool.tensor_format import TensorFormat
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.tensors import Tensor
from tests.hostile.picture_files import file_part, form, png

SETTINGS = Settings.model_validate({"device": "cpu"})
OCTET = "application/octet-stream"
JSON = "application/json"
ELEMENTS = np.arange(16, dtype=np.float32)
OUTPUT = Tensor(FLOAT32, np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2))


@pytest.fixture(scope="module")
def body_format() -> TensorFormat:
    """A format of a service that is not started, since decoding needs no device."""
    return TensorFormat(PoolingService.from_settings(SETTINGS), SETTINGS)


def decode(
    body_format: TensorFormat,
    body: memoryview,
    query: str = "",
    media_type: str = OCTET,
    operator: str = "max_pool2d",
    **headers: str,
) -> Decoded:
    given = {"content_type": media_type, "content_length": str(len(body)), **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    target = f"/v1/pool/{operator}?{query}".encode()
    head = Head("POST", target, "1.1", pairs, keeps_alive=True)
    return body_format.decode(body_format.plan_of(head, operator), body, 0)


def raw_body(offset: int, dtype: str = "float32") -> memoryview:
    """Sixteen elements that begin at an address ``offset`` behind an aligned one."""
    elements = ELEMENTS.astype(dtype).tobytes()
    memory = bytearray(len(elements) + 128)
    start = -np.frombuffer(memory, np.uint8).ctypes.data % 64 + offset
    memory[start : start + len(elements)] = elements
    return memoryview(memory)[start : start + len(elements)]


@pytest.mark.parametrize("offset", [0, 4, 1, 2])
def test_a_raw_body_is_a_view_where_it_is_aligned(body_format: TensorFormat, offset: int) -> None:
    """Compiled loops need aligned elements; a copy of a large body would take as long as pooling it."""
    body = raw_body(offset)

    tensor = decode(body_format, body, "shape=1,1,4,4&dtype=float32&kernel_size=2").prepared.tensors["input"]

    assert tensor.array.ravel().tolist() == ELEMENTS.tolist()
    assert tensor.array.flags.aligned
    assert np.shares_memory(tensor.array, np.frombuffer(body, np.uint8)) == (offset % 4 == 0)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_a_raw_body_of_another_length_is_refused(body_format: TensorFormat, dtype: str) -> None:
    """A compressed body has another length than its head announces, so it is checked when it is known."""
    query = f"shape=1,1,4,4&dtype={dtype}&kernel_size=2"
    with pytest.raises(PoolhouseError, match="takes"):
        decode(body_format, raw_body(0), query, content_encoding="gzip")


def test_booleans_are_checked(body_format: TensorFormat) -> None:
    """A byte that is neither 0 nor 1 is true in some loops, and a number in others."""
    query = "shape=1,1,4,4&dtype=bool&kernel_size=2"
    with pytest.raises(PoolhouseError, match="neither 0 nor 1"):
        decode(body_format, memoryview(bytearray(range(16))), query)


@pytest.mark.parametrize(
    ("query", "operator", "headers", "is_static"),
    [
        ("kernel_size=2", "max_pool2d", {}, True),
        ("kernel_size=2", "max_pool2d", {"accept_encoding": "gzip"}, True),
        ("kernel_size=2", "max_pool2d", {"accept": JSON}, False),
        ("kernel_size=2", "max_pool2d", {"accept": "application/x-npy"}, False),
        ("kernel_size=2&output_size=2", "fractional_max_pool2d", {}, False),
        ("kernel_size=2&output_size=2&seed=1", "fractional_max_pool2d", {}, True),
    ],
)
def test_the_headers_of_a_raw_response_are_known_before(
    body_format: TensorFormat, query: str, operator: str, headers: dict[str, str], is_static: bool
) -> None:
    """Unless the response has another format, or a seed that is drawn for each request."""
    decoded = decode(body_format, raw_body(0), f"shape=1,1,4,4&dtype=float32&{query}", OCTET, operator, **headers)

    assert (decoded.static is not None) is is_static
    if decoded.static is not None:
        assert b"content-length: 16\r\n" in decoded.static.header_lines
        assert decoded.static.prefix == b""
    encoded = decoded.encode({"output": decoded.prepared.tensors["input"]}, 0.0, 0.0)
    assert encoded.media_type == headers.get("accept", OCTET)


def test_text_is_charged_and_elements_are_not(body_format: TensorFormat) -> None:
    """The text of a response is allocated for it; raw elements are sent from where they are."""
    text = json.dumps({"input": [[[[1.0] * 4] * 4]], "kernel_size": 2}).encode()

    as_json = decode(body_format, memoryview(text), "", JSON)
    as_raw = decode(body_format, memoryview(text), "", JSON, accept=OCTET)

    assert as_json.text_bytes > 0 == as_raw.text_bytes
    assert as_json.prepared.extra_bytes >= as_raw.prepared.extra_bytes + as_json.text_bytes
    assert (as_json.encode_on_loop_bytes, as_raw.encode_on_loop_bytes) == (256 * 1024, None)
    assert as_json.timeout_s is None
    found = as_json.encode({"output": OUTPUT}, 0.0, 0.0)
    assert json.loads(b"".join(found.chunks))["output"] == {
        "dtype": "float32",
        "shape": [1, 1, 2, 2],
        "data": [[[[0.0, 1.0], [2.0, 3.0]]]],
    }


def test_the_encoding_of_a_request_is_that_of_its_response(body_format: TensorFormat) -> None:
    """A client that asks for base64 gets base64."""
    text = json.dumps({"input": [[[[1.0] * 4] * 4]], "kernel_size": 2, "encoding": "base64"}).encode()

    decoded = decode(body_format, memoryview(text), "", JSON)

    found = decoded.encode({"output": decoded.prepared.tensors["input"]}, 0.0, 0.0)
    assert "base64" in json.loads(b"".join(found.chunks))["output"]


def test_the_file_of_a_form_is_charged_before_it_is_decoded(body_format: TensorFormat) -> None:
    """It is found only when the whole form is there."""
    body = memoryview(form(file_part(png())))

    with pytest.raises(NeedsMemory) as needed:
        decode(body_format, body, "kernel_size=2", "multipart/form-data; boundary=limit")

    assert needed.value.nbytes > len(png())


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "multipart/form-data; boundary=limit"])
def test_pictures_and_forms_are_not_decoded_on_the_event_loop(body_format: TensorFormat, media_type: str) -> None:
    """A library decodes them, and a form is searched for its file."""
    pairs = [(b"content-type", media_type.encode()), (b"content-length", b"100")]
    head = Head("POST", b"/v1/pool/max_pool2d?kernel_size=2", "1.1", pairs, keeps_alive=True)

    plan = body_format.plan_of(head, "max_pool2d")

    assert (plan.decode_on_loop_bytes, plan.may_copy_on_loop) == (0, False)
