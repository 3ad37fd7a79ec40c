"""Requests for which torch crashes, hangs, exhausts memory or gives wrong results: they are refused, or correct.

The rows are those of operators.md §1.7, each reproduced there with torch 2.13. A refused request gets an error code
quickly and without memory, since a crash of the process would lose every client's request. Legal requests must finish
within two seconds.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.errors import Unprocessable
from poolhouse.operators.windows import SlidingWindow, Windows, adaptive_windows, fractional_starts
from poolhouse.tensors import Tensor
from tests.operators.random_cases import CATALOGUE, CPU, Array, settled_plan
from tests.operators.resource_usage import measure_usage

Fields = Mapping[str, object]

REFUSED_S = 0.05
POOLED_S = 2.0


@dataclass(frozen=True)
class Row:
    """One row: a request and the code of its error."""

    name: str
    operator: str
    shape: tuple[int, ...]
    fields: Fields
    code: str


LINE, PLANE, CUBE = (1, 2, 8), (1, 2, 8, 8), (1, 2, 8, 8, 8)

REFUSED = (
    Row("S1", "max_pool1d", LINE, {"kernel_size": 2**63 - 1}, "invalid_fields"),
    Row("S2", "max_pool1d", LINE, {"kernel_size": 2**63 - 9}, "invalid_fields"),
    Row("S2 ceil", "max_pool1d", LINE, {"kernel_size": 2**63 - 9, "ceil_mode": True}, "invalid_fields"),
    Row("S3", "max_pool1d", LINE, {"kernel_size": 2**63 - 1, "ceil_mode": True}, "invalid_fields"),
    Row("S4", "max_pool1d", LINE, {"kernel_size": 2**30, "dilation": 2**63 - 1}, "invalid_fields"),
    Row("S4 int32", "max_pool1d", LINE, {"kernel_size": 2**30, "dilation": 2**31 - 1}, "window_does_not_fit"),
    Row(
        "S5",
        "max_pool1d",
        (1, 2, 3),
        {"kernel_size": 8608480567731124087, "padding": 1250999896764, "dilation": 1250999896764, "ceil_mode": True},
        "invalid_fields",
    ),
    Row("H1 a", "max_pool1d", LINE, {"kernel_size": 2**62}, "invalid_fields"),
    Row("H1 b", "max_pool1d", LINE, {"kernel_size": 2**40, "stride": 1, "padding": 2**39}, "invalid_fields"),
    Row("H1 c", "max_pool1d", LINE, {"kernel_size": 2**33, "stride": 1, "padding": 2**32}, "invalid_fields"),
    Row("H1 d", "max_pool1d", LINE, {"kernel_size": 2**62 + 1, "stride": 1, "dilation": 4}, "invalid_fields"),
    Row("H1 int32", "max_pool1d", LINE, {"kernel_size": 2**31 - 1}, "window_does_not_fit"),
    Row("H2", "max_pool1d", LINE, {"kernel_size": 2**32}, "invalid_fields"),
    Row("M1", "adaptive_max_pool2d", PLANE, {"output_size": 20000, "return_indices": True}, "output_too_large"),
    Row("M2", "adaptive_avg_pool2d", PLANE, {"output_size": 20000}, "output_too_large"),
    Row("M3", "adaptive_avg_pool1d", LINE, {"output_size": 2**40}, "invalid_fields"),
    Row("M3 int32", "adaptive_avg_pool1d", LINE, {"output_size": 2**31 - 1}, "output_too_large"),
    Row("M5", "fractional_max_pool2d", (1, 1, 8, 8), {"kernel_size": -65536, "output_size": 20000}, "invalid_fields"),
    Row(
        "M5 fits",
        "fractional_max_pool2d",
        (1, 1, 8, 8),
        {"kernel_size": 1, "output_size": 20000},
        "window_does_not_fit",
    ),
    Row("W1 2-D", "max_pool2d", PLANE, {"kernel_size": 3, "stride": 1, "dilation": 2**31 - 1}, "window_does_not_fit"),
    Row(
        "W1 2-D padded",
        "max_pool2d",
        PLANE,
        {"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 2**31 - 1},
        "window_does_not_fit",
    ),
    Row("W1 3-D", "max_pool3d", CUBE, {"kernel_size": 3, "stride": 1, "dilation": 2**31 - 1}, "window_does_not_fit"),
    Row("W2 a", "max_pool2d", PLANE, {"kernel_size": 5, "stride": 1, "dilation": 2**30}, "window_does_not_fit"),
    Row("W2 b", "max_pool2d", PLANE, {"kernel_size": 65537, "stride": 1, "dilation": 65536}, "window_does_not_fit"),
    Row("W2 c", "max_pool1d", LINE, {"kernel_size": 5, "stride": 1, "dilation": 2**62}, "invalid_fields"),
    Row("W2 d", "max_pool1d", LINE, {"kernel_size": 2, "stride": 2**32, "dilation": 2**32}, "invalid_fields"),
    Row("W3 zero", "fractional_max_pool2d", PLANE, {"kernel_size": 0, "output_size": 3}, "invalid_fields"),
    Row("W3 negative", "fractional_max_pool3d", CUBE, {"kernel_size": -1, "output_size": 3}, "invalid_fields"),
    Row("W3 huge", "fractional_max_pool3d", CUBE, {"kernel_size": 2**63 - 1, "output_size": 3}, "invalid_fields"),
    Row("W4", "fractional_max_pool2d", PLANE, {"kernel_size": -(2**31), "output_size": 3}, "invalid_fields"),
    Row(
        "W4 samples",
        "fractional_max_pool2d",
        PLANE,
        {"kernel_size": 2, "output_size": 3, "_random_samples": 1e9},
        "invalid_fields",
    ),
    Row(
        "§1.3", "max_pool2d", (1, 1, 3, 3), {"kernel_size": 2, "stride": 1, "padding": 1, "dilation": 4}, "empty_window"
    ),
    Row(
        "§1.3 ceil",
        "max_pool2d",
        (1, 1, 1, 24),
        {"kernel_size": 3, "stride": 6, "padding": 1, "dilation": 2, "ceil_mode": True},
        "empty_window",
    ),
    Row("§1.6 override", "avg_pool2d", PLANE, {"kernel_size": 2, "divisor_override": 0}, "invalid_fields"),
    Row("§1.2 power", "lp_pool2d", PLANE, {"norm_type": 0, "kernel_size": 2}, "invalid_fields"),
    Row("GPU adaptive", "adaptive_max_pool2d", PLANE, {"output_size": 67_108_864}, "output_too_large"),
    Row("GPU adaptive 3-D", "adaptive_avg_pool3d", CUBE, {"output_size": [1, 1, 2**31 - 1]}, "output_too_large"),
    # Its output is just within the limit, but its window positions would take 64 GiB.
    Row("tiny uint8", "adaptive_max_pool1d", (1, 8), {"output_size": 2**30}, "work_too_large"),
)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_a_dangerous_request_is_refused_at_once(row: Row) -> None:
    """Before anything is allocated and before torch is called."""
    dtype = ELEMENT_TYPES["uint8" if row.name == "tiny uint8" else "float32"]

    with measure_usage() as usage, pytest.raises(Unprocessable) as refused:
        settled_plan(CATALOGUE.find(row.operator).of(**row.fields), dtype, row.shape)

    assert refused.value.code == row.code
    assert usage.seconds < REFUSED_S
    assert usage.peak_bytes < 2**20


@pytest.mark.parametrize(
    ("operator", "shape", "size"),
    [("max_unpool2d", (1, 1, 2, 2), 20000), ("max_unpool3d", (1, 1, 2, 2, 2), 500)],
)
def test_unpooling_to_an_impossible_size_is_refused(operator: str, shape: tuple[int, ...], size: int) -> None:
    """M4: with four numbers torch allocates 6.4 GB; we accept only sizes that pooling can have reduced."""
    with pytest.raises(Unprocessable) as refused:
        settled_plan(CATALOGUE.find(operator).of(kernel_size=2, output_size=size), ELEMENT_TYPES["float32"], shape)
    assert refused.value.code == "shape_mismatch"

    with pytest.raises(Unprocessable) as refused:
        settled_plan(
            CATALOGUE.find(operator).of(kernel_size=2, stride=20000),
            ELEMENT_TYPES["float32"],
            (1, 1, *[4] * (len(shape) - 2)),
        )
    assert refused.value.code == "output_too_large"


@pytest.mark.parametrize("index", [-1, 16, 2**32, 2**32 + 3, 2**40, -(2**63), 2**63 - 1])
def test_an_index_outside_its_plane_never_reaches_a_kernel(index: int) -> None:
    """Torch's CUDA max_unpool2d truncates an index to int32 before its check, so 2³² + 3 passes as 3."""
    spec = CATALOGUE.find("max_unpool2d").of(kernel_size=2)
    indices = np.zeros((1, 1, 2, 2), dtype=np.int64)
    indices[0, 0, 1, 1] = index
    tensors = {
        "input": Tensor(ELEMENT_TYPES["float32"], np.ones((1, 1, 2, 2), dtype=np.float32)),
        "indices": Tensor(INT64, indices),
    }

    with pytest.raises(Unprocessable) as refused:
        spec.check_elements(tensors)

    assert refused.value.code == "index_out_of_range"
    assert str(index) in refused.value.detail


