"""Hostile pictures and forms, in the rows of :mod:`tests.hostile.hostile_bodies`."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Final

from tests.hostile.hostile_body import HostileBody
from tests.hostile.picture_files import chunk, field, file_part, form, jpeg, png, with_frame_size, with_many_scans

_PNG: Final = "image/png"
_JPEG: Final = "image/jpeg"
_FORM: Final = "multipart/form-data; boundary=limit"
_CONTROL: Final = chunk(b"acTL", struct.pack(">II", 2, 0))


def _row(name: str, media_type: str, make: Callable[[], bytes], *statuses: int) -> HostileBody:
    return HostileBody(name, media_type, make, statuses)


_PNG_ROWS: Final = (
    _row("png empty", _PNG, lambda: b"", 400),
    _row("png signature alone", _PNG, lambda: png()[:8], 400),
    _row("png truncated header", _PNG, lambda: png()[:20], 400),
    _row("png without end", _PNG, lambda: png()[:-12], 400),
    _row("png truncated pixels", _PNG, lambda: png(pixels=bytes(3)), 400),
    _row("png of no pixels", _PNG, lambda: png(size=(0, 2)), 400),
    _row("png bomb by its size", _PNG, lambda: png(size=(2**31 - 1, 2**31 - 1)), 413),
    _row("png bomb of 9000 x 9000", _PNG, lambda: png(size=(9000, 9000), pixels=bytes(9001 * 9000)), 413),
    _row("png over the limit", _PNG, lambda: png(size=(3000, 3000), pixels=bytes(3001 * 3000)), 413),
    _row("png one pixel wide and too high", _PNG, lambda: png(size=(1, 2**27)), 413),
    _row("png of more pixels than announced", _PNG, lambda: png(size=(2, 2), bits=3), 400),
    _row("png of an unknown colour", _PNG, lambda: png(colour=5), 400),
    _row("png of an unknown filter method", _PNG, lambda: png(methods=b"\0\1\0"), 400),
    _row("png of an unknown row filter", _PNG, lambda: png(pixels=b"\x09\0\0\0\0\0"), 400),
    _row("png of an unknown interlacing", _PNG, lambda: png(methods=b"\0\0\7"), 400),
    _row("png with a wrong checksum", _PNG, lambda: png()[:29] + bytes(4) + png()[33:], 400),
    _row("png with a chunk of 2 GiB", _PNG, lambda: png(chunk(b"tEXt", b"x", length=2**31 - 1)), 400),
    _row("png of damaged pixels", _PNG, lambda: png()[:43] + b"\xff\xff\xff" + png()[46:], 400),
    _row("png of 100,000 chunks before its pixels", _PNG, lambda: png(*[chunk(b"teXt")] * 100_000), 400),
    _row("png animated", _PNG, lambda: png(_CONTROL), 422),
    _row("png without pixels", _PNG, lambda: png()[:33] + chunk(b"IEND"), 400),
    _row("png palette without colours", _PNG, lambda: png(colour=3)[:33] + chunk(b"IEND"), 400),
    _row("png that is a gif", _PNG, lambda: b"GIF89a" + bytes(40), 400),
    _row("png that is a tiff", _PNG, lambda: b"II*\0" + bytes(40), 400),
    _row("png that is an svg", _PNG, lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400),
    _row("png that is a postscript", _PNG, lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", 400),
)
_JPEG_ROWS: Final = (
    _row("jpeg empty", _JPEG, lambda: b"", 400),
    _row("jpeg start alone", _JPEG, lambda: b"\xff\xd8\xff", 400),
    _row("jpeg truncated in its header", _JPEG, lambda: jpeg()[:100], 400),
    _row("jpeg truncated in its pixels", _JPEG, lambda: jpeg()[:-40], 400),
    _row("jpeg bomb by its size", _JPEG, lambda: with_frame_size(jpeg(), 65500, 65500), 413),
    _row("jpeg of no rows", _JPEG, lambda: with_frame_size(jpeg(), 16, 0), 400),
    _row("jpeg in cmyk", _JPEG, lambda: jpeg(mode="CMYK"), 422),
    _row("jpeg of 12 bits", _JPEG, lambda: jpeg().replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), 422),
    _row("jpeg lossless", _JPEG, lambda: jpeg().replace(b"\xff\xc0", b"\xff\xc3"), 422),
    _row("jpeg arithmetic", _JPEG, lambda: jpeg().replace(b"\xff\xc0", b"\xff\xc9"), 422),
    _row("jpeg with two frames", _JPEG, lambda: _with_two_frames(), 400),
    _row("jpeg of a million scans", _JPEG, lambda: _many_scans(), 400),
    _row("jpeg of 10,000 segments", _JPEG, lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 10_000 + jpeg()[2:], 400),
    _row("jpeg with a segment of length 0", _JPEG, lambda: b"\xff\xd8\xff\xfe\0\0" + jpeg()[2:], 400),
    _row("jpeg of fill bytes", _JPEG, lambda: b"\xff\xd8" + b"\xff" * 2**20, 400),
)
_FORM_ROWS: Final = (
    _row("form without boundary", "multipart/form-data", lambda: form(file_part(png())), 400),
    _row("form with an empty boundary", "multipart/form-data; boundary=", lambda: form(file_part(png())), 400),
    _row("form with a long boundary", f"multipart/form-data; boundary={'x' * 71}", lambda: b"", 400),
    _row("form with a boundary of other bytes", 'multipart/form-data; boundary="\x01"', lambda: b"", 400),
    _row("form empty", _FORM, lambda: b"", 400),
    _row("form of another boundary", _FORM, lambda: form(file_part(png()), boundary="other"), 400),
    _row("form without end", _FORM, lambda: form(file_part(png()), end=b""), 400),
    _row("form with bytes behind its end", _FORM, lambda: form(file_part(png())) + b"more", 400),
    _row("form of endless headers", _FORM, lambda: b"--limit\r\n" + b"X: " + b"x" * 2**20, 400),
    _row("form of 1000 headers", _FORM, lambda: form(("\r\n".join(["a: b"] * 1000), b"")), 400),
    _row("form of 10,000 parts", _FORM, lambda: form(*[field(f"f{n}") for n in range(10_000)]), 400),
    _row("form of a part without name", _FORM, lambda: form(("Content-Disposition: form-data", b"2")), 400),
    _row("form of a part without disposition", _FORM, lambda: form(("Content-Type: image/png", png())), 400),
    _row("form with a huge field", _FORM, lambda: form(field("kernel_size", "2" * 2**20), file_part(png())), 400),
    _row("form with a field twice", _FORM, lambda: form(field("stride"), field("stride"), file_part(png())), 422),
    _row("form without file", _FORM, lambda: form(field("kernel_size")), 422),
    _row("form with two files", _FORM, lambda: form(file_part(png()), file_part(png())), 422),
    _row("form with an empty file", _FORM, lambda: form(file_part(b"")), 400),
    _row("form in a form", _FORM, lambda: form(file_part(form(boundary="b"), "f", "multipart/mixed; boundary=b")), 415),
    _row("form with json", _FORM, lambda: form(file_part(b"{}", "a.json", "application/json")), 415),
    _row("form with a gif", _FORM, lambda: form(file_part(b"GIF89a", "a.gif", "image/gif")), 415),
    _row("form with a zip bomb's name", _FORM, lambda: form(file_part(zlib.compress(bytes(99)), "a.npz", "")), 400),
    _row("form in base64", _FORM, lambda: form((f"{field('a')[0]}\r\nContent-Transfer-Encoding: base64", b"")), 400),
    _row("form of a field that is not UTF-8", _FORM, lambda: form((field("a")[0], b"\xff"), file_part(png())), 400),
    _row("form of a picture bomb", _FORM, lambda: form(file_part(png(size=(2**20, 2**20)))), 413),
)
ROWS: Final[tuple[HostileBody, ...]] = (*_PNG_ROWS, *_JPEG_ROWS, *_FORM_ROWS)


def _with_two_frames() -> bytes:
    file = jpeg()
    at = file.index(b"\xff\xc0")
    frame = file[at : at + 19]
    return file[:at] + frame + file[at:]


def _many_scans() -> bytes:
    file = with_many_scans(jpeg(size=(1100, 1100), progressive=True), 3)
    scan = file[file.rindex(b"\xff\xda") : -2][:60]
    return file[:-2] + scan * 30_000 + file[-2:]
