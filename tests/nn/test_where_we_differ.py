"""The rows of docs/where-we-differ.md about gradients: torch's gradients and ours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch

from poolhouse import nn
from poolhouse.client.clients import Client


@dataclass(frozen=True)
class Backward:
    """One row of the page about gradients.

    Attributes:
        name: the first cell.
        layer: the layer's name in ``torch.nn`` and ``poolhouse.nn``, and its arguments.
        x: the input.
        theirs: torch's gradient of the outputs' sum, or the class of its error.
        ours: our gradient.
        indices: the indices of unpooling.
    """

    name: str
    layer: tuple[str, *tuple[object, ...]]
    x: torch.Tensor
    theirs: object
    ours: list[float]
    indices: torch.Tensor | None = None


def spike(length: int) -> torch.Tensor:
    return torch.zeros(1, 1, length).index_fill(2, torch.tensor([length // 2]), 1)


# Of 401 windows over 700 elements 300 choose the element in the middle, and the others their first.
TAKEN_FIRST = [1.0] * 51 + [0.0] * 299
TAKEN_LAST = [1.0] * 50 + [0.0] * 299
GRADIENTS = (
    Backward(
        "gradients of half precision in 3-D",
        ("AvgPool3d", 2),
        torch.ones(1, 1, 2, 2, 2, dtype=torch.bfloat16),
        NotImplementedError,
        [1 / 8] * 8,
    ),
    Backward(
        "gradients of half precision in 3-D",
        ("LPPool3d", 2, 2),
        torch.ones(1, 1, 2, 2, 2, dtype=torch.float16),
        NotImplementedError,
        [float(torch.tensor(8**-0.5).half())] * 8,
    ),
    Backward(
        "gradients of high powers",
        ("LPPool1d", 4, 2),
        torch.full((1, 1, 2), 20, dtype=torch.float16),
        [0, 0],
        [float(torch.tensor(2**-0.75).half())] * 2,
    ),
    Backward(
        "gradients of high powers",
        ("LPPool1d", 20, 2),
        torch.full((1, 1, 2), 300.0),
        [math.nan] * 2,
        [2 ** (1 / 20 - 1)] * 2,
    ),
    Backward(
        "gradients of large windows in half precision",
        ("AvgPool2d", 300),
        torch.zeros(1, 1, 300, 300, dtype=torch.float16),
        [0] * 90_000,
        [float(torch.tensor(1 / 90_000).half())] * 90_000,
    ),
    Backward(
        "gradients summed in bfloat16",
        ("MaxPool1d", 300, 1),
        spike(700).bfloat16(),
        [*TAKEN_FIRST, 256, *TAKEN_LAST],
        [*TAKEN_FIRST, 300, *TAKEN_LAST],
    ),
    Backward(
        "gradients of an infinite element",
        ("LPPool1d", 2, 2),
        torch.tensor([[[math.inf, 1.0]]]),
        [math.nan, 0],
        [1, 0],
    ),
    Backward("gradients of a sum of 0", ("LPPool1d", 1, 2), torch.tensor([[[-1.0, 1.0]]]), [0, 0], [1, 1]),
    Backward(
        "gradients of unpooling with an index twice",
        ("MaxUnpool1d", 2),
        torch.ones(1, 1, 2),
        [1, 1],
        [0, 1],
        indices=torch.zeros(1, 1, 2, dtype=torch.int64),
    ),
)


def near(expected: object) -> object:
    """Equal within float32's rounding errors; NaN equals NaN."""
    return pytest.approx(expected, rel=1e-6, abs=0, nan_ok=True)


def backward(layers: object, row: Backward, **further: object) -> object:
    """The gradient by torch's layer or by ours, or the class of the error."""
    name, *arguments = row.layer
    leaf = row.x.clone().requires_grad_()
    indices = () if row.indices is None else (row.indices,)
    try:
        getattr(layers, name)(*arguments, **further)(leaf, *indices).sum().backward()
    except Exception as error:
        return type(error)
    assert leaf.grad is not None
    return leaf.grad.reshape(-1).tolist()


@pytest.mark.parametrize("row", GRADIENTS, ids=lambda row: str(row.name).replace(" ", "-"))
def test_gradients_are_as_documented(row: Backward) -> None:
    """The page states both columns of these rows."""
    with Client.local() as pooling:
        ours = backward(nn, row, client=pooling)

    assert backward(torch.nn, row) == (row.theirs if isinstance(row.theirs, type) else near(row.theirs))
    assert ours == near(row.ours)
