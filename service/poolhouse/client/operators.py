"""The operators as methods of both clients, generated from the catalogue by scripts/generate."""

# ruff: noqa: A002, since input is torch's name for it

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar, cast, overload

from poolhouse.client.arrays import SupportsDLPack
from poolhouse.client.pictures import Picture
from poolhouse.client.results import Pooled

ArrayT = TypeVar("ArrayT", bound=SupportsDLPack | Sequence[object] | Picture)
"""The output has the type of the input: numpy for numpy, torch for torch, lists for lists."""

TensorLike: TypeAlias = SupportsDLPack | Sequence[object]
"""A tensor beside the input: an array of any library, or lists."""

COMPANIONS: Final[Mapping[str, Mapping[str, bool]]] = {
    "max_unpool1d": {"indices": True},
    "max_unpool2d": {"indices": True},
    "max_unpool3d": {"indices": True},
    "roi_align": {"boxes": True, "batch_indices": False},
    "roi_pool": {"boxes": True, "batch_indices": False},
    "segment_pool": {"segments": False, "offsets": False},
    "span_pool": {"spans": True, "mask": False, "weights": False},
    "token_pool": {"mask": False, "weights": False, "offsets": False},
    "keras.GlobalAveragePooling1D": {"mask": False},
    "onnx.MaxUnpool": {"indices": True},
    "onnx.RoiAlign": {"rois": True, "batch_indices": True},
    "onnx.MaxRoiPool": {"rois": True},
}
"""The tensors of each operator beside the input, and whether each is required; others take the input alone."""


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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_avg_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_avg_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_avg_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_avg_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_avg_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_avgmax_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_avgmax_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_avgmax_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_avgmax_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_avgmax_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_avgmax_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_catavgmax_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_catavgmax_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_catavgmax_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_catavgmax_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_catavgmax_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_catavgmax_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_gem_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each of a given number of windows: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_gem_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_gem_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each of a given number of windows: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_gem_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_gem_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each of a given number of windows: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_gem_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_logsumexp_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each of a given number of windows: ``log(mean(exp(r·x))) / r``, in float64, shifted by
        the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_logsumexp_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_logsumexp_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each of a given number of windows: ``log(mean(exp(r·x))) / r``, in float64, shifted by
        the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_logsumexp_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_logsumexp_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each of a given number of windows: ``log(mean(exp(r·x))) / r``, in float64, shifted by
        the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_logsumexp_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_max_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_max_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_max_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def adaptive_median_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_median_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_median_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_median_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_median_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_median_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def adaptive_min_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def adaptive_min_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def adaptive_min_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def adaptive_min_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_min_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def adaptive_min_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def adaptive_min_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def adaptive_min_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def adaptive_min_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_min_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def adaptive_min_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def adaptive_min_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def adaptive_min_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def adaptive_min_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_min_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def adaptive_mode_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each of a given number of windows; of equally frequent ones the least. For
        labels: no value is computed.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_mode_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_mode_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each of a given number of windows; of equally frequent ones the least. For
        labels: no value is computed.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_mode_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_mode_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each of a given number of windows; of equally frequent ones the least. For
        labels: no value is computed.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_mode_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_quantile_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_quantile_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_quantile_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_quantile_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_quantile_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_quantile_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_std_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_std_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_std_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_std_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_std_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_std_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_sum_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_sum_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_sum_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_sum_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_sum_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_sum_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_var_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_var_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_var_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_var_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def adaptive_var_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = self._pool(
            "adaptive_var_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def avg_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "dilation": dilation,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def avg_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "dilation": dilation,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def avg_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "dilation": dilation,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def blur_pool1d(
        self,
        input: ArrayT,
        filter_size: Literal[3, 5, 7] = 3,
        stride: int | Sequence[int] = 2,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The weighted average of each window, with the weights of a binomial filter.

        The weights are those of ``(1/2 + 1/2)^(filter_size - 1)``: 1/4, 1/2, 1/4 for size 3; a window's weight is the
        product of those of its axes. One axis is filtered after another. Shifting the input changes the output less
        than with a maximum or an average.

        Args:
            input: the tensor to pool.
            filter_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·p - filter_size) / stride) + 1`` with ``p = (stride + filter_size - 2) // 2``,
                which must be less than L.
        """
        pooled = self._pool(
            "blur_pool1d",
            {"input": input},
            {
                "filter_size": filter_size,
                "stride": stride,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def blur_pool2d(
        self,
        input: ArrayT,
        filter_size: Literal[3, 5, 7] = 3,
        stride: int | Sequence[int] = 2,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The weighted average of each window, with the weights of a binomial filter.

        The weights are those of ``(1/2 + 1/2)^(filter_size - 1)``: 1/4, 1/2, 1/4 for size 3; a window's weight is the
        product of those of its axes. One axis is filtered after another. Shifting the input changes the output less
        than with a maximum or an average.

        Args:
            input: the tensor to pool.
            filter_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·p - filter_size) / stride) + 1`` with ``p = (stride + filter_size - 2) // 2``,
                which must be less than L.
        """
        pooled = self._pool(
            "blur_pool2d",
            {"input": input},
            {
                "filter_size": filter_size,
                "stride": stride,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def blur_pool3d(
        self,
        input: ArrayT,
        filter_size: Literal[3, 5, 7] = 3,
        stride: int | Sequence[int] = 2,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The weighted average of each window, with the weights of a binomial filter.

        The weights are those of ``(1/2 + 1/2)^(filter_size - 1)``: 1/4, 1/2, 1/4 for size 3; a window's weight is the
        product of those of its axes. One axis is filtered after another. Shifting the input changes the output less
        than with a maximum or an average.

        Args:
            input: the tensor to pool.
            filter_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·p - filter_size) / stride) + 1`` with ``p = (stride + filter_size - 2) // 2``,
                which must be less than L.
        """
        pooled = self._pool(
            "blur_pool3d",
            {"input": input},
            {
                "filter_size": filter_size,
                "stride": stride,
                "layout": layout,
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def fractional_max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        seed: int | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

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
                "layout": layout,
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def fractional_max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        seed: int | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

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
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def gem_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each window: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "gem_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def gem_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each window: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "gem_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def gem_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each window: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "gem_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_avg_pool1d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_avg_pool1d",
            {"input": input},
            {
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_avg_pool2d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_avg_pool2d",
            {"input": input},
            {
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_avg_pool3d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_avg_pool3d",
            {"input": input},
            {
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_avgmax_pool1d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_avgmax_pool1d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_avgmax_pool2d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_avgmax_pool2d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_avgmax_pool3d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_avgmax_pool3d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_catavgmax_pool1d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes 1, and is left out
                without keepdims.
        """
        pooled = self._pool(
            "global_catavgmax_pool1d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_catavgmax_pool2d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes 1, and is left out
                without keepdims.
        """
        pooled = self._pool(
            "global_catavgmax_pool2d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_catavgmax_pool3d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes 1, and is left out
                without keepdims.
        """
        pooled = self._pool(
            "global_catavgmax_pool3d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_gem_pool1d(
        self,
        input: ArrayT,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each plane: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_gem_pool1d",
            {"input": input},
            {
                "p": p,
                "eps": eps,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_gem_pool2d(
        self,
        input: ArrayT,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each plane: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_gem_pool2d",
            {"input": input},
            {
                "p": p,
                "eps": eps,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_gem_pool3d(
        self,
        input: ArrayT,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each plane: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_gem_pool3d",
            {"input": input},
            {
                "p": p,
                "eps": eps,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_logsumexp_pool1d(
        self,
        input: ArrayT,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each plane: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_logsumexp_pool1d",
            {"input": input},
            {
                "r": r,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_logsumexp_pool2d(
        self,
        input: ArrayT,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each plane: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_logsumexp_pool2d",
            {"input": input},
            {
                "r": r,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_logsumexp_pool3d(
        self,
        input: ArrayT,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each plane: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_logsumexp_pool3d",
            {"input": input},
            {
                "r": r,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_lp_pool1d(
        self,
        input: ArrayT,
        norm_type: float,
        absolute: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each plane: lp_pool with one window.

        Computed in float64 and rounded once. ``absolute`` takes |x| before the power, which gives the mathematical norm
        and ONNX's GlobalLpPool; without it powers are signed, as in torch's lp_pool.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            absolute: Whether to take |x| before the power: the norm.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_lp_pool1d",
            {"input": input},
            {
                "norm_type": norm_type,
                "absolute": absolute,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_lp_pool2d(
        self,
        input: ArrayT,
        norm_type: float,
        absolute: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each plane: lp_pool with one window.

        Computed in float64 and rounded once. ``absolute`` takes |x| before the power, which gives the mathematical norm
        and ONNX's GlobalLpPool; without it powers are signed, as in torch's lp_pool.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            absolute: Whether to take |x| before the power: the norm.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_lp_pool2d",
            {"input": input},
            {
                "norm_type": norm_type,
                "absolute": absolute,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_lp_pool3d(
        self,
        input: ArrayT,
        norm_type: float,
        absolute: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each plane: lp_pool with one window.

        Computed in float64 and rounded once. ``absolute`` takes |x| before the power, which gives the mathematical norm
        and ONNX's GlobalLpPool; without it powers are signed, as in torch's lp_pool.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            absolute: Whether to take |x| before the power: the norm.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_lp_pool3d",
            {"input": input},
            {
                "norm_type": norm_type,
                "absolute": absolute,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def global_max_pool1d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def global_max_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def global_max_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def global_max_pool1d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_max_pool1d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def global_max_pool2d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def global_max_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def global_max_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def global_max_pool2d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_max_pool2d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def global_max_pool3d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def global_max_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def global_max_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def global_max_pool3d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_max_pool3d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def global_median_pool1d(
        self,
        input: ArrayT,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each plane.

        Args:
            input: the tensor to pool.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_median_pool1d",
            {"input": input},
            {
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_median_pool2d(
        self,
        input: ArrayT,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each plane.

        Args:
            input: the tensor to pool.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_median_pool2d",
            {"input": input},
            {
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_median_pool3d(
        self,
        input: ArrayT,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each plane.

        Args:
            input: the tensor to pool.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_median_pool3d",
            {"input": input},
            {
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def global_min_pool1d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def global_min_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def global_min_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def global_min_pool1d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each plane, and optionally its index.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_min_pool1d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def global_min_pool2d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def global_min_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def global_min_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def global_min_pool2d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each plane, and optionally its index.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_min_pool2d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def global_min_pool3d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def global_min_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def global_min_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def global_min_pool3d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each plane, and optionally its index.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_min_pool3d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def global_mode_pool1d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each plane; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_mode_pool1d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_mode_pool2d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each plane; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_mode_pool2d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_mode_pool3d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each plane; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_mode_pool3d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_quantile_pool1d(
        self,
        input: ArrayT,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each plane.

        Args:
            input: the tensor to pool.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_quantile_pool1d",
            {"input": input},
            {
                "q": q,
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_quantile_pool2d(
        self,
        input: ArrayT,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each plane.

        Args:
            input: the tensor to pool.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_quantile_pool2d",
            {"input": input},
            {
                "q": q,
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_quantile_pool3d(
        self,
        input: ArrayT,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each plane.

        Args:
            input: the tensor to pool.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_quantile_pool3d",
            {"input": input},
            {
                "q": q,
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_std_pool1d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_std_pool1d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_std_pool2d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_std_pool2d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_std_pool3d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_std_pool3d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_sum_pool1d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_sum_pool1d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_sum_pool2d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_sum_pool2d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_sum_pool3d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_sum_pool3d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_var_pool1d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_var_pool1d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_var_pool2d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_var_pool2d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def global_var_pool3d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = self._pool(
            "global_var_pool3d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def logsumexp_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each window: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "logsumexp_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def logsumexp_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each window: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "logsumexp_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def logsumexp_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each window: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "logsumexp_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def lp_pool1d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
                padded input; a window that this would add after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only what is there: the norm. False is
                torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled to a full
                one.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "padding": padding,
                "dilation": dilation,
                "layout": layout,
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
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
                padded input; a window that this would add after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only what is there: the norm. False is
                torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled to a full
                one.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "padding": padding,
                "dilation": dilation,
                "layout": layout,
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
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
                padded input; a window that this would add after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only what is there: the norm. False is
                torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled to a full
                one.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "padding": padding,
                "dilation": dilation,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def max_unpool1d(
        self,
        input: ArrayT,
        indices: TensorLike,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: The indices that pooling returned, of the shape of input.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis: integers,
                which are at most half of kernel_size as in torch; pairs [before, after] of any size; "same" for
                ceil(L / stride) windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after;
                "same_lower" with the odd one before; "valid" for none.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - before - after``, where ``before`` and
                ``after`` are the padding, or ``L·stride`` with padding "same"; or ``output_size``, which may
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
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def max_unpool2d(
        self,
        input: ArrayT,
        indices: TensorLike,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: The indices that pooling returned, of the shape of input.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis: integers,
                which are at most half of kernel_size as in torch; pairs [before, after] of any size; "same" for
                ceil(L / stride) windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after;
                "same_lower" with the odd one before; "valid" for none.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - before - after``, where ``before`` and
                ``after`` are the padding, or ``L·stride`` with padding "same"; or ``output_size``, which may
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
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def max_unpool3d(
        self,
        input: ArrayT,
        indices: TensorLike,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: The indices that pooling returned, of the shape of input.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis: integers,
                which are at most half of kernel_size as in torch; pairs [before, after] of any size; "same" for
                ceil(L / stride) windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after;
                "same_lower" with the odd one before; "valid" for none.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - before - after``, where ``before`` and
                ``after`` are the padding, or ``L·stride`` with padding "same"; or ``output_size``, which may
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
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def median_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "median_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def median_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "median_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def median_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "median_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def min_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def min_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def min_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def min_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "min_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def min_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def min_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def min_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def min_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "min_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    def min_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def min_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def min_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def min_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "min_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def mode_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each window; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "mode_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def mode_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each window; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "mode_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def mode_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each window; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "mode_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def pyramid_pool1d(
        self,
        input: ArrayT,
        levels: int,
        factor: int | Sequence[int] = 2,
        reduce: Literal["mean", "max", "min", "median", "mode", "first"] = "mean",
        cascade: bool = True,
        ceil_mode: bool = True,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The windows of every level of a pyramid: each level has one element for ``factor`` elements along each axis.

        The windows of a level follow each other and do not overlap. The outputs are ``level1``, ``level2``, …, the
        largest first. A level from the one before equals pooling that level alone, with ``kernel_size`` ``factor``:
        means of means are rounded at each level, and the median of medians is not the median. Without ``cascade`` the
        windows of level k have ``factor`` to the power of k elements of the input. ``valid1``, ``valid2``, … are the
        shares of ``return_valid``, of what each level is pooled from.

        Args:
            input: the tensor to pool.
            levels: Number of levels, the input not counted.
            factor: Elements of a window along each axis, from one level to the next.
            reduce: The value of a window; "first" is the element at its beginning, which is nearest-neighbour
                sampling.
            cascade: Whether a level is pooled from the one before, else from the input.
            ceil_mode: Whether a window that extends beyond the input reduces the elements inside, as overviews
                do; else it is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; in output ``level{k}`` each axis becomes
                ``ceil(L / factor**k)``, or ``floor(L / factor**k)`` without ceil_mode.
        """
        pooled = self._pool(
            "pyramid_pool1d",
            {"input": input},
            {
                "levels": levels,
                "factor": factor,
                "reduce": reduce,
                "cascade": cascade,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def pyramid_pool2d(
        self,
        input: ArrayT,
        levels: int,
        factor: int | Sequence[int] = 2,
        reduce: Literal["mean", "max", "min", "median", "mode", "first"] = "mean",
        cascade: bool = True,
        ceil_mode: bool = True,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The windows of every level of a pyramid: each level has one element for ``factor`` elements along each axis.

        The windows of a level follow each other and do not overlap. The outputs are ``level1``, ``level2``, …, the
        largest first. A level from the one before equals pooling that level alone, with ``kernel_size`` ``factor``:
        means of means are rounded at each level, and the median of medians is not the median. Without ``cascade`` the
        windows of level k have ``factor`` to the power of k elements of the input. ``valid1``, ``valid2``, … are the
        shares of ``return_valid``, of what each level is pooled from.

        Args:
            input: the tensor to pool.
            levels: Number of levels, the input not counted.
            factor: Elements of a window along each axis, from one level to the next.
            reduce: The value of a window; "first" is the element at its beginning, which is nearest-neighbour
                sampling.
            cascade: Whether a level is pooled from the one before, else from the input.
            ceil_mode: Whether a window that extends beyond the input reduces the elements inside, as overviews
                do; else it is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; in output ``level{k}`` each axis becomes
                ``ceil(L / factor**k)``, or ``floor(L / factor**k)`` without ceil_mode.
        """
        pooled = self._pool(
            "pyramid_pool2d",
            {"input": input},
            {
                "levels": levels,
                "factor": factor,
                "reduce": reduce,
                "cascade": cascade,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def pyramid_pool3d(
        self,
        input: ArrayT,
        levels: int,
        factor: int | Sequence[int] = 2,
        reduce: Literal["mean", "max", "min", "median", "mode", "first"] = "mean",
        cascade: bool = True,
        ceil_mode: bool = True,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The windows of every level of a pyramid: each level has one element for ``factor`` elements along each axis.

        The windows of a level follow each other and do not overlap. The outputs are ``level1``, ``level2``, …, the
        largest first. A level from the one before equals pooling that level alone, with ``kernel_size`` ``factor``:
        means of means are rounded at each level, and the median of medians is not the median. Without ``cascade`` the
        windows of level k have ``factor`` to the power of k elements of the input. ``valid1``, ``valid2``, … are the
        shares of ``return_valid``, of what each level is pooled from.

        Args:
            input: the tensor to pool.
            levels: Number of levels, the input not counted.
            factor: Elements of a window along each axis, from one level to the next.
            reduce: The value of a window; "first" is the element at its beginning, which is nearest-neighbour
                sampling.
            cascade: Whether a level is pooled from the one before, else from the input.
            ceil_mode: Whether a window that extends beyond the input reduces the elements inside, as overviews
                do; else it is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; in output ``level{k}`` each axis becomes
                ``ceil(L / factor**k)``, or ``floor(L / factor**k)`` without ceil_mode.
        """
        pooled = self._pool(
            "pyramid_pool3d",
            {"input": input},
            {
                "levels": levels,
                "factor": factor,
                "reduce": reduce,
                "cascade": cascade,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def quantile_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "quantile_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def quantile_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "quantile_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def quantile_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "quantile_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def roi_align(
        self,
        input: ArrayT,
        boxes: TensorLike,
        output_size: int | Sequence[int],
        spatial_scale: float = 1.0,
        sampling_ratio: int = -1,
        aligned: bool = False,
        mode: Literal["avg", "max"] = "avg",
        *,
        batch_indices: TensorLike | None = None,
    ) -> Pooled[ArrayT, None]:
        """The average of samples between the elements of each box, without rounding its corners: RoIAlign of Mask
        R-CNN.

        Every box becomes an output of one size, whose bins are sampled on a grid with bilinear interpolation.

        Args:
            input: the tensor to pool.
            boxes: (K, 5): the number of the image, then x1, y1, x2 and y2; or (K, 4) without the number, and
                batch_indices.
            output_size: The size of each output, H and W.
            spatial_scale: What the coordinates of boxes are multiplied by: 1/16 for a map of a sixteenth of the
                image's size.
            sampling_ratio: Samples of a bin along each axis; 0 or less adapts them to the size of the box.
            aligned: Whether coordinates are shifted by half a position, as those of pixels' centres are.
                Without it boxes are at least 1 wide and high.
            mode: Whether the samples of a bin are averaged, or the largest weighted element is taken, as ONNX
                does.
            batch_indices: (K): the number of the image of each box, for boxes (K, 4).

        Shape:
            input ``(N, C, H, W)`` and K boxes give ``(K, C, *output_size)``.
        """
        pooled = self._pool(
            "roi_align",
            {
                "input": input,
                "boxes": boxes,
                "batch_indices": batch_indices,
            },
            {
                "output_size": output_size,
                "spatial_scale": spatial_scale,
                "sampling_ratio": sampling_ratio,
                "aligned": aligned,
                "mode": mode,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def roi_pool(
        self,
        input: ArrayT,
        boxes: TensorLike,
        output_size: int | Sequence[int],
        spatial_scale: float = 1.0,
        *,
        batch_indices: TensorLike | None = None,
    ) -> Pooled[ArrayT, None]:
        """The largest element of each bin of each box, whose corners are rounded to elements: RoIPool of Fast R-CNN.

        Bins without an element are 0, and a NaN in a bin is its result.

        Args:
            input: the tensor to pool.
            boxes: (K, 5): the number of the image, then x1, y1, x2 and y2; or (K, 4) without the number, and
                batch_indices.
            output_size: The size of each output, H and W.
            spatial_scale: What the coordinates of boxes are multiplied by: 1/16 for a map of a sixteenth of the
                image's size.
            batch_indices: (K): the number of the image of each box, for boxes (K, 4).

        Shape:
            input ``(N, C, H, W)`` and K boxes give ``(K, C, *output_size)``.
        """
        pooled = self._pool(
            "roi_pool",
            {
                "input": input,
                "boxes": boxes,
                "batch_indices": batch_indices,
            },
            {
                "output_size": output_size,
                "spatial_scale": spatial_scale,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    def segment_pool(
        self,
        input: ArrayT,
        reduce: Literal["sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp"] = "mean",
        num_segments: int | None = None,
        correction: Literal[0, 1] = 0,
        empty_value: float | None = None,
        return_indices: Literal[False] = False,
        *,
        segments: TensorLike | None = None,
        offsets: TensorLike | None = None,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    def segment_pool(
        self,
        input: ArrayT,
        reduce: Literal["sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp"] = "mean",
        num_segments: int | None = None,
        correction: Literal[0, 1] = 0,
        empty_value: float | None = None,
        *,
        return_indices: Literal[True],
        segments: TensorLike | None = None,
        offsets: TensorLike | None = None,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    def segment_pool(
        self,
        input: ArrayT,
        reduce: Literal["sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp"] = "mean",
        num_segments: int | None = None,
        correction: Literal[0, 1] = 0,
        empty_value: float | None = None,
        *,
        return_indices: bool,
        segments: TensorLike | None = None,
        offsets: TensorLike | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    def segment_pool(
        self,
        input: ArrayT,
        reduce: Literal["sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp"] = "mean",
        num_segments: int | None = None,
        correction: Literal[0, 1] = 0,
        empty_value: float | None = None,
        return_indices: bool = False,
        *,
        segments: TensorLike | None = None,
        offsets: TensorLike | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """Pools the rows of each segment to one: nodes to graphs, and elements of ragged batches to their samples.

        Rows come in any order with the number of their segment, or one segment after the other with offsets. Everything
        is computed in float64 in the order of the rows, so a result does not depend on what it is sent with.

        Args:
            input: the tensor to pool.
            reduce: What the rows of a segment are reduced to, in each column: the lower median, the variance
                over the number of rows less the correction, the sum weighted by the softmax over the segment,
                the logarithm of the sum of the exponentials, and so on.
            num_segments: The number of segments, with those that have no row. By default the largest of
                segments + 1; a plan, /v2 and several poolings in one request need it, since they know the
                shapes before the elements.
            correction: What is subtracted from the number of rows for var and std.
            empty_value: The result of a segment without rows. By default 0, and 1 for mul.
            return_indices: Whether to return the number of the row of each maximum or minimum, too.
            segments: (T): the number of the segment that each row belongs to, from 0, in any order.
            offsets: (S + 1): where each segment begins, if the rows of each follow each other; from 0 to T,
                ascending.

        Shape:
            input ``(T, *)`` gives ``(S, *)``, where S is num_segments, by default the largest of segments + 1,
                or the length of offsets - 1.
        """
        pooled = self._pool(
            "segment_pool",
            {
                "input": input,
                "segments": segments,
                "offsets": offsets,
            },
            {
                "reduce": reduce,
                "num_segments": num_segments,
                "correction": correction,
                "empty_value": empty_value,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    def span_pool(
        self,
        input: ArrayT,
        spans: TensorLike,
        modes: str | Sequence[str] = ("mean",),
        truncate: int | None = None,
        normalize: Literal["none", "l2"] = "none",
        concat: bool = True,
        empty: Literal["refuse", "zero"] = "refuse",
        *,
        mask: TensorLike | None = None,
        weights: TensorLike | None = None,
    ) -> Pooled[ArrayT, None]:
        """Pools the token vectors of each span to one vector, as late chunking does with the chunks of a long text.

        Spans may overlap, repeat and come in any order. What a token outside of a span is has no influence on its
        vector, and the cost hardly depends on how much spans overlap.

        Args:
            input: the tensor to pool.
            spans: (S, 2): the first token of each span and the end behind its last; (S, 3) with the number of
                the row before them.
            modes: How a vector is made of the tokens that count: cls, the first; last; mean; max; min; sum;
                mean_sqrt_len, the sum over the root of their number; weighted_mean, with the weights 1, 2, 3, …
                from the first one on; weighted, with those of the tensor weights. Of several modes the vectors
                follow each other.
            truncate: The number of dimensions to keep, the first ones, as Matryoshka embeddings allow; before
                normalizing.
            normalize: Whether each vector of the answer is divided by its Euclidean length.
            concat: Whether the vectors of several modes are one output, or an output for each mode, named by
                it.
            empty: What happens if no token of a vector counts: the request is refused, or the vector is 0.
            mask: (N, T), or (T) for an input (T, D): the tokens whose element is not 0 count. All count without
                it.
            weights: (N, T), or (T) for an input (T, D): the weight of each token, for the mode weighted.

        Shape:
            input ``(T, D)`` with spans ``(S, 2)``, or ``(N, T, D)`` with spans ``(S, 3)``, gives
                ``(S, modes·D)``. truncate takes the place of D.
        """
        pooled = self._pool(
            "span_pool",
            {
                "input": input,
                "spans": spans,
                "mask": mask,
                "weights": weights,
            },
            {
                "modes": modes,
                "truncate": truncate,
                "normalize": normalize,
                "concat": concat,
                "empty": empty,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def spatial_pyramid_pool1d(
        self,
        input: ArrayT,
        output_sizes: Sequence[int] = (1, 2, 4),
        reduce: Literal["max", "mean"] = "max",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The maximum or the mean of the windows of each level, for inputs of any size in one vector of a fixed size.

        A level with size s has s windows along each axis, those of adaptive pooling with ``output_size`` s. Its cells
        are in the order of the channels, and of the axes within a channel, as ``torch.flatten`` of ``(N, C, s, s)``;
        the levels follow each other. With channels last the vector is the same.

        Args:
            input: the tensor to pool.
            output_sizes: Number of windows along each axis, for each level.
            reduce: The value of a window.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` becomes ``(N, C·cells)``, and ``(C, *spatial)`` becomes ``(C·cells)``,
                where ``cells`` is the sum of the sizes to the power of the number of axes.
        """
        pooled = self._pool(
            "spatial_pyramid_pool1d",
            {"input": input},
            {
                "output_sizes": output_sizes,
                "reduce": reduce,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def spatial_pyramid_pool2d(
        self,
        input: ArrayT,
        output_sizes: Sequence[int] = (1, 2, 4),
        reduce: Literal["max", "mean"] = "max",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The maximum or the mean of the windows of each level, for inputs of any size in one vector of a fixed size.

        A level with size s has s windows along each axis, those of adaptive pooling with ``output_size`` s. Its cells
        are in the order of the channels, and of the axes within a channel, as ``torch.flatten`` of ``(N, C, s, s)``;
        the levels follow each other. With channels last the vector is the same.

        Args:
            input: the tensor to pool.
            output_sizes: Number of windows along each axis, for each level.
            reduce: The value of a window.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` becomes ``(N, C·cells)``, and ``(C, *spatial)`` becomes ``(C·cells)``,
                where ``cells`` is the sum of the sizes to the power of the number of axes.
        """
        pooled = self._pool(
            "spatial_pyramid_pool2d",
            {"input": input},
            {
                "output_sizes": output_sizes,
                "reduce": reduce,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def spatial_pyramid_pool3d(
        self,
        input: ArrayT,
        output_sizes: Sequence[int] = (1, 2, 4),
        reduce: Literal["max", "mean"] = "max",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The maximum or the mean of the windows of each level, for inputs of any size in one vector of a fixed size.

        A level with size s has s windows along each axis, those of adaptive pooling with ``output_size`` s. Its cells
        are in the order of the channels, and of the axes within a channel, as ``torch.flatten`` of ``(N, C, s, s)``;
        the levels follow each other. With channels last the vector is the same.

        Args:
            input: the tensor to pool.
            output_sizes: Number of windows along each axis, for each level.
            reduce: The value of a window.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` becomes ``(N, C·cells)``, and ``(C, *spatial)`` becomes ``(C·cells)``,
                where ``cells`` is the sum of the sizes to the power of the number of axes.
        """
        pooled = self._pool(
            "spatial_pyramid_pool3d",
            {"input": input},
            {
                "output_sizes": output_sizes,
                "reduce": reduce,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def std_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "std_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def std_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "std_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def std_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "std_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def sum_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "sum_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def sum_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "sum_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def sum_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "sum_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def token_pool(
        self,
        input: ArrayT,
        modes: str | Sequence[str] = ("mean",),
        truncate: int | None = None,
        normalize: Literal["none", "l2"] = "none",
        concat: bool = True,
        empty: Literal["refuse", "zero"] = "refuse",
        *,
        mask: TensorLike | None = None,
        weights: TensorLike | None = None,
        offsets: TensorLike | None = None,
    ) -> Pooled[ArrayT, None]:
        """Pools the token vectors of each row to one vector: the embedding of a text from those of its tokens.

        Rows are padded to one length, with a mask of the tokens that count, or follow each other without padding, with
        the offsets of their beginnings. A row gives the same vector whatever it is sent with.

        Args:
            input: the tensor to pool.
            modes: How a vector is made of the tokens that count: cls, the first; last; mean; max; min; sum;
                mean_sqrt_len, the sum over the root of their number; weighted_mean, with the weights 1, 2, 3, …
                from the first one on; weighted, with those of the tensor weights. Of several modes the vectors
                follow each other.
            truncate: The number of dimensions to keep, the first ones, as Matryoshka embeddings allow; before
                normalizing.
            normalize: Whether each vector of the answer is divided by its Euclidean length.
            concat: Whether the vectors of several modes are one output, or an output for each mode, named by
                it.
            empty: What happens if no token of a vector counts: the request is refused, or the vector is 0.
            mask: (N, T), or (T) for an input (T, D): the tokens whose element is not 0 count. All count without
                it.
            weights: (N, T), or (T) for an input (T, D): the weight of each token, for the mode weighted.
            offsets: (N + 1): where each row begins in an input (ΣT, D) of rows of different lengths; from 0 to
                ΣT, ascending.

        Shape:
            input ``(N, T, D)`` gives ``(N, modes·D)``, and ``(T, D)`` gives ``(modes·D)``; with offsets, input
                ``(ΣT, D)`` gives ``(N, modes·D)``. truncate takes the place of D.
        """
        pooled = self._pool(
            "token_pool",
            {
                "input": input,
                "mask": mask,
                "weights": weights,
                "offsets": offsets,
            },
            {
                "modes": modes,
                "truncate": truncate,
                "normalize": normalize,
                "concat": concat,
                "empty": empty,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def var_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "var_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def var_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "var_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    def var_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = self._pool(
            "var_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_avg_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_avg_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_avg_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_avg_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_avg_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_avgmax_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_avgmax_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_avgmax_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_avgmax_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_avgmax_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_avgmax_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_catavgmax_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_catavgmax_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_catavgmax_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_catavgmax_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_catavgmax_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The average of each of a given number of windows for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_catavgmax_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_gem_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each of a given number of windows: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_gem_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_gem_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each of a given number of windows: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_gem_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_gem_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each of a given number of windows: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_gem_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_logsumexp_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each of a given number of windows: ``log(mean(exp(r·x))) / r``, in float64, shifted by
        the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_logsumexp_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_logsumexp_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each of a given number of windows: ``log(mean(exp(r·x))) / r``, in float64, shifted by
        the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_logsumexp_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_logsumexp_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each of a given number of windows: ``log(mean(exp(r·x))) / r``, in float64, shifted by
        the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_logsumexp_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def adaptive_max_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_max_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def adaptive_max_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_max_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def adaptive_max_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_max_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def adaptive_median_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_median_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_median_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_median_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_median_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_median_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def adaptive_min_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def adaptive_min_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def adaptive_min_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def adaptive_min_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_min_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def adaptive_min_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def adaptive_min_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def adaptive_min_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def adaptive_min_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_min_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def adaptive_min_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def adaptive_min_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def adaptive_min_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def adaptive_min_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each of a given number of windows, and optionally its index.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_min_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def adaptive_mode_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each of a given number of windows; of equally frequent ones the least. For
        labels: no value is computed.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_mode_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_mode_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each of a given number of windows; of equally frequent ones the least. For
        labels: no value is computed.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_mode_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_mode_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each of a given number of windows; of equally frequent ones the least. For
        labels: no value is computed.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_mode_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_quantile_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_quantile_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_quantile_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_quantile_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_quantile_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_quantile_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_std_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_std_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_std_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_std_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_std_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_std_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_sum_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_sum_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_sum_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_sum_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_sum_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each of a given number of windows.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_sum_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_var_pool1d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_var_pool1d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_var_pool2d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_var_pool2d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def adaptive_var_pool3d(
        self,
        input: ArrayT,
        output_size: int | Sequence[int | None],
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each of a given number of windows, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            output_size: Number of windows along each axis; null keeps the length of an axis.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``.
        """
        pooled = await self._pool(
            "adaptive_var_pool3d",
            {"input": input},
            {
                "output_size": output_size,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def avg_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "dilation": dilation,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def avg_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "dilation": dilation,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def avg_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The average of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            count_include_pad: Whether positions of the padding count in the divisor.
            divisor_override: Divisor of every sum instead of the number of positions; 1 gives sums.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "dilation": dilation,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def blur_pool1d(
        self,
        input: ArrayT,
        filter_size: Literal[3, 5, 7] = 3,
        stride: int | Sequence[int] = 2,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The weighted average of each window, with the weights of a binomial filter.

        The weights are those of ``(1/2 + 1/2)^(filter_size - 1)``: 1/4, 1/2, 1/4 for size 3; a window's weight is the
        product of those of its axes. One axis is filtered after another. Shifting the input changes the output less
        than with a maximum or an average.

        Args:
            input: the tensor to pool.
            filter_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·p - filter_size) / stride) + 1`` with ``p = (stride + filter_size - 2) // 2``,
                which must be less than L.
        """
        pooled = await self._pool(
            "blur_pool1d",
            {"input": input},
            {
                "filter_size": filter_size,
                "stride": stride,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def blur_pool2d(
        self,
        input: ArrayT,
        filter_size: Literal[3, 5, 7] = 3,
        stride: int | Sequence[int] = 2,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The weighted average of each window, with the weights of a binomial filter.

        The weights are those of ``(1/2 + 1/2)^(filter_size - 1)``: 1/4, 1/2, 1/4 for size 3; a window's weight is the
        product of those of its axes. One axis is filtered after another. Shifting the input changes the output less
        than with a maximum or an average.

        Args:
            input: the tensor to pool.
            filter_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·p - filter_size) / stride) + 1`` with ``p = (stride + filter_size - 2) // 2``,
                which must be less than L.
        """
        pooled = await self._pool(
            "blur_pool2d",
            {"input": input},
            {
                "filter_size": filter_size,
                "stride": stride,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def blur_pool3d(
        self,
        input: ArrayT,
        filter_size: Literal[3, 5, 7] = 3,
        stride: int | Sequence[int] = 2,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The weighted average of each window, with the weights of a binomial filter.

        The weights are those of ``(1/2 + 1/2)^(filter_size - 1)``: 1/4, 1/2, 1/4 for size 3; a window's weight is the
        product of those of its axes. One axis is filtered after another. Shifting the input changes the output less
        than with a maximum or an average.

        Args:
            input: the tensor to pool.
            filter_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·p - filter_size) / stride) + 1`` with ``p = (stride + filter_size - 2) // 2``,
                which must be less than L.
        """
        pooled = await self._pool(
            "blur_pool3d",
            {"input": input},
            {
                "filter_size": filter_size,
                "stride": stride,
                "layout": layout,
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def fractional_max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        seed: int | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

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
                "layout": layout,
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def fractional_max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        output_size: int | Sequence[int] | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        seed: int | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

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
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def gem_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each window: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "gem_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def gem_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each window: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "gem_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def gem_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each window: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "gem_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "p": p,
                "eps": eps,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_avg_pool1d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_avg_pool1d",
            {"input": input},
            {
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_avg_pool2d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_avg_pool2d",
            {"input": input},
            {
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_avg_pool3d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane: adaptive_avg_pool with output_size 1.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_avg_pool3d",
            {"input": input},
            {
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_avgmax_pool1d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_avgmax_pool1d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_avgmax_pool2d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_avgmax_pool2d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_avgmax_pool3d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """Half the sum of the average and the maximum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_avgmax_pool3d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_catavgmax_pool1d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes 1, and is left out
                without keepdims.
        """
        pooled = await self._pool(
            "global_catavgmax_pool1d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_catavgmax_pool2d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes 1, and is left out
                without keepdims.
        """
        pooled = await self._pool(
            "global_catavgmax_pool2d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_catavgmax_pool3d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The average of each plane for all channels, and then the maximum for all channels.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; C becomes 2·C, each axis becomes 1, and is left out
                without keepdims.
        """
        pooled = await self._pool(
            "global_catavgmax_pool3d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_gem_pool1d(
        self,
        input: ArrayT,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each plane: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_gem_pool1d",
            {"input": input},
            {
                "p": p,
                "eps": eps,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_gem_pool2d(
        self,
        input: ArrayT,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each plane: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_gem_pool2d",
            {"input": input},
            {
                "p": p,
                "eps": eps,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_gem_pool3d(
        self,
        input: ArrayT,
        p: float = 3.0,
        eps: float = 1e-06,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The generalized mean of each plane: ``mean(max(x, eps)^p)^(1/p)``, in float64.

        With p = 1 it is the mean, and the larger p is, the closer it is to the maximum. Padding does not count.

        Args:
            input: the tensor to pool.
            p: The power; not 0.
            eps: The least value: smaller elements count as it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_gem_pool3d",
            {"input": input},
            {
                "p": p,
                "eps": eps,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_logsumexp_pool1d(
        self,
        input: ArrayT,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each plane: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_logsumexp_pool1d",
            {"input": input},
            {
                "r": r,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_logsumexp_pool2d(
        self,
        input: ArrayT,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each plane: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_logsumexp_pool2d",
            {"input": input},
            {
                "r": r,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_logsumexp_pool3d(
        self,
        input: ArrayT,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each plane: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_logsumexp_pool3d",
            {"input": input},
            {
                "r": r,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_lp_pool1d(
        self,
        input: ArrayT,
        norm_type: float,
        absolute: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each plane: lp_pool with one window.

        Computed in float64 and rounded once. ``absolute`` takes |x| before the power, which gives the mathematical norm
        and ONNX's GlobalLpPool; without it powers are signed, as in torch's lp_pool.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            absolute: Whether to take |x| before the power: the norm.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_lp_pool1d",
            {"input": input},
            {
                "norm_type": norm_type,
                "absolute": absolute,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_lp_pool2d(
        self,
        input: ArrayT,
        norm_type: float,
        absolute: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each plane: lp_pool with one window.

        Computed in float64 and rounded once. ``absolute`` takes |x| before the power, which gives the mathematical norm
        and ONNX's GlobalLpPool; without it powers are signed, as in torch's lp_pool.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            absolute: Whether to take |x| before the power: the norm.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_lp_pool2d",
            {"input": input},
            {
                "norm_type": norm_type,
                "absolute": absolute,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_lp_pool3d(
        self,
        input: ArrayT,
        norm_type: float,
        absolute: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]:
        """The p-norm of each plane: lp_pool with one window.

        Computed in float64 and rounded once. ``absolute`` takes |x| before the power, which gives the mathematical norm
        and ONNX's GlobalLpPool; without it powers are signed, as in torch's lp_pool.

        Args:
            input: the tensor to pool.
            norm_type: The power p; not 0; "Infinity" and "-Infinity" are powers too.
            absolute: Whether to take |x| before the power: the norm.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_lp_pool3d",
            {"input": input},
            {
                "norm_type": norm_type,
                "absolute": absolute,
                "layout": layout,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def global_max_pool1d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def global_max_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def global_max_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def global_max_pool1d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_max_pool1d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def global_max_pool2d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def global_max_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def global_max_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def global_max_pool2d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_max_pool2d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def global_max_pool3d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def global_max_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def global_max_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def global_max_pool3d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
        keepdims: bool = True,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.
            keepdims: Whether the output keeps the pooled axes, each of size 1.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_max_pool3d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
                "keepdims": keepdims,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def global_median_pool1d(
        self,
        input: ArrayT,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each plane.

        Args:
            input: the tensor to pool.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_median_pool1d",
            {"input": input},
            {
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_median_pool2d(
        self,
        input: ArrayT,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each plane.

        Args:
            input: the tensor to pool.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_median_pool2d",
            {"input": input},
            {
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_median_pool3d(
        self,
        input: ArrayT,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each plane.

        Args:
            input: the tensor to pool.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_median_pool3d",
            {"input": input},
            {
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def global_min_pool1d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def global_min_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def global_min_pool1d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def global_min_pool1d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each plane, and optionally its index.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_min_pool1d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def global_min_pool2d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def global_min_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def global_min_pool2d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def global_min_pool2d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each plane, and optionally its index.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_min_pool2d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def global_min_pool3d(
        self,
        input: ArrayT,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def global_min_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def global_min_pool3d(
        self,
        input: ArrayT,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def global_min_pool3d(
        self,
        input: ArrayT,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each plane, and optionally its index.

        Args:
            input: the tensor to pool.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_min_pool3d",
            {"input": input},
            {
                "return_indices": return_indices,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def global_mode_pool1d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each plane; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_mode_pool1d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_mode_pool2d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each plane; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_mode_pool2d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_mode_pool3d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each plane; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_mode_pool3d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_quantile_pool1d(
        self,
        input: ArrayT,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each plane.

        Args:
            input: the tensor to pool.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_quantile_pool1d",
            {"input": input},
            {
                "q": q,
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_quantile_pool2d(
        self,
        input: ArrayT,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each plane.

        Args:
            input: the tensor to pool.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_quantile_pool2d",
            {"input": input},
            {
                "q": q,
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_quantile_pool3d(
        self,
        input: ArrayT,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each plane.

        Args:
            input: the tensor to pool.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_quantile_pool3d",
            {"input": input},
            {
                "q": q,
                "method": method,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_std_pool1d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_std_pool1d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_std_pool2d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_std_pool2d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_std_pool3d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_std_pool3d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_sum_pool1d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_sum_pool1d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_sum_pool2d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_sum_pool2d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_sum_pool3d(
        self,
        input: ArrayT,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each plane.

        Args:
            input: the tensor to pool.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_sum_pool3d",
            {"input": input},
            {
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_var_pool1d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_var_pool1d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_var_pool2d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_var_pool2d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def global_var_pool3d(
        self,
        input: ArrayT,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        keepdims: bool = True,
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each plane, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            keepdims: Whether the output keeps the pooled axes, each of size 1.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without
                keepdims.
        """
        pooled = await self._pool(
            "global_var_pool3d",
            {"input": input},
            {
                "correction": correction,
                "layout": layout,
                "keepdims": keepdims,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def logsumexp_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each window: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "logsumexp_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def logsumexp_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each window: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "logsumexp_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def logsumexp_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        r: float = 1.0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The smooth maximum of each window: ``log(mean(exp(r·x))) / r``, in float64, shifted by the maximum.

        It lies between the mean and the maximum, and closer to the maximum the larger r is; with a negative r it lies
        between the minimum and the mean. Nothing overflows: ``[1000, 1000]`` gives 1000. Padding does not count.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            r: The sharpness; not 0.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "logsumexp_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "r": r,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def lp_pool1d(
        self,
        input: ArrayT,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
        absolute: bool = False,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
                padded input; a window that this would add after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only what is there: the norm. False is
                torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled to a full
                one.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "padding": padding,
                "dilation": dilation,
                "layout": layout,
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
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
                padded input; a window that this would add after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only what is there: the norm. False is
                torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled to a full
                one.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "padding": padding,
                "dilation": dilation,
                "layout": layout,
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
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
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
                padded input; a window that this would add after the last element of the input is left out.
            absolute: Whether to take |x| before the power and to sum only what is there: the norm. False is
                torch's formula: signed powers, and the sum of a window that ceil_mode cuts is scaled to a full
                one.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "padding": padding,
                "dilation": dilation,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def max_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def max_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def max_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The largest element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too; max_unpool needs it.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in
                ceil mode, where ``before`` and ``after`` are the padding.
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
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def max_unpool1d(
        self,
        input: ArrayT,
        indices: TensorLike,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: The indices that pooling returned, of the shape of input.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis: integers,
                which are at most half of kernel_size as in torch; pairs [before, after] of any size; "same" for
                ceil(L / stride) windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after;
                "same_lower" with the odd one before; "valid" for none.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - before - after``, where ``before`` and
                ``after`` are the padding, or ``L·stride`` with padding "same"; or ``output_size``, which may
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
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def max_unpool2d(
        self,
        input: ArrayT,
        indices: TensorLike,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: The indices that pooling returned, of the shape of input.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis: integers,
                which are at most half of kernel_size as in torch; pairs [before, after] of any size; "same" for
                ceil(L / stride) windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after;
                "same_lower" with the odd one before; "valid" for none.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - before - after``, where ``before`` and
                ``after`` are the padding, or ``L·stride`` with padding "same"; or ``output_size``, which may
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
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def max_unpool3d(
        self,
        input: ArrayT,
        indices: TensorLike,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        output_size: int | Sequence[int] | None = None,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """Puts each value back to the position that max pooling took it from, and zero everywhere else.

        If an index occurs more than once in a plane, the last value in row-major order is kept. The fields are those of
        the pooling that is undone. Indices refer to a plane of its input, so its sizes must be right: give them as
        ``output_size`` if pooling had rounded.

        Args:
            input: the tensor to pool.
            indices: The indices that pooling returned, of the shape of input.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions that pooling had added before and after its input along each axis: integers,
                which are at most half of kernel_size as in torch; pairs [before, after] of any size; "same" for
                ceil(L / stride) windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after;
                "same_lower" with the odd one before; "valid" for none.
            output_size: Spatial sizes of the output, needed if pooling had rounded; may begin with N and C.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether pooling had rounded up. It has no effect: output_size may be larger or smaller in
                any case.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input and indices ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``(L - 1)·stride + dilation·(kernel_size - 1) + 1 - before - after``, where ``before`` and
                ``after`` are the padding, or ``L·stride`` with padding "same"; or ``output_size``, which may
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
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def median_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "median_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def median_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "median_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def median_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] | None = None,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The median of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            method: Which value an even number of elements has, as in numpy's quantile; when not given, the mean
                of both middle elements for floats, and the lower of them for integers.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "median_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def min_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def min_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def min_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def min_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "min_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def min_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def min_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def min_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def min_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "min_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    @overload
    async def min_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def min_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def min_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        *,
        return_indices: bool,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def min_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """The least element of each window, and optionally its index.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            return_indices: Whether to return the index of each value too.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "min_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "return_indices": return_indices,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def mode_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each window; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "mode_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def mode_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each window; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "mode_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def mode_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The most frequent element of each window; of equally frequent ones the least. For labels: no value is
        computed.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "mode_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def pyramid_pool1d(
        self,
        input: ArrayT,
        levels: int,
        factor: int | Sequence[int] = 2,
        reduce: Literal["mean", "max", "min", "median", "mode", "first"] = "mean",
        cascade: bool = True,
        ceil_mode: bool = True,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The windows of every level of a pyramid: each level has one element for ``factor`` elements along each axis.

        The windows of a level follow each other and do not overlap. The outputs are ``level1``, ``level2``, …, the
        largest first. A level from the one before equals pooling that level alone, with ``kernel_size`` ``factor``:
        means of means are rounded at each level, and the median of medians is not the median. Without ``cascade`` the
        windows of level k have ``factor`` to the power of k elements of the input. ``valid1``, ``valid2``, … are the
        shares of ``return_valid``, of what each level is pooled from.

        Args:
            input: the tensor to pool.
            levels: Number of levels, the input not counted.
            factor: Elements of a window along each axis, from one level to the next.
            reduce: The value of a window; "first" is the element at its beginning, which is nearest-neighbour
                sampling.
            cascade: Whether a level is pooled from the one before, else from the input.
            ceil_mode: Whether a window that extends beyond the input reduces the elements inside, as overviews
                do; else it is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; in output ``level{k}`` each axis becomes
                ``ceil(L / factor**k)``, or ``floor(L / factor**k)`` without ceil_mode.
        """
        pooled = await self._pool(
            "pyramid_pool1d",
            {"input": input},
            {
                "levels": levels,
                "factor": factor,
                "reduce": reduce,
                "cascade": cascade,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def pyramid_pool2d(
        self,
        input: ArrayT,
        levels: int,
        factor: int | Sequence[int] = 2,
        reduce: Literal["mean", "max", "min", "median", "mode", "first"] = "mean",
        cascade: bool = True,
        ceil_mode: bool = True,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The windows of every level of a pyramid: each level has one element for ``factor`` elements along each axis.

        The windows of a level follow each other and do not overlap. The outputs are ``level1``, ``level2``, …, the
        largest first. A level from the one before equals pooling that level alone, with ``kernel_size`` ``factor``:
        means of means are rounded at each level, and the median of medians is not the median. Without ``cascade`` the
        windows of level k have ``factor`` to the power of k elements of the input. ``valid1``, ``valid2``, … are the
        shares of ``return_valid``, of what each level is pooled from.

        Args:
            input: the tensor to pool.
            levels: Number of levels, the input not counted.
            factor: Elements of a window along each axis, from one level to the next.
            reduce: The value of a window; "first" is the element at its beginning, which is nearest-neighbour
                sampling.
            cascade: Whether a level is pooled from the one before, else from the input.
            ceil_mode: Whether a window that extends beyond the input reduces the elements inside, as overviews
                do; else it is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; in output ``level{k}`` each axis becomes
                ``ceil(L / factor**k)``, or ``floor(L / factor**k)`` without ceil_mode.
        """
        pooled = await self._pool(
            "pyramid_pool2d",
            {"input": input},
            {
                "levels": levels,
                "factor": factor,
                "reduce": reduce,
                "cascade": cascade,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def pyramid_pool3d(
        self,
        input: ArrayT,
        levels: int,
        factor: int | Sequence[int] = 2,
        reduce: Literal["mean", "max", "min", "median", "mode", "first"] = "mean",
        cascade: bool = True,
        ceil_mode: bool = True,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The windows of every level of a pyramid: each level has one element for ``factor`` elements along each axis.

        The windows of a level follow each other and do not overlap. The outputs are ``level1``, ``level2``, …, the
        largest first. A level from the one before equals pooling that level alone, with ``kernel_size`` ``factor``:
        means of means are rounded at each level, and the median of medians is not the median. Without ``cascade`` the
        windows of level k have ``factor`` to the power of k elements of the input. ``valid1``, ``valid2``, … are the
        shares of ``return_valid``, of what each level is pooled from.

        Args:
            input: the tensor to pool.
            levels: Number of levels, the input not counted.
            factor: Elements of a window along each axis, from one level to the next.
            reduce: The value of a window; "first" is the element at its beginning, which is nearest-neighbour
                sampling.
            cascade: Whether a level is pooled from the one before, else from the input.
            ceil_mode: Whether a window that extends beyond the input reduces the elements inside, as overviews
                do; else it is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; in output ``level{k}`` each axis becomes
                ``ceil(L / factor**k)``, or ``floor(L / factor**k)`` without ceil_mode.
        """
        pooled = await self._pool(
            "pyramid_pool3d",
            {"input": input},
            {
                "levels": levels,
                "factor": factor,
                "reduce": reduce,
                "cascade": cascade,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def quantile_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "quantile_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def quantile_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "quantile_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def quantile_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        q: float = 0.5,
        method: Literal["linear", "lower", "higher", "nearest", "midpoint"] = "linear",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """A quantile of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            q: The share of the elements below the result.
            method: Which value a quantile between two elements has, as in numpy's quantile: linear
                interpolates, midpoint is their mean, and the others choose one of them.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "quantile_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "q": q,
                "method": method,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def roi_align(
        self,
        input: ArrayT,
        boxes: TensorLike,
        output_size: int | Sequence[int],
        spatial_scale: float = 1.0,
        sampling_ratio: int = -1,
        aligned: bool = False,
        mode: Literal["avg", "max"] = "avg",
        *,
        batch_indices: TensorLike | None = None,
    ) -> Pooled[ArrayT, None]:
        """The average of samples between the elements of each box, without rounding its corners: RoIAlign of Mask
        R-CNN.

        Every box becomes an output of one size, whose bins are sampled on a grid with bilinear interpolation.

        Args:
            input: the tensor to pool.
            boxes: (K, 5): the number of the image, then x1, y1, x2 and y2; or (K, 4) without the number, and
                batch_indices.
            output_size: The size of each output, H and W.
            spatial_scale: What the coordinates of boxes are multiplied by: 1/16 for a map of a sixteenth of the
                image's size.
            sampling_ratio: Samples of a bin along each axis; 0 or less adapts them to the size of the box.
            aligned: Whether coordinates are shifted by half a position, as those of pixels' centres are.
                Without it boxes are at least 1 wide and high.
            mode: Whether the samples of a bin are averaged, or the largest weighted element is taken, as ONNX
                does.
            batch_indices: (K): the number of the image of each box, for boxes (K, 4).

        Shape:
            input ``(N, C, H, W)`` and K boxes give ``(K, C, *output_size)``.
        """
        pooled = await self._pool(
            "roi_align",
            {
                "input": input,
                "boxes": boxes,
                "batch_indices": batch_indices,
            },
            {
                "output_size": output_size,
                "spatial_scale": spatial_scale,
                "sampling_ratio": sampling_ratio,
                "aligned": aligned,
                "mode": mode,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def roi_pool(
        self,
        input: ArrayT,
        boxes: TensorLike,
        output_size: int | Sequence[int],
        spatial_scale: float = 1.0,
        *,
        batch_indices: TensorLike | None = None,
    ) -> Pooled[ArrayT, None]:
        """The largest element of each bin of each box, whose corners are rounded to elements: RoIPool of Fast R-CNN.

        Bins without an element are 0, and a NaN in a bin is its result.

        Args:
            input: the tensor to pool.
            boxes: (K, 5): the number of the image, then x1, y1, x2 and y2; or (K, 4) without the number, and
                batch_indices.
            output_size: The size of each output, H and W.
            spatial_scale: What the coordinates of boxes are multiplied by: 1/16 for a map of a sixteenth of the
                image's size.
            batch_indices: (K): the number of the image of each box, for boxes (K, 4).

        Shape:
            input ``(N, C, H, W)`` and K boxes give ``(K, C, *output_size)``.
        """
        pooled = await self._pool(
            "roi_pool",
            {
                "input": input,
                "boxes": boxes,
                "batch_indices": batch_indices,
            },
            {
                "output_size": output_size,
                "spatial_scale": spatial_scale,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    @overload
    async def segment_pool(
        self,
        input: ArrayT,
        reduce: Literal["sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp"] = "mean",
        num_segments: int | None = None,
        correction: Literal[0, 1] = 0,
        empty_value: float | None = None,
        return_indices: Literal[False] = False,
        *,
        segments: TensorLike | None = None,
        offsets: TensorLike | None = None,
    ) -> Pooled[ArrayT, None]: ...
    @overload
    async def segment_pool(
        self,
        input: ArrayT,
        reduce: Literal["sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp"] = "mean",
        num_segments: int | None = None,
        correction: Literal[0, 1] = 0,
        empty_value: float | None = None,
        *,
        return_indices: Literal[True],
        segments: TensorLike | None = None,
        offsets: TensorLike | None = None,
    ) -> Pooled[ArrayT, ArrayT]: ...
    @overload
    async def segment_pool(
        self,
        input: ArrayT,
        reduce: Literal["sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp"] = "mean",
        num_segments: int | None = None,
        correction: Literal[0, 1] = 0,
        empty_value: float | None = None,
        *,
        return_indices: bool,
        segments: TensorLike | None = None,
        offsets: TensorLike | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]: ...
    async def segment_pool(
        self,
        input: ArrayT,
        reduce: Literal["sum", "mean", "max", "min", "mul", "median", "var", "std", "softmax", "logsumexp"] = "mean",
        num_segments: int | None = None,
        correction: Literal[0, 1] = 0,
        empty_value: float | None = None,
        return_indices: bool = False,
        *,
        segments: TensorLike | None = None,
        offsets: TensorLike | None = None,
    ) -> Pooled[ArrayT, ArrayT | None]:
        """Pools the rows of each segment to one: nodes to graphs, and elements of ragged batches to their samples.

        Rows come in any order with the number of their segment, or one segment after the other with offsets. Everything
        is computed in float64 in the order of the rows, so a result does not depend on what it is sent with.

        Args:
            input: the tensor to pool.
            reduce: What the rows of a segment are reduced to, in each column: the lower median, the variance
                over the number of rows less the correction, the sum weighted by the softmax over the segment,
                the logarithm of the sum of the exponentials, and so on.
            num_segments: The number of segments, with those that have no row. By default the largest of
                segments + 1; a plan, /v2 and several poolings in one request need it, since they know the
                shapes before the elements.
            correction: What is subtracted from the number of rows for var and std.
            empty_value: The result of a segment without rows. By default 0, and 1 for mul.
            return_indices: Whether to return the number of the row of each maximum or minimum, too.
            segments: (T): the number of the segment that each row belongs to, from 0, in any order.
            offsets: (S + 1): where each segment begins, if the rows of each follow each other; from 0 to T,
                ascending.

        Shape:
            input ``(T, *)`` gives ``(S, *)``, where S is num_segments, by default the largest of segments + 1,
                or the length of offsets - 1.
        """
        pooled = await self._pool(
            "segment_pool",
            {
                "input": input,
                "segments": segments,
                "offsets": offsets,
            },
            {
                "reduce": reduce,
                "num_segments": num_segments,
                "correction": correction,
                "empty_value": empty_value,
                "return_indices": return_indices,
            },
        )
        return cast("Pooled[ArrayT, ArrayT | None]", pooled)

    async def span_pool(
        self,
        input: ArrayT,
        spans: TensorLike,
        modes: str | Sequence[str] = ("mean",),
        truncate: int | None = None,
        normalize: Literal["none", "l2"] = "none",
        concat: bool = True,
        empty: Literal["refuse", "zero"] = "refuse",
        *,
        mask: TensorLike | None = None,
        weights: TensorLike | None = None,
    ) -> Pooled[ArrayT, None]:
        """Pools the token vectors of each span to one vector, as late chunking does with the chunks of a long text.

        Spans may overlap, repeat and come in any order. What a token outside of a span is has no influence on its
        vector, and the cost hardly depends on how much spans overlap.

        Args:
            input: the tensor to pool.
            spans: (S, 2): the first token of each span and the end behind its last; (S, 3) with the number of
                the row before them.
            modes: How a vector is made of the tokens that count: cls, the first; last; mean; max; min; sum;
                mean_sqrt_len, the sum over the root of their number; weighted_mean, with the weights 1, 2, 3, …
                from the first one on; weighted, with those of the tensor weights. Of several modes the vectors
                follow each other.
            truncate: The number of dimensions to keep, the first ones, as Matryoshka embeddings allow; before
                normalizing.
            normalize: Whether each vector of the answer is divided by its Euclidean length.
            concat: Whether the vectors of several modes are one output, or an output for each mode, named by
                it.
            empty: What happens if no token of a vector counts: the request is refused, or the vector is 0.
            mask: (N, T), or (T) for an input (T, D): the tokens whose element is not 0 count. All count without
                it.
            weights: (N, T), or (T) for an input (T, D): the weight of each token, for the mode weighted.

        Shape:
            input ``(T, D)`` with spans ``(S, 2)``, or ``(N, T, D)`` with spans ``(S, 3)``, gives
                ``(S, modes·D)``. truncate takes the place of D.
        """
        pooled = await self._pool(
            "span_pool",
            {
                "input": input,
                "spans": spans,
                "mask": mask,
                "weights": weights,
            },
            {
                "modes": modes,
                "truncate": truncate,
                "normalize": normalize,
                "concat": concat,
                "empty": empty,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def spatial_pyramid_pool1d(
        self,
        input: ArrayT,
        output_sizes: Sequence[int] = (1, 2, 4),
        reduce: Literal["max", "mean"] = "max",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The maximum or the mean of the windows of each level, for inputs of any size in one vector of a fixed size.

        A level with size s has s windows along each axis, those of adaptive pooling with ``output_size`` s. Its cells
        are in the order of the channels, and of the axes within a channel, as ``torch.flatten`` of ``(N, C, s, s)``;
        the levels follow each other. With channels last the vector is the same.

        Args:
            input: the tensor to pool.
            output_sizes: Number of windows along each axis, for each level.
            reduce: The value of a window.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` becomes ``(N, C·cells)``, and ``(C, *spatial)`` becomes ``(C·cells)``,
                where ``cells`` is the sum of the sizes to the power of the number of axes.
        """
        pooled = await self._pool(
            "spatial_pyramid_pool1d",
            {"input": input},
            {
                "output_sizes": output_sizes,
                "reduce": reduce,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def spatial_pyramid_pool2d(
        self,
        input: ArrayT,
        output_sizes: Sequence[int] = (1, 2, 4),
        reduce: Literal["max", "mean"] = "max",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The maximum or the mean of the windows of each level, for inputs of any size in one vector of a fixed size.

        A level with size s has s windows along each axis, those of adaptive pooling with ``output_size`` s. Its cells
        are in the order of the channels, and of the axes within a channel, as ``torch.flatten`` of ``(N, C, s, s)``;
        the levels follow each other. With channels last the vector is the same.

        Args:
            input: the tensor to pool.
            output_sizes: Number of windows along each axis, for each level.
            reduce: The value of a window.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` becomes ``(N, C·cells)``, and ``(C, *spatial)`` becomes ``(C·cells)``,
                where ``cells`` is the sum of the sizes to the power of the number of axes.
        """
        pooled = await self._pool(
            "spatial_pyramid_pool2d",
            {"input": input},
            {
                "output_sizes": output_sizes,
                "reduce": reduce,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def spatial_pyramid_pool3d(
        self,
        input: ArrayT,
        output_sizes: Sequence[int] = (1, 2, 4),
        reduce: Literal["max", "mean"] = "max",
        layout: Literal["channels_first", "channels_last"] = "channels_first",
    ) -> Pooled[ArrayT, None]:
        """The maximum or the mean of the windows of each level, for inputs of any size in one vector of a fixed size.

        A level with size s has s windows along each axis, those of adaptive pooling with ``output_size`` s. Its cells
        are in the order of the channels, and of the axes within a channel, as ``torch.flatten`` of ``(N, C, s, s)``;
        the levels follow each other. With channels last the vector is the same.

        Args:
            input: the tensor to pool.
            output_sizes: Number of windows along each axis, for each level.
            reduce: The value of a window.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.

        Shape:
            input ``(N, C, *spatial)`` becomes ``(N, C·cells)``, and ``(C, *spatial)`` becomes ``(C·cells)``,
                where ``cells`` is the sum of the sizes to the power of the number of axes.
        """
        pooled = await self._pool(
            "spatial_pyramid_pool3d",
            {"input": input},
            {
                "output_sizes": output_sizes,
                "reduce": reduce,
                "layout": layout,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def std_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "std_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def std_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "std_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def std_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The standard deviation of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "std_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def sum_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "sum_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def sum_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "sum_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def sum_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The sum of each window.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "sum_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def token_pool(
        self,
        input: ArrayT,
        modes: str | Sequence[str] = ("mean",),
        truncate: int | None = None,
        normalize: Literal["none", "l2"] = "none",
        concat: bool = True,
        empty: Literal["refuse", "zero"] = "refuse",
        *,
        mask: TensorLike | None = None,
        weights: TensorLike | None = None,
        offsets: TensorLike | None = None,
    ) -> Pooled[ArrayT, None]:
        """Pools the token vectors of each row to one vector: the embedding of a text from those of its tokens.

        Rows are padded to one length, with a mask of the tokens that count, or follow each other without padding, with
        the offsets of their beginnings. A row gives the same vector whatever it is sent with.

        Args:
            input: the tensor to pool.
            modes: How a vector is made of the tokens that count: cls, the first; last; mean; max; min; sum;
                mean_sqrt_len, the sum over the root of their number; weighted_mean, with the weights 1, 2, 3, …
                from the first one on; weighted, with those of the tensor weights. Of several modes the vectors
                follow each other.
            truncate: The number of dimensions to keep, the first ones, as Matryoshka embeddings allow; before
                normalizing.
            normalize: Whether each vector of the answer is divided by its Euclidean length.
            concat: Whether the vectors of several modes are one output, or an output for each mode, named by
                it.
            empty: What happens if no token of a vector counts: the request is refused, or the vector is 0.
            mask: (N, T), or (T) for an input (T, D): the tokens whose element is not 0 count. All count without
                it.
            weights: (N, T), or (T) for an input (T, D): the weight of each token, for the mode weighted.
            offsets: (N + 1): where each row begins in an input (ΣT, D) of rows of different lengths; from 0 to
                ΣT, ascending.

        Shape:
            input ``(N, T, D)`` gives ``(N, modes·D)``, and ``(T, D)`` gives ``(modes·D)``; with offsets, input
                ``(ΣT, D)`` gives ``(N, modes·D)``. truncate takes the place of D.
        """
        pooled = await self._pool(
            "token_pool",
            {
                "input": input,
                "mask": mask,
                "weights": weights,
                "offsets": offsets,
            },
            {
                "modes": modes,
                "truncate": truncate,
                "normalize": normalize,
                "concat": concat,
                "empty": empty,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def var_pool1d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "var_pool1d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def var_pool2d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "var_pool2d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)

    async def var_pool3d(
        self,
        input: ArrayT,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "same_lower", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        correction: Literal[0, 1] = 0,
        layout: Literal["channels_first", "channels_last"] = "channels_first",
        nan_policy: Literal["propagate", "omit"] = "propagate",
        ignore_value: float | None = None,
        return_valid: bool = False,
    ) -> Pooled[ArrayT, None]:
        """The variance of each window, in float64 from deviations of the mean.

        Args:
            input: the tensor to pool.
            kernel_size: Elements of a window along each axis.
            stride: Positions from one window to the next along each axis; kernel_size when not given.
            padding: Positions added before and after the input along each axis: integers, which are at most
                half of kernel_size as in torch; pairs [before, after] of any size; "same" for ceil(L / stride)
                windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "same_lower" with
                the odd one before; "valid" for none.
            dilation: Distance from one element of a window to the next along each axis.
            ceil_mode: Whether the number of windows is rounded up, so that the last one may extend beyond the
                padded input; a window that this would add after the last element of the input is left out.
            correction: What is subtracted from the number of elements in the divisor: 0 for the population, 1
                for a sample of it. With 1 a window of one element gives NaN.
            layout: Order of the axes of inputs and outputs: (N, C, *spatial), or (N, *spatial, C). Indices are
                flat within a plane in both.
            nan_policy: Whether a NaN counts as the operator says, or is passed over. Passed over, a window with
                nothing left gives NaN, or ignore_value if that is given. Integers have no NaN.
            ignore_value: Elements equal to it are passed over (nodata); a window with nothing left gives it.
                For floats it is rounded to the element type.
            return_valid: Whether to return the share of each window's positions inside the input that counted,
                too.

        Shape:
            input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes
                ``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil
                mode.
        """
        pooled = await self._pool(
            "var_pool3d",
            {"input": input},
            {
                "kernel_size": kernel_size,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "ceil_mode": ceil_mode,
                "correction": correction,
                "layout": layout,
                "nan_policy": nan_policy,
                "ignore_value": ignore_value,
                "return_valid": return_valid,
            },
        )
        return cast("Pooled[ArrayT, None]", pooled)
