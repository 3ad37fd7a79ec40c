"""Parsed numbers become elements of the requested type, rounded or refused."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Unprocessable
from poolhouse.wire.json.narrowing import narrow_floats, narrow_integers
from poolhouse.wire.json.refusals import ElementChecker

_OVERFLOWS = {"float16": 65520.0, "bfloat16": float.fromhex("0x1.ffp127"), "float32": 2.0**128 - 2.0**103}


def _checker(name: str) -> ElementChecker:
    return ElementChecker("input", ELEMENT_TYPES[name], "/input")


def _bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", _OVERFLOWS)
def test_the_least_overflowing_number_is_refused(name: str, sign: int) -> None:
    """JSON has no infinity, so rounding must not make one; the number before it is valid."""
    least = _OVERFLOWS[name]
    below = np.nextafter(least, 0)

    narrow_floats(np.array([sign * below]), _bits(below), _checker(name), (1,))

    with pytest.raises(Unprocessable, match="too large") as caught:
        narrow_floats(np.array([0, np.inf, sign * least, np.nan]), _bits(np.nan), _checker(name), (2, 2))
    assert caught.value.problems[0].pointer == "/input/1/0"


@pytest.mark.parametrize("name", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
def test_integers_keep_their_bounds(name: str) -> None:
    """The ends of the range are valid, and the next number must not wrap around."""
    bounds = np.iinfo(name)
    ends = [bounds.min, bounds.max]

    assert narrow_integers(np.array(ends, np.int64), _checker(name), (2,)).tolist() == ends

    for outside in (bounds.min - 1, bounds.max + 1):
        with pytest.raises(Unprocessable) as caught:
            narrow_integers(np.array([0, outside], np.int64), _checker(name), (1, 2))
        assert caught.value.problems[0].pointer == "/input/0/1"