def pool_in_time(operator: str, array: Array, fields: Fields) -> dict[str, Array]:
    """The outputs of a request, computed in at most two seconds."""
    dtype = ELEMENT_TYPES[array.dtype.name]
    plan = settled_plan(CATALOGUE.find(operator).of(**fields), dtype, array.shape)
    started = time.perf_counter()

    outputs = run_plan(plan, {"input": Tensor(dtype, array)}, CPU)

    assert time.perf_counter() - started < POOLED_S
    return {name: tensor.array for name, tensor in outputs.items()}


def random_array(shape: tuple[int, ...]) -> Array:
    """Numbers from 0 to 999, with ties."""
    return np.random.default_rng(3).integers(0, 1000, shape).astype(np.float32)


def largest_by_doubling(array: Array, axis: int, kernel: int, padding: int) -> Array:
    """Maxima of windows with stride 1 along one axis, computed by numpy."""
    lines = np.moveaxis(array, axis, -1)
    padded = np.pad(lines, [(0, 0)] * (lines.ndim - 1) + [(padding, padding)], constant_values=-np.inf)
    span = 1
    while 2 * span <= kernel:
        padded = np.maximum(padded[..., :-span], padded[..., span:])
        span *= 2
    rest = kernel - span
    return np.moveaxis(np.maximum(padded[..., : padded.shape[-1] - rest], padded[..., rest:]), -1, axis)


