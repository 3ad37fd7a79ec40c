"""Writes a picture in npy as PNG, to look at it. Standard library alone.

Usage: python3 examples/npy_to_png.py IN.npy OUT.png, with uint8 of shape (1, 3, H, W) or (3, H, W) inside.
"""

import ast
import struct
import sys
import zlib
from pathlib import Path


def read_npy(raw: bytes) -> tuple[tuple[int, ...], bytes]:
    """The shape and the elements of an npy file of bytes in C order."""
    assert raw[:6] == b"\x93NUMPY", "this is no npy file"
    wide = raw[6] > 1
    (length,) = struct.unpack_from("<I" if wide else "<H", raw, 8)
    start = 12 if wide else 10
    header = ast.literal_eval(raw[start : start + length].decode("latin-1"))
    assert header["descr"] == "|u1", f"a picture holds uint8, this holds {header['descr']}"
    assert not header["fortran_order"], "the elements are not in C order"
    return header["shape"], raw[start + length :]


def png(width: int, height: int, planes: bytes) -> bytes:
    """A PNG of three planes: red, green, blue."""
    size = width * height
    pixels = bytearray(3 * size)
    for channel in range(3):
        pixels[channel::3] = planes[channel * size : (channel + 1) * size]
    # Every line begins with its filter; 0 is none.
    lines = b"".join(b"\0" + pixels[y * 3 * width : (y + 1) * 3 * width] for y in range(height))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


if __name__ == "__main__":
    source, target = sys.argv[1:]
    shape, elements = read_npy(Path(source).read_bytes())
    assert shape[:-3] in ((), (1,)), f"one picture has the shape (1, 3, H, W), this has {shape}"
    assert shape[-3] == 3, f"a picture has 3 channels, this has the shape {shape}"
    Path(target).write_bytes(png(shape[-1], shape[-2], elements))
    print(f"{target}: {shape[-1]} by {shape[-2]}")
