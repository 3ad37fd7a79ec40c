"""Plans of operators that pool planes: what tests ask of them beside what every plan has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import ElementType
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.fields import Sizes
from poolhouse.operators.operator import Operator
from poolhouse.operators.plan import Plan
from poolhouse.operators.plane_operator import PlaneOperator


def plane_spec(spec: Operator) -> PlaneOperator:
    """The spec as that of an operator that pools planes."""
    assert isinstance(spec, PlaneOperator)
    return spec


def spatial_of(plan: Plan) -> Sizes:
    """The input's spatial sizes."""
    return plane_spec(plan.spec).spatial_of(plan.plane_shape)


def planes_shape_of(plan: Plan) -> Sizes:
    """The shape of all planes: ``(P, *plane_shape)``."""
    return (plan.planes, *plan.plane_shape)


def random_inputs_of(plan: Plan, start: int, stop: int) -> Mapping[str, npt.NDArray[np.float64]]:
    """The random inputs of planes ``start`` to ``stop``."""
    return plane_spec(plan.spec).draw_random_inputs(plan.plane_shape, stop - start, start)


def kernel_of(spec: Operator, plane_shape: Sizes, dtype: ElementType) -> Kernel | None:
    """The compiled loops of a spec for planes of this shape, whatever they cost."""
    loops = plane_spec(spec).loops_of(plane_shape, dtype)
    return None if loops is None else loops.make()
