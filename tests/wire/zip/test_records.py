"""The records are those that the zip specification and Python's ``zipfile`` lay out."""

from __future__ import annotations

import io
import zipfile
from struct import Struct

import pytest

from poolhouse.wire.zip.records import (
    CENTRAL,
    CENTRAL_MAGIC,
    DEFLATED,
    ENCRYPTED,
    END,
    END64,
    END64_MAGIC,
    END_MAGIC,
    LOCAL,
    LOCAL_MAGIC,
    LOCATOR64,
    LOCATOR64_MAGIC,
    STORED,
    ZIP64_ID,
    ZIP64_MARKER,
)
from tests.wire.zip.archives import archive

CONTENT = b"content" * 9


@pytest.mark.parametrize(
    ("record", "magic", "nbytes"),
    [
        (LOCAL, LOCAL_MAGIC, 30),
        (CENTRAL, CENTRAL_MAGIC, 46),
        (END, END_MAGIC, 22),
        (END64, END64_MAGIC, 56),
        (LOCATOR64, LOCATOR64_MAGIC, 20),
    ],
)
def test_a_record_is_as_long_as_specified(record: Struct, magic: bytes, nbytes: int) -> None:
    """Source: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16."""
    fields = record.unpack(magic.ljust(record.size, b"\0"))

    assert record.size == nbytes
    assert fields[0] == magic
    assert set(fields[1:]) == {0}
    assert record.pack(*fields) == magic.ljust(nbytes, b"\0")


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_the_fields_stand_where_the_standard_library_writes_them(method: int) -> None:
    """A wrong place would be read as another number."""
    body = archive({"one.npy": CONTENT}, method)
    with zipfile.ZipFile(io.BytesIO(body)) as opened:
        [info] = opened.infolist()

    local = LOCAL.unpack_from(body)
    start = body.index(CENTRAL_MAGIC)
    central = CENTRAL.unpack_from(body, start)
    end = END.unpack_from(body, body.index(END_MAGIC))

    sizes = (info.CRC, info.compress_size, info.file_size, len("one.npy"))
    assert (local[4], local[7:11]) == (method, sizes)
    assert (central[6], central[9:13], central[-1]) == (method, sizes, info.header_offset)
    assert end == (END_MAGIC, 0, 0, 1, 1, end[5], start, 0)
    assert body[LOCAL.size :].startswith(b"one.npy")
    assert end[5] == CENTRAL.size + len("one.npy")


def test_a_file_of_unknown_length_is_written_with_zip64() -> None:
    """The markers stand in the 32-bit fields, and the numbers in the extra field of its own id."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened, opened.open("one.npy", "w", force_zip64=True) as file:
        file.write(CONTENT)
    body = out.getvalue()

    local = LOCAL.unpack_from(body)

    assert local[8:10] == (ZIP64_MARKER, ZIP64_MARKER)
    extra = Struct("<2H2Q").unpack_from(body, LOCAL.size + len("one.npy"))
    assert extra == (ZIP64_ID, 16, len(CONTENT), len(CONTENT))


def test_both_kinds_of_encryption_are_known() -> None:
    """Bit 0 for any, bit 6 for strong encryption; the others say nothing of it."""
    assert [bit for bit in range(16) if ENCRYPTED & 1 << bit] == [0, 6]
