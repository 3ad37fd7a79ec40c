"""Read base64 as other programs write it: RFC 4648 in either alphabet, with or without padding, MIME's line breaks, and
behind the ``data:`` that a browser's FileReader puts in front.

Each of these can mean one sequence of bytes only, and protobuf's JSON accepts the same alphabets and padding. What
cannot be read is told by the first character at fault.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

from poolhouse.wire import json_pieces
from poolhouse.wire.quoting import clip

_SPACE: Final = b" \t\r\n"
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_STRANGE: Final = re.compile(r"[^A-Za-z0-9+/_= \t\r\n-]")
_RAW_TYPES: Final = ("", "application/octet-stream")
_LONGEST_HEAD: Final = 200
"""Beyond so many characters no comma ends the head of a data URL."""


class NotBase64(Exception):
    """Why a text cannot be read, as a clause behind its name."""


def read_base64(text: str | memoryview) -> bytes | bytearray:
    """The bytes that a text stands for, read in pieces.

    Args:
        text: a string, or the bytes of one that has no escapes.

    Raises:
        NotBase64: it stands for none.
    """
    begin = _after_head(text)
    elements = text[begin:]
    try:
        if len(elements) % 4 == 0 and elements[-3:] not in ("===", b"==="):
            # What most send; it need not be rewritten.
            return json_pieces.from_base64(elements)
    except ValueError:
        pass
    try:
        return _decoded(elements)
    except ValueError:
        raise NotBase64(_fault(text, begin)) from None


def _after_head(text: str | memoryview) -> int:
    """Where the base64 of a data URL begins; 0 where it is none."""
    head = text[:_LONGEST_HEAD]
    head = head if isinstance(head, str) else str(head, "latin-1")
    if head[:5].lower() != "data:":
        return 0
    words, comma, _ = head[5:].partition(",")
    media_type, *parameters = words.lower().split(";")
    if not comma or "base64" not in parameters:
        raise NotBase64("is a data URL that holds no base64; send the base64 of the elements.")
    if media_type not in _RAW_TYPES:
        raise NotBase64(f"is a data URL of {clip(media_type)}; the base64 here is that of raw elements.")
    return 5 + len(words) + 1


def _decoded(text: str | memoryview) -> bytearray:
    """The bytes, whatever the alphabet, the padding and the space between."""
    step = json_pieces.PACKED_BYTES // 3 * 4
    made, rest, is_padded = bytearray(), b"", False
    for start in range(0, len(text), step):
        if start:
            json_pieces.rest()
        some = text[start : start + step]
        rest += (some.encode("ascii") if isinstance(some, str) else bytes(some)).translate(_TO_STANDARD, _SPACE)
        if rest and is_padded:
            raise ValueError("padding in the middle")
        whole = len(rest) // 4 * 4
        made += _strict(rest[:whole])
        is_padded = rest[:whole].endswith(b"=")
        rest = rest[whole:]
    if rest and is_padded:
        raise ValueError("padding in the middle")
    return made + _strict(rest + b"=" * (-len(rest) % 4))


def _strict(quads: bytes) -> bytes:
    # Some versions take more padding than belongs there, and only where it is all in one text.
    if quads.endswith(b"==="):
        raise ValueError("too much padding")
    return binascii.a2b_base64(quads, strict_mode=True)


def _fault(text: str | memoryview, begin: int) -> str:
    """What is wrong with a text that cannot be decoded."""
    given = text if isinstance(text, str) else str(text, "latin-1")
    for start in range(begin, len(given), json_pieces.LOOKED_BYTES):
        if start > begin:
            json_pieces.rest()
        strange = _STRANGE.search(given, start, start + json_pieces.LOOKED_BYTES)
        if strange is None:
            continue
        return f"holds {clip(strange[0])} at character {strange.start()}, which is in neither alphabet of base64."
    end = given.find("=", begin)
    if end >= 0 and given[end:].strip("= \t\r\n"):
        return f"has its padding at character {end}, and more behind it; send the elements in one piece."
    return "ends within a byte, or is padded too far; characters are missing, or there is one too many."
