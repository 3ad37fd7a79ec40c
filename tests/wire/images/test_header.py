"""The size of a picture is checked at its exact limits, and the memory of its decoding follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed, TooLarge
from poolhouse.wire.images.header import (
    MAX_PIXELS,
    UINT8,
    UINT16,
    PictureHeader,
    check_size,
    malformed_picture_error,
    unsupported_picture_error,
)

SIDES = st.integers(1, 10_000)


def header(width: int, height: int, orientation: int = 1, channels: int = 3) -> PictureHeader:
    return PictureHeader("png", width, height, channels, UINT8, orientation, 4)


@pytest.mark.parametrize(("width", "height"), [(2**13, 2**13), (1, MAX_PIXELS), (MAX_PIXELS, 1)])
def test_the_largest_picture_is_accepted_and_one_more_column_is_refused(width: int, height: int) -> None:
    """Whatever the limit in bytes is."""
    check_size(width, height, 1, 2**40)

    with pytest.raises(TooLarge) as refused:
        check_size(width + 1, height, 1, 2**40)
    assert (refused.value.code, refused.value.limit_bytes) == ("body_too_large", 2**40)
    assert f"{width + 1} × {height} pixels; the limit is {MAX_PIXELS}" in refused.value.detail


def test_the_decoded_picture_may_take_the_limit_and_no_byte_more() -> None:
    """A small file can hold many pixels."""
    check_size(10, 10, 300, 300)

    with pytest.raises(TooLarge, match="takes 300 bytes when decoded; the limit is 299") as refused:
        check_size(10, 10, 300, 299)
    assert (refused.value.code, refused.value.limit_bytes) == ("body_too_large", 299)


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (0, 0)])
def test_a_picture_without_pixels_is_malformed(width: int, height: int) -> None:
    """Its size has no limit to exceed."""
    with pytest.raises(Malformed, match=f"its size is {width} × {height}") as refused:
        check_size(width, height, 0, 0)
    assert refused.value.code == "malformed_body"


@given(SIDES, SIDES, st.integers(1, 4))
def test_orientations_from_five_on_swap_the_axes(width: int, height: int, channels: int) -> None:
    """The shape is that of the upright picture."""
    shapes = [header(width, height, orientation, channels).metadata.shape for orientation in range(1, 9)]

    assert shapes == [(1, channels, height, width)] * 4 + [(1, channels, width, height)] * 4


@given(SIDES, SIDES, st.integers(1, 8), st.integers(0, 10**6))
def test_decoding_is_charged_the_file_the_tensor_and_the_pixels_of_the_decoder(
    width: int, height: int, orientation: int, file_bytes: int
) -> None:
    """The three are in memory at once; turning a picture holds a second tensor."""
    found = header(width, height, orientation)
    tensor_bytes = found.metadata.nbytes

    needed = found.decoding_bytes(file_bytes)

    assert needed >= file_bytes + tensor_bytes + found.decoder_pixel_bytes * width * height
    if orientation > 1:
        assert needed >= file_bytes + 2 * tensor_bytes
    assert found.decoding_bytes(file_bytes + 1) == needed + 1
    assert header(width + 1, height, orientation).decoding_bytes(file_bytes) > needed


def test_the_refusals_say_what_to_send_instead() -> None:
    """A broken file is 400, a file of another kind is 422."""
    malformed, unsupported = malformed_picture_error("it ends"), unsupported_picture_error("animated", "send frames")

    assert (malformed.status, malformed.code) == (400, "malformed_body")
    assert malformed.detail == "The picture cannot be read: it ends. Send a whole PNG or JPEG file."
    assert (unsupported.status, unsupported.code) == (422, "invalid_data")
    assert unsupported.detail == "The picture is animated, which is not supported; send frames."
    assert (UINT8.itemsize, UINT16.itemsize) == (1, 2)
