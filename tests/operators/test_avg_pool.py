"""avg_pool: divisors of clipped windows, and which algorithm adds them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from random import Random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Unprocessable
from poolhouse.kernels.averages import AverageKernel, LineSumKernel, LongAverageKernel, SumKernel
from poolhouse.operators.averages import MAX_TORCH_TERMS
from poolhouse.operators.avg_pool import AvgPool
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.operators.window_operator import Window
from tests.hypothesis_profiles import scaled_examples
from tests.operators.random_cases import CATALOGUE, random_fields, seeded_randoms


def avg_pooling(rank: int, fields: Mapping[str, object]) -> AvgPool:
    """The spec of an operator of this family."""
    spec = CATALOGUE.find(f"avg_pool{rank}d").of(**fields)
    assert isinstance(spec, AvgPool)
    return spec


CLIPPED = {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}


@pytest.mark.parametrize(
    ("fields", "divisors"),
    [
        # Over four elements: one position of padding, none, and one beyond the padding, which never counts.
        (CLIPPED, [3, 3, 2]),
        ({**CLIPPED, "count_include_pad": False}, [2, 3, 1]),
        ({**CLIPPED, "divisor_override": -7}, [-7, -7, -7]),
        ({**CLIPPED, "divisor_override": 5, "count_include_pad": False}, [5, 5, 5]),
    ],
)
def test_the_oracle_and_the_algorithms_have_the_same_divisors(
    fields: Mapping[str, object], divisors: list[int]
) -> None:
    """Positions of the padding count or not, those beyond it never do."""
    spec = avg_pooling(1, fields)
    (windows,) = spec.windows((4,))

    by_factors = spec.divisor_factors([windows])
    by_window = [
        spec.divisor_of(Window([1.0] * count, range(count), extent, 3))
        for count, extent in zip(windows.count.tolist(), windows.extent.tolist(), strict=True)
    ]

    assert by_factors[0].tolist() == by_window == divisors
    assert spec.reference(np.full(4, 1.0), None)[0] == [
        count / divisor for count, divisor in zip([2, 3, 1], divisors, strict=True)
    ]


@scaled_examples(100)
@given(seeded_randoms)
def test_the_outer_product_of_the_factors_is_bounded(random: Random) -> None:
    """The bound decides whether int64 divisors may overflow; an override must appear in the product once."""
    member = CATALOGUE.find(f"avg_pool{random.randint(1, 3)}d")
    spatial = tuple(random.randint(1, 9) for _ in range(member.rank))
    with contextlib.suppress(Unprocessable):
        spec = member.of(**random_fields(random, member))
        assert isinstance(spec, AvgPool)
        if max(spec.spatial_out(spatial)) > 99:
            return
        factors = [each.astype(object) for each in spec.divisor_factors(spec.windows(spatial))]
        if any(len(each) == 0 for each in factors):
            return  # all windows lie in the padding

        largest, least = (math.prod(pick(each) for each in factors) for pick in (max, min))

        if spec.divisor_override is None:
            assert 1 <= least <= largest <= spec.max_divisor(spatial)
        else:
            assert least == largest == spec.divisor_override


@pytest.mark.parametrize(
    ("fields", "spatial", "dtype", "kernel"),
    [
        ({"kernel_size": [8, 16]}, (32, 32), "float32", AverageKernel),
        ({"kernel_size": [8, 16]}, (32, 32), "int32", AverageKernel),
        ({"kernel_size": [3, 43]}, (32, 64), "float32", LineSumKernel),
        ({"kernel_size": 33, "stride": 1}, (99, 99), "float16", SumKernel),
        ({"kernel_size": 33, "stride": 1}, (99, 99), "int8", SumKernel),
        # Torch's avg_pool3d refuses a window larger than the input; the rounding of the result must not depend on it.
        ({"kernel_size": [2, 4], "padding": [0, 2], "stride": 1}, (9, 3), "float32", AverageKernel),
        ({"kernel_size": 3, "padding": "same", "stride": 2}, (8, 8), "float32", AverageKernel),
        ({"kernel_size": 3, "dilation": 2}, (8, 8), "bfloat16", AverageKernel),
        ({"kernel_size": [2, 4], "padding": [0, 2], "stride": 1}, (9, 3), "int8", AverageKernel),
        ({"kernel_size": 2}, (8, 8), "int64", LongAverageKernel),
        # A window of 2⁹³ positions has no divisor in int64. Sums of 2²² elements of 32 bits are not exact in float64.
        ({"kernel_size": 129}, (2**11, 2**11), "int32", None),
        ({"kernel_size": 2**31 - 1, "padding": 2**30 - 1}, (8, 8, 8), "int64", None),
        (
            {"kernel_size": 2**31 - 1, "padding": 2**30 - 1, "divisor_override": 3},
            (8, 8, 8),
            "int64",
            LongAverageKernel,
        ),
    ],
)
def test_which_loops_add_the_windows(
    fields: Mapping[str, object], spatial: tuple[int, ...], dtype: str, kernel: type[object] | None
) -> None:
    """Few elements are added in torch's order, many in float64, int64 exactly, and none where that is impossible."""
    factory = avg_pooling(len(spatial), fields).kernel_factory(spatial, ELEMENT_TYPES[dtype])

    assert (factory and type(factory.make())) == kernel


