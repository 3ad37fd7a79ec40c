"""The operators as methods of both clients, generated from the catalogue by scripts/generate."""

# ruff: noqa: A002, since input is torch's name for it

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeVar, cast, overload

from poolhouse.client.arrays import SupportsDLPack
from poolhouse.client.results import Pooled

ArrayT = TypeVar("ArrayT", bound=SupportsDLPack | Sequence[object])
"""What goes in comes out: numpy for numpy, torch for torch, lists for lists."""

TAKES_INDICES: Final = frozenset({"max_unpool1d", "max_unpool2d", "max_unpool3d"})
"""Operators that take ``indices`` beside the input."""


class Operators:
    """One method an operator, for :class:`Client`, which says how a question is asked."""

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
            output_size: Windows along each axis; null keeps an axis as long as it is.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = self._pool(
            "adaptive_avg_pool1d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", asked)

    def adaptive_avg_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Windows along each axis; null keeps an axis as long as it is.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = self._pool(
            "adaptive_avg_pool2d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", asked)

    def adaptive_avg_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Windows along each axis; null keeps an axis as long as it is.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = self._pool(
            "adaptive_avg_pool3d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", asked)

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
        """The largest element of each of a given number of windows, and where it was.

        Args:
            input: the tensor to pool.
            output_size: Windows along each axis; null keeps an axis as long as it is.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = self._pool(
            "adaptive_max_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each of a given number of windows, and where it was.

        Args:
            input: the tensor to pool.
            output_size: Windows along each axis; null keeps an axis as long as it is.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = self._pool(
            "adaptive_max_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each of a given number of windows, and where it was.

        Args:
            input: the tensor to pool.
            output_size: Windows along each axis; null keeps an axis as long as it is.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = self._pool(
            "adaptive_max_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divide every sum by this instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divide every sum by this instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divide every sum by this instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
        """The largest element of windows that lie at pseudo-random, evenly spread places, and where it was.

        Each (n, c) plane has its own windows. They are drawn from ``seed``, so the same request gives the same answer,
        whatever it was pooled with; without a seed a fresh one is drawn and the answer's ``Pool-Seed`` header names it.
        Window i of O along an axis starts at ``int((i + u)·alpha) - int(u·alpha)``, ``alpha = (L - k)/(O - 1)``, the
        last at ``L - k``, in float64. Plane p's samples are row p of
        ``numpy.random.Generator(numpy.random.PCG64(seed)).random((N·C, rank))``, in the order of torch's
        ``_random_samples``: W, H in 2-D; D, H, W in 3-D.

        Args:
            input: the tensor to pool.
            kernel_size: Elements in a window, along each axis.
            output_size: Windows along each axis; this or output_ratio.
            output_ratio: Windows along each axis as a part of its length; this or output_size.
            return_indices: Whether to answer where each value was.
            seed: What the places of the windows are drawn from; drawn afresh when not given.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size`` or ``int(L ·
                output_ratio)``; ``output_size + kernel_size - 1 <= L``.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of windows that lie at pseudo-random, evenly spread places, and where it was.

        Each (n, c) plane has its own windows. They are drawn from ``seed``, so the same request gives the same answer,
        whatever it was pooled with; without a seed a fresh one is drawn and the answer's ``Pool-Seed`` header names it.
        Window i of O along an axis starts at ``int((i + u)·alpha) - int(u·alpha)``, ``alpha = (L - k)/(O - 1)``, the
        last at ``L - k``, in float64. Plane p's samples are row p of
        ``numpy.random.Generator(numpy.random.PCG64(seed)).random((N·C, rank))``, in the order of torch's
        ``_random_samples``: W, H in 2-D; D, H, W in 3-D.

        Args:
            input: the tensor to pool.
            kernel_size: Elements in a window, along each axis.
            output_size: Windows along each axis; this or output_ratio.
            output_ratio: Windows along each axis as a part of its length; this or output_size.
            return_indices: Whether to answer where each value was.
            seed: What the places of the windows are drawn from; drawn afresh when not given.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size`` or ``int(L ·
                output_ratio)``; ``output_size + kernel_size - 1 <= L``.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        asked = self._pool(
            "global_avg_pool1d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", asked)

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
        asked = self._pool(
            "global_avg_pool2d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", asked)

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
        asked = self._pool(
            "global_avg_pool3d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", asked)

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
        """The largest element of each plane, and where it was: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        asked = self._pool(
            "global_max_pool1d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each plane, and where it was: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        asked = self._pool(
            "global_max_pool2d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each plane, and where it was: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        asked = self._pool(
            "global_max_pool3d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

    def lp_pool1d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with the sign kept inside the sum.

        Computed in float64 and rounded once. With an odd p negative elements subtract, and a root of a negative sum is
        NaN, as in torch; ``absolute`` takes |x| first, which is the mathematical norm and ONNX's LpPool.
        With p = ∞ it is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            absolute: Whether |x| is taken before the power, and only elements that exist are summed: the norm.
                False is torch's formula: signed powers, and a window cut by ceil_mode scaled up to the full
                one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L - kernel_size) /
                stride) + 1``, rounded up in ceil mode.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

    def lp_pool2d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with the sign kept inside the sum.

        Computed in float64 and rounded once. With an odd p negative elements subtract, and a root of a negative sum is
        NaN, as in torch; ``absolute`` takes |x| first, which is the mathematical norm and ONNX's LpPool.
        With p = ∞ it is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            absolute: Whether |x| is taken before the power, and only elements that exist are summed: the norm.
                False is torch's formula: signed powers, and a window cut by ceil_mode scaled up to the full
                one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L - kernel_size) /
                stride) + 1``, rounded up in ceil mode.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

    def lp_pool3d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with the sign kept inside the sum.

        Computed in float64 and rounded once. With an odd p negative elements subtract, and a root of a negative sum is
        NaN, as in torch; ``absolute`` takes |x| first, which is the mathematical norm and ONNX's LpPool.
        With p = ∞ it is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            absolute: Whether |x| is taken before the power, and only elements that exist are summed: the norm.
                False is torch's formula: signed powers, and a window cut by ceil_mode scaled up to the full
                one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L - kernel_size) /
                stride) + 1``, rounded up in ceil mode.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
        """The largest element of each window, and where it was.

        Args:
            input: the tensor to pool.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            return_indices: Whether to answer where each value was, as max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each window, and where it was.

        Args:
            input: the tensor to pool.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            return_indices: Whether to answer where each value was, as max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each window, and where it was.

        Args:
            input: the tensor to pool.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            return_indices: Whether to answer where each value was, as max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """Each value put back to where max pooling found it, and zero everywhere else.

        Where an index comes more than once in a plane, the last value in row-major order stays.
        It takes the fields of the pooling that it undoes. The plane is what matters, since indices lie in it: give its
        sizes as ``output_size`` where pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: where max pooling found each value.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input, along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, where pooling had rounded; N and C may stand in front.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether pooling had rounded up. It changes nothing: output_size may be larger or smaller
                in any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``(L - 1)·stride +
                dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may differ by less than
                stride; where no dilation is given it may be twice as large, as one that was left out makes it.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
        """Each value put back to where max pooling found it, and zero everywhere else.

        Where an index comes more than once in a plane, the last value in row-major order stays.
        It takes the fields of the pooling that it undoes. The plane is what matters, since indices lie in it: give its
        sizes as ``output_size`` where pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: where max pooling found each value.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input, along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, where pooling had rounded; N and C may stand in front.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether pooling had rounded up. It changes nothing: output_size may be larger or smaller
                in any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``(L - 1)·stride +
                dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may differ by less than
                stride; where no dilation is given it may be twice as large, as one that was left out makes it.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
        """Each value put back to where max pooling found it, and zero everywhere else.

        Where an index comes more than once in a plane, the last value in row-major order stays.
        It takes the fields of the pooling that it undoes. The plane is what matters, since indices lie in it: give its
        sizes as ``output_size`` where pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: where max pooling found each value.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input, along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, where pooling had rounded; N and C may stand in front.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether pooling had rounded up. It changes nothing: output_size may be larger or smaller
                in any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``(L - 1)·stride +
                dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may differ by less than
                stride; where no dilation is given it may be twice as large, as one that was left out makes it.
        """
        asked = self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)


