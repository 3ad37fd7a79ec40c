"""Read base64 as other programs write it: RFC 4648 in either alphabet, with or without padding, MIME's line breaks, and
behind the ``data:`` that a browser's FileReader puts in front.

Each of these can mean one sequence of bytes only, and protobuf's JSON accepts the same alphabets and padding. What
cannot be read is told by the first character at fault.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np

from poolhouse.errors import Malformed
from poolhouse.wire.json.base64_loops import INNER_PADDING, INVALID_LENGTH, decode_base64
from poolhouse.wire.json.refusals import json_syntax_error, strict_loads
from poolhouse.wire.quoting import quote_clipped

_RAW_TYPES: Final = ("", "application/octet-stream")
MAX_PREFIX_CHARS: Final = 200
"""Beyond so many characters no comma ends the head of a data URL."""
_ESCAPE_LENGTHS: Final = (12, 6, 2)
"""How many bytes an escape takes; of a surrogate pair most."""


class NotBase64(Exception):
    """Why a text cannot be read, as a clause behind its name."""


def invalid_character_error(character: str, position: int) -> NotBase64:
    """A character that is in neither alphabet."""
    return NotBase64(
        f"holds {quote_clipped(character)} at character {position}, which is in neither alphabet of base64."
    )


def inner_padding_error(position: int) -> NotBase64:
    """Padding, and more behind it."""
    return NotBase64(f"has its padding at character {position}, and more behind it; send the elements in one piece.")


def invalid_length_error() -> NotBase64:
    """A number of characters that no bytes have."""
    return NotBase64("ends within a byte, or is padded too far; characters are missing, or there is one too many.")


def data_url_prefix_length(text: str) -> int:
    """Where the base64 of a data URL begins, by the beginning of it; 0 where it is none.

    Raises:
        NotBase64: it is one that holds something else.
    """
    if text[:5].lower() != "data:":
        return 0
    words, comma, _ = text[5:MAX_PREFIX_CHARS].partition(",")
    media_type, *parameters = words.lower().split(";")
    if not comma or "base64" not in parameters:
        raise NotBase64("is a data URL that holds no base64; send the base64 of the elements.")
    if media_type not in _RAW_TYPES:
        raise NotBase64(f"is a data URL of {quote_clipped(media_type)}; the base64 here is that of raw elements.")
    return 5 + len(words) + 1


@dataclass(frozen=True, slots=True)
class ScannedBase64:
    """A string of a body, from behind its first quote to its last."""

    text: memoryview
    begin: int
    end: int

    def decode(self) -> memoryview:
        """The bytes that it stands for.

        Raises:
            NotBase64: it stands for none.
            Malformed: it is no string of JSON.
        """
        begin, characters = self.begin, 0
        head = bytes(self.text[begin : min(begin + MAX_PREFIX_CHARS, self.end)])
        if head[:5].lower() == b"data:":
            head = head[: head.find(b",") + 1] or head[:5]
            characters = data_url_prefix_length(str(strict_loads(b'"%b"' % head)))
            begin += len(head)
        out = np.empty((self.end - begin) // 4 * 3 + 3, np.uint8)
        found = np.zeros(2, np.int64)
        count = decode_base64(np.frombuffer(self.text.toreadonly(), np.uint8), begin, self.end, out, found)
        if count >= 0:
            return out[:count].data
        if count == INNER_PADDING:
            raise inner_padding_error(characters + int(found[0]))
        if count == INVALID_LENGTH:
            raise invalid_length_error()
        raise invalid_character_error(self._character_at(int(found[1])), characters + int(found[0]))

    def _character_at(self, at: int) -> str:
        """The character that stands there, its escape undone."""
        if self.text[at] < 32:
            raise json_syntax_error(self.text, "unexpected control character in string", at)
        if self.text[at] != ord("\\"):
            characters = bytes(self.text[at : at + 4]).decode(errors="ignore")
            if not characters or (self.text[at] >= 128 and ord(characters[0]) < 128):
                raise json_syntax_error(self.text, "UTF-8", at)
            return characters[0]
        for length in _ESCAPE_LENGTHS:
            with suppress(Malformed):
                return str(strict_loads(b'"%b"' % bytes(self.text[at : min(at + length, self.end)])))[0]
        raise json_syntax_error(self.text, "invalid escaped sequence in string", at)
