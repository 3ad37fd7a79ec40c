"""Unpooling reverses every max pooling, also with padding, dilation and ceil_mode."""

from __future__ import annotations

import contextlib
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given

from poolhouse.backend.torch_worker import run_plan
from poolhouse.dtypes import FLOAT32
from poolhouse.errors import Unprocessable
from poolhouse.operators.max_pool import MaxPool
from poolhouse.operators.padding import PADDING_WORDS
from poolhouse.operators.plan import Plan, make_plan
from poolhouse.tensors import Tensor
from tests.hypothesis_profiles import scaled_examples
from tests.operators.plane_plans import spatial_of
from tests.operators.random_cases import CATALOGUE, CPU, LIMITS, Fields, seeded_randoms, settled_plan

every_rank = pytest.mark.parametrize("rank", [1, 2, 3])


def random_pooling(random: Random, rank: int) -> tuple[MaxPool, Plan, Fields]:
    """A random valid max pooling, its plan, and its fields, which have one number for each axis."""
    while True:

        def sizes(least: int, most: int) -> list[int]:
            return [random.randint(least, most) for _ in range(rank)]

        kernel = sizes(1, 4)
        fields: Fields = {
            "kernel_size": kernel,
            "stride": sizes(1, 5),
            "padding": random.choice(
                (
                    [random.randint(0, size // 2) for size in kernel],
                    [[random.randint(0, size), random.randint(0, size)] for size in kernel],
                    *PADDING_WORDS,
                )
            ),
            "dilation": sizes(1, 4),
            "ceil_mode": random.random() < 0.5,
        }
        spec = CATALOGUE.find(f"max_pool{rank}d").of(**fields, return_indices=True)
        assert isinstance(spec, MaxPool)
        try:
            return spec, settled_plan(spec, FLOAT32, (2, 2, *sizes(1, 14 if rank < 3 else 8))), fields
        except Unprocessable:
            continue


@every_rank
def test_unpooling_restores_the_pooled_elements(rank: int) -> None:
    """With the fields of the pooling, including dilation and ceil_mode, and the input's sizes."""

    @scaled_examples(150)
    @given(seeded_randoms)
    def holds(random: Random) -> None:
        spec, plan, fields = random_pooling(random, rank)
        spatial = list(spatial_of(plan))
        elements = np.random.default_rng(random.getrandbits(32)).permutation(4 * math.prod(spatial)) + 1
        x = elements.astype(np.float32).reshape(2, 2, *spatial)
        pooled = run_plan(plan, {"input": Tensor(FLOAT32, x)}, CPU)
        given = {"input": pooled["output"], "indices": pooled["indices"]}
        undilated = {name: value for name, value in fields.items() if name != "dilation"}

        # Without the dilation the same output size is accepted up to twice the default size.
        default_sizes = [
            (length - 1) * stride + kernel - sum(spec.padding_at(axis, size))
            for axis, (length, size, kernel, stride) in enumerate(
                zip(pooled["output"].array.shape[2:], spatial, spec.kernel_size, spec.stride, strict=True)
            )
        ]
        is_accepted = all(
            size < default + stride or size <= 2 * default
            for size, default, stride in zip(spatial, default_sizes, spec.stride, strict=True)
        )

        for unpool_fields in (fields, undilated) if is_accepted else (fields,):
            unpool = CATALOGUE.find(f"max_unpool{rank}d").of(**unpool_fields, output_size=spatial)
            inputs = {name: tensor.metadata for name, tensor in given.items()}
            back = run_plan(make_plan(unpool, inputs, LIMITS), given, CPU)

            kept = np.isin(x, pooled["output"].array)
            assert np.array_equal(back["output"].array, np.where(kept, x, 0))

    holds()


@every_rank
def test_the_default_output_size_has_the_same_number_of_windows(rank: int) -> None:
    """The default is the least input size that pooling reduces to this size."""

    @scaled_examples(150)
    @given(seeded_randoms)
    def holds(random: Random) -> None:
        spec, plan, fields = random_pooling(random, rank)
        pooled = plan.outputs["output"].shape[2:]
        unpool = CATALOGUE.find(f"max_unpool{rank}d").of(**fields)

        # With large padding the least input size may be less than 1, which is refused.
        with contextlib.suppress(Unprocessable):
            for axis, size in enumerate(unpool.spatial_out(pooled)):
                assert spec.geometry(axis, size).outputs(size) == pooled[axis]

    holds()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"output_size": [6, 10]}, (6, 10)),
        ({"output_size": [6, 10], "dilation": [1, 3]}, (6, 10)),
        ({"output_size": [6, 10], "dilation": [1, 3], "ceil_mode": True}, (6, 10)),
        ({"dilation": [1, 3]}, (6, 10)),
        ({}, (6, 8)),
    ],
)
def test_the_output_size_may_replace_the_dilation(fields: Fields, expected: tuple[int, ...]) -> None:
    """Pooling (6, 10) with dilation (1, 3) gives 3 by 4; without the dilation, as in torch, the default is (6, 8)."""
    spec = CATALOGUE.find("max_unpool2d").of(kernel_size=2, stride=2, **fields)

    assert spec.spatial_out((3, 4)) == expected


@pytest.mark.parametrize(
    ("fields", "span"),
    [
        # Torch's bounds, if the dilation is given or has no effect.
        ({"kernel_size": 3, "stride": 2, "dilation": 2, "output_size": 13}, "lies between 10 and 12"),
        ({"kernel_size": 2, "stride": 2, "dilation": 3, "output_size": 8}, "lies between 9 and 11"),
        ({"kernel_size": 1, "stride": 2, "output_size": 10}, "lies between 6 and 8"),
        # A dilation that is not given may have made the input up to twice as large, but not smaller.
        ({"kernel_size": 2, "stride": 2, "output_size": 17}, "lies between 7 and 16"),
        ({"kernel_size": 2, "stride": 2, "output_size": 6}, "lies between 7 and 16"),
    ],
)
def test_an_impossible_output_size_is_refused_with_the_possible_range(fields: Fields, span: str) -> None:
    """A wrong output_size is usually the size of another tensor."""
    with pytest.raises(Unprocessable, match=span) as refused:
        CATALOGUE.find("max_unpool1d").of(**fields).spatial_out((4,))

    assert refused.value.code == "shape_mismatch"
