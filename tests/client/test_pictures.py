"""A picture is the bytes of a file, whatever it is made from; a response that is no PNG file is refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from poolhouse.client.errors import UnexpectedAnswer
from poolhouse.client.exchange import Response
from poolhouse.client.pictures import PNG_TYPE, Picture, allocate_picture, read_picture
from poolhouse.errors import Unprocessable
from tests.hostile.picture_files import jpeg, png

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)
PNG_FILE = png(size=(4, 3), pixels=np.pad(PIXELS, ((0, 0), (1, 0))).tobytes())
JPEG_FILE = jpeg()


def test_a_picture_is_made_from_a_path_bytes_or_an_image(tmp_path: Path) -> None:
    """Its content is that of the file, and saving writes the same bytes."""
    path = tmp_path / "a.png"
    Picture(PNG_FILE).save(path)
    sources = (path, str(path), PNG_FILE, bytearray(PNG_FILE), memoryview(PNG_FILE))

    assert path.read_bytes() == PNG_FILE
    assert {Picture(source).content for source in sources} == {PNG_FILE}
    np.testing.assert_array_equal(Picture(Image.fromarray(PIXELS)), PIXELS[None, None])


def test_the_content_is_a_copy() -> None:
    """A request may be sent again after the caller has changed the memory."""
    source = bytearray(PNG_FILE)
    picture = Picture(source)

    source[:] = bytes(len(source))

    assert picture.content == PNG_FILE


def test_the_first_bytes_tell_the_type() -> None:
    """Notebooks show the file as what it is."""
    as_png, as_jpeg = Picture(PNG_FILE), Picture(JPEG_FILE)

    assert (as_png.media_type, as_png._repr_png_(), as_png._repr_jpeg_()) == (PNG_TYPE, PNG_FILE, None)
    assert (as_jpeg.media_type, as_jpeg._repr_png_(), as_jpeg._repr_jpeg_()) == ("image/jpeg", None, JPEG_FILE)
    assert repr(as_png) == f"Picture(image/png, {len(PNG_FILE)} bytes)"


@pytest.mark.parametrize("content", [b"", PNG_FILE[:7], JPEG_FILE[:2], b"GIF89a", b"\0" + PNG_FILE])
def test_other_files_are_refused_before_they_are_sent(content: bytes) -> None:
    """With the code of the service."""
    with pytest.raises(Unprocessable, match="neither PNG nor JPEG") as refused:
        Picture(content)
    assert refused.value.code == "invalid_data"


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    """As for any other file."""
    with pytest.raises(FileNotFoundError):
        Picture(tmp_path / "none.png")


def test_a_picture_is_an_array_for_numpy() -> None:
    """As the service reads it, in any element type."""
    picture = Picture(PNG_FILE)

    assert np.asarray(picture).dtype == np.uint8
    np.testing.assert_array_equal(picture, PIXELS[None, None])
    np.testing.assert_array_equal(np.asarray(picture, np.float32), PIXELS[None, None].astype(np.float32), strict=True)
    assert np.array(picture).flags.writeable
    with pytest.raises(ValueError, match="leave copy out"):
        picture.__array__(copy=False)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_buffer_of_a_picture_is_as_long_as_announced(nbytes: int, max_response_bytes: int) -> None:
    """And never longer than the client accepts."""
    headers = {"content-length": str(nbytes)}
    if nbytes > max_response_bytes:
        with pytest.raises(UnexpectedAnswer, match="max_answer_bytes"):
            allocate_picture(200, headers, max_response_bytes)
        return

    [buffer] = allocate_picture(200, headers, max_response_bytes) or []

    assert (buffer.nbytes, buffer.readonly) == (nbytes, False)


@pytest.mark.parametrize("length", ["", "x", "-1", "+1", "1_0", "١", "1" * 20])
def test_only_a_length_has_a_buffer(length: str) -> None:
    """Other responses, and refusals, are collected as they arrive."""
    assert allocate_picture(200, {"content-length": length}, 10**9) is None
    assert allocate_picture(200, {}, 10**9) is None
    assert allocate_picture(406, {"content-length": "5"}, 1) is None


def test_a_response_is_read_as_a_png_file() -> None:
    """From any pieces; the service sends no other pictures."""
    pieces = [memoryview(PNG_FILE[:5]), memoryview(PNG_FILE[5:])]

    assert read_picture(Response(200, {}, pieces)).content == PNG_FILE
    for body in (b"", JPEG_FILE, b"<html>"):
        with pytest.raises(UnexpectedAnswer, match="not a PNG file; check that base_url"):
            read_picture(Response(200, {}, [memoryview(body)]))


def test_a_saved_picture_is_read_by_others() -> None:
    """It is a file like any other."""
    file = io.BytesIO(Picture(Image.fromarray(PIXELS)).content)

    np.testing.assert_array_equal(np.asarray(Image.open(file)), PIXELS)
