"""Forms: which part is the file, in which format, and which are fields."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest

from poolhouse.errors import Malformed, PoolhouseError
from poolhouse.wire.codecs import CODEC_BY_MEDIA_TYPE
from poolhouse.wire.multipart.codec import MultipartCodec
from poolhouse.wire.multipart.parts import read_boundary
from tests.hostile.picture_files import field, file_part, form, png

ARRAY = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
LIMIT_BYTES = 2**20


def codec(boundary: str = "limit") -> MultipartCodec:
    return MultipartCodec(f"multipart/form-data; boundary={boundary}", CODEC_BY_MEDIA_TYPE)


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, ARRAY)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("x.npy", "application/octet-stream"),
        ("X.NPY", ""),
        ("folder/x.npy", "application/octet-stream"),
        ("x.dat", "application/x-npy"),
    ],
)
def test_the_format_is_that_of_the_type_or_of_the_name(name: str, media_type: str) -> None:
    """curl and browsers know no type for arrays."""
    body = form(field("kernel_size", "2"), file_part(npy(), name, media_type), field("stride", "1"))

    message = codec().decode(memoryview(body), {"padding": "1"}, LIMIT_BYTES)

    np.testing.assert_array_equal(message.tensors["input"].array, ARRAY)
    assert message.text_fields == {"padding": "1", "kernel_size": "2", "stride": "1"}


def test_raw_elements_have_their_shape_in_fields() -> None:
    """A file without a name that tells its format."""
    raw = file_part(ARRAY.tobytes(), "x.bin", "application/octet-stream")
    body = form(raw, field("shape", "1,3,4"), field("dtype", "float32"))

    message = codec().decode(memoryview(body), {}, LIMIT_BYTES)

    np.testing.assert_array_equal(message.tensors["input"].array, ARRAY)


def test_a_form_of_another_library_is_read() -> None:
    """httpx writes forms as browsers do; its boundary is random."""
    request = httpx.Request(
        "POST",
        "http://poolhouse/v1/pool/max_pool2d",
        data={"kernel_size": "2"},
        files={"input": ('a "quoted" ü.png', png(), "image/png")},
    )

    read = MultipartCodec(request.headers["content-type"], CODEC_BY_MEDIA_TYPE)
    message = read.decode(memoryview(request.read()), {}, LIMIT_BYTES)

    assert message.tensors["input"].shape == (1, 1, 2, 2)
    assert message.text_fields == {"kernel_size": "2"}


def test_content_that_looks_like_a_boundary_is_kept() -> None:
    """A file may hold any bytes but the line of the boundary."""
    text = b"x--limit\r\n--limi\r\n-limit"
    body = form(("Content-Disposition: form-data; name=stride", text), file_part(png()))

    assert codec().read_form(memoryview(body), {}).fields == {"stride": text.decode()}


def test_an_empty_file_input_of_a_browser_is_no_file() -> None:
    """It is sent with an empty name."""
    body = form(file_part(b"", "", "application/octet-stream"), file_part(png()))

    assert codec().read_form(memoryview(body), {}).content == png()


@pytest.mark.parametrize("given", ["a", "a-b'()+_,./:=? c", "x" * 70])
def test_boundaries_may_have_all_characters_that_the_standard_allows(given: str) -> None:
    """Quoted where they are no token."""
    assert read_boundary(f'multipart/form-data; charset=utf-8; BOUNDARY="{given}"') == given.encode()


def test_every_beginning_of_a_form_is_refused() -> None:
    """No truncation passes for the whole."""
    body = form(field("kernel_size"), file_part(png()), end=b"--")

    for length in range(len(body)):
        with pytest.raises(PoolhouseError):
            codec().decode(memoryview(body[:length]), {}, LIMIT_BYTES)


def test_a_form_has_a_limited_number_of_parts() -> None:
    """As many fields as a query can have."""
    body = form(*[field(f"f{number}") for number in range(70)], file_part(png()))

    with pytest.raises(Malformed, match="more than 65 parts"):
        codec().read_form(memoryview(body), {})


def test_a_field_of_a_form_has_a_limited_length() -> None:
    """It becomes text."""
    body = form(field("kernel_size", "2" * 5000), file_part(png()))

    with pytest.raises(Malformed, match="5000 bytes"):
        codec().read_form(memoryview(body), {})
