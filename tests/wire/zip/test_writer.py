"""Written archives are read by the standard library and by our reader, with 32-bit and with zip64 fields."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.zip.directory_reader import read_directory
from poolhouse.wire.zip.entry_reader import read_content
from poolhouse.wire.zip.records import CENTRAL, CENTRAL_MAGIC, END, END64_MAGIC, LOCAL, ZIP64_MARKER
from poolhouse.wire.zip.writer import StoredFile, write_archive
from tests.wire.zip.archives import named

FILES = st.lists(
    st.builds(
        StoredFile,
        st.sampled_from(["input.npy", "indices.npy", "output.npy"]),
        st.binary(max_size=130),
        st.binary(max_size=300).map(memoryview),
    ),
    unique_by=lambda file: file.name,
)
WIDE_FROM = st.sampled_from([1, 100, 300, 1000, ZIP64_MARKER])
"""Archives above 4 GiB need zip64; a lower threshold makes small ones use it."""


@given(FILES, WIDE_FROM)
def test_the_standard_library_reads_what_we_write(files: list[StoredFile], zip64_threshold: int) -> None:
    """numpy reads archives with it."""
    body = b"".join(write_archive(files, zip64_threshold=zip64_threshold))

    with zipfile.ZipFile(io.BytesIO(body)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == [file.name for file in files]
        for file in files:
            assert opened.read(file.name) == file.head + bytes(file.payload)


@given(FILES, WIDE_FROM)
def test_we_read_what_we_write_at_aligned_offsets(files: list[StoredFile], zip64_threshold: int) -> None:
    """Files begin at multiples of 64 bytes, so that their elements need no copy."""
    body = memoryview(b"".join(write_archive(files, zip64_threshold=zip64_threshold)))
    entries = read_directory(body, named)

    assert [entry.name for entry in entries] == [file.name for file in files]
    assert all(entry.byte_range.start % 64 == 0 for entry in entries)
    for entry, file in zip(entries, files, strict=True):
        assert read_content(body, entry) == file.head + bytes(file.payload)


def test_zip64_numbers_set_the_marker_in_their_32_bit_fields() -> None:
    """Readers look for zip64 numbers only then."""
    body = b"".join(write_archive([StoredFile("one.npy", b"", memoryview(b"content"))] * 2, zip64_threshold=1))
    local = LOCAL.unpack_from(body, 0)
    first = CENTRAL.unpack_from(body, body.index(CENTRAL_MAGIC))
    second = CENTRAL.unpack_from(body, body.rindex(CENTRAL_MAGIC))
    end = END.unpack(body[-END.size :])

    assert local[8:10] == first[10:12] == second[10:12] == (ZIP64_MARKER, ZIP64_MARKER)
    assert (first[18], second[18], end[6]) == (0, ZIP64_MARKER, ZIP64_MARKER)
    assert local[1] == first[1] == first[3] == second[1] == 45, "the version that reads zip64"


@pytest.mark.parametrize(("zip64_threshold", "is_wide"), [(64, True), (150, True), (1000, False)])
def test_a_directory_beyond_the_threshold_has_a_zip64_end_record(zip64_threshold: int, is_wide: bool) -> None:
    """Its offset decides, even if its length is short."""
    body = b"".join(
        write_archive([StoredFile("one.npy", b"", memoryview(bytes(100)))], zip64_threshold=zip64_threshold)
    )

    assert (END64_MAGIC in body) is is_wide


@given(FILES)
def test_payloads_are_not_copied(files: list[StoredFile]) -> None:
    """They are the memory of the results."""
    chunks = write_archive(files)

    assert all(any(chunk is file.payload for chunk in chunks) for file in files)
