"""Channels that come last are noticed, and the shapes of every network are left in peace."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse.dtypes import FLOAT32, INT64
from poolhouse.operators.channels_last import channels_last_warning, seems_channels_last
from poolhouse.operators.plan import make_plan
from poolhouse.tensors import TensorMetadata
from tests.operators.random_cases import CATALOGUE, LIMITS, Fields

WINDOW: Fields = {"kernel_size": 2}


def warnings(operator: str, shape: tuple[int, ...], fields: Fields) -> tuple[str, ...]:
    """The plan's."""
    spec = CATALOGUE.find(operator).of(**fields)
    inputs = {name: TensorMetadata(INT64 if name == "indices" else FLOAT32, shape) for name in spec.inputs}
    return make_plan(spec, inputs, LIMITS).warnings


@pytest.mark.parametrize(
    ("rank", "shape"),
    [
        # Pictures: colours, colours and alpha, grey and alpha, and small ones.
        (2, (1, 224, 224, 3)),
        (2, (224, 224, 3)),
        (2, (8, 480, 640, 3)),
        (2, (32, 32, 32, 3)),
        (2, (1, 1080, 1920, 4)),
        (2, (1, 256, 256, 4)),
        (2, (1, 64, 64, 2)),
        # Series, and volumes.
        (1, (8, 1000, 3)),
        (1, (1000, 3)),
        (1, (1, 224, 3)),
        (1, (2, 16000, 2)),
        (1, (4, 4096, 4)),
        (3, (1, 64, 128, 128, 3)),
        (3, (64, 128, 128, 3)),
    ],
)
def test_channels_that_come_last_are_noticed(rank: int, shape: tuple[int, ...]) -> None:
    """Pooled along the wrong axes, the answer has a right shape and wrong numbers."""
    (warning,) = warnings(f"max_pool{rank}d", shape, WINDOW)

    lead, spatial = shape[:-rank], shape[-rank:]
    assert warning == channels_last_warning(lead, spatial)
    assert str(list(shape)) in warning


@pytest.mark.parametrize(
    ("rank", "shape"),
    [
        (2, (8, 64, 112, 112)),
        (2, (1, 3, 224, 224)),
        (2, (3, 224, 224)),
        (2, (1, 1, 28, 28)),
        (2, (32, 512, 7, 7)),
        (2, (32, 512, 4, 4)),
        (2, (32, 512, 3, 3)),
        (2, (32, 512, 2, 2)),
        (2, (32, 256, 8, 4)),
        (2, (1, 1, 4, 4)),
        (2, (2, 3, 9, 2)),
        (1, (1, 2, 3)),
        (1, (8, 512, 4)),
        (1, (8, 256, 2)),
        (1, (8, 64, 4)),
        (1, (8, 2048, 2)),
        (1, (1, 1, 16000)),
        (1, (8, 9, 128)),
        (1, (8, 3, 2)),
        (3, (1, 512, 4, 7, 7)),
        (3, (1, 512, 2, 4, 4)),
        (3, (1, 3, 16, 112, 112)),
        (2, (0, 64, 8, 8)),
        (2, (1, 0, 8, 8)),
    ],
)
def test_usual_shapes_are_left_in_peace(rank: int, shape: tuple[int, ...]) -> None:
    """A warning that comes for nothing is one that nobody reads."""
    assert warnings(f"max_pool{rank}d", shape, WINDOW) == ()


@pytest.mark.parametrize(
    ("operator", "shape", "fields"),
    [
        # A whole picture at once, and to fewer rows and columns.
        ("global_avg_pool2d", (1, 224, 224, 3), {}),
        ("global_max_pool1d", (8, 1000, 3), {}),
        ("adaptive_max_pool2d", (1, 224, 224, 3), {"output_size": 1}),
        ("adaptive_avg_pool2d", (1, 28, 28, 1), {"output_size": 7}),
        ("fractional_max_pool2d", (1, 224, 224, 3), {"kernel_size": 2, "output_size": [100, 2]}),
        ("max_unpool2d", (1, 112, 112, 3), WINDOW),
        ("lp_pool2d", (1, 224, 224, 3), {**WINDOW, "norm_type": 2}),
        # A grey one fits only with padding.
        ("max_pool2d", (1, 28, 28, 1), {"kernel_size": 3, "padding": 1}),
    ],
)
def test_every_family_notices(operator: str, shape: tuple[int, ...], fields: Fields) -> None:
    """Whatever places the windows, the axes are the same."""
    assert any("was read as (N, C, " in warning for warning in warnings(operator, shape, fields))


@pytest.mark.parametrize(
    ("operator", "shape", "fields"),
    [
        # Words of a text, and bands of a sound: their windows keep to one axis.
        ("max_pool2d", (8, 100, 50, 1), {"kernel_size": [3, 1]}),
        ("max_pool2d", (8, 64, 500, 4), {"kernel_size": [1, 4]}),
        ("global_max_pool2d", (8, 100, 50, 1), {}),
        ("adaptive_avg_pool2d", (8, 64, 500, 4), {"output_size": [None, 1]}),
        ("fractional_max_pool2d", (8, 64, 500, 4), {"kernel_size": [2, 1], "output_size": [100, 2]}),
        ("global_avg_pool2d", (8, 2048, 1, 1), {}),
        ("max_unpool2d", (8, 64, 500, 4), {"kernel_size": [2, 1]}),
    ],
)
def test_windows_that_keep_to_some_axes_are_meant_so(operator: str, shape: tuple[int, ...], fields: Fields) -> None:
    """Who gives a size an axis knows the axes."""
    assert warnings(operator, shape, fields) == ()


@pytest.mark.parametrize(
    ("rank", "shape"),
    [
        (2, (1, 224, 224, 3)),
        (2, (224, 224, 3)),
        (1, (8, 1000, 3)),
        (1, (1000, 3)),
        (3, (2, 64, 128, 128, 3)),
    ],
)
def test_what_the_warning_says_mends_it(rank: int, shape: tuple[int, ...]) -> None:
    """The order it names is one to copy."""
    warning = channels_last_warning(shape[:-rank], shape[-rank:])

    order = [int(axis) for axis in warning.rpartition("permute(")[2].rstrip(")").split(",")]

    moved = np.empty(shape, np.uint8).transpose(order).shape
    assert moved == (*shape[: -rank - 1], shape[-1], *shape[-rank - 1 : -1])
    assert not seems_channels_last(moved[-rank - 1], moved[-rank:])
