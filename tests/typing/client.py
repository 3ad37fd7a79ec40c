"""The types of the client, checked by mypy in strict mode and by pyright; this file is never executed."""

from __future__ import annotations

from typing import assert_type

import numpy as np
import numpy.typing as npt
import torch

import poolhouse
from poolhouse import nn

Floats = npt.NDArray[np.float32]


def of_numpy(client: poolhouse.Client, x: Floats, flag: bool) -> None:
    """The output has the type of the input; the type of the indices depends on ``return_indices``."""
    assert_type(client.max_pool2d(x, 2), poolhouse.Pooled[Floats, None])
    assert_type(client.max_pool2d(x, 2).output, Floats)
    assert_type(client.max_pool2d(x, 2).indices, None)
    output, indices = client.max_pool2d(x, (3, 3), stride=2, return_indices=True)
    assert_type(output, Floats)
    assert_type(indices, Floats)
    assert_type(client.max_pool2d(x, 2, return_indices=flag).indices, Floats | None)
    assert_type(client.adaptive_avg_pool2d(x, (None, 7)).output, Floats)
    assert_type(client.lp_pool1d(x, 2.0, 3).output, Floats)
    assert_type(client.onnx.MaxPool(x, 2), poolhouse.Pooled[Floats, None])
    assert_type(client.onnx.MaxPool(x, 2, return_indices=True).indices, Floats)
    assert_type(client.keras.MaxPooling2D(x, padding="same").output, Floats)


def of_torch(client: poolhouse.Client, x: torch.Tensor) -> None:
    """torch's type, though the client does not import torch."""
    output, indices = client.fractional_max_pool2d(x, 2, output_ratio=0.5, return_indices=True)
    assert_type(output, torch.Tensor)
    assert_type(client.max_unpool2d(output, indices, 2).output, torch.Tensor)


def of_lists(client: poolhouse.Client) -> None:
    """Nested lists have a precise type too."""
    assert_type(client.avg_pool1d([[1.0, 2.0]], 2).output, list[list[float]])


async def of_tasks(client: poolhouse.AsyncClient, x: Floats) -> None:
    """The asyncio client has the same types."""
    assert_type(await client.max_pool2d(x, 2), poolhouse.Pooled[Floats, None])
    assert_type(await client.keras.GlobalMaxPooling1D(x), poolhouse.Pooled[Floats, None])
    output, indices = await client.global_max_pool2d(x, return_indices=True)
    assert_type(output, Floats)
    assert_type(indices, Floats)
    async for pooled in client.map("max_pool2d", [x, x], kernel_size=2):
        assert_type(pooled, poolhouse.Pooled[object, object | None])
    assert_type(await client.plan("max_pool2d", x.shape, kernel_size=2), poolhouse.Plan)
    assert_type(await client.trace("max_pool2d", x, kernel_size=2), poolhouse.Trace)


def of_package(error: poolhouse.ConnectionFailed) -> None:
    """The names of the package have types, though it imports the client lazily."""
    assert_type(error.request_id, str | None)
    with poolhouse.Client.local() as client:
        assert_type(client, poolhouse.Client)
        assert_type(client.with_options(timeout=None), poolhouse.Client)
        assert_type(client.operators(), tuple[poolhouse.OperatorSummary, ...])
        nn.MaxPool2d(3, 2, 1, client=client)


def of_mistakes(client: poolhouse.Client, x: Floats) -> None:
    """Each of these is an error; in strict mode an unnecessary ignore would be one too."""
    client.max_pool2d(x)  # type: ignore[call-overload]  # pyright: ignore  # kernel_size has no default
    client.avg_pool2d(x, "2")  # type: ignore[arg-type]  # pyright: ignore  # a size is a number
    client.max_pool2d(x, 2, strides=2)  # type: ignore[call-overload]  # pyright: ignore  # the field is stride
    client.avg_pool2d(object(), 2)  # type: ignore[type-var]  # pyright: ignore  # not a tensor
    client.max_pool4d(x, 2)  # type: ignore[attr-defined]  # pyright: ignore  # no such operator
