"""global_lp_pool1d, global_lp_pool2d, global_lp_pool3d."""

from __future__ import annotations

from typing import ClassVar

from poolhouse.operators.adaptive import GlobalWindowOperator
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import field
from poolhouse.operators.norms import Norm, norm_type_field
from poolhouse.operators.operator import Refusal, Sample, operator


@operator("global_lp_pool")
class GlobalLPPool(GlobalWindowOperator, Norm):
    """The p-norm of each plane: lp_pool with one window.

    Computed in float64 and rounded once. ``absolute`` takes |x| before the power, which gives the mathematical norm and
    ONNX's GlobalLpPool; without it powers are signed, as in torch's lp_pool.
    """

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without keepdims."
    )
    source: ClassVar[str] = "torch.nn.functional.lp_pool2d over the whole plane; ONNX GlobalLpPool"

    norm_type: float = norm_type_field()
    absolute: bool = field(Flag(), "Whether to take |x| before the power: the norm.", default=False, example=True)

    samples = (
        Sample((5, 8, 8), {"norm_type": 2}),
        Sample((3, 7, 9), {"norm_type": 3, "absolute": True}),
        Sample((3, 7, 9), {"norm_type": "Infinity"}),
        Sample((3, 7, 9), {"norm_type": 1}, dtype="int16"),
    )
    refusals = (
        Refusal((8, 8, 8), {}, "invalid_fields"),
        Refusal((8, 8, 8), {"norm_type": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"norm_type": 2, "stride": 1}, "invalid_fields"),
    )
