"""Pooling of boxes by torch's operations: the bits of the loops, bounded memory, and torch's own interpolation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend.conversion import as_array
from poolhouse.kernels.boxes import RoiAlignKernel, RoiPoolKernel
from poolhouse.operators import box_sampling
from poolhouse.operators.box_sampling import reference_of_box_align, reference_of_box_pool, roi_align, roi_pool
from tests.hypothesis_profiles import scaled_examples

H, W = 6, 9

POINTS = st.one_of(st.floats(-3, 12, width=32), st.integers(-2, 9).map(float), st.sampled_from((-1e9, 1e12)))
BOXES = st.lists(st.lists(POINTS, min_size=4, max_size=4), min_size=0, max_size=5)
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))
TYPES = st.sampled_from(("float32", "float64", "float16", "bfloat16"))
FIELDS = st.fixed_dictionaries({"aligned": st.booleans(), "takes_max": st.booleans()})


def planes_of(x: torch.Tensor, boxes: object) -> dict[str, torch.Tensor]:
    """The inputs, with boxes of all images in turn."""
    given_boxes = torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4)
    return {"input": x, "boxes": given_boxes, "batch_indices": torch.arange(len(given_boxes)) % len(x)}


def numbers(seed: int, *shape: int, dtype: str = "float64") -> torch.Tensor:
    """Random numbers of several magnitudes, whose sum depends on the order; with infinities, NaN and zeros."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4, shape)
    special = rng.choice([math.inf, -math.inf, math.nan, 0.0, -0.0], shape)
    found = torch.from_numpy(np.where(rng.random(shape) < 0.02, special, x))
    return found.to(getattr(torch, dtype))


def assert_same_bits(found: torch.Tensor, expected: Any) -> None:
    """Equal in every bit, but for those of NaN."""
    array = as_array(found)
    assert array.dtype == expected.dtype
    assert array.shape == expected.shape
    bits = np.dtype(f"u{array.dtype.itemsize}")
    both_nan = found.isnan().numpy() & _is_nan(expected, found.dtype)
    assert ((array.view(bits) == expected.view(bits)) | both_nan).all()


def _is_nan(array: Any, dtype: torch.dtype) -> Any:
    if dtype is torch.bfloat16:
        return (array & 0x7FFF) > 0x7F80
    return np.isnan(array)


@scaled_examples(300)
@given(BOXES, SIZES, st.sampled_from((1.0, 0.25, 1.3)), st.integers(-1, 3), FIELDS, TYPES, st.integers(0, 2**32))
def test_samples_have_the_bits_of_the_loops(
    boxes: list[list[float]],
    size: tuple[int, int],
    scale: float,
    ratio: int,
    fields: dict[str, bool],
    dtype: str,
    seed: int,
) -> None:
    """So that a service gives the same numbers with and without a compiler, and on a GPU."""
    planes = planes_of(numbers(seed, 2, 3, H, W, dtype=dtype), boxes)

    found = roi_align(planes, size, scale, ratio, **fields)

    arrays = {name: as_array(tensor) for name, tensor in planes.items()}
    assert_same_bits(found, RoiAlignKernel(dtype, size, scale, ratio, **fields)(arrays, 1)[0])


@scaled_examples(300)
@given(BOXES, SIZES, st.sampled_from((1.0, 0.25, 1.3)), TYPES, st.integers(0, 2**32))
def test_bins_have_the_bits_of_the_loops(
    boxes: list[list[float]], size: tuple[int, int], scale: float, dtype: str, seed: int
) -> None:
    """Also of the zero that is chosen of two."""
    planes = planes_of(numbers(seed, 2, 3, H, W, dtype=dtype), boxes)

    found = roi_pool(planes, size, scale)

    arrays = {name: as_array(tensor) for name, tensor in planes.items()}
    assert_same_bits(found, RoiPoolKernel(dtype, size, scale)(arrays, 1)[0])


