"""The orientation in EXIF metadata; everything else of it is passed over.

Source: Exif 2.32, section 4.6.4, and TIFF 6.0, "Image File Directory".
"""

from __future__ import annotations

import struct
from typing import Final

_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_MAX_ENTRIES: Final = 512


def read_orientation(exif: bytes) -> int:
    """The orientation of EXIF metadata that begins with its TIFF header: 1 to 8; 1 if there is none or it is broken.

    As in viewers, broken metadata does not make a picture unreadable.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for index in range(min(count, _MAX_ENTRIES)):
        at = start + 2 + 12 * index
        if at + 12 > len(exif):
            break
        tag, kind, values, value = struct.unpack_from(f"{order}HHIH", exif, at)
        if tag == _ORIENTATION:
            return value if kind == _SHORT and values == 1 and 1 <= value <= 8 else 1
    return 1
