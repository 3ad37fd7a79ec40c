"""Maxima of planes of one to three axes, with the flat index of each and without, and sums of large windows."""

from __future__ import annotations

from poolhouse.kernels.declaring import loops
from poolhouse.kernels.joins import join, join_indexed, join_sums, join_strided, pick_indexed, pick_sums
from poolhouse.kernels.near import join_near, join_near_indexed, sum_near
from poolhouse.kernels.reducing import plane_loop

_SIGNATURE = "void(T*, int32*, T*, int64*, int64, int64, int64*, int64, T*, int32*)"
_ELEMENTS = ("float32", "float64", "int64")

plane_maxima = loops(_SIGNATURE, *_ELEMENTS, declared_as=(__name__, "plane_maxima"))(
    plane_loop(join, join_strided, join_near, indexed=False, may_overlap=True)
)
plane_maxima_indexed = loops(_SIGNATURE, *_ELEMENTS, declared_as=(__name__, "plane_maxima_indexed"))(
    plane_loop(join_indexed, pick_indexed, join_near_indexed, indexed=True, may_overlap=True)
)

plane_sums = loops(_SIGNATURE, "float64", declared_as=(__name__, "plane_sums"))(
    plane_loop(join_sums, pick_sums, sum_near, indexed=False, may_overlap=False)
)
