"""Keras' layers: an oracle in numpy for every argument, and the layers themselves."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.errors import Unprocessable
from tests.frameworks.libraries import NEEDS, keras_layers
from tests.operators.adapters.pooling import ADAPTERS, pool, random_array

Floats = npt.NDArray[Any]
LAYERS = tuple(member.name.removeprefix("keras.") for member in ADAPTERS if member.name.startswith("keras."))


def oracle(x: Floats, size: list[int], strides: list[int], padding: str, reduce: Callable[[Floats], float]) -> Floats:
    """Pool ``(N, *spatial, C)`` window by window: TensorFlow's sizes and offsets, and no padding in a window."""
    axes: list[list[slice]] = []
    for length, span, stride in zip(x.shape[1:-1], size, strides, strict=True):
        outputs = -(-length // stride) if padding == "same" else (length - span) // stride + 1
        before = max((outputs - 1) * stride + span - length, 0) // 2 if padding == "same" else 0
        starts = [at * stride - before for at in range(outputs)]
        axes.append([slice(max(start, 0), min(start + span, length)) for start in starts])
    found = np.empty((x.shape[0], *map(len, axes), x.shape[-1]), np.float32)
    for at in itertools.product(*(range(len(axis)) for axis in axes)):
        window = x[:, *(axis[index] for axis, index in zip(axes, at, strict=True)), :]
        for n, c in itertools.product(range(x.shape[0]), range(x.shape[-1])):
            found[n, *at, c] = reduce(window[n, ..., c])
    return found


def random_calls(seed: int, count: int) -> Iterator[tuple[str, Floats, dict[str, Any]]]:
    """Layers, inputs with channels last, and arguments without ``data_format``."""
    random = Random(seed)
    for number in range(count):
        layer = random.choice(LAYERS)
        rank = int(layer[-2])
        x = random_array(2, *(random.randint(4, 8) for _ in range(rank)), 3, seed=number)
        arguments: dict[str, Any] = {}
        if layer.startswith("Global"):
            arguments["keepdims"] = random.random() < 0.5
        else:
            arguments["pool_size"] = random.choice((2, 3, [random.randint(1, 4) for _ in range(rank)]))
            arguments["strides"] = random.choice((None, 1, 2, [random.randint(1, 3) for _ in range(rank)]))
            arguments["padding"] = random.choice(("valid", "same"))
        yield layer, x, arguments


def per_axis(value: object, rank: int) -> list[int]:
    """One integer an axis."""
    assert isinstance(value, int | list)
    return value if isinstance(value, list) else [value] * rank


def test_random_calls_equal_the_oracle_in_both_layouts() -> None:
    """Every layer and argument; the layouts agree to the bit."""
    for layer, x, arguments in random_calls(0, 60):
        rank = int(layer[-2])
        reduce = np.max if "Max" in layer else np.mean
        if layer.startswith("Global"):
            expected = oracle(x, list(x.shape[1:-1]), [1] * rank, "valid", reduce)
            expected = expected if arguments["keepdims"] else expected.reshape(2, 3)
        else:
            size = per_axis(arguments["pool_size"], rank)
            strides = size if arguments["strides"] is None else per_axis(arguments["strides"], rank)
            expected = oracle(x, size, strides, arguments["padding"], reduce)

        found = pool(f"keras.{layer}", x, **arguments)["output"]
        first = np.ascontiguousarray(np.moveaxis(x, -1, 1))
        other = pool(f"keras.{layer}", first, **arguments, data_format="channels_first")["output"]

        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=f"{layer} {arguments}")
        moved = other if other.ndim == 2 else np.moveaxis(other, 1, -1)
        np.testing.assert_array_equal(found, moved, err_msg=f"{layer} {arguments}")


def test_a_layer_takes_inputs_of_its_rank_alone() -> None:
    """The message says where it expects the channels."""
    with pytest.raises(Unprocessable, match=r"\(N, H, W, C\)") as refused:
        pool("keras.MaxPooling2D", random_array(1, 2, 3, 4, 5))

    assert refused.value.code == "wrong_rank"


@pytest.fixture(scope="module")
def layers() -> Any:
    """Keras' layers, computed by torch or by another backend that the environment names."""
    try:
        return keras_layers()
    except ModuleNotFoundError:
        pytest.skip(NEEDS.format("keras"))


def pads_evenly(x: Floats, arguments: dict[str, Any]) -> bool:
    """Whether no axis has an odd number of padding. Keras on torch repeats the edge for the odd position, so that its
    average has another value than on TensorFlow and JAX, which leave padding out."""
    rank = x.ndim - 2
    size = per_axis(arguments["pool_size"], rank)
    strides = size if arguments["strides"] is None else per_axis(arguments["strides"], rank)
    return all(
        max((-(-length // stride) - 1) * stride + window - length, 0) % 2 == 0
        for length, window, stride in zip(x.shape[1:-1], size, strides, strict=True)
    )


@pytest.mark.slow
def test_random_calls_equal_keras(layers: Any) -> None:
    """Importing Keras takes seconds."""
    on_torch = importlib.import_module("keras.config").backend() == "torch"
    compared = 0
    for layer, x, arguments in random_calls(1, 200):
        if (
            on_torch
            and layer.startswith("Average")
            and arguments["padding"] == "same"
            and not pads_evenly(x, arguments)
        ):
            continue
        theirs = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
        expected = np.asarray(getattr(layers, layer)(**theirs)(x))

        found = pool(f"keras.{layer}", x, **arguments)["output"]

        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=f"{layer} {arguments}")
        compared += 1
    assert compared >= 150
