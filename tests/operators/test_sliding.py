"""Sliding windows: which specs do not fit an input, and what the message says then."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import Unprocessable
from poolhouse.operators.fields import INT32_MAX
from poolhouse.operators.sliding import SlidingWindowOperator
from poolhouse.operators.windows import SlidingWindow
from tests.operators.random_cases import CATALOGUE


def sliding(name: str, **fields: object) -> SlidingWindowOperator:
    """The spec of an operator of this family."""
    spec = CATALOGUE.find(name).of(**fields)
    assert isinstance(spec, SlidingWindowOperator)
    return spec


@pytest.mark.parametrize(
    ("fields", "spatial", "code", "message"),
    [
        ({"kernel_size": 3, "padding": 2}, (8, 8), "padding_too_large", "on axis H is more than half"),
        ({"kernel_size": [4, 3], "padding": 2}, (8, 8), "padding_too_large", "on axis W is more than half"),
        ({"kernel_size": 3, "padding": 2}, (8, 8), "padding_too_large", "use at most 1"),
        ({"kernel_size": [2, 9]}, (8, 8), "window_does_not_fit", "no window fits on axis W"),
        ({"kernel_size": 3, "dilation": 5}, (10, 11), "window_does_not_fit", "axis H: a window spans 11 positions"),
        ({"kernel_size": 4, "dilation": 5, "padding": 2}, (8, 8), "window_does_not_fit", "with its padding has 12"),
        (
            {"kernel_size": 2, "dilation": 3, "padding": 1},
            (2, 2),
            "empty_window",
            "lie entirely in the padding around 2 positions",
        ),
    ],
)
def test_a_window_that_does_not_fit_is_refused(
    fields: dict[str, object], spatial: tuple[int, ...], code: str, message: str
) -> None:
    """Torch reads outside the input for some of these; the message names the axis and the numbers."""
    spec = sliding("max_pool2d", **fields)

    with pytest.raises(Unprocessable) as refused:
        spec.axis_summaries(spatial)

    assert refused.value.code == code
    assert message in refused.value.detail


def test_a_window_that_just_fits_is_accepted() -> None:
    """The bounds are the last values that torch accepts."""
    assert sliding("max_pool2d", kernel_size=[4, 3], padding=[2, 1]).spatial_out((8, 8)) == (3, 3)
    assert sliding("max_pool2d", kernel_size=3, dilation=5).spatial_out((11, 11)) == (1, 1)
    assert sliding("max_pool1d", kernel_size=9, stride=2, padding=4).spatial_out((1,)) == (1,)


@pytest.mark.parametrize(
    ("length", "kernel_size", "padding", "dilation", "fits"),
    [
        (INT32_MAX - 2, 2, 0, 1, True),
        (INT32_MAX - 1, 2, 0, 1, False),
        (INT32_MAX - 11, 4, 2, 3, False),
        (INT32_MAX - 12, 4, 2, 3, True),
    ],
)
def test_windows_beyond_int32_do_not_reach_torchs_cuda_kernels(
    length: int, kernel_size: int, padding: int, dilation: int, fits: bool
) -> None:
    """They add window, padding and axis in 32 bits and read outside the input (pytorch#189664)."""
    spec = sliding("max_pool2d", kernel_size=kernel_size, padding=padding, dilation=dilation, stride=2**30)

    assert spec.fits_cuda_int32((length, 20)) == fits
    assert spec.fits_cuda_int32((20, length)) == fits


def test_a_cuda_grid_has_a_limited_number_of_rows() -> None:
    """In 3-D a launch with more rows fails with an error that looks like a broken device."""
    rows = 8 * 65_535

    assert sliding("max_pool3d", kernel_size=1).fits_cuda_int32((2, rows, 2))
    assert not sliding("max_pool3d", kernel_size=1).fits_cuda_int32((2, rows + 1, 2))
    assert sliding("max_pool3d", kernel_size=1).fits_cuda_int32((rows + 1, 2, rows + 1))
    assert sliding("max_pool2d", kernel_size=1).fits_cuda_int32((rows + 1, 2))


@given(
    st.builds(SlidingWindow, st.integers(1, 7), st.integers(1, 5), st.integers(0, 3), st.integers(1, 3), st.booleans()),
    st.integers(1, 20),
)
def test_the_oracle_and_the_algorithms_have_the_same_windows(window: SlidingWindow, length: int) -> None:
    """The oracle computes positions with its own formula; tests compare every algorithm with it."""
    spec = sliding(
        "max_pool1d",
        kernel_size=window.kernel_size,
        stride=window.stride,
        padding=window.padding,
        dilation=window.dilation,
        ceil_mode=window.ceil_mode,
    )
    try:
        (outputs,) = spec.spatial_out((length,))
    except Unprocessable:
        return
    (windows,) = spec.windows((length,))

    for o in range(outputs):
        inside = [place for place in spec.positions((length,), 0, o, np.zeros(1)) if 0 <= place < length]
        first, count = int(windows.first[o]), int(windows.count[o])
        assert inside == [first + j * windows.dilation for j in range(count)]
    assert spec.pools_axis(0, length) == (window.kernel_size > 1)
    assert spec.padding_at(0) == window.padding
