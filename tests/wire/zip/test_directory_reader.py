"""Reading the directory of an archive, compared with the standard library; no length is trusted."""

from __future__ import annotations

import io
import itertools
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Malformed
from poolhouse.wire.zip.directory_reader import MAX_ENTRIES, read_directory
from poolhouse.wire.zip.records import DEFLATED, END, END_MAGIC, STORED
from tests.wire.zip.archives import archive, named, patched, patched_row

FILES = st.dictionaries(st.sampled_from([f"file{n}.npy" for n in range(8)]), st.binary(max_size=200))
METHODS = st.sampled_from([STORED, DEFLATED])
PLAIN = archive({"one.npy": b"content", "two.npy": b"more"})


@given(FILES, METHODS, st.sampled_from([b"", b"a comment", b"x" * 0xFFFF]))
def test_entries_agree_with_the_standard_library(files: dict[str, bytes], method: int, comment: bytes) -> None:
    """numpy writes archives with it."""
    body = archive(files, method, comment)
    entries = read_directory(memoryview(body), named)

    with zipfile.ZipFile(io.BytesIO(body)) as opened:
        infos = opened.infolist()
    assert [(entry.name, entry.method, entry.crc, entry.size) for entry in entries] == [
        (info.filename, info.compress_type, info.CRC, info.file_size) for info in infos
    ]
    for entry in entries:
        packed = body[entry.byte_range]
        content = packed if method == STORED else zlib.decompress(packed, -zlib.MAX_WBITS)
        assert content == files[entry.name]


@pytest.mark.parametrize("comment", [END_MAGIC, END_MAGIC + bytes(END.size)])
def test_a_comment_may_begin_like_an_end_record(comment: bytes) -> None:
    """The end record is the last one whose comment ends with the archive."""
    body = archive({"one.npy": b"content"}, comment=comment)

    assert [entry.name for entry in read_directory(memoryview(body), named)] == ["one.npy"]


def test_an_ignored_file_may_be_compressed_and_encrypted() -> None:
    """Its content is not read."""
    body = archive({"note.txt": b"hello", "one.npy": b"content"}, zipfile.ZIP_BZIP2)
    body = patched_row(body, 8, b"\x01")
    with pytest.raises(Malformed, match=r"one\.npy is compressed by method 12"):
        read_directory(memoryview(body), named)

    assert read_directory(memoryview(body), lambda _: "") == []


def test_the_number_of_files_is_limited() -> None:
    """Reading the directory takes time for each file."""
    files = {f"file{n}.npy": b"" for n in range(MAX_ENTRIES + 1)}

    with pytest.raises(Malformed, match=f"more than {MAX_ENTRIES}"):
        read_directory(memoryview(archive(files)), named)
    files.popitem()
    assert len(read_directory(memoryview(archive(files)), named)) == MAX_ENTRIES


def cases() -> dict[str, tuple[bytes, str]]:
    """Archives that contradict themselves, and the error for each."""
    full, two_names = b"\xff" * 4, PLAIN.replace(b"two.npy", b"one.npy")
    second = PLAIN.rindex(b"PK\x01\x02")
    return {
        "nothing": (b"", "the end record of a zip is not at its end"),
        "bytes behind the end": (PLAIN + b"x", "the end record of a zip is not at its end"),
        "a disk of several": (patched(PLAIN, -18, b"\x01"), "it is one part of a split archive"),
        "fewer entries on this disk": (patched(PLAIN, -14, b"\x01"), "it is one part of a split archive"),
        "a zip64 directory that is not there": (patched(PLAIN, -6, full), "its zip64 record is missing"),
        "a directory behind the end": (patched(PLAIN, -6, b"\xff\xff"), "its directory does not lie inside it"),
        "a longer directory": (patched(PLAIN, -10, b"\xff"), "its directory does not lie inside it"),
        "a shorter directory": (patched(PLAIN, -10, b"\x69"), "its directory ends early"),
        "more entries": (patched(PLAIN, -14, b"\x03\0\x03\0"), "its directory ends early"),
        "fewer entries": (patched(PLAIN, -14, b"\x01\0\x01\0"), "bytes follow the last entry"),
        "a row that is none": (patched_row(PLAIN, 0, b"no"), "its directory cannot be read"),
        "a name without end": (patched_row(PLAIN, 28, b"\xff\xff"), "its directory ends early"),
        "encrypted": (patched_row(PLAIN, 8, b"\x01"), r"one\.npy is encrypted"),
        "encrypted by the local header": (patched(PLAIN, 6, b"\x01"), "contradicts the directory"),
        "a zip64 size that is not there": (patched_row(PLAIN, 24, full), "a zip64 size is missing"),
        "a name twice": (two_names, r"it holds one\.npy twice"),
        "an entry over another": (patched(PLAIN, second + 42, bytes(4)), "overlaps another array or lies outside"),
        "an entry outside": (patched_row(PLAIN, 42, b"\0\0\0\x80"), "overlaps another array or lies outside"),
        "content over the next entry": (patched_row(PLAIN, 20, b"\x08"), r"two\.npy overlaps another array"),
        "content outside": (patched_row(PLAIN, 20, b"\0\0\0\x7f"), "overlaps another array or lies outside"),
        "content of the last entry outside": (patched(PLAIN, second + 20, b"\x05"), r"two\.npy overlaps another array"),
        "no local header": (patched(PLAIN, 0, b"no"), "contradicts the directory"),
        "another method": (patched(PLAIN, 8, b"\x08"), "contradicts the directory"),
        "another name": (patched(PLAIN, 30, b"six"), "has another name than in the directory"),
    }


@pytest.mark.parametrize(("body", "why"), cases().values(), ids=cases())
def test_an_archive_that_contradicts_itself_is_refused(body: bytes, why: str) -> None:
    """Two readers could read different arrays from it."""
    with pytest.raises(Malformed, match=why):
        read_directory(memoryview(body), named)


@pytest.mark.parametrize("length", range(len(PLAIN)))
def test_a_truncated_archive_is_refused(length: int) -> None:
    """It must not be read as an archive of fewer arrays."""
    with pytest.raises(Malformed):
        read_directory(memoryview(PLAIN[:length]), named)


@given(st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), max_size=4))
def test_byte_ranges_lie_in_the_body_and_do_not_overlap(changes: list[tuple[int, int]]) -> None:
    """Overlapping ranges would inflate the same bytes many times."""
    body = bytearray(PLAIN)
    for at, byte in changes:
        body[at] = byte
    try:
        entries = read_directory(memoryview(body), named)
    except Malformed:
        return

    ranges = sorted((entry.byte_range.start, entry.byte_range.stop) for entry in entries)
    assert all(0 <= start <= stop <= len(body) for start, stop in ranges)
    assert all(stop <= start for (_, stop), (start, _) in itertools.pairwise(ranges))
