"""Maxima by slices: the same bits as torch's pooling, or None."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.operators.catalogue import discover_planes
from poolhouse.operators.max_pool import MaxPool
from poolhouse.operators.operator import at_rank
from poolhouse.operators.slices import MIN_SLICED_ELEMENTS, has_negative_zero, maxima_by_slices
from poolhouse.operators.windows import SlidingWindow

CATALOGUE = discover_planes()
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@st.composite
def axes(draw: st.DrawFn) -> tuple[SlidingWindow, int]:
    """Small windows along one axis, and a length that at least one window fits into."""
    kernel = draw(st.integers(1, 4))
    axis = SlidingWindow(
        kernel,
        draw(st.integers(1, 4)),
        draw(st.integers(0, kernel // 2)),
        draw(st.integers(0, kernel // 2)),
        draw(st.integers(1, 3)),
        draw(st.booleans()),
    )
    length = draw(st.integers(1, 12).filter(lambda size: axis.outputs(size) > 0 == axis.empty(size)))
    return axis, length


def bits(tensor: torch.Tensor) -> bytes:
    """Every bit, so that -0.0 is not 0.0."""
    plain = torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor)
    return plain.view(torch.uint8).numpy().tobytes()


def by_torch(x: torch.Tensor, geometry: list[SlidingWindow]) -> torch.Tensor:
    """The output of torch's kernel, which the operator calls for few elements."""
    member = at_rank(MaxPool, len(geometry))
    spec = member.of(
        kernel_size=[axis.kernel_size for axis in geometry],
        stride=[axis.stride for axis in geometry],
        padding=[(axis.before, axis.after) for axis in geometry],
        dilation=[axis.dilation for axis in geometry],
        ceil_mode=geometry[0].ceil_mode,
    )
    assert isinstance(spec, MaxPool)
    assert x.numel() < MIN_SLICED_ELEMENTS, "more elements would be pooled by slices"
    return spec.run({"input": x})[0]


@given(st.lists(axes(), min_size=1, max_size=3), st.integers(1, 3), st.integers(0, 2**32 - 1), st.data())
def test_slices_give_the_bits_of_torchs_pooling(
    drawn: list[tuple[SlidingWindow, int]], planes: int, seed: int, data: st.DataObject
) -> None:
    """The algorithm depends on the size of a batch, so both must give the same bits."""
    dtype = data.draw(st.sampled_from(FLOATS + INTEGERS))
    geometry = [dataclasses.replace(axis, ceil_mode=drawn[0][0].ceil_mode) for axis, _ in drawn]
    lengths = [length for _, length in drawn]
    if any(axis.outputs(length) < 1 or axis.empty(length) for axis, length in zip(geometry, lengths, strict=True)):
        return
    values = np.random.default_rng(seed).integers(-3, 4, (planes, *lengths))
    x = torch.from_numpy(values).to(dtype)
    if dtype in FLOATS and data.draw(st.booleans()):
        x.view(-1)[0] = data.draw(st.sampled_from([float("inf"), float("-inf")]))

    found = maxima_by_slices(x, geometry)

    if found is None:
        # With ceil_mode a dilated window may extend far beyond a short axis, which would need much padding.
        assert any(
            (axis.outputs(length) - 1) * axis.stride + axis.span > 2 * length + 3 * axis.before
            for axis, length in zip(geometry, lengths, strict=True)
        )
        return
    assert bits(found) == bits(by_torch(x, geometry))


@pytest.mark.parametrize("dtype", FLOATS)
def test_inputs_whose_bits_could_differ_give_none(dtype: torch.dtype) -> None:
    """torch.maximum may choose either zero, and changes the bits of NaNs."""
    zeros, nans = torch.zeros(1, 4, dtype=dtype), torch.zeros(1, 4, dtype=dtype)
    zeros[0, 1], nans[0, 1] = -0.0, float("nan")

    assert has_negative_zero(zeros)
    assert not has_negative_zero(nans)
    assert maxima_by_slices(zeros, [SlidingWindow(2, 2)]) is None
    assert maxima_by_slices(nans, [SlidingWindow(2, 2)]) is None


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize("special", ["plain", "negative zeros", "nan"])
@pytest.mark.parametrize("kernel", [2, 3, 9])
def test_many_planes_give_the_bits_of_each_alone(dtype: torch.dtype, special: str, kernel: int) -> None:
    """Many planes are pooled by slices, a single plane by torch's kernel; the results must be the same."""
    values = torch.from_numpy(np.random.default_rng(kernel).integers(-2, 3, (40, 18, 18))).to(dtype)
    if special == "negative zeros" and dtype in FLOATS:
        values = values * -1.0
    if special == "nan" and dtype in FLOATS:
        values[::7, 3, 5] = float("nan")
    spec = CATALOGUE.find("max_pool2d").of(kernel_size=kernel, stride=2)
    assert values.numel() >= MIN_SLICED_ELEMENTS

    (together,) = spec.run({"input": values})

    alone = torch.cat([spec.run({"input": plane[None]})[0] for plane in values])
    assert bits(together) == bits(alone)
