"""The orientation is found wherever EXIF may have it, and broken metadata means upright."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.images.exif import read_orientation

ORIENTATION, SHORT, LONG = 0x0112, 3, 4
MAX_ENTRIES = 512


def exif(
    orientation: int, order: str = "<", before: int = 0, start: int = 8, kind: int = SHORT, values: int = 1
) -> bytes:
    """Metadata with the orientation behind other entries; its directory begins at ``start``."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    others = struct.pack(f"{order}HHIHH", 0x0100, SHORT, 1, 7, 0) * before
    entry = struct.pack(f"{order}HHIHH", ORIENTATION, kind, values, orientation, 0)
    return head.ljust(start, b"\0") + struct.pack(f"{order}H", before + 1) + others + entry


@given(st.integers(1, 8), st.sampled_from("<>"), st.integers(0, 30), st.integers(8, 100))
def test_an_orientation_is_read_in_either_byte_order(orientation: int, order: str, before: int, start: int) -> None:
    """Cameras write either, and put other entries before it."""
    assert read_orientation(exif(orientation, order, before, start)) == orientation


@pytest.mark.parametrize("order", ["<", ">"])
def test_other_values_mean_upright(order: str) -> None:
    """The standard has eight values, each one SHORT."""
    for orientation in (0, 9, 0xFFFF):
        assert read_orientation(exif(orientation, order)) == 1
    assert read_orientation(exif(6, order, kind=LONG)) == 1
    assert read_orientation(exif(6, order, values=2)) == 1


def test_every_truncation_means_upright() -> None:
    """A picture is readable although its metadata is cut."""
    whole = exif(6, before=2)

    assert [read_orientation(whole[:length]) for length in range(len(whole))] == [1] * len(whole)
    assert read_orientation(whole) == 6


def test_the_directory_is_searched_up_to_its_limit() -> None:
    """The header of a picture is read on the event loop."""
    assert read_orientation(exif(6, before=MAX_ENTRIES - 1)) == 6
    assert read_orientation(exif(6, before=MAX_ENTRIES)) == 1


@given(st.sampled_from([b"", b"II*\0", b"MM\0*", b"II*\0\x08\0\0\0"]), st.binary(max_size=80))
def test_any_bytes_have_an_orientation(head: bytes, rest: bytes) -> None:
    """What a client sends as metadata refuses no picture."""
    assert 1 <= read_orientation(head + rest) <= 8
