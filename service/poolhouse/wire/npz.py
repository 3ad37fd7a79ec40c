"""The npz codec: a zip archive of npy files. Requests may store or deflate them; responses store them.

The sizes of the inflated arrays are checked against the limit before anything is inflated.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Final

from poolhouse.errors import TooLarge, Unprocessable
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.npy import array_touched_bytes, make_header, read_array
from poolhouse.wire.quoting import quote_clipped
from poolhouse.wire.zip.directory_reader import Entry, read_directory
from poolhouse.wire.zip.entry_reader import max_inflated_bytes, read_content
from poolhouse.wire.zip.records import DEFLATED
from poolhouse.wire.zip.writer import StoredFile, write_archive

_SUFFIX: Final = ".npy"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\.npy")
_MACOS_METADATA_FOLDER: Final = b"__MACOSX/"
"""Where the Finder puts metadata of a file, under the file's own name."""


def _array_file_name(raw_name: bytes) -> str:
    """The decoded name of an npy file; empty for other files, which are ignored.

    Raises:
        Unprocessable: no operator takes an array of this name.
    """
    if not raw_name.endswith(_SUFFIX.encode()) or raw_name.startswith(_MACOS_METADATA_FOLDER):
        return ""
    name = str(raw_name, "utf-8", "backslashreplace")
    if _NAME.fullmatch(name) is None:
        raise Unprocessable(
            "unknown_tensor",
            f"The npz file holds {quote_clipped(name.removesuffix(_SUFFIX))}, which no operator takes; "
            "name the array to pool 'input' (input=x), and omit others.",
        )
    return name


def _read_entries(body: memoryview, limit_bytes: int) -> list[Entry]:
    """The npy files in directory order."""
    entries = read_directory(body, _array_file_name)
    total = sum(entry.size for entry in entries)
    if total > limit_bytes:
        raise TooLarge(
            "body_too_large",
            f"The inflated arrays take {total} bytes, over the limit of {limit_bytes}; send fewer elements.",
            limit_bytes=limit_bytes,
        )
    return entries


def arrays_touched_bytes(body: memoryview) -> int:
    """Bytes that :func:`read_arrays` allocates beside the body or scans at most. The order of deflated elements is
    unknown, so it is assumed that they must be copied. Raises the same errors where the directory shows them."""
    total = 0
    for entry in _read_entries(body, sys.maxsize):
        if entry.method == DEFLATED:
            total += 2 * max_inflated_bytes(entry)
        else:
            total += array_touched_bytes(
                body[entry.byte_range], entry.name.removesuffix(_SUFFIX), entry.byte_range.start
            )
    return total


def read_arrays(body: memoryview, limit_bytes: int) -> dict[str, Tensor]:
    """The arrays by name, in directory order; other files of the archive are ignored.

    Returns:
        Views of ``body`` for arrays that are stored, aligned and in our order, else one copy each.

    Raises:
        Malformed: not a zip of npy files, or one that contradicts itself.
        Unprocessable: an array that no operator takes, or an unsupported element type.
        TooLarge: the inflated arrays take more than ``limit_bytes``.
    """
    arrays: dict[str, Tensor] = {}
    for entry in _read_entries(body, limit_bytes):
        name = entry.name.removesuffix(_SUFFIX)
        arrays[name] = read_array(read_content(body, entry), name)
    return arrays


class NpzCodec:
    """Arrays by name."""

    name = "npz"
    media_types = ("application/x-npz",)
    is_json = False
    holds_gil = False

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The arrays by name, the query as ``text_fields``."""
        arrays = read_arrays(body, limit_bytes)
        if not arrays:
            raise Unprocessable(
                "missing_tensor", "The npz file holds no array; name the one to pool 'input' (input=x)."
            )
        return Message(arrays, text_fields=dict(query))

    def decode_extra_bytes(self, body: memoryview) -> int:
        """The size of deflated arrays, and of arrays that must be copied or scanned."""
        return arrays_touched_bytes(body)

    def encode(self, message: Message) -> EncodedBody:
        """Every tensor by name, stored."""
        files = (
            StoredFile(f"{name}{_SUFFIX}", make_header(tensor), tensor.buffer)
            for name, tensor in message.tensors.items()
        )
        return EncodedBody(self.media_types[0], write_archive(files))

    def encode_extra_bytes(self, outputs: Mapping[str, TensorMetadata], json_encoding: str) -> int:
        """0: the body is views of the tensors."""
        return 0

    def accepts_outputs(self, count: int) -> bool:
        """Any number, by name."""
        return True


NPZ: Final = NpzCodec()
