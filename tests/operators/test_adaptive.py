"""Adaptive and global pooling: the summary of their windows, and which algorithm may pool them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels.global_pooling import GlobalAverageKernel, GlobalMaximumKernel
from poolhouse.kernels.half_maxima import HalfMaximumKernel
from poolhouse.kernels.line_extremes import LineExtremeKernel
from poolhouse.kernels.window_kernels import MaximumKernel
from poolhouse.operators.adaptive import AdaptiveWindowOperator
from poolhouse.operators.windows import adaptive_windows
from tests.operators.random_cases import CATALOGUE


def adaptive(name: str, **fields: object) -> AdaptiveWindowOperator:
    """The spec of an operator of this family."""
    spec = CATALOGUE.find(name).of(**fields)
    assert isinstance(spec, AdaptiveWindowOperator)
    return spec


@given(st.integers(1, 60), st.integers(1, 60))
def test_the_summary_of_adaptive_windows_is_exact(length: int, outputs: int) -> None:
    """A plan uses the summary, without computing the windows."""
    (size,) = adaptive("adaptive_max_pool1d", output_size=outputs).axis_summaries((length,))
    windows = adaptive_windows(length, outputs)

    assert size.outputs == windows.outputs
    assert size.longest == windows.count.max()
    assert size.element_reads == windows.count.sum()
    if size.is_uniform:
        assert len(set(windows.count.tolist())) == 1
        assert len(set(np.diff(windows.first).tolist())) <= 1


@given(st.integers(1, 30), st.integers(1, 40))
def test_the_oracle_and_the_algorithms_have_the_same_windows(length: int, outputs: int) -> None:
    """The oracle computes bounds with its own formula; tests compare every algorithm with it."""
    spec = adaptive("adaptive_avg_pool1d", output_size=outputs)
    (windows,) = spec.windows((length,))

    spans = [spec.positions((length,), 0, o, np.zeros(1)) for o in range(outputs)]

    assert [(span.start, len(span)) for span in spans] == list(
        zip(windows.first.tolist(), windows.count.tolist(), strict=True)
    )


def test_null_keeps_an_axis_and_is_no_pooling() -> None:
    """The axis of words in a text stays as it is."""
    spec = adaptive("adaptive_max_pool3d", output_size=[None, 4, 1])

    assert spec.spatial_out((5, 4, 9)) == (5, 4, 1)
    assert [spec.pools_axis(axis, length) for axis, length in enumerate((5, 4, 9))] == [False, False, True]
    assert adaptive("global_max_pool3d").spatial_out((5, 4, 9)) == (1, 1, 1)


def test_windows_that_repeat_elements_are_warned_about() -> None:
    """More outputs than inputs are legal in torch, and usually a mistake."""
    spec = adaptive("adaptive_max_pool2d", output_size=[8, 9])

    assert spec.warnings((8, 8)) == ["output_size 9 is larger than the input's 8: windows repeat elements"]
    assert spec.warnings((8, 9)) == []


@pytest.mark.parametrize(("length", "fits"), [(2**30 - 1, True), (2**30, False)])
def test_positions_beyond_int32_do_not_reach_torchs_cuda_kernels(length: int, fits: bool) -> None:
    """They compute output·length in 32 bits and read outside the input (pytorch#176784)."""
    spec = adaptive("adaptive_max_pool2d", output_size=[1, 2])

    assert spec.fits_cuda_int32((1, length)) == fits
    assert spec.fits_cuda_int32((1, 8))


@pytest.mark.parametrize(
    ("name", "fields", "spatial", "dtype", "kernel"),
    [
        ("global_max_pool2d", {}, (9, 9), "float32", GlobalMaximumKernel),
        ("adaptive_max_pool2d", {"output_size": 1}, (9, 9), "int8", GlobalMaximumKernel),
        ("adaptive_max_pool2d", {"output_size": [1, 2]}, (16, 16), "float16", HalfMaximumKernel),
        (
            "adaptive_max_pool2d",
            {"output_size": [1, 2], "return_indices": True},
            (16, 16),
            "float16",
            LineExtremeKernel,
        ),
        ("adaptive_max_pool2d", {"output_size": [1, 2]}, (16, 16), "int16", LineExtremeKernel),
        ("adaptive_max_pool2d", {"output_size": 8}, (16, 16), "float16", MaximumKernel),
        ("adaptive_max_pool2d", {"output_size": 12}, (17, 17), "bfloat16", LineExtremeKernel),
        ("global_avg_pool2d", {}, (9, 9), "float32", GlobalAverageKernel),
        ("adaptive_avg_pool2d", {"output_size": 1}, (9, 9), "uint8", GlobalAverageKernel),
    ],
)
def test_each_case_has_its_loops(
    name: str, fields: dict[str, object], spatial: tuple[int, ...], dtype: str, kernel: type
) -> None:
    """The special loops are several times as fast, and compute no indices."""
    loops = adaptive(name, **fields).kernel_factory(spatial, ELEMENT_TYPES[dtype])

    assert loops is not None
    assert type(loops.make()) is kernel


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_means_of_floats_are_chosen_whatever_the_batch(dtype: str) -> None:
    """Loops add in another order than torch, so requests in a larger batch would get other bits."""
    loops = adaptive("global_avg_pool2d").kernel_factory((9, 9), ELEMENT_TYPES[dtype])
    exact = adaptive("global_avg_pool2d").kernel_factory((9, 9), ELEMENT_TYPES["int32"])

    assert loops is not None
    assert exact is not None
    assert not loops.is_bit_exact
    assert exact.is_bit_exact


@pytest.mark.parametrize("size", [1, 63, 64, 65, 5000])
def test_the_mean_of_a_plane_has_the_same_bits_in_every_batch(size: int) -> None:
    """torch's own mean() adds in an order that depends on the number of planes."""
    spec = adaptive("global_avg_pool1d")
    planes = torch.from_numpy(np.random.default_rng(size).standard_normal((7, size))).float()

    (together,) = spec.run({"input": planes})
    alone = [spec.run({"input": plane[None]})[0] for plane in planes]

    assert torch.equal(together, torch.cat(alone))
    torch.testing.assert_close(together[:, 0], planes.double().mean(1).float(), rtol=2e-7, atol=1e-8)