@pytest.mark.parametrize("elements", [1, 500, 3000])
def test_boxes_in_chunks_equal_all_at_once(elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes are sorted by their size; each goes back to its place."""
    rng = np.random.default_rng(1)
    corners = np.sort(rng.uniform(-2, 10, (40, 2, 2)), 1)
    planes = planes_of(numbers(2, 2, 3, H, W), corners.reshape(40, 4).tolist())
    whole = [roi_pool(planes, (2, 3), 1.0)]
    whole += [roi_align(planes, (2, 3), 1.0, 0, aligned=True, takes_max=takes_max) for takes_max in (False, True)]
    monkeypatch.setattr(box_sampling, "_CHUNK_ELEMENTS", elements)
    read, sizes = box_sampling._read, []

    def record(*arguments: Any) -> torch.Tensor:
        found = read(*arguments)
        sizes.append((len(found), found.numel()))
        return found

    monkeypatch.setattr(box_sampling, "_read", record)

    parts = [roi_pool(planes, (2, 3), 1.0)]
    parts += [roi_align(planes, (2, 3), 1.0, 0, aligned=True, takes_max=takes_max) for takes_max in (False, True)]

    assert all(boxes == 1 or numel <= elements for boxes, numel in sizes)
    for one, other in zip(whole, parts, strict=True):
        assert_same_bits(one, as_array(other))


def test_a_sample_on_its_own_is_torchs_bilinear_interpolation() -> None:
    """Where a box is inside the input and each bin has one sample: grid_sample at the middle of each bin."""
    x = torch.randn(1, 3, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    box = [1.3, 0.9, 7.1, 4.7]
    ys, xs = (
        start - 0.5 + (torch.arange(4, dtype=torch.float64) + 0.5) * (end - start) / 4
        for start, end in ((box[1], box[3]), (box[0], box[2]))
    )
    grid = torch.stack(torch.meshgrid(2 * xs / (W - 1) - 1, 2 * ys / (H - 1) - 1, indexing="xy"), -1)

    found = roi_align(planes_of(x, [box]), (4, 4), 1.0, 1, aligned=True, takes_max=False)

    torch.testing.assert_close(found, F.grid_sample(x, grid[None], align_corners=True), rtol=1e-12, atol=1e-12)


def test_bins_of_whole_elements_are_torchs_adaptive_pooling() -> None:
    """A box of all elements, whose end counts, has the bins of adaptive_max_pool2d."""
    x = torch.randn(1, 3, 11, 13, generator=torch.Generator().manual_seed(4))

    found = roi_pool(planes_of(x, [[0, 0, 12, 10]]), (3, 4), 1.0)

    assert torch.equal(found, F.adaptive_max_pool2d(x, (3, 4)))


def test_the_reference_interpolates_between_elements() -> None:
    """By hand: a ramp keeps its slope, and outside of the input a sample counts as 0."""
    ramp = [[float(column) for column in range(5)] for _ in range(4)]

    inside = reference_of_box_align(ramp, [1, 1, 3, 3], (1, 2), 1.0, 2, aligned=True, takes_max=False)
    outside = reference_of_box_align(ramp, [3.5, 0, 7.5, 2], (1, 2), 1.0, 2, aligned=True, takes_max=False)
    empty = reference_of_box_align(ramp, [2, 2, 2, 2], (1, 1), 1.0, 0, aligned=True, takes_max=False)

    np.testing.assert_allclose(inside, [[1.0, 2.0]])
    # Samples at 3.5, 4.5, 5.5 and 6.5: the last element reaches up to 5.
    np.testing.assert_allclose(outside, [[(3.5 + 4) / 2, 0.0]])
    assert empty == [[0.0]]


def test_the_reference_takes_the_largest_weighted_element() -> None:
    """onnxruntime's maximum: of products, not of interpolated samples, so that a weight of 0 gives 0."""
    plane = [[4.0, 8.0], [-4.0, -8.0]]

    between = reference_of_box_align(plane, [0.25, 0.25, 1.25, 1.25], (1, 1), 1.0, 1, aligned=True, takes_max=True)
    negative = reference_of_box_align([[-3.0]], [0, 0, 1, 1], (1, 1), 1.0, 1, aligned=True, takes_max=True)

    assert between == [[4.0 * 0.75 * 0.75]]
    assert negative == [[0.0]]


def test_the_reference_rounds_boxes_and_clips_bins() -> None:
    """By hand: from 1.5, which is 2, to 2.5, which is 3, both included; outside of the input is 0."""
    plane = [[float(4 * row + column) for column in range(4)] for row in range(4)]

    assert reference_of_box_pool(plane, [1.5, 0.4, 2.5, 1.4], (2, 2), 1.0) == [[2.0, 3.0], [6.0, 7.0]]
    assert reference_of_box_pool(plane, [3, 3, 6, 6], (2, 2), 1.0) == [[15.0, 0.0], [0.0, 0.0]]
    assert reference_of_box_pool([[1.0, math.nan]], [0, 0, 1, 0], (1, 1), 1.0) != [[1.0]]


@pytest.mark.gpu
@pytest.mark.parametrize("takes_max", [False, True])
def test_cuda_gives_the_bits_of_the_cpu(takes_max: bool) -> None:
    """All arithmetic is elementwise float64."""
    for dtype in ("float32", "float64", "float16", "bfloat16"):
        planes = planes_of(
            numbers(5, 2, 3, H, W, dtype=dtype), np.random.default_rng(6).uniform(-2, 9, (50, 4)).tolist()
        )
        moved = {name: tensor.cuda() for name, tensor in planes.items()}
        for ratio in (0, 2):
            both = [roi_align(each, (3, 2), 1.0, ratio, aligned=False, takes_max=takes_max) for each in (planes, moved)]
            assert_same_bits(both[1].cpu(), as_array(both[0]))
        assert_same_bits(roi_pool(moved, (3, 2), 1.0).cpu(), as_array(roi_pool(planes, (3, 2), 1.0)))
