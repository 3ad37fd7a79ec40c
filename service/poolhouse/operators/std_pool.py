"""std_pool, var_pool and their adaptive and global forms in one to three dimensions."""

from __future__ import annotations

from typing import ClassVar

from poolhouse.operators.forms import Reduction, reduction
from poolhouse.operators.operator import Refusal, Sample
from poolhouse.operators.skipping import Skipping
from poolhouse.operators.spread import Spread, correction_field

_SAMPLES = (
    Sample((6, 9, 8), {"correction": 1}),
    Sample((6, 9, 8), {"nan_policy": "omit", "return_valid": True}),
    Sample((6, 9, 8), {"ignore_value": 0}, dtype="uint16"),
)
_REFUSALS = (Refusal((8, 8, 8), {"correction": 2}, "invalid_fields"),)


@reduction("std_pool")
class StdPool(Reduction, Spread, Skipping):
    """The standard deviation of {windows}, in float64 from deviations of the mean."""

    source: ClassVar[str] = "numpy.std; torch.std"
    takes_root: ClassVar[bool] = True

    correction: int = correction_field()

    own_samples = _SAMPLES
    own_refusals = _REFUSALS


@reduction("var_pool")
class VarPool(Reduction, Spread, Skipping):
    """The variance of {windows}, in float64 from deviations of the mean."""

    source: ClassVar[str] = "numpy.var; torch.var"
    takes_root: ClassVar[bool] = False

    correction: int = correction_field()

    own_samples = _SAMPLES
    own_refusals = _REFUSALS
