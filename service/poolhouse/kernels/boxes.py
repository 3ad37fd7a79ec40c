"""Pools boxes of planes: averages and maxima of bilinear samples (``roi_align``), maxima of bins (``roi_pool``).

Along an axis an element counts once, with the sum of its weights, however many samples are beside it: a box takes at
most ``(H + 2·H_out)·W + (W + 2·W_out)·H_out`` products a channel, whatever its size and number of samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.bin_loops import pool_boxes
from poolhouse.kernels.box_loops import average_boxes, compare_boxes
from poolhouse.kernels.box_positions import Positions, Reals, SampleGrid, bin_bounds
from poolhouse.kernels.halves import round_bfloat16, round_float16
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import Array

_ROUNDED_AT_ONCE: Final = 2**18
"""Results that are rounded to 16 bits at once; at least those of one box."""
_ROUND: Final = {"float16": round_float16, "bfloat16": round_bfloat16}


class RoiAlignKernel:
    """The average or the maximum of bilinear samples in each bin of boxes, as torchvision's ``roi_align``.

    A sample before position -1 or after position H or W counts as 0. An adaptive grid of a box without area has no
    samples; its bins are 0. The maximum is the largest product of a weight and an element over the four elements beside
    each sample, as in onnxruntime's mode ``max``, not the largest interpolated value.

    NaN beside a sample gives NaN, also with the weight 0, as in torchvision; onnxruntime's maximum passes over some.
    The product of an infinity and the weight 0 is NaN. An average multiplies an element by the sum of its weights, so
    an infinity stays one if any sample gives it a weight; torchvision multiplies by each.

    Args:
        element: float32, float64, float16 or bfloat16.
        output_size: number of bins along H and W.
        spatial_scale: factor from coordinates of boxes to positions.
        sampling_ratio: samples of a bin along each axis; if not positive, its number of elements, rounded up.
        aligned: whether boxes are shifted by half an element; if not, they have at least one element.
        takes_max: whether samples are compared instead of averaged.
    """

    def __init__(
        self,
        element: str,
        output_size: tuple[int, int],
        spatial_scale: float,
        sampling_ratio: int,
        *,
        aligned: bool,
        takes_max: bool,
    ) -> None:
        self._loop, self._round = (compare_boxes if takes_max else average_boxes)[element], _ROUND.get(element)
        self._grid = SampleGrid(output_size, spatial_scale, sampling_ratio, aligned, takes_max)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool boxes.

        Args:
            planes: ``input`` (N, C, H, W), contiguous; ``boxes`` (K, 4) float64 ``[x1, y1, x2, y2]``, finite;
                ``batch_indices`` (K,) int64, from 0 to N - 1.
            threads: threads that share the channels of all boxes.

        Returns:
            (K, C, H_out, W_out) of the input's storage type.
        """
        given, boxes, images = _contiguous(planes)
        _, channels, height, width = given.shape
        size = self._grid.output_size
        out = empty((len(boxes), channels, *size), given.dtype)

        def pool(part: slice, start: int, stop: int, line: Array) -> None:
            taps = self._grid.taps(boxes[part], (height, width))
            arrays = [array for axis in taps for array in (*axis[:3], axis.is_complete.view(np.uint8))]
            divisors = np.fmax(self._grid.counts(boxes[part]).prod(1), 1.0)
            count, sizes = len(divisors), (channels, height, width, *size)
            spans = np.empty(2 * count, np.int64)
            rest = (*sizes, images[part], divisors, *arrays, line, spans)
            if self._round is None:
                self._loop(given, out[part], count, start, stop, 0, channels, *rest)
                return
            wide = np.empty((count, stop - start, *size), np.float32)
            self._loop(given, wide, count, start, stop, start, stop - start, *rest)
            narrow = np.empty(wide.shape, np.uint16)
            self._round(wide, narrow, wide.size)
            out[part, start:stop] = narrow.view(out.dtype)

        def work(start: int, stop: int) -> None:
            line = np.empty(width)
            for first, last, begin, end in _rectangles(start, stop, channels):
                at_once = self._grid.boxes_at_once((height, width))
                if self._round is not None:
                    at_once = min(at_once, max(1, _ROUNDED_AT_ONCE // ((end - begin) * size[0] * size[1])))
                for box in range(first, last, at_once):
                    pool(slice(box, min(box + at_once, last)), begin, end, line)

        if out.size:
            shard(work, len(boxes) * channels, threads)
        return (out,)


def _rectangles(start: int, stop: int, channels: int) -> Iterator[tuple[int, int, int, int]]:
    """The channels from start to stop, counted through all boxes, as ranges of boxes with the same channels of each.

    Yields:
        the first box, the end of the boxes, the first channel and the end of the channels.
    """
    while start < stop:
        box, channel = divmod(start, channels)
        boxes = (stop - start) // channels if channel == 0 else 0
        if boxes:
            yield box, box + boxes, 0, channels
            start += boxes * channels
        else:
            many = min(channels - channel, stop - start)
            yield box, box + 1, channel, channel + many
            start += many


class RoiPoolKernel:
    """The largest element in each bin of boxes with rounded coordinates, as torchvision's and Caffe's ``roi_pool``.

    An empty bin is 0. A NaN wins, as in the other maxima here; torchvision and Caffe pass over it.

    Args:
        element: float32, float64, float16 or bfloat16.
        output_size: number of bins along H and W.
        spatial_scale: factor from coordinates of boxes to positions.
    """

    def __init__(self, element: str, output_size: tuple[int, int], spatial_scale: float) -> None:
        self._loop, self._output_size, self._spatial_scale = pool_boxes[element], output_size, spatial_scale
        self._line_type = np.float64 if element == "float64" else np.float32

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool boxes; see :meth:`RoiAlignKernel.__call__`."""
        given, boxes, images = _contiguous(planes)
        _, channels, *spatial = given.shape
        out = empty((len(boxes), channels, *self._output_size), given.dtype)
        bounds = [
            each
            for axis, (bins, length) in enumerate(zip(self._output_size, spatial, strict=True))
            for each in bin_bounds(boxes, bins, self._spatial_scale, axis, length)
        ]
        numbers = (channels, *spatial, *self._output_size)

        def work(start: int, stop: int) -> None:
            line = np.empty(spatial[1], self._line_type)
            self._loop(given, out, start, stop, *numbers, images, *bounds, line)

        shard(work, len(boxes) * channels, threads)
        return (out,)


def _contiguous(planes: Mapping[str, Array]) -> tuple[Array, Reals, Positions]:
    return (
        np.ascontiguousarray(planes["input"]),
        np.ascontiguousarray(planes["boxes"], np.float64),
        np.ascontiguousarray(planes["batch_indices"], np.int64),
    )
