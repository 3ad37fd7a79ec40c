"""What reductions in float64 have in common: integers answer float32, floats their own type."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import torch

from poolhouse.dtypes import FLOAT32, ElementKind, ElementType
from poolhouse.operators.device_kind import is_on_cpu

FLOAT64_TYPES: Final[Mapping[ElementKind, str]] = {
    "float": "Computed in float64, rounded once.",
    "integer": "Computed in float64; the output is float32.",
    "boolean": "1 and 0; the output is float32.",
}


def float_type(dtype: ElementType) -> ElementType:
    """The element type of the output for this input."""
    return dtype if dtype.kind == "float" else FLOAT32


def round_like(found: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """float64 results as the output type for this input, in memory of their own, with the same bits for every NaN.

    Torch's maxima and conversions give NaNs other bits in vectors than in their tails, which depend on other planes.
    """
    rounded = round_once(found, x.dtype) if x.is_floating_point() else found.to(torch.float32)
    owned = rounded.clone() if rounded.untyped_storage().data_ptr() == x.untyped_storage().data_ptr() else rounded
    return owned.masked_fill_(owned.isnan(), math.nan)


def converted(found: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Results in another float type, converted by torch; NaNs of 16 bits have the same bits wherever they lie."""
    rounded = found.to(dtype)
    return rounded.masked_fill_(rounded.isnan(), math.nan) if dtype.itemsize == 2 else rounded


def round_once(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """float64 rounded to the nearest element of a float type, ties to even; torch rounds halves to float32 before."""
    if dtype not in (torch.float16, torch.bfloat16):
        return values.to(dtype)
    narrow = values.to(torch.float32)
    wide = narrow.to(torch.float64)
    # Rounded to odd: truncated, and the last bit set if that changed the number. Then a second rounding is correct.
    grown, changed = wide.abs() > values.abs(), wide != values
    bits = (narrow.view(torch.int32) - grown.to(torch.int32)) | changed.to(torch.int32)
    return bits.view(torch.float32).to(dtype)


def exponential(x: torch.Tensor) -> torch.Tensor:
    """The exponential of each float64 element, with bits that do not depend on its position; see ``to_power``."""
    return _by_numpy(np.exp, x) if is_on_cpu(x) else x.exp()


def logarithm(x: torch.Tensor) -> torch.Tensor:
    """The natural logarithm of each float64 element, with bits that do not depend on its position."""
    return _by_numpy(np.log, x) if is_on_cpu(x) else x.log()


def square_root(x: torch.Tensor) -> torch.Tensor:
    """The square root of each float64 element, correctly rounded.

    On some processors torch calls a library whose roots may be wrong in the last place.
    """
    return _by_numpy(np.sqrt, x) if is_on_cpu(x) else x.sqrt()


def _by_numpy(function: Callable[..., object], x: torch.Tensor) -> torch.Tensor:
    with np.errstate(all="ignore"):
        return torch.from_numpy(np.asarray(function(x.contiguous().numpy())))
