"""Tensors in files: npy, npz, safetensors, and images if Pillow is installed.

The format of an input is detected from its first bytes, so pipes and unusual names work. Array files are read by the
service's codecs, which validate everything and never unpickle.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final, Literal

import numpy as np

from poolhouse.errors import Malformed, Unprocessable
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import Codec
from poolhouse.wire.images.decoder import decode_picture
from poolhouse.wire.images.header import UINT8, UINT16
from poolhouse.wire.images.png_writer import encode_png
from poolhouse.wire.npy import NPY
from poolhouse.wire.npz import NPZ
from poolhouse.wire.safetensors import SAFETENSORS

Format = Literal["npy", "npz", "safetensors", "png", "jpeg"]

FORMATS: Final[Mapping[str, Format]] = {
    ".npy": "npy",
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
}
"""The format for each file name suffix."""

_CODECS: Final[Mapping[Format, Codec]] = {"npy": NPY, "npz": NPZ, "safetensors": SAFETENSORS}
_FIRST_BYTES: Final[Mapping[bytes, Format]] = {
    b"\x93NUMPY": "npy",
    b"PK": "npz",
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpeg",
}
_MAX_INFLATED_BYTES: Final = 2**36
"""The most bytes that a compressed npz may expand to: more than any service accepts."""


def holds_two_tensors(file_format: Format) -> bool:
    """Whether a file of this format can hold output and indices."""
    return file_format in ("npz", "safetensors")


def read_file(path: str) -> tuple[Format, Mapping[str, Tensor]]:
    """Read the tensors of a file by name. A single tensor, or one named ``output``, is renamed to ``input``.

    Args:
        path: a path, or ``-`` for standard input.

    Raises:
        Malformed, Unprocessable: the content is invalid in the format of its first bytes.
        OSError: the file cannot be read.
        ModuleNotFoundError: the file is an image, and Pillow is not installed.
    """
    content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    found = _detect_format(content)
    if found in ("png", "jpeg"):
        return found, {"input": _decode_image(content)}
    if found == "safetensors" and content[8:9] != b"{":
        raise Malformed("malformed_body", f"{_display_name(path)} is not an npy, npz, safetensors, PNG or JPEG file.")
    tensors: Mapping[str, Tensor] = _CODECS[found].decode(memoryview(content), {}, _MAX_INFLATED_BYTES).tensors
    if "input" not in tensors:
        # The output of one command is the input of the next in a pipe; and a single tensor may have any name.
        source = "output" if "output" in tensors else next(iter(tensors)) if len(tensors) == 1 else None
        tensors = {"input" if name == source else name: tensor for name, tensor in tensors.items()}
    return found, tensors


def write_file(path: str, file_format: Format, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors to a file, or to standard output.

    Args:
        path: a path, or ``-`` for standard output.
        file_format: the format.
        tensors: by name.

    Raises:
        Unprocessable: the output cannot be written as an image.
        OSError: the file cannot be written.
    """
    if file_format in ("png", "jpeg"):
        chunks: tuple[bytes | memoryview, ...] = (_encode_image(tensors["output"], file_format),)
    else:
        chunks = _CODECS[file_format].encode(Message(tensors)).chunks
    if path == "-":
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return
    with Path(path).open("wb") as file:
        file.writelines(chunks)


def _detect_format(content: bytes) -> Format:
    for first_bytes, file_format in _FIRST_BYTES.items():
        if content.startswith(first_bytes):
            return file_format
    # A safetensors file starts with an arbitrary length.
    return "safetensors"


def _display_name(path: str) -> str:
    return "standard input" if path == "-" else path


def _decode_image(content: bytes) -> Tensor:
    """Decode an image to uint8 or uint16 of shape (1, C, H, W)."""
    return decode_picture(memoryview(content), _MAX_INFLATED_BYTES)


def _encode_image(output: Tensor, file_format: Format) -> bytes:
    planes = output.array[0] if output.array.ndim == 4 and len(output.array) == 1 else output.array
    channels = (1, 3) if file_format == "jpeg" else (1, 2, 3, 4)
    dtypes = (UINT8,) if file_format == "jpeg" else (UINT8, UINT16)
    if output.dtype not in dtypes or planes.ndim != 3 or len(planes) not in channels or not planes.size:
        raise Unprocessable(
            "unsupported_dtype",
            f"A {file_format} file holds one {' or '.join(map(str, dtypes))} image with "
            f"{' or '.join(map(str, channels))} channels, "
            f"and the output is {output.dtype.name} of shape {output.shape}; write .npy, .npz or .safetensors.",
        )
    if file_format == "png":
        return encode_png(output)
    pixels = planes[0] if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0))
    encoded = io.BytesIO()
    # Imported by name: Pillow is an extra, needed only for images.
    import_module("PIL.Image").fromarray(pixels).save(encoded, file_format)
    return encoded.getvalue()
