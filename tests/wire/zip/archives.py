"""Archives as the standard library writes them, and changed in one place."""

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
    """The archive with these bytes in place of those at ``at``, which is counted from the end where it is negative."""
    at %= len(body)
    return body[:at] + replacement + body[at + len(replacement) :]


def patched_row(body: bytes, at: int, replacement: bytes) -> bytes:
    """The same, ``at`` counted from the first row of the directory."""
    return patched(body, body.index(CENTRAL_MAGIC) + at, replacement)


def named(raw_name: bytes) -> str:
    """A file's name for the reader; those that end in ``.txt`` are passed over."""
    return "" if raw_name.endswith(b".txt") else raw_name.decode("ascii", "backslashreplace")
