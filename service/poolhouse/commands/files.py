"""Tensors in files: npy, npz, safetensors, and pictures where Pillow is installed.

What is read is told by its first bytes, so pipes and odd names work. The formats are read by the codecs of the wire,
which take nothing on trust and never unpickle.
"""

from __future__ import annotations

import io
import struct
import sys
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final, Literal

import numpy as np

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Malformed, Unprocessable
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import Codec
from poolhouse.wire.npy import NPY
from poolhouse.wire.npz import NPZ
from poolhouse.wire.safetensors import SAFETENSORS

UINT8: Final = ELEMENT_TYPES["uint8"]

Format = Literal["npy", "npz", "safetensors", "png", "jpeg"]

FORMATS: Final[Mapping[str, Format]] = {
    ".npy": "npy",
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
}
"""By the suffix of a file's name."""

_CODECS: Final[Mapping[Format, Codec]] = {"npy": NPY, "npz": NPZ, "safetensors": SAFETENSORS}
_FIRST_BYTES: Final[Mapping[bytes, Format]] = {
    b"\x93NUMPY": "npy",
    b"PK": "npz",
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpeg",
}
_MAX_INFLATED_BYTES: Final = 2**36
"""What a deflated npz may unfold to: more than any service takes."""
_IMAGE_MODES: Final = ("L", "LA", "RGB", "RGBA")


def holds_two_tensors(file_format: Format) -> bool:
    """Whether one file of this format holds output and indices."""
    return file_format in ("npz", "safetensors")


def read_file(path: str) -> tuple[Format, Mapping[str, Tensor]]:
    """The tensors of a file by name; a lone one, and the ``output`` of a command before, is called ``input``.

    Args:
        path: a path, or ``-`` for standard input.

    Raises:
        Malformed, Unprocessable: it is not what its first bytes say.
        OSError: it cannot be read.
        ModuleNotFoundError: a picture, and no Pillow.
    """
    content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    found = _detect_format(content)
    if found in ("png", "jpeg"):
        return found, {"input": _decode_image(content)}
    if found == "safetensors" and content[8:9] != b"{":
        raise Malformed("malformed_body", f"{_display_name(path)} is no npy, npz, safetensors, PNG or JPEG file.")
    tensors: Mapping[str, Tensor] = _CODECS[found].decode(memoryview(content), {}, _MAX_INFLATED_BYTES).tensors
    if "input" not in tensors:
        # What one command wrote is what the next one pools; and a lone array needs no name.
        source = "output" if "output" in tensors else next(iter(tensors)) if len(tensors) == 1 else None
        tensors = {"input" if name == source else name: tensor for name, tensor in tensors.items()}
    return found, tensors


def write_file(path: str, file_format: Format, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors to a file, or to standard output.

    Args:
        path: a path, or ``-``.
        file_format: the format.
        tensors: by name.

    Raises:
        Unprocessable: they make no picture.
        OSError: it cannot be written.
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
    for first, kind in _FIRST_BYTES.items():
        if content.startswith(first):
            return kind
    # Its first bytes are a length.
    return "safetensors"


def _display_name(path: str) -> str:
    return "standard input" if path == "-" else path


def _decode_image(content: bytes) -> Tensor:
    """(1, C, H, W) of uint8."""
    # By name: it is an extra, and only pictures want it.
    image = import_module("PIL.Image")
    try:
        with warnings.catch_warnings():
            # Notes beside the picture that cannot be read are no concern of who pools its elements.
            warnings.simplefilter("ignore", UserWarning)
            # A picture that unfolds to gigabytes is refused, not only remarked on.
            warnings.simplefilter("error", image.DecompressionBombWarning)
            opened = image.open(io.BytesIO(content))
            if opened.mode.startswith(("I", "F")):
                raise Unprocessable(
                    "unsupported_dtype",
                    f"The picture has elements of mode {opened.mode}; give 8 bits a channel, or npy.",
                )
            # A camera held upright writes rows that lie, and says so beside them; what we write says nothing.
            opened = import_module("PIL.ImageOps").exif_transpose(opened)
            if opened.mode not in _IMAGE_MODES:
                opened = opened.convert(
                    "RGBA" if "transparency" in opened.info else "L" if opened.mode == "1" else "RGB"
                )
            pixels = np.asarray(opened)
    except (
        OSError,
        SyntaxError,
        ValueError,
        struct.error,
        image.DecompressionBombWarning,
        image.DecompressionBombError,
    ) as fault:
        raise Malformed("malformed_body", f"The picture cannot be read: {fault}.") from None
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return Tensor(UINT8, np.ascontiguousarray(planes[None]))


def _encode_image(output: Tensor, file_format: Format) -> bytes:
    planes = output.array[0] if output.array.ndim == 4 and len(output.array) == 1 else output.array
    channels = (1, 3) if file_format == "jpeg" else (1, 2, 3, 4)
    if output.dtype is not UINT8 or planes.ndim != 3 or len(planes) not in channels or not planes.size:
        raise Unprocessable(
            "unsupported_dtype",
            f"A {file_format} file holds one picture of uint8 with {' or '.join(map(str, channels))} channels, "
            f"and this is {output.dtype.name} {output.shape}; write .npy, .npz or .safetensors.",
        )
    pixels = planes[0] if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0))
    into = io.BytesIO()
    import_module("PIL.Image").fromarray(pixels).save(into, file_format)
    return into.getvalue()
