"""Decode base64 as other programs write it: RFC 4648 in either alphabet, with or without padding, with MIME's line
breaks, and with the ``data:`` prefix of a browser's FileReader.

All of these are unambiguous, and protobuf's JSON accepts the same alphabets and padding. An error names the first
invalid character.
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
"""The prefix of a data URL ends with a comma within this length."""
_ESCAPE_LENGTHS: Final = (12, 6, 2)
"""The lengths of JSON escapes, longest first: a surrogate pair, ``\\u1234``, ``\\n``."""


class NotBase64(Exception):
    """Why a text cannot be decoded; the message continues a sentence after the name of the text."""


def invalid_character_error(character: str, position: int) -> NotBase64:
    """The error for a character in neither alphabet."""
    return NotBase64(
        f"holds {quote_clipped(character)} at character {position}, which is in neither alphabet of base64."
    )


def inner_padding_error(position: int) -> NotBase64:
    """The error for digits after padding."""
    return NotBase64(f"has padding at character {position} and digits after it; encode all elements in one piece.")


def invalid_length_error() -> NotBase64:
    """The error for a number of characters that no bytes encode to."""
    return NotBase64("ends within a byte or has too much padding; characters are missing, or there is one too many.")


def data_url_prefix_length(text: str) -> int:
    """The length of the prefix of a data URL, by the first characters of the text; 0 if it is no data URL.

    Raises:
        NotBase64: the data URL holds no base64, or another media type.
    """
    if text[:5].lower() != "data:":
        return 0
    words, comma, _ = text[5:MAX_PREFIX_CHARS].partition(",")
    media_type, *parameters = words.lower().split(";")
    if not comma or "base64" not in parameters:
        raise NotBase64("is a data URL that holds no base64; send the base64 of the elements.")
    if media_type not in _RAW_TYPES:
        raise NotBase64(f"is a data URL of {quote_clipped(media_type)}; send the base64 of raw elements.")
    return 5 + len(words) + 1


@dataclass(frozen=True, slots=True)
class ScannedBase64:
    """The base64 string of a tensor in a body, without its quotes."""

    text: memoryview
    begin: int
    end: int

    def decode(self) -> memoryview:
        """The decoded bytes.

        Raises:
            NotBase64: the string is no base64.
            Malformed: it is no valid JSON string.
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
        """The character at this offset, unescaped."""
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
