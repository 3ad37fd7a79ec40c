"""The decoder: both formats by their first bytes, samples of 16 bits whole, and one error for every broken file."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import suppress
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed, TooLarge, Unprocessable
from poolhouse.wire.images import decoder
from poolhouse.wire.images.decoder import decode_picture, is_picture, is_pillow_installed, read_header
from tests.hostile.picture_files import chunk, jpeg, png
from tests.hypothesis_profiles import scaled_examples

LIMIT_BYTES = 2**20
FILES = {"png": png(pixels=bytes([0, 1, 2, 0, 3, 4])), "jpeg": jpeg()}


def png_of(rows: npt.NDArray[np.generic], bits: int, colour: int, *chunks: bytes) -> bytes:
    """A PNG file of rows ``(H, W, C)`` without filters."""
    stored = rows.astype(rows.dtype.newbyteorder(">")).reshape(rows.shape[0], -1).view(np.uint8)
    pixels = np.pad(stored, ((0, 0), (1, 0))).tobytes()
    return png(*chunks, size=(rows.shape[1], rows.shape[0]), bits=bits, colour=colour, pixels=pixels)


def exif_of(orientation: int) -> bytes:
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    return chunk(b"eXIf", b"II*\0\x08\0\0\0\x01\0" + entry)


@pytest.fixture
def _asks_for_pillow_again() -> Iterator[None]:
    """What was found is kept."""
    is_pillow_installed.cache_clear()
    yield
    is_pillow_installed.cache_clear()


def test_a_file_is_known_by_its_first_bytes() -> None:
    """Many clients guess the media type."""
    assert read_header(memoryview(FILES["png"]), LIMIT_BYTES).format == "png"
    assert read_header(memoryview(FILES["jpeg"]), LIMIT_BYTES).format == "jpeg"
    for content in (*FILES.values(), FILES["png"][:8], FILES["jpeg"][:3]):
        assert is_picture(memoryview(content))
    for content in (b"", FILES["png"][:7], FILES["jpeg"][:2], b"GIF89a", b"\0" + FILES["png"]):
        assert not is_picture(memoryview(content))


@pytest.mark.parametrize(("channels", "colour"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_samples_of_16_bits_are_whole(channels: int, colour: int) -> None:
    """Pillow alone keeps 8 of them where there are several channels."""
    rows = np.random.default_rng(channels).integers(0, 2**16, (5, 7, channels), np.uint16)

    found = decode_picture(memoryview(png_of(rows, 16, colour)), LIMIT_BYTES)

    np.testing.assert_array_equal(found.array, rows.transpose(2, 0, 1)[None])


def test_a_picture_is_turned_as_exif_says() -> None:
    """The eight orientations are the eight symmetries of a rectangle: each differs; the memory is the tensor's own."""
    rows = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    plane = rows[..., 0]
    expected = {
        1: plane,
        2: np.fliplr(plane),
        3: np.rot90(plane, 2),
        4: np.flipud(plane),
        5: plane.T,
        6: np.rot90(plane, -1),
        7: np.rot90(plane, 2).T,
        8: np.rot90(plane),
    }

    for orientation, upright in expected.items():
        found = decode_picture(memoryview(png_of(rows, 8, 0, exif_of(orientation))), LIMIT_BYTES).array
        np.testing.assert_array_equal(found, upright[None, None])
        assert found.flags.c_contiguous
        assert found.flags.writeable


@pytest.mark.parametrize("name", FILES)
def test_the_limit_is_that_of_the_decoded_picture(name: str) -> None:
    """It is known before anything is decoded."""
    file = memoryview(FILES[name])
    nbytes = read_header(file, LIMIT_BYTES).metadata.nbytes

    assert decode_picture(file, nbytes).array.nbytes == nbytes
    with pytest.raises(TooLarge) as refused:
        decode_picture(file, nbytes - 1)
    assert refused.value.code == "body_too_large"


@scaled_examples(100)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_a_damaged_file_is_decoded_or_refused(name: str, data: st.DataObject) -> None:
    """Pillow raises many exceptions for them, and warns; none reaches the client as a fault of the service."""
    file = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with suppress(Malformed, Unprocessable, TooLarge):
            decoded = decode_picture(memoryview(file), LIMIT_BYTES)
            assert decoded.array.shape == read_header(memoryview(file), LIMIT_BYTES).metadata.shape


def test_the_reason_of_the_decoder_is_one_short_line() -> None:
    """It is part of the answer."""
    pixels = chunk(b"IDAT", zlib.compress(bytes([9, 0, 0, 0, 0, 0])))
    file = FILES["png"][:33] + pixels + chunk(b"IEND")

    with pytest.raises(Malformed, match="The picture cannot be read: ") as refused:
        decode_picture(memoryview(file), LIMIT_BYTES)
    assert refused.value.code == "malformed_body"
    assert len(refused.value.detail) < 250
    assert "\n" not in refused.value.detail


@pytest.mark.usefixtures("_asks_for_pillow_again")
def test_pillow_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request with a picture asks."""
    names: list[str] = []

    def spy(name: str) -> ModuleSpec | None:
        names.append(name)
        return find_spec(name)

    monkeypatch.setattr(decoder, "find_spec", spy)

    assert [is_pillow_installed(), is_pillow_installed()] == [True, True]
    assert names == ["PIL"]
