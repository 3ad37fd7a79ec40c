"""Keep the sign of ``-0`` in JSON lists of floats: the parser reads it as the integer 0.

Go, .NET and C's ``%g`` print minus zero without a decimal point. Where a list holds floats, ``-0`` is rewritten to
``-0.0`` before the text is parsed.
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import orjson

_MINUS_ZERO: Final = re.compile(rb"-0[,\] \t\r\n]")
_ENDS: Final = np.isin(np.arange(256), np.frombuffer(b",] \t\r\n", np.uint8))
"""By byte: what may stand behind a number in a list."""


def has_minus_zero(text: bytes | bytearray) -> bool:
    """Whether there may be a minus zero without a point in a list of this text."""
    return _MINUS_ZERO.search(text) is not None


def loads_signed(text: bytes | bytearray) -> Any:
    """What ``orjson.loads`` gives, with every ``-0`` in a list as ``-0.0``; a string that holds one may differ.

    Raises:
        orjson.JSONDecodeError: as it does, and with the same place.
    """
    if not has_minus_zero(text):
        return orjson.loads(text)
    try:
        return orjson.loads(_with_points(text))
    except orjson.JSONDecodeError:
        # The points have moved what is wrong.
        return orjson.loads(text)


def _with_points(text: bytes | bytearray) -> bytes:
    found = np.frombuffer(text, np.uint8)
    begins = np.flatnonzero((found[:-2] == ord("-")) & (found[1:-1] == ord("0")) & _ENDS[found[2:]])
    # 1e-0 is one, and whole already.
    begins = begins[(found[begins - 1] | 0x20) != ord("e")]
    return np.insert(found, np.repeat(begins + 2, 2), np.tile(np.frombuffer(b".0", np.uint8), len(begins))).tobytes()
