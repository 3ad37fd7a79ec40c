"""``client.onnx`` and ``client.keras``: the operators of other frameworks as methods of both clients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from poolhouse.client.adapters import FRAMEWORKS
from poolhouse.errors import Unprocessable
from poolhouse.operators.catalogue import discover
from tests.client.conftest import AnyClient


def test_every_adapter_has_a_method() -> None:
    """They are generated; a missing one means that a framework was forgotten."""
    names = {
        f"{framework}.{name}" for framework, methods in FRAMEWORKS.items() for name in vars(methods) if name[0] != "_"
    }

    assert names == {name for name in discover().names if "." in name}


def test_onnx_s_methods_pool_and_unpool(any_client: AnyClient) -> None:
    """The second output is ``indices``, over the whole tensor."""
    x = torch.randn(2, 3, 6, 8).abs()
    expected, indices = F.max_pool2d(x, 2, return_indices=True)

    pooled = any_client.call("onnx.MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], return_indices=True)
    assert isinstance(pooled, tuple)
    output, found = pooled
    unpooled = any_client.call("onnx.MaxUnpool", output, found, kernel_shape=2, strides=2)

    assert torch.equal(output, expected)
    assert torch.equal(found, indices + (torch.arange(6) * 48).reshape(2, 3, 1, 1))
    assert isinstance(unpooled, tuple)
    assert torch.equal(unpooled[0], F.max_unpool2d(expected, indices, [2, 2]))


def test_keras_methods_take_channels_last(any_client: AnyClient) -> None:
    """As numpy arrays, and by a name at run time."""
    x = np.random.default_rng(0).standard_normal((2, 7, 5, 3)).astype(np.float32)

    pooled = any_client.call("keras.MaxPooling2D", x, pool_size=(3, 2), strides=2, padding="same")
    named = any_client.pool("keras.MaxPooling2D", x, pool_size=(3, 2), strides=2, padding="same")

    assert isinstance(pooled, tuple)
    assert pooled[0].shape == (2, 4, 3, 3)
    assert isinstance(named.output, np.ndarray)
    np.testing.assert_array_equal(pooled[0], named.output)


def test_a_refusal_names_the_attribute(any_client: AnyClient) -> None:
    """Not the field of ours that it becomes."""
    with pytest.raises(Unprocessable, match="kernel_shape") as refused:
        any_client.call("onnx.AveragePool", np.zeros((1, 1, 4), np.float32), kernel_shape=[2, 2])

    assert [each.pointer for each in refused.value.problems] == ["?kernel_shape"]