class AsyncOperators:
    """One method an operator, for :class:`AsyncClient`, which says how a question is asked."""

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
            output_size: Windows along each axis; null keeps an axis as long as it is.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = await self._pool(
            "adaptive_avg_pool1d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", asked)

    async def adaptive_avg_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Windows along each axis; null keeps an axis as long as it is.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = await self._pool(
            "adaptive_avg_pool2d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", asked)

    async def adaptive_avg_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Windows along each axis; null keeps an axis as long as it is.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = await self._pool(
            "adaptive_avg_pool3d",
            {"input": input},
            {"output_size": output_size},
        )
        return cast("Pooled[ArrayT, None]", asked)

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
        """The largest element of each of a given number of windows, and where it was.

        Args:
            input: the tensor to pool.
            output_size: Windows along each axis; null keeps an axis as long as it is.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = await self._pool(
            "adaptive_max_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each of a given number of windows, and where it was.

        Args:
            input: the tensor to pool.
            output_size: Windows along each axis; null keeps an axis as long as it is.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = await self._pool(
            "adaptive_max_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each of a given number of windows, and where it was.

        Args:
            input: the tensor to pool.
            output_size: Windows along each axis; null keeps an axis as long as it is.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        asked = await self._pool(
            "adaptive_max_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divide every sum by this instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divide every sum by this instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divide every sum by this instead of the number of positions; 1 gives sums.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                kernel_size) / stride) + 1``, rounded up in ceil mode.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
        """The largest element of windows that lie at pseudo-random, evenly spread places, and where it was.

        Each (n, c) plane has its own windows. They are drawn from ``seed``, so the same request gives the same answer,
        whatever it was pooled with; without a seed a fresh one is drawn and the answer's ``Pool-Seed`` header names it.
        Window i of O along an axis starts at ``int((i + u)·alpha) - int(u·alpha)``, ``alpha = (L - k)/(O - 1)``, the
        last at ``L - k``, in float64. Plane p's samples are row p of
        ``numpy.random.Generator(numpy.random.PCG64(seed)).random((N·C, rank))``, in the order of torch's
        ``_random_samples``: W, H in 2-D; D, H, W in 3-D.

        Args:
            input: the tensor to pool.
            kernel_size: Elements in a window, along each axis.
            output_size: Windows along each axis; this or output_ratio.
            output_ratio: Windows along each axis as a part of its length; this or output_size.
            return_indices: Whether to answer where each value was.
            seed: What the places of the windows are drawn from; drawn afresh when not given.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size`` or ``int(L ·
                output_ratio)``; ``output_size + kernel_size - 1 <= L``.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of windows that lie at pseudo-random, evenly spread places, and where it was.

        Each (n, c) plane has its own windows. They are drawn from ``seed``, so the same request gives the same answer,
        whatever it was pooled with; without a seed a fresh one is drawn and the answer's ``Pool-Seed`` header names it.
        Window i of O along an axis starts at ``int((i + u)·alpha) - int(u·alpha)``, ``alpha = (L - k)/(O - 1)``, the
        last at ``L - k``, in float64. Plane p's samples are row p of
        ``numpy.random.Generator(numpy.random.PCG64(seed)).random((N·C, rank))``, in the order of torch's
        ``_random_samples``: W, H in 2-D; D, H, W in 3-D.

        Args:
            input: the tensor to pool.
            kernel_size: Elements in a window, along each axis.
            output_size: Windows along each axis; this or output_ratio.
            output_ratio: Windows along each axis as a part of its length; this or output_size.
            return_indices: Whether to answer where each value was.
            seed: What the places of the windows are drawn from; drawn afresh when not given.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size`` or ``int(L ·
                output_ratio)``; ``output_size + kernel_size - 1 <= L``.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        asked = await self._pool(
            "global_avg_pool1d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", asked)

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
        asked = await self._pool(
            "global_avg_pool2d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", asked)

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
        asked = await self._pool(
            "global_avg_pool3d",
            {"input": input},
            {},
        )
        return cast("Pooled[ArrayT, None]", asked)

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
        """The largest element of each plane, and where it was: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        asked = await self._pool(
            "global_max_pool1d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each plane, and where it was: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        asked = await self._pool(
            "global_max_pool2d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each plane, and where it was: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to answer where each value was.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1.
        """
        asked = await self._pool(
            "global_max_pool3d",
            {"input": input},
            {"return_indices": return_indices},
        )
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

    async def lp_pool1d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with the sign kept inside the sum.

        Computed in float64 and rounded once. With an odd p negative elements subtract, and a root of a negative sum is
        NaN, as in torch; ``absolute`` takes |x| first, which is the mathematical norm and ONNX's LpPool.
        With p = ∞ it is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            absolute: Whether |x| is taken before the power, and only elements that exist are summed: the norm.
                False is torch's formula: signed powers, and a window cut by ceil_mode scaled up to the full
                one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L - kernel_size) /
                stride) + 1``, rounded up in ceil mode.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

    async def lp_pool2d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with the sign kept inside the sum.

        Computed in float64 and rounded once. With an odd p negative elements subtract, and a root of a negative sum is
        NaN, as in torch; ``absolute`` takes |x| first, which is the mathematical norm and ONNX's LpPool.
        With p = ∞ it is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            absolute: Whether |x| is taken before the power, and only elements that exist are summed: the norm.
                False is torch's formula: signed powers, and a window cut by ceil_mode scaled up to the full
                one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L - kernel_size) /
                stride) + 1``, rounded up in ceil mode.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

    async def lp_pool3d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each window: torch's ``(Σ xᵖ)^(1/p)``, with the sign kept inside the sum.

        Computed in float64 and rounded once. With an odd p negative elements subtract, and a root of a negative sum is
        NaN, as in torch; ``absolute`` takes |x| first, which is the mathematical norm and ONNX's LpPool.
        With p = ∞ it is the largest |x|, with p = -∞ the least.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            absolute: Whether |x| is taken before the power, and only elements that exist are summed: the norm.
                False is torch's formula: signed powers, and a window cut by ceil_mode scaled up to the full
                one.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L - kernel_size) /
                stride) + 1``, rounded up in ceil mode.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
        """The largest element of each window, and where it was.

        Args:
            input: the tensor to pool.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            return_indices: Whether to answer where each value was, as max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each window, and where it was.

        Args:
            input: the tensor to pool.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            return_indices: Whether to answer where each value was, as max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """The largest element of each window, and where it was.

        Args:
            input: the tensor to pool.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions added before and after the input, along each axis; at most half of kernel_size.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last may hang over the end; one
                that would start behind the last element of the input is left out.
            return_indices: Whether to answer where each value was, as max_unpool needs it.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``floor((L + 2·padding -
                dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, ArrayT | None]", asked)

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
        """Each value put back to where max pooling found it, and zero everywhere else.

        Where an index comes more than once in a plane, the last value in row-major order stays.
        It takes the fields of the pooling that it undoes. The plane is what matters, since indices lie in it: give its
        sizes as ``output_size`` where pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: where max pooling found each value.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input, along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, where pooling had rounded; N and C may stand in front.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether pooling had rounded up. It changes nothing: output_size may be larger or smaller
                in any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``(L - 1)·stride +
                dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may differ by less than
                stride; where no dilation is given it may be twice as large, as one that was left out makes it.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
        """Each value put back to where max pooling found it, and zero everywhere else.

        Where an index comes more than once in a plane, the last value in row-major order stays.
        It takes the fields of the pooling that it undoes. The plane is what matters, since indices lie in it: give its
        sizes as ``output_size`` where pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: where max pooling found each value.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input, along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, where pooling had rounded; N and C may stand in front.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether pooling had rounded up. It changes nothing: output_size may be larger or smaller
                in any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``(L - 1)·stride +
                dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may differ by less than
                stride; where no dilation is given it may be twice as large, as one that was left out makes it.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)

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
        """Each value put back to where max pooling found it, and zero everywhere else.

        Where an index comes more than once in a plane, the last value in row-major order stays.
        It takes the fields of the pooling that it undoes. The plane is what matters, since indices lie in it: give its
        sizes as ``output_size`` where pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: where max pooling found each value.
            kernel_size: Elements in a window, along each axis.
            stride: Positions from one window to the next, along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input, along each axis; at most half
                of kernel_size.
            output_size: Spatial sizes of the output, where pooling had rounded; N and C may stand in front.
            dilation: Distance from one element of a window to the next, along each axis.
            ceil_mode: Whether pooling had rounded up. It changes nothing: output_size may be larger or smaller
                in any case.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``(L - 1)·stride +
                dilation·(kernel_size - 1) + 1 - 2·padding``, or ``output_size``, which may differ by less than
                stride; where no dilation is given it may be twice as large, as one that was left out makes it.
        """
        asked = await self._pool(
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
        return cast("Pooled[ArrayT, None]", asked)
