"""Long work on a JSON text done piece by piece, so that other threads get their turn.

Parser, numpy and ``bytes.count`` each keep the interpreter to themselves for as long as one call takes, a tenth of a
second for a large body, and an event loop that needs it a dozen times for one small request waits as often.
"""

from __future__ import annotations

import binascii
import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

LOOKED_BYTES: Final = 2 * 1024 * 1024
"""About half a millisecond of looking for a word, or of copying."""
PIECE_ELEMENTS: Final = 32 * 1024
"""As much of making an array."""
PRINTED_BYTES: Final = 512 * 1024
"""As much of printing one, by the longest text that it can have."""
PIECE_BYTES: Final = 128 * 1024
"""About half a millisecond of the parser."""
WHOLE_BYTES: Final = 1024 * 1024
"""A text that cannot be cut is read up to here: about ten milliseconds of the parser."""
PACKED_BYTES: Final = 3 * 128 * 1024
"""As much of base64; a multiple of three, so that only the last piece has padding."""


def rest() -> None:
    """Let another thread have the interpreter, if one waits for it. Asked for by zero, it would be back too soon."""
    time.sleep(2e-5)


def forget(entries: list[Any]) -> None:
    """Empty a long list: all at once it would hold up everyone else."""
    while entries:
        del entries[-PIECE_ELEMENTS:]
        if entries:
            rest()


def count(text: bytes | bytearray, word: bytes) -> int:
    """What ``text.count(word)`` gives, for a word that does not overlap itself."""
    if len(text) <= 2 * LOOKED_BYTES:
        return text.count(word)
    found = 0
    for start in range(0, len(text), LOOKED_BYTES):
        if len(word) == 1:
            found += int(np.count_nonzero(_stands(text, start, word[0])))
        # To see that there is no first letter is several times as fast.
        elif text.find(word[:1], start, start + LOOKED_BYTES) >= 0:
            # So far that one which lies across the border is counted once, on the side where it begins.
            found += text.count(word, start, start + LOOKED_BYTES + len(word) - 1)
        rest()
    return found


def places(text: bytes | bytearray, byte: int) -> list[int]:
    """Where this byte stands, in order."""
    found: list[int] = []
    for start in range(0, len(text), LOOKED_BYTES):
        found += (np.flatnonzero(_stands(text, start, byte)) + start).tolist()
        rest()
    return found


def _stands(text: bytes | bytearray, start: int, byte: int) -> npt.NDArray[np.bool_]:
    """numpy compares faster than ``bytes.count`` looks, and without the interpreter."""
    size = min(LOOKED_BYTES, len(text) - start)
    return np.equal(np.frombuffer(text, np.uint8, size, start), byte)


def copy(body: memoryview) -> bytes | bytearray:
    """The body as bytes that can be searched."""
    if len(body) <= 2 * LOOKED_BYTES:
        return bytes(body)
    made = bytearray(len(body))
    for start in range(0, len(body), LOOKED_BYTES):
        made[start : start + LOOKED_BYTES] = body[start : start + LOOKED_BYTES]
        rest()
    return made


def to_base64(elements: memoryview) -> Iterator[bytes]:
    """What ``binascii.b2a_base64`` gives, without the line's end."""
    for start in range(0, len(elements), PACKED_BYTES):
        if start:
            rest()
        yield binascii.b2a_base64(elements[start : start + PACKED_BYTES], newline=False)


def from_base64(text: str | memoryview) -> bytes | bytearray:
    """What ``binascii.a2b_base64`` gives in its strict mode.

    Raises:
        ValueError: as it does.
    """
    step = PACKED_BYTES // 3 * 4
    if len(text) <= 2 * step:
        return binascii.a2b_base64(text, strict_mode=True)
    made = bytearray()
    for start in range(0, len(text), step):
        if len(made) != start // 4 * 3:
            raise ValueError("padding in the middle")
        made += binascii.a2b_base64(text[start : start + step], strict_mode=True)
        rest()
    return made
