"""Compiled: decode and encode base64 in a JSON string."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.registry import Flat, loop
from poolhouse.wire.json.decimal_to_float import int64
from poolhouse.wire.json.list_scanner import parse_unicode_escape

# The kinds of a character that is none of the 64 digits.
_PAD: Final = 64
_SPACE: Final = 65
_ESCAPE: Final = 66
_INVALID: Final = 67
_CONTROL: Final = 68

# Error results of decoding; results from 0 on are the number of bytes.
INNER_PADDING: Final = -2
INVALID_LENGTH: Final = -3
INVALID_CHARACTER: Final = -4


def _character_kinds() -> npt.NDArray[np.uint8]:
    """The kind of each character in a JSON string; from 256 on, of each character that an escape stands for."""
    kinds = np.full(512, _INVALID, np.uint8)
    kinds[:32] = _CONTROL
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    for each in (kinds[:256], kinds[256:]):
        each[list(alphabet)] = np.arange(62)
        each[list(b"+-/_")] = 62, 62, 63, 63
        each[ord("=")], each[ord(" ")] = _PAD, _SPACE
    kinds[ord("\\")] = _ESCAPE
    kinds[[256 + ord(each) for each in "\r\n\t"]] = _SPACE
    return kinds


_CHARACTER_KINDS: Final = _character_kinds()
_DIGITS: Final = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)


@loop("int64(uint8*, int64, int64, uint8*, int64*)")
def decode_base64(text: Flat, at: int, end: int, out: Flat, found: Flat) -> int:
    """Decode the characters between the quotes of a string.

    Args:
        text: holds the string from ``at`` to ``end``, with its JSON escapes.
        out: receives the bytes, three for four characters.
        found: receives the position of the invalid character, counted in characters, and its offset in the text.

    Returns:
        the number of bytes, or an error below 0.
    """
    count, characters, padding, pad_character, digits = 0, 0, 0, -1, 0
    group, status = 0, 0
    while at < end:
        if digits & 3 == 0 and padding == 0:
            while at + 4 <= end:
                first, second = int64(_CHARACTER_KINDS[text[at]]), int64(_CHARACTER_KINDS[text[at + 1]])
                third, fourth = int64(_CHARACTER_KINDS[text[at + 2]]), int64(_CHARACTER_KINDS[text[at + 3]])
                if (first | second | third | fourth) >= 64:
                    break
                group = (first << 18) | (second << 12) | (third << 6) | fourth
                out[count] = group >> 16
                out[count + 1] = (group >> 8) & 255
                out[count + 2] = group & 255
                count += 3
                at += 4
                characters += 4
                digits += 4
            if at >= end:
                break
        begin = at
        kind = int64(_CHARACTER_KINDS[text[at]])
        at += 1
        if kind == _ESCAPE:
            character = int64(text[at]) if at < end else 0
            at += 1
            if character == 117:
                character = parse_unicode_escape(text, at) if at + 4 <= end else -1
                at += 4
            elif character == 110 or character == 114 or character == 116:
                character = 32
            elif character != 47:
                character = -1
            kind = int64(_CHARACTER_KINDS[256 + character]) if 0 <= character < 256 else _INVALID
        if kind >= _INVALID:
            found[0], found[1] = characters, begin
            return INVALID_CHARACTER
        if kind == _PAD:
            padding += 1
            if pad_character < 0:
                pad_character = characters
        elif kind < 64:
            if padding > 0:
                status = INNER_PADDING
            group = (group << 6) | kind
            digits += 1
            if digits & 3 == 0 and status == 0:
                out[count] = (group >> 16) & 255
                out[count + 1] = (group >> 8) & 255
                out[count + 2] = group & 255
                count += 3
        characters += 1
    if status != 0:
        found[0] = pad_character
        return status
    last = digits & 3
    if last == 1 or padding > (4 - last if last else 0):
        return INVALID_LENGTH
    if last >= 2:
        out[count] = (group >> (4 if last == 2 else 10)) & 255
        count += 1
    if last == 3:
        out[count] = (group >> 2) & 255
        count += 1
    return count


@loop("int64(uint8*, int64, uint8*, int64)")
def encode_base64(elements: Flat, count: int, out: Flat, at: int) -> int:
    """Write bytes as padded base64 from ``at`` on; returns the end."""
    whole = count - count % 3
    for place in range(0, whole, 3):
        group = (int64(elements[place]) << 16) | (int64(elements[place + 1]) << 8) | int64(elements[place + 2])
        out[at] = _DIGITS[group >> 18]
        out[at + 1] = _DIGITS[(group >> 12) & 63]
        out[at + 2] = _DIGITS[(group >> 6) & 63]
        out[at + 3] = _DIGITS[group & 63]
        at += 4
    if count == whole:
        return at
    group = int64(elements[whole]) << 16
    if count - whole == 2:
        group |= int64(elements[whole + 1]) << 8
    out[at] = _DIGITS[group >> 18]
    out[at + 1] = _DIGITS[(group >> 12) & 63]
    out[at + 2] = _DIGITS[(group >> 6) & 63] if count - whole == 2 else 61
    out[at + 3] = 61
    return at + 4