def test_torch_adds_up_to_128_elements() -> None:
    """Documented: up to there a result has torch's bits, beyond it is rounded once from float64."""
    row = torch.ones(1, MAX_TORCH_TERMS + 1)
    row[0, 0] = 2.0**24

    (few,) = avg_pooling(1, {"kernel_size": MAX_TORCH_TERMS, "stride": 2}).run({"input": row})
    (many,) = avg_pooling(1, {"kernel_size": MAX_TORCH_TERMS + 1}).run({"input": row})

    # In float32 2²⁴ + 1 is 2²⁴.
    assert few.tolist() == [[2.0**17]]
    assert many.tolist() == [[np.float32((2.0**24 + 128) / 129).item()]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_few_elements_are_averaged_by_torch(rank: int, dtype: torch.dtype) -> None:
    """Torch's avg_pool1d has no divisor_override, and avg_pool3d adds 16-bit floats with large errors."""
    x = torch.from_numpy(np.random.default_rng(rank).standard_normal((3, *(6, 5, 7)[:rank]))).to(dtype)
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[rank - 1]
    wide = x.float() if rank == 3 and dtype.itemsize == 2 else x

    (plain,) = avg_pooling(rank, {"kernel_size": 3, "stride": 2, "padding": 1}).run({"input": x})
    (summed,) = avg_pooling(rank, {"kernel_size": 3, "divisor_override": 1}).run({"input": x})

    torch.testing.assert_close(plain, pool(wide, 3, 2, 1).to(dtype), rtol=0, atol=0)
    volume = 3**rank
    torch.testing.assert_close(
        summed.double(), pool(x.double(), 3) * volume, rtol=0, atol=volume * torch.finfo(dtype).eps
    )


def test_a_window_may_be_larger_than_the_input() -> None:
    """Torch's avg_pool3d refuses it even if padding makes it fit."""
    x = torch.arange(8, dtype=torch.float32).reshape(1, 2, 2, 2)

    (found,) = avg_pooling(3, {"kernel_size": 4, "stride": 1, "padding": 2, "count_include_pad": False}).run(
        {"input": x}
    )

    assert found[0, 1, 1, 1].item() == 3.5
    assert found[0, 0, 0, 0].item() == 3.5
    assert found.shape == (1, 3, 3, 3)


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({"kernel_size": 2, "divisor_override": INT32_MAX}, True),
        ({"kernel_size": 2, "divisor_override": -INT32_MAX}, True),
        ({"kernel_size": 2, "divisor_override": INT32_MAX + 1}, False),
        ({"kernel_size": 2, "divisor_override": -(2**63)}, False),
        ({"kernel_size": INT32_MAX, "padding": 2**30 - 1, "stride": 1}, False),
    ],
)
def test_large_numbers_do_not_reach_torchs_cuda_kernels(fields: Mapping[str, object], fits: bool) -> None:
    """They truncate the divisor to 32 bits and add positions in 32 bits."""
    assert avg_pooling(2, fields)._fits_cuda((8, 8)) is fits


def test_few_elements_are_added_in_torchs_order_with_every_padding_and_dilation() -> None:
    """The bits are those of torch's average of the input with its padding, also where torch cannot pad so itself."""
    rng = np.random.default_rng(5)
    for rank, dtype in (
        (1, torch.float32),
        (2, torch.float32),
        (2, torch.bfloat16),
        (2, torch.float64),
        (3, torch.float32),
    ):
        x = torch.from_numpy(rng.standard_normal((2, *(11, 9, 7)[:rank]))).to(dtype)
        sides = [[1, 2], [0, 3], [2, 0]][:rank]
        padded = F.pad(x, [side for pair in reversed(sides) for side in pair])
        fields = {"kernel_size": 3, "stride": 2}

        (ours,) = avg_pooling(rank, {**fields, "padding": sides}).run({"input": x})
        (theirs,) = avg_pooling(rank, fields).run({"input": padded})

        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    every_second = x[:, ::2, ::2, ::2]
    (dilated,) = avg_pooling(3, {"kernel_size": 2, "stride": 2, "dilation": 2}).run({"input": x})
    (adjacent,) = avg_pooling(3, {"kernel_size": 2, "stride": 1}).run({"input": every_second})
    torch.testing.assert_close(dilated, adjacent, rtol=0, atol=0)


@pytest.mark.parametrize("padding", ["same", [[0, 1], [1, 0]], 1])
def test_padding_is_in_the_divisor_where_the_caller_says(padding: object) -> None:
    """TensorFlow and Keras never count it, torch does unless told otherwise; "same" changes nothing about that."""
    ones = torch.ones(1, 5, 6)
    fields = {"kernel_size": 2, "stride": 2, "padding": padding}

    (counted,) = avg_pooling(2, fields).run({"input": ones})
    (uncounted,) = avg_pooling(2, {**fields, "count_include_pad": False}).run({"input": ones})

    assert bool((uncounted == 1).all())
    assert counted.min() < 1
