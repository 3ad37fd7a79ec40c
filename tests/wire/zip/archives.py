"""Zip archives written by the standard library, and patched copies of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from poolhouse.wire.zip.records import CENTRAL_MAGIC


def archive(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    """An archive of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as opened:
        opened.comment = comment
        for name, content in files.items():
            opened.writestr(name, content)
    return out.getvalue()


def patched(body: bytes, at: int, replacement: bytes) -> bytes:
    """The archive with the bytes at ``at`` replaced; a negative offset counts from the end."""
    at %= len(body)
    return body[:at] + replacement + body[at + len(replacement) :]


def patched_row(body: bytes, at: int, replacement: bytes) -> bytes:
    """The same with ``at`` counted from the first row of the directory."""
    return patched(body, body.index(CENTRAL_MAGIC) + at, replacement)


def named(raw_name: bytes) -> str:
    """Decode a file's name for the reader; it ignores names that end in ``.txt``."""
    return "" if raw_name.endswith(b".txt") else raw_name.decode("ascii", "backslashreplace")
