"""Sliding windows: which specs do not fit an input, and what the message says then."""

from __future__ import annotations

import math
from random import Random
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, FLOAT64
from poolhouse.errors import Unprocessable
from poolhouse.operators.padding import PADDING_WORDS
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.operators.sliding import SlidingWindowOperator
from poolhouse.operators.windows import SlidingWindow
from tests.operators.random_cases import CATALOGUE, Case, random_tensors, settled_plan
from tests.operators.resource_usage import measure_usage
from tests.operators.tolerances import assert_equals_oracle


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
        ({"kernel_size": 3, "padding": 2}, (8, 8), "padding_too_large", "use at most 1, or for more the pair [2, 2]"),
        ({"kernel_size": [2, 9]}, (8, 8), "window_does_not_fit", "no window fits on axis W"),
        ({"kernel_size": 3, "dilation": 5}, (10, 11), "window_does_not_fit", "axis H: a window spans 11 positions"),
        ({"kernel_size": 4, "dilation": 5, "padding": 2}, (8, 8), "window_does_not_fit", "with its padding has 12"),
        (
            {"kernel_size": 2, "dilation": 3, "padding": 1},
            (2, 2),
            "empty_window",
            "lie entirely in the padding around 2 positions",
        ),
        ({"kernel_size": 3, "padding": [[0, 0], [0, 4]]}, (8, 8), "empty_window", "on axis W a window"),
        ({"kernel_size": 9, "padding": "valid"}, (8, 8), "window_does_not_fit", "no window fits on axis H"),
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


SLIDING = [member for member in CATALOGUE if issubclass(member, SlidingWindowOperator)]


def random_request(
    random: Random, member: type[PlaneOperator], padding: object
) -> tuple[PlaneOperator, tuple[int, ...]]:
    """A spec with this padding, one of the least other fields, and a small shape."""
    rank = member.rank
    fields = dict(member.samples[0].fields) | {
        "kernel_size": [random.randint(1, 4) for _ in range(rank)],
        "stride": [random.randint(1, 4) for _ in range(rank)],
        "dilation": [random.randint(1, 3) for _ in range(rank)],
        "ceil_mode": random.random() < 0.3,
        "padding": padding,
    }
    return member.of(**fields), tuple(random.randint(1, 9) for _ in range(rank))


def pool(spec: PlaneOperator, array: npt.NDArray[np.float32 | np.float64]) -> list[npt.NDArray[np.float64]]:
    """The outputs for planes ``(P, *spatial)``."""
    return [found.numpy() for found in spec.run({"input": torch.from_numpy(array)})]


