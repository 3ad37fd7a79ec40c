"""Pools boxes of planes: averages and maxima of bilinear samples (``roi_align``), maxima of bins (``roi_pool``).

Along an axis an element counts once, with the sum of its weights, however many samples are beside it: a box takes at
most ``(H + 2·H_out)·W + (W + 2·W_out)·H_out`` products a channel, whatever its size and number of samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.box_loops import align_boxes, pool_boxes
from poolhouse.kernels.box_positions import Positions, Reals, SampleGrid, bin_bounds
from poolhouse.kernels.halves import round_bfloat16, round_float16
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import CHUNK_BYTES, Array

_ROUND: Final = {"float16": round_float16, "bfloat16": round_bfloat16}


class RoiAlignKernel:
    """The average or the maximum of bilinear samples in each bin of boxes, as torchvision's ``roi_align``.

    A sample farther than one element outside the input counts as 0. A bin without samples, in a box without area, is
    0. An element with the weight 0 beside a sample is multiplied too: an infinity gives NaN, unless other samples give
    it a weight. The maximum is the largest of weight times element over the elements beside all samples, as in
    onnxruntime's mode ``max``; a NaN wins.

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
        self._loop, self._round = align_boxes[element], _ROUND.get(element)
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
        found = out.reshape(-1)
        size_out = size[0] * size[1]
        at_once = self._grid.boxes_at_once((height, width))
        numbers = (channels, height, width, *size, self._grid.takes_max)

        def work(start: int, stop: int) -> None:
            line = np.empty(width)
            for box in range(start // channels, -(-stop // channels), at_once):
                begin, end = max(start, box * channels), min(stop, (box + at_once) * channels)
                part = slice(box, -(-end // channels))
                taps = self._grid.taps(boxes[part], (height, width))
                divisors = np.fmax(self._grid.counts(boxes[part]).prod(1), 1.0)
                many = end - begin if self._round is None else max(1, CHUNK_BYTES // (4 * size_out))
                for at in range(begin, end, many):
                    until = min(at + many, end)
                    target = found[at * size_out : until * size_out]
                    written = target if self._round is None else np.empty(target.size, np.float32)
                    bounds = (at - box * channels, until - box * channels)
                    arrays = (array for axis in taps for array in (*axis[:3], axis.is_complete.view(np.uint8)))
                    self._loop(given, written, *bounds, *numbers, images[part], divisors, *arrays, line)
                    if self._round is not None:
                        self._round(written, target, target.size)

        if out.size:
            shard(work, len(boxes) * channels, threads)
        return (out,)


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