@pytest.mark.parametrize(("operator", "shape"), [("max_pool2d", (1, 2, 8, 8)), ("max_pool3d", (1, 2, 8, 8, 8))])
def test_wide_padding_takes_no_time(operator: str, shape: tuple[int, ...]) -> None:
    """H3, H4: torch iterates over every position of the padding, 14 s and more for 128 numbers."""
    array = random_array(shape)

    outputs = pool_in_time(
        operator, array, {"kernel_size": 2**31 - 1, "stride": 1, "padding": 2**30 - 1, "return_indices": True}
    )

    # Every window covers the whole input.
    planes = array.reshape(2, -1)
    assert outputs["output"].shape == shape
    np.testing.assert_array_equal(
        outputs["output"].reshape(2, -1), np.broadcast_to(planes.max(1)[:, None], planes.shape)
    )
    np.testing.assert_array_equal(
        outputs["indices"].reshape(2, -1), np.broadcast_to(planes.argmax(1)[:, None], planes.shape)
    )


@pytest.mark.parametrize("indices", [False, True])
@pytest.mark.parametrize(
    ("operator", "shape", "kernel"),
    [
        ("max_pool2d", (1, 1, 1000, 1000), 501),
        ("max_pool2d", (1, 1, 512, 512), 257),
        ("max_pool3d", (1, 1, 64, 64, 64), 33),
    ],
)
def test_large_overlapping_windows_are_correct_and_fast(
    operator: str, shape: tuple[int, ...], kernel: int, indices: bool
) -> None:
    """H5: legal, common, and up to 40 s in torch."""
    array = random_array(shape)

    outputs = pool_in_time(
        operator, array, {"kernel_size": kernel, "stride": 1, "padding": kernel // 2, "return_indices": indices}
    )

    expected = array
    for axis in range(2, len(shape)):
        expected = largest_by_doubling(expected, axis, kernel, kernel // 2)
    np.testing.assert_array_equal(outputs["output"], expected)
    if indices:
        np.testing.assert_array_equal(array.reshape(-1)[outputs["indices"].reshape(-1)], expected.reshape(-1))


def test_a_long_line_with_indices_is_correct_and_fast() -> None:
    """H5: 300,000 elements, windows of 100,001, 19 s in torch."""
    array = random_array((1, 300_000))

    outputs = pool_in_time("max_pool1d", array, {"kernel_size": 100_001, "stride": 1, "return_indices": True})

    np.testing.assert_array_equal(outputs["output"], largest_by_doubling(array, 1, 100_001, 0))
    starts = np.arange(outputs["indices"].shape[1])
    for start in (*range(0, 199_000, 5_000), starts[-1]):
        window = array[0, start : start + 100_001]
        assert outputs["indices"][0, start] == start + int(window.argmax())


@pytest.mark.parametrize(
    ("operator", "shape", "kernel"), [("avg_pool2d", (1, 1, 512, 512), 257), ("avg_pool3d", (1, 1, 64, 64, 64), 33)]
)
def test_large_overlapping_averages_are_correct_and_fast(operator: str, shape: tuple[int, ...], kernel: int) -> None:
    """H5: 7.1 s and 3.5 s in torch."""
    array = random_array(shape)

    outputs = pool_in_time(operator, array, {"kernel_size": kernel, "stride": 1, "padding": kernel // 2})

    # The elements are integers, so an integral image in int64 is exact.
    total = array.astype(np.int64)
    for axis in range(2, len(shape)):
        widths = [(0, 0)] * len(shape)
        widths[axis] = (kernel // 2 + 1, kernel // 2)
        sums = np.moveaxis(np.pad(total, widths).cumsum(axis), axis, -1)
        total = np.moveaxis(sums[..., kernel:] - sums[..., :-kernel], -1, axis)
    exact = total / kernel ** (len(shape) - 2)
    np.testing.assert_array_max_ulp(outputs["output"].astype(np.float32), exact.astype(np.float32), maxulp=1)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_fractional_windows_do_not_depend_on_the_element_type(name: str) -> None:
    """W5: with 16-bit elements torch misplaces windows at 768 positions, and an assertion fails at 4096."""
    width, outputs = 4096, 2498
    spec = CATALOGUE.find("fractional_max_pool2d").of(
        kernel_size=2, output_size=[1, outputs], return_indices=True, seed=5
    )
    dtype = ELEMENT_TYPES[name]
    ramp = torch.arange(width).remainder(251).to(getattr(torch, name)).expand(1, 1, 3, width).contiguous()
    bits = ramp.view(torch.int16).numpy().view(dtype.storage)
    plan = settled_plan(spec, dtype, (1, 1, 3, width))

    pooled = run_plan(plan, {"input": Tensor(dtype, bits)}, CPU)

    (starts,) = fractional_starts(width, 2, outputs, spec.random_inputs(1)["samples"][:, 0])
    columns = pooled["indices"].array.reshape(-1) % width
    assert bool(((columns == starts) | (columns == starts + 1)).all())


def test_dilation_has_no_effect_with_one_element_per_window() -> None:
    """Torch's CUDA kernel reads outside the input for kernel 1 and dilation 2³¹ - 1, so it never gets that dilation."""
    geometry = SlidingWindow(1, 1, dilation=2**31 - 1)
    array = random_array((1, 1, 4, 4))

    outputs = pool_in_time("max_pool2d", array, {"kernel_size": 1, "dilation": 2**31 - 1, "return_indices": True})

    assert geometry.span == 1
    np.testing.assert_array_equal(outputs["output"], array)
    np.testing.assert_array_equal(outputs["indices"].reshape(-1), np.arange(16))
    spec = CATALOGUE.find("max_pool2d").of(kernel_size=1, dilation=2**31 - 1)
    assert getattr(spec, "geometry")(0, 4).dilation == 1  # noqa: B009


def test_strides_at_the_end_of_int32_are_accepted() -> None:
    """They give one window for each axis."""
    array = random_array((2, 3, 5, 6))
    for fields in ({"kernel_size": 2, "stride": 2**31 - 1}, {"kernel_size": 2, "stride": 2**31 - 1, "ceil_mode": True}):
        for operator in ("max_pool2d", "avg_pool2d"):
            outputs = pool_in_time(operator, array, fields)

            corner = array[..., :2, :2]
            expected = corner.max((-2, -1)) if operator == "max_pool2d" else corner.mean((-2, -1))
            np.testing.assert_array_equal(outputs["output"].reshape(2, 3), expected)


@pytest.mark.parametrize("operator", ["max_pool1d", "max_pool2d"])
def test_a_window_far_beyond_the_input_takes_no_memory(operator: str) -> None:
    """Legal with ceil_mode: one element of the window is inside, the next one a billion positions away."""
    array = random_array((1, 20_000) if operator == "max_pool1d" else (1, 2, 20_000))
    fields = {"kernel_size": 2, "stride": 2**31 - 1, "dilation": 2**30, "ceil_mode": True}

    outputs = pool_in_time(operator, array, fields)

    assert outputs["output"].reshape(-1).tolist() == [array.reshape(-1)[0]]


def test_window_positions_take_about_as_much_memory_as_the_output() -> None:
    """A tiny request may ask for a large output within the limit; its window positions must not take much more."""
    tracemalloc.start()

    windows = adaptive_windows(8, 10**6)

    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(windows, Windows)
    assert held < 20 * 10**6
    assert peak < 60 * 10**6
