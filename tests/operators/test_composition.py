"""Operators composed of others: their classes, kernels and costs come from the parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pytest
import torch

from poolhouse.dtypes import FLOAT32, ElementKind, ElementType
from poolhouse.kernels.widening import Array
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.avg_pool import AvgPool
from poolhouse.operators.composition import ChannelsKernel, JoinedKernel, JoinedOperator, part_class
from poolhouse.operators.costs import Cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.max_pool import MaxPool
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.window_operator import WindowOperator
from tests.operators.plane_plans import kernel_of

JOINING_BYTES = 2.0**20
"""More than the workspace of each part."""


@dataclass(frozen=True)
class MaximaLessAverages(JoinedOperator):
    """The contrast of each pair of columns; an operator that only this test has."""

    family: ClassVar[str] = "contrast"
    rank: ClassVar[int] = 2
    element_types: ClassVar[Mapping[ElementKind, str]] = {"float": "Subtracted."}

    @cached_property
    def parts(self) -> tuple[PlaneOperator, ...]:
        fields = {"kernel_size": 2, "layout": self.layout}
        return tuple(part_class(cls, 2).of(**fields) for cls in (MaxPool, AvgPool))

    def spatial_out(self, spatial: Sizes) -> Sizes:
        return self.parts[0].spatial_out(spatial)

    def join(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        return parts[0] - parts[1]

    def join_arrays(self, parts: Sequence[Array], dtype: ElementType) -> Array:
        found: Array = np.subtract(*parts)
        return found

    def joining_cost(self, elements: int, dtype: ElementType) -> Cost:
        return Cost(elements, 7.0, JOINING_BYTES)


@dataclass(frozen=True)
class OfSamples(MaximaLessAverages):
    """The same for whole samples."""

    pools_samples: ClassVar[bool] = True


def triple(planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
    """A kernel with two outputs, which tell planes apart."""
    x = planes["input"].astype(np.float64)
    return 3 * x.sum(-1), np.arange(len(x))


@pytest.mark.parametrize("cls", [MaxPool, AvgPool])
def test_a_part_has_one_class_for_a_number_of_axes(cls: type[WindowOperator]) -> None:
    """Specs of two classes would not be equal, and would share no batch."""
    found = part_class(cls, 2)

    assert found is part_class(cls, 2)
    assert issubclass(found, cls)
    assert {part_class(cls, rank).rank for rank in (1, 2, 3)} == {1, 2, 3}
    assert found.of(kernel_size=2) == part_class(cls, 2).of(kernel_size=2)


def test_a_kernel_of_planes_pools_the_channels_of_samples() -> None:
    """Each channel is a plane, in the order of the samples, for every output."""
    x = np.arange(2 * 3 * 4).reshape(2, 3, 4)

    sums, numbers = ChannelsKernel(triple)({"input": x}, 1)

    np.testing.assert_array_equal(sums, 3 * x.sum(-1))
    assert numbers.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_joined_kernel_joins_the_first_outputs_in_order() -> None:
    """Further outputs of a part, such as indices, are left out."""
    x = np.arange(6).reshape(2, 3)
    kernels: list[Kernel] = [triple, lambda planes, threads: (planes["input"][:, 0],)]

    (found,) = JoinedKernel(kernels, lambda parts: np.subtract(*parts))({"input": x}, 1)

    assert found.tolist() == [3 * 3 - 0, 3 * 12 - 3]


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("cls", [MaximaLessAverages, OfSamples])
def test_loops_and_torch_join_the_same_parts(cls: type[MaximaLessAverages], layout: str) -> None:
    """Of planes ``(P, H, W)``, of samples ``(P, C, H, W)``, or with channels last ``(P, H, W, C)``."""
    spec = cls(layout)
    shape = (2, 4, 6, 3) if spec.is_channels_last else (2, 3, 4, 6) if cls is OfSamples else (2, 4, 6)
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    kernel = kernel_of(spec, shape[1:], FLOAT32)
    assert kernel is not None

    (by_loops,) = kernel({"input": x}, 2)
    (by_torch,) = spec.run({"input": torch.from_numpy(x)})

    first = shape.index(4)
    axes = (first + 1, first + 3)
    blocks = x.reshape(*shape[:first], 2, 2, 3, 2, *shape[first + 2 :])
    expected = blocks.max(axes) - blocks.mean(axes, dtype=np.float32)
    np.testing.assert_allclose(by_loops.astype(np.float64), expected, atol=1e-6)
    assert by_loops.tobytes() == by_torch.numpy().tobytes()


def test_the_cost_is_that_of_the_parts_and_of_joining() -> None:
    """Steps add up, and the outputs of all parts are held while they are joined."""
    spec, shape = MaximaLessAverages("channels_first"), (64, 64)
    outputs = 32 * 32
    parts = [part.cost_of(shape, FLOAT32) for part in spec.parts]

    whole = spec.cost_of(shape, FLOAT32)

    assert whole.plane_steps == pytest.approx(sum(part.plane_steps for part in parts) + 2 * outputs)
    assert whole.call_steps == pytest.approx(sum(part.call_steps for part in parts) + 7)
    assert whole.plane_bytes == JOINING_BYTES + 2 * 4 * outputs
    assert whole.call_bytes == sum(part.call_bytes for part in parts)
