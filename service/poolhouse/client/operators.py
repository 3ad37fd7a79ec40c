"""The operators as methods of both clients, generated from the catalogue by scripts/generate."""

# ruff: noqa: A002, since input is torch's name for it

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeVar, cast, overload

from poolhouse.client.arrays import SupportsDLPack
from poolhouse.client.results import Pooled

ArrayT = TypeVar("ArrayT", bound=SupportsDLPack | Sequence[object])
"""The output has the type of the input: numpy for numpy, torch for torch, lists for lists."""

TAKES_INDICES: Final = frozenset({"max_unpool1d", "max_unpool2d", "max_unpool3d"})
"""Operators that take ``indices`` beside the input."""


class Operators:
    """One method per operator; :class:`Client` implements ``_pool``."""

    def _pool(
        self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]
    ) -> Pooled[object, object | None]:
        raise NotImplementedError

    def adaptive_avg_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_avg_pool1d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_avg_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_avg_pool2d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_avg_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_avg_pool3d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_max_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_max_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_max_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def avg_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = self._pool(
            "avg_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "ceil_mode": ceil_mode,
                "count_include_pad": count_include_pad,
                "divisor_override": divisor_override,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def avg_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = self._pool(
            "avg_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "ceil_mode": ceil_mode,
                "count_include_pad": count_include_pad,
                "divisor_override": divisor_override,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def avg_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = self._pool(
            "avg_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "ceil_mode": ceil_mode,
                "count_include_pad": count_include_pad,
                "divisor_override": divisor_override,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def fractional_max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: Literal[False] = False,
        seed: int | None = None,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def fractional_max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        *,
        return_indices: Literal[True],
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def fractional_max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        *,
        return_indices: bool,
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def fractional_max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window at pseudo-random, evenly spread positions, and optionally its index.

        Each (n, c) plane has its own windows, drawn from ``seed``. Equal requests therefore get equal results, whatever
        else is in their batch. Without a seed the service draws one and returns it in the response header
        ``Pool-Seed``. Window i of O along an axis starts at ``int((i + u)·alpha) - int(u·alpha)`` with
        ``alpha = (L - k)/(O - 1)``, the last at ``L - k``, computed in float64. Plane p's samples are row p of
        ``numpy.random.Generator(numpy.random.PCG64(seed)).random((N·C, rank))``, in the order of torch's
        ``_random_samples``: W, H in 2-D; D, H, W in 3-D.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            output_size: Number of windows along each axis; this or output_ratio.
            output_ratio: Number of windows along each axis as a fraction of its length; this or output_size.
            return_indices: Whether to return the index of each value too.
            seed: Seed of the window positions; the service draws one when it is not given.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size`` or
                ``int(L · output_ratio)``; ``output_size + kernel_size - 1 <= L``.
        """
        pooled = self._pool(
            "fractional_max_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "output_size": output_size,
                "output_ratio": output_ratio,
                "return_indices": return_indices,
                "seed": seed,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def fractional_max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: Literal[False] = False,
        seed: int | None = None,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def fractional_max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        *,
        return_indices: Literal[True],
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def fractional_max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        *,
        return_indices: bool,
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def fractional_max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window at pseudo-random, evenly spread positions, and optionally its index.

        Each (n, c) plane has its own windows, drawn from ``seed``. Equal requests therefore get equal results, whatever
        else is in their batch. Without a seed the service draws one and returns it in the response header
        ``Pool-Seed``. Window i of O along an axis starts at ``int((i + u)·alpha) - int(u·alpha)`` with
        ``alpha = (L - k)/(O - 1)``, the last at ``L - k``, computed in float64. Plane p's samples are row p of
        ``numpy.random.Generator(numpy.random.PCG64(seed)).random((N·C, rank))``, in the order of torch's
        ``_random_samples``: W, H in 2-D; D, H, W in 3-D.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            output_size: Number of windows along each axis; this or output_ratio.
            output_ratio: Number of windows along each axis as a fraction of its length; this or output_size.
            return_indices: Whether to return the index of each value too.
            seed: Seed of the window positions; the service draws one when it is not given.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size`` or
                ``int(L · output_ratio)``; ``output_size + kernel_size - 1 <= L``.
        """
        pooled = self._pool(
            "fractional_max_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "output_size": output_size,
                "output_ratio": output_ratio,
                "return_indices": return_indices,
                "seed": seed,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def global_avg_pool1d(
        self,
        input: ArrayT,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = self._pool(
            "global_avg_pool1d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_avg_pool2d(
        self,
        input: ArrayT,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = self._pool(
            "global_avg_pool2d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_avg_pool3d(
        self,
        input: ArrayT,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = self._pool(
            "global_avg_pool3d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def global_max_pool1d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def global_max_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def global_max_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def global_max_pool1d(
        self,
        input: ArrayT,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = self._pool(
            "global_max_pool1d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def global_max_pool2d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def global_max_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def global_max_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def global_max_pool2d(
        self,
        input: ArrayT,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = self._pool(
            "global_max_pool2d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def global_max_pool3d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def global_max_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def global_max_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def global_max_pool3d(
        self,
        input: ArrayT,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = self._pool(
            "global_max_pool3d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def lp_pool1d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with signed powers.

        Computed in float64 and rounded once. With an odd p negative elements are subtracted, and the root of a negative
        sum is NaN, as in torch. ``absolute`` takes |x| first, which gives the mathematical norm and ONNX's LpPool. With
        p = ∞ the result is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only elements of the input: the norm.
                False is torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled
                to a full one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = self._pool(
            "lp_pool1d",
            {"input": input},
            {
                "norm_type": norm_type,
                "kernel_size": kernel_size,
                "stride": stride,
                "ceil_mode": ceil_mode,
                "absolute": absolute,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def lp_pool2d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with signed powers.

        Computed in float64 and rounded once. With an odd p negative elements are subtracted, and the root of a negative
        sum is NaN, as in torch. ``absolute`` takes |x| first, which gives the mathematical norm and ONNX's LpPool. With
        p = ∞ the result is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only elements of the input: the norm.
                False is torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled
                to a full one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = self._pool(
            "lp_pool2d",
            {"input": input},
            {
                "norm_type": norm_type,
                "kernel_size": kernel_size,
                "stride": stride,
                "ceil_mode": ceil_mode,
                "absolute": absolute,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def lp_pool3d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with signed powers.

        Computed in float64 and rounded once. With an odd p negative elements are subtracted, and the root of a negative
        sum is NaN, as in torch. ``absolute`` takes |x| first, which gives the mathematical norm and ONNX's LpPool. With
        p = ∞ the result is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only elements of the input: the norm.
                False is torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled
                to a full one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = self._pool(
            "lp_pool3d",
            {"input": input},
            {
                "norm_type": norm_type,
                "kernel_size": kernel_size,
                "stride": stride,
                "ceil_mode": ceil_mode,
                "absolute": absolute,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "max_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "max_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "max_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def max_unpool1d(
        self,
        input: ArrayT,
        indices: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: the indices that max pooling returned.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may
                differ by less than stride; without a dilation it may be up to twice as large, in case pooling
                had one.
        """
        pooled = self._pool(
            "max_unpool1d",
            {
                "input": input,
                "indices": indices,
            },
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "output_size": output_size,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def max_unpool2d(
        self,
        input: ArrayT,
        indices: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: the indices that max pooling returned.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may
                differ by less than stride; without a dilation it may be up to twice as large, in case pooling
                had one.
        """
        pooled = self._pool(
            "max_unpool2d",
            {
                "input": input,
                "indices": indices,
            },
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "output_size": output_size,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def max_unpool3d(
        self,
        input: ArrayT,
        indices: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: the indices that max pooling returned.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may
                differ by less than stride; without a dilation it may be up to twice as large, in case pooling
                had one.
        """
        pooled = self._pool(
            "max_unpool3d",
            {
                "input": input,
                "indices": indices,
            },
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "output_size": output_size,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)


class AsyncOperators:
    """One method per operator; :class:`AsyncClient` implements ``_pool``."""

    async def _pool(
        self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]
    ) -> Pooled[object, object | None]:
        raise NotImplementedError

    async def adaptive_avg_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_avg_pool1d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_avg_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_avg_pool2d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_avg_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_avg_pool3d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_max_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_max_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_max_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def avg_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = await self._pool(
            "avg_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "ceil_mode": ceil_mode,
                "count_include_pad": count_include_pad,
                "divisor_override": divisor_override,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def avg_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = await self._pool(
            "avg_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "ceil_mode": ceil_mode,
                "count_include_pad": count_include_pad,
                "divisor_override": divisor_override,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def avg_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = await self._pool(
            "avg_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "ceil_mode": ceil_mode,
                "count_include_pad": count_include_pad,
                "divisor_override": divisor_override,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def fractional_max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: Literal[False] = False,
        seed: int | None = None,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def fractional_max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        *,
        return_indices: Literal[True],
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def fractional_max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        *,
        return_indices: bool,
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def fractional_max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window at pseudo-random, evenly spread positions, and optionally its index.

        Each (n, c) plane has its own windows, drawn from ``seed``. Equal requests therefore get equal results, whatever
        else is in their batch. Without a seed the service draws one and returns it in the response header
        ``Pool-Seed``. Window i of O along an axis starts at ``int((i + u)·alpha) - int(u·alpha)`` with
        ``alpha = (L - k)/(O - 1)``, the last at ``L - k``, computed in float64. Plane p's samples are row p of
        ``numpy.random.Generator(numpy.random.PCG64(seed)).random((N·C, rank))``, in the order of torch's
        ``_random_samples``: W, H in 2-D; D, H, W in 3-D.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            output_size: Number of windows along each axis; this or output_ratio.
            output_ratio: Number of windows along each axis as a fraction of its length; this or output_size.
            return_indices: Whether to return the index of each value too.
            seed: Seed of the window positions; the service draws one when it is not given.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size`` or
                ``int(L · output_ratio)``; ``output_size + kernel_size - 1 <= L``.
        """
        pooled = await self._pool(
            "fractional_max_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "output_size": output_size,
                "output_ratio": output_ratio,
                "return_indices": return_indices,
                "seed": seed,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def fractional_max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: Literal[False] = False,
        seed: int | None = None,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def fractional_max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        *,
        return_indices: Literal[True],
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def fractional_max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        *,
        return_indices: bool,
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def fractional_max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        seed: int | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window at pseudo-random, evenly spread positions, and optionally its index.

        Each (n, c) plane has its own windows, drawn from ``seed``. Equal requests therefore get equal results, whatever
        else is in their batch. Without a seed the service draws one and returns it in the response header
        ``Pool-Seed``. Window i of O along an axis starts at ``int((i + u)·alpha) - int(u·alpha)`` with
        ``alpha = (L - k)/(O - 1)``, the last at ``L - k``, computed in float64. Plane p's samples are row p of
        ``numpy.random.Generator(numpy.random.PCG64(seed)).random((N·C, rank))``, in the order of torch's
        ``_random_samples``: W, H in 2-D; D, H, W in 3-D.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            output_size: Number of windows along each axis; this or output_ratio.
            output_ratio: Number of windows along each axis as a fraction of its length; this or output_size.
            return_indices: Whether to return the index of each value too.
            seed: Seed of the window positions; the service draws one when it is not given.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size`` or
                ``int(L · output_ratio)``; ``output_size + kernel_size - 1 <= L``.
        """
        pooled = await self._pool(
            "fractional_max_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "output_size": output_size,
                "output_ratio": output_ratio,
                "return_indices": return_indices,
                "seed": seed,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def global_avg_pool1d(
        self,
        input: ArrayT,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = await self._pool(
            "global_avg_pool1d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_avg_pool2d(
        self,
        input: ArrayT,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = await self._pool(
            "global_avg_pool2d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_avg_pool3d(
        self,
        input: ArrayT,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = await self._pool(
            "global_avg_pool3d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def global_max_pool1d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def global_max_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def global_max_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def global_max_pool1d(
        self,
        input: ArrayT,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = await self._pool(
            "global_max_pool1d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def global_max_pool2d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def global_max_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def global_max_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def global_max_pool2d(
        self,
        input: ArrayT,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = await self._pool(
            "global_max_pool2d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def global_max_pool3d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def global_max_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def global_max_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def global_max_pool3d(
        self,
        input: ArrayT,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        pooled = await self._pool(
            "global_max_pool3d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def lp_pool1d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with signed powers.

        Computed in float64 and rounded once. With an odd p negative elements are subtracted, and the root of a negative
        sum is NaN, as in torch. ``absolute`` takes |x| first, which gives the mathematical norm and ONNX's LpPool. With
        p = ∞ the result is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only elements of the input: the norm.
                False is torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled
                to a full one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = await self._pool(
            "lp_pool1d",
            {"input": input},
            {
                "norm_type": norm_type,
                "kernel_size": kernel_size,
                "stride": stride,
                "ceil_mode": ceil_mode,
                "absolute": absolute,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def lp_pool2d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with signed powers.

        Computed in float64 and rounded once. With an odd p negative elements are subtracted, and the root of a negative
        sum is NaN, as in torch. ``absolute`` takes |x| first, which gives the mathematical norm and ONNX's LpPool. With
        p = ∞ the result is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only elements of the input: the norm.
                False is torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled
                to a full one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = await self._pool(
            "lp_pool2d",
            {"input": input},
            {
                "norm_type": norm_type,
                "kernel_size": kernel_size,
                "stride": stride,
                "ceil_mode": ceil_mode,
                "absolute": absolute,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def lp_pool3d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with signed powers.

        Computed in float64 and rounded once. With an odd p negative elements are subtracted, and the root of a negative
        sum is NaN, as in torch. ``absolute`` takes |x| first, which gives the mathematical norm and ONNX's LpPool. With
        p = ∞ the result is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only elements of the input: the norm.
                False is torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled
                to a full one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L - kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        pooled = await self._pool(
            "lp_pool3d",
            {"input": input},
            {
                "norm_type": norm_type,
                "kernel_size": kernel_size,
                "stride": stride,
                "ceil_mode": ceil_mode,
                "absolute": absolute,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "max_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "max_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that would start after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "max_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def max_unpool1d(
        self,
        input: ArrayT,
        indices: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: the indices that max pooling returned.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may
                differ by less than stride; without a dilation it may be up to twice as large, in case pooling
                had one.
        """
        pooled = await self._pool(
            "max_unpool1d",
            {
                "input": input,
                "indices": indices,
            },
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "output_size": output_size,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def max_unpool2d(
        self,
        input: ArrayT,
        indices: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: the indices that max pooling returned.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may
                differ by less than stride; without a dilation it may be up to twice as large, in case pooling
                had one.
        """
        pooled = await self._pool(
            "max_unpool2d",
            {
                "input": input,
                "indices": indices,
            },
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "output_size": output_size,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def max_unpool3d(
        self,
        input: ArrayT,
        indices: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: the indices that max pooling returned.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may
                differ by less than stride; without a dilation it may be up to twice as large, in case pooling
                had one.
        """
        pooled = await self._pool(
            "max_unpool3d",
            {
                "input": input,
                "indices": indices,
            },
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "output_size": output_size,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)
