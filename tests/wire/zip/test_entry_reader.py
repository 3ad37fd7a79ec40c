"""The content of a file: bit for bit, without a copy if it is stored, and never more than its size."""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed
from poolhouse.wire.zip.directory_reader import Entry, read_directory
from poolhouse.wire.zip.entry_reader import max_inflated_bytes, read_content
from tests.wire.zip.archives import archive, named

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]
CONTENTS = st.one_of(st.binary(max_size=300), st.builds(bytes, st.sampled_from([1, 2**14, 2**18, 2**20 + 1])))


def only_file(content: bytes, method: int) -> tuple[bytes, Entry]:
    """An archive of one file with this content, and its entry."""
    body = archive({"one.npy": content}, method)
    (entry,) = read_directory(memoryview(body), named)
    return body, entry


@given(CONTENTS, st.sampled_from(METHODS))
def test_content_is_read_bit_for_bit(content: bytes, method: int) -> None:
    """Also across the boundaries of input and output pieces."""
    body, entry = only_file(content, method)

    assert read_content(memoryview(body), entry) == content


@given(CONTENTS)
def test_no_deflated_file_takes_more_than_is_reserved_for_it(content: bytes) -> None:
    """Memory is reserved by this number before anything is inflated."""
    _, entry = only_file(content, zipfile.ZIP_DEFLATED)
    false_entry = replace(entry, size=2**62)
    packed_size = entry.byte_range.stop - entry.byte_range.start

    assert max_inflated_bytes(entry) == len(content)
    assert len(content) <= max_inflated_bytes(false_entry) <= 1032 * (packed_size + 1)


def test_stored_content_is_not_copied() -> None:
    """It is a view of the body."""
    body, entry = only_file(bytes(1000), zipfile.ZIP_STORED)
    array = np.frombuffer(body, np.uint8)

    assert np.shares_memory(np.frombuffer(read_content(array.data, entry), np.uint8), array)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [0, 299, 301, 2**20, 2**62])
def test_content_of_another_size_is_refused(size: int, method: int) -> None:
    """The directory's size was checked against the limit; a false size must not allocate a buffer."""
    body, entry = only_file(b"abc" * 100, method)

    with pytest.raises(Malformed, match=r"two sizes|does not inflate to the"):
        read_content(memoryview(body), replace(entry, size=size))


@pytest.mark.parametrize("method", METHODS)
def test_content_with_another_checksum_is_refused(method: int) -> None:
    """A damaged file must not give wrong results."""
    body, entry = only_file(b"abc" * 100, method)

    with pytest.raises(Malformed, match=r"the checksum of one\.npy is wrong"):
        read_content(memoryview(body), replace(entry, crc=entry.crc ^ 1))


@pytest.mark.parametrize("size", [1, 2**18, 2**20])
def test_deflated_content_must_end_exactly(size: int) -> None:
    """If one reader skipped bytes that another reads, the archive would have two contents."""
    body, entry = only_file(np.random.default_rng(0).bytes(size), zipfile.ZIP_DEFLATED)
    packed = memoryview(body)[entry.byte_range]

    for other in (packed[:-1], packed[: len(packed) // 2], bytes(packed) + b"x", bytes(packed) + bytes(2**15)):
        with pytest.raises(Malformed, match=r"does not inflate to the|cannot be inflated"):
            read_content(memoryview(other), replace(entry, byte_range=slice(0, len(other))))


@pytest.mark.parametrize("pieces", [1, 2])
def test_bytes_after_deflated_content_of_whole_input_pieces_are_refused(pieces: int) -> None:
    """They begin an input piece of their own, so zlib does not report them as unused data."""
    content = bytes(pieces * 2**14 - 5)
    # One uncompressed block, whose header has five bytes.
    packed = b"\x01" + struct.pack("<HH", len(content), len(content) ^ 0xFFFF) + content
    entry = Entry("one.npy", zipfile.ZIP_DEFLATED, zlib.crc32(content), len(content), slice(0, len(packed)))
    assert read_content(memoryview(packed), entry) == content
    longer = packed + b"x"

    with pytest.raises(Malformed, match="does not inflate to the"):
        read_content(memoryview(longer), replace(entry, byte_range=slice(0, len(longer))))


def test_content_that_is_not_deflate_is_malformed() -> None:
    """zlib's error becomes Malformed."""
    body, entry = only_file(b"abc" * 100, zipfile.ZIP_DEFLATED)

    with pytest.raises(Malformed, match="cannot be inflated"):
        read_content(memoryview(b"\xff" * len(body)), entry)