def planes_of(random: Random, spatial: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Two planes of whole numbers, whose sums are exact in every order."""
    return np.random.default_rng(random.getrandbits(32)).integers(-9, 10, (2, *spatial)).astype(np.float64)


def with_padding(spec: PlaneOperator, padding: object) -> PlaneOperator:
    """The spec with another padding."""
    return type(spec).of(**{**spec.field_values(), "padding": padding})


def test_a_word_is_the_padding_that_it_stands_for() -> None:
    """The number of windows is TensorFlow's; an odd position goes after, or with same_lower before."""
    random, compared = Random(1), 0
    for member in SLIDING * 3:
        word = random.choice(PADDING_WORDS)
        spec, spatial = random_request(random, member, word)
        assert isinstance(spec, SlidingWindowOperator)
        pairs = [spec.padding_at(axis, length) for axis, length in enumerate(spatial)]
        if word != "valid":
            assert all(0 <= (after - before if word == "same" else before - after) <= 1 for before, after in pairs)
        try:
            sizes = spec.spatial_out(spatial)
        except Unprocessable:
            continue
        if word != "valid":
            strides = spec.field_values()["stride"]
            assert isinstance(strides, list)
            assert sizes == tuple(-(-length // stride) for length, stride in zip(spatial, strides, strict=True))
        planes = planes_of(random, spatial)

        named, spelled = pool(spec, planes), pool(with_padding(spec, [list(pair) for pair in pairs]), planes)

        assert [each.tobytes() for each in named] == [each.tobytes() for each in spelled]
        compared += 1
    assert compared > len(SLIDING)


def test_equal_sides_are_torchs_padding() -> None:
    """Pairs reach the same algorithm, so also the last bit is the same."""
    random, compared = Random(2), 0
    for member in SLIDING * 3:
        padding = [random.randint(0, 2) for _ in range(member.rank)]
        spec, spatial = random_request(random, member, padding)
        try:
            spec.spatial_out(spatial)
        except Unprocessable:
            continue
        planes = np.random.default_rng(compared).standard_normal((2, *spatial)).astype(np.float32)

        one, other = pool(spec, planes), pool(with_padding(spec, [[side, side] for side in padding]), planes)

        assert [each.tobytes() for each in one] == [each.tobytes() for each in other]
        compared += 1
    assert compared > len(SLIDING) // 3


PADDED_WITH: Final = {"max_pool": -np.inf, "avg_pool": 0.0, "lp_pool": 0.0}


def test_padding_equals_padding_the_input_oneself() -> None:
    """With less than every number for maxima, and 0 where padding counts, also for windows wholly in the padding."""
    random, compared, empty = Random(3), 0, 0
    members = [member for member in SLIDING if member.family in PADDED_WITH]
    for member in members * 25:
        pairs = [[random.choice((0, 1, 2, 7)), random.choice((0, 1, 2, 7))] for _ in range(member.rank)]
        spec, spatial = random_request(random, member, pairs)
        # With ceil_mode a window beyond the input is left out, but the padded input is longer.
        spec = type(spec).of(**{**spec.field_values(), "ceil_mode": False})
        try:
            spec.spatial_out(spatial)
        except Unprocessable:
            continue
        planes = planes_of(random, spatial)
        padded = np.pad(planes, [(0, 0), *pairs], constant_values=PADDED_WITH[member.family])

        (ours,), (theirs,) = pool(spec, planes), pool(with_padding(spec, "valid"), padded)

        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        compared += 1
        assert isinstance(spec, SlidingWindowOperator)
        empty += any(size.empty for size in spec.axis_summaries(spatial))
    assert compared > 2 * len(members)
    assert empty >= len(members)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_windows_in_the_padding_alone_are_zero(layout: str) -> None:
    """By torch and by the loops, in both layouts, and even if no window has an element."""
    last = layout == "channels_last"
    for padding, expected in (
        ([[3, 4]], [0, 0, 0.5, 1.5, 1, 0, 0, 0]),
        ([[2, 0]], [0, 0.5, 1.5]),
        ([[0, 5]], [1.5, 1, 0, 0, 0, 0]),
    ):
        spec = sliding("avg_pool1d", kernel_size=2, stride=1, padding=padding, layout=layout)
        planes = np.array([1.0, 2.0]).reshape((1, 2, 1) if last else (1, 2))
        factory = spec.loops_of(planes.shape[1:], FLOAT64)
        assert factory is not None

        (found,), (by_loops,) = pool(spec, planes), factory.make()({"input": planes}, 1)

        assert found.reshape(-1).tolist() == by_loops.reshape(-1).tolist() == expected
    outside = sliding("avg_pool1d", kernel_size=1, stride=9, padding=[[1, 8]], layout=layout)
    assert pool(outside, planes)[0].reshape(-1).tolist() == [0, 0]
    assert outside.loops_of(planes.shape[1:], FLOAT64) is None
    assert outside.cost_of(planes.shape[1:], FLOAT64).plane_steps > 0


@pytest.mark.parametrize(
    ("name", "fields", "refused"),
    [
        ("max_pool1d", {}, True),
        ("avg_pool1d", {}, False),
        ("avg_pool1d", {"count_include_pad": False}, True),
        ("avg_pool1d", {"count_include_pad": False, "divisor_override": 2}, False),
        ("lp_pool1d", {"norm_type": 2}, False),
        ("lp_pool1d", {"norm_type": -1}, True),
        ("lp_pool1d", {"norm_type": "Infinity"}, True),
    ],
)
def test_a_window_of_padding_is_refused_where_padding_is_no_value(
    name: str, fields: dict[str, object], refused: bool
) -> None:
    """The largest of no elements does not exist, and their mean is 0 over 0."""
    spec = sliding(name, kernel_size=2, padding=[[2, 0]], **fields)

    if not refused:
        assert spec.spatial_out((4,)) == (3,)
        return
    with pytest.raises(
        Unprocessable, match=r"on axis L .* in the padding around 4 positions, 2 before and 0 after"
    ) as error:
        spec.spatial_out((4,))
    assert error.value.code == "empty_window"


MOST: Final = INT32_MAX


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kernel_size": 1, "stride": 1, "padding": [[MOST, MOST]] * 2}, "output_too_large"),
        ({"kernel_size": MOST, "stride": 1, "padding": [[MOST, MOST]] * 2}, "output_too_large"),
        ({"kernel_size": 2, "stride": 1, "dilation": MOST, "padding": [[MOST, MOST]] * 2}, "output_too_large"),
        ({"kernel_size": MOST, "stride": MOST, "dilation": MOST, "padding": [[MOST, MOST]] * 2}, "window_does_not_fit"),
        ({"kernel_size": MOST, "stride": MOST, "dilation": MOST, "padding": "same"}, None),
        ({"kernel_size": MOST, "stride": 2, "dilation": MOST, "padding": "same_lower"}, None),
        ({"kernel_size": MOST, "stride": MOST, "padding": [[MOST - 1, MOST - 1]] * 2}, None),
    ],
)
def test_the_largest_sizes_are_exact_and_cost_nothing(fields: dict[str, object], code: str | None) -> None:
    """Two sides of 2³¹ positions are no reason to allocate, to loop or to overflow before the limits are checked."""
    for name in ("avg_pool2d", "lp_pool2d"):
        spec = CATALOGUE.find(name).of(**fields, **({"norm_type": 2} if name == "lp_pool2d" else {}))

        with measure_usage() as usage:
            try:
                plan, found = settled_plan(spec, FLOAT32, (1, 1, 5, 6)), None
            except Unprocessable as refused:
                plan, found = None, refused.code

        assert found == code
        assert usage.peak_bytes < 2**20
        assert usage.seconds < 0.1
        if plan is not None:
            case = Case(plan, random_tensors(Random(5), plan))
            assert_equals_oracle(case, case.run())


def test_a_dilated_average_is_a_dilated_convolution_of_ones() -> None:
    """Torch has no dilated average, but a convolution with padding that counts."""
    random = Random(6)
    for dtype in (torch.float64, torch.float32, torch.int32, torch.int64, torch.uint8):
        x = torch.from_numpy(np.random.default_rng(1).integers(0, 99, (3, 20, 23))).to(dtype)
        for _ in range(3):
            kernel, stride, apart, padding = (
                [random.randint(least, most) for _ in range(2)] for least, most in ((1, 3), (1, 3), (1, 4), (0, 1))
            )
            padding = [min(side, size // 2) for side, size in zip(padding, kernel, strict=True)]
            spec = CATALOGUE.find("avg_pool2d").of(kernel_size=kernel, stride=stride, dilation=apart, padding=padding)
            factory = spec.loops_of((20, 23), ELEMENT_TYPES[str(dtype)[6:]])
            assert factory is not None

            ones = torch.ones(1, 1, *kernel, dtype=torch.float64)
            sums = F.conv2d(x.double().unsqueeze(1), ones, None, stride, padding, apart).squeeze(1)
            expected = (sums / math.prod(kernel)).to(dtype)

            torch.testing.assert_close(spec.run({"input": x})[0], expected)
            torch.testing.assert_close(torch.from_numpy(factory.make()({"input": x.numpy()}, 1)[0]), expected)


def test_same_is_tensorflows() -> None:
    """tf.nn.max_pool2d and avg_pool2d of one row, SAME: the sides, and averages that do not count padding."""
    row = np.arange(1.0, 6).reshape(1, 5)

    fields = {"kernel_size": 2, "stride": 2, "padding": "same"}

    assert pool(sliding("max_pool1d", **fields), row)[0].tolist() == [[2, 4, 5]]
    assert pool(sliding("avg_pool1d", **fields, count_include_pad=False), row)[0].tolist() == [[1.5, 3.5, 5]]
    assert pool(sliding("avg_pool1d", **fields), row)[0].tolist() == [[1.5, 3.5, 2.5]]
    lower = {**fields, "padding": "same_lower"}
    assert pool(sliding("max_pool1d", **lower), row)[0].tolist() == [[1, 3, 5]]


@given(
    st.builds(
        SlidingWindow,
        st.integers(1, 7),
        st.integers(1, 5),
        st.integers(0, 9),
        st.integers(0, 9),
        st.integers(1, 3),
        st.booleans(),
    ),
    st.integers(1, 20),
)
def test_the_oracle_and_the_algorithms_have_the_same_windows(window: SlidingWindow, length: int) -> None:
    """The oracle computes positions with its own formula; tests compare every algorithm with it."""
    spec = sliding(
        "max_pool1d",
        kernel_size=window.kernel_size,
        stride=window.stride,
        padding=[[window.before, window.after]],
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
    assert spec.padding_at(0, length) == (window.before, window.after)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("name", ["avg_pool1d", "sum_pool1d"])
def test_windows_that_all_lie_in_the_padding_give_every_output(name: str, layout: str) -> None:
    """Zeros, and of no position inside the input none counted."""
    spec = CATALOGUE.find(name).of(kernel_size=2, padding=1, dilation=3, layout=layout, return_valid=True)
    x = np.ones((3, 2) if layout == "channels_first" else (3, 2, 4), np.float32)

    output, valid = spec.run({"input": torch.from_numpy(x)})

    whole = (3, 1) if layout == "channels_first" else (3, 1, 4)
    assert (tuple(output.shape), tuple(valid.shape)) == (whole, whole)
    assert not output.any()
    assert not valid.any()
