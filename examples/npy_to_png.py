"""Convert an image in npy format to PNG. Needs only the standard library.

Usage: python3 examples/npy_to_png.py IN.npy OUT.png, where IN.npy is uint8 of shape (1, 3, H, W) or (3, H, W).
"""

import ast
import struct
import sys
import zlib
from pathlib import Path


def read_npy(raw: bytes) -> tuple[tuple[int, ...], bytes]:
    """Read the shape and the elements of an npy file of uint8 in C order."""
    assert raw[:6] == b"\x93NUMPY", "the file is not in npy format"
    has_long_header = raw[6] > 1
    (length,) = struct.unpack_from("<I" if has_long_header else "<H", raw, 8)
    start = 12 if has_long_header else 10
    header = ast.literal_eval(raw[start : start + length].decode("latin-1"))
    assert header["descr"] == "|u1", f"the array has the type {header['descr']}, not uint8"
    assert not header["fortran_order"], "the elements are not in C order"
    return header["shape"], raw[start + length :]


def png(width: int, height: int, planes: bytes) -> bytes:
    """Encode a PNG from three planes: red, green, blue."""
    size = width * height
    pixels = bytearray(3 * size)
    for channel in range(3):
        pixels[channel::3] = planes[channel * size : (channel + 1) * size]
    # Each line starts with the number of its filter; 0 is no filter.
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
    assert shape[:-3] in ((), (1,)), f"the array has the shape {shape}, not that of one image, (1, 3, H, W)"
    assert shape[-3] == 3, f"the array has the shape {shape}, not 3 channels"
    Path(target).write_bytes(png(shape[-1], shape[-2], elements))
    print(f"{target}: {shape[-1]} by {shape[-2]}")
