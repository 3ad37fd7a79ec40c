"""Loops over planes of one to three axes: maxima with and without flat indices, and sums."""

from __future__ import annotations

from poolhouse.kernels.joins import join, join_indexed, join_strided, join_strided_indexed, join_strided_sums, join_sums
from poolhouse.kernels.plane_reduction import make_plane_loop
from poolhouse.kernels.registry import loops
from poolhouse.kernels.stride_two import join_stride_two, join_stride_two_indexed, join_stride_two_sums

_SIGNATURE = "void(T*, int32*, T*, int64*, int64, int64, int64*, int64, T*, int32*)"
_ELEMENTS = ("float32", "float64", "int64")

plane_maxima = loops(_SIGNATURE, *_ELEMENTS, declared_as=(__name__, "plane_maxima"))(
    make_plane_loop(join, join_strided, join_stride_two, indexed=False, may_overlap=True)
)
plane_maxima_indexed = loops(_SIGNATURE, *_ELEMENTS, declared_as=(__name__, "plane_maxima_indexed"))(
    make_plane_loop(join_indexed, join_strided_indexed, join_stride_two_indexed, indexed=True, may_overlap=True)
)

plane_sums = loops(_SIGNATURE, "float64", "int64", declared_as=(__name__, "plane_sums"))(
    make_plane_loop(join_sums, join_strided_sums, join_stride_two_sums, indexed=False, may_overlap=False)
)
