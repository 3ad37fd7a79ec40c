"""Channels-last inputs give a warning, and the usual shapes of networks do not."""

from __future__ import annotations

import pytest

from poolhouse.dtypes import FLOAT32, INT64
from poolhouse.operators.channels_last import channels_last_warning
from poolhouse.operators.plan import make_plan
from poolhouse.tensors import TensorMetadata
from tests.operators.random_cases import CATALOGUE, LIMITS, Fields

WINDOW: Fields = {"kernel_size": 2}


def warnings(operator: str, shape: tuple[int, ...], fields: Fields) -> tuple[str, ...]:
    """The warnings of a plan."""
    spec = CATALOGUE.find(operator).of(**fields)
    inputs = {name: TensorMetadata(INT64 if name == "indices" else FLOAT32, shape) for name in spec.inputs}
    return make_plan(spec, inputs, LIMITS).warnings


@pytest.mark.parametrize(
    ("rank", "shape"),
    [
        # Pictures: RGB, RGBA, grey with alpha, and small ones.
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
def test_channels_last_inputs_give_a_warning(rank: int, shape: tuple[int, ...]) -> None:
    """Pooling along the wrong axes gives an output of a plausible shape with wrong numbers."""
    (warning,) = warnings(f"max_pool{rank}d", shape, WINDOW)

    batch_shape, spatial = shape[:-rank], shape[-rank:]
    assert warning == channels_last_warning(batch_shape, spatial)
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
def test_usual_shapes_give_no_warning(rank: int, shape: tuple[int, ...]) -> None:
    """Users ignore warnings that are often wrong."""
    assert warnings(f"max_pool{rank}d", shape, WINDOW) == ()


@pytest.mark.parametrize(
    ("operator", "shape", "fields"),
    [
        # Global and adaptive pooling of a picture.
        ("global_avg_pool2d", (1, 224, 224, 3), {}),
        ("global_max_pool1d", (8, 1000, 3), {}),
        ("adaptive_max_pool2d", (1, 224, 224, 3), {"output_size": 1}),
        ("adaptive_avg_pool2d", (1, 28, 28, 1), {"output_size": 7}),
        ("fractional_max_pool2d", (1, 224, 224, 3), {"kernel_size": 2, "output_size": [100, 2]}),
        ("max_unpool2d", (1, 112, 112, 3), WINDOW),
        ("lp_pool2d", (1, 224, 224, 3), {**WINDOW, "norm_type": 2}),
        # A window fits a grey picture only with padding.
        ("max_pool2d", (1, 28, 28, 1), {"kernel_size": 3, "padding": 1}),
    ],
)
def test_every_window_family_gives_the_warning(operator: str, shape: tuple[int, ...], fields: Fields) -> None:
    """The axes are the same for all families."""
    assert any("was read as (N, C, " in warning for warning in warnings(operator, shape, fields))


@pytest.mark.parametrize(
    ("operator", "shape", "fields"),
    [
        # Words of a text, and frequency bands of a sound: windows extend along one axis.
        ("max_pool2d", (8, 100, 50, 1), {"kernel_size": [3, 1]}),
        ("max_pool2d", (8, 64, 500, 4), {"kernel_size": [1, 4]}),
        ("global_max_pool2d", (8, 100, 50, 1), {}),
        ("adaptive_avg_pool2d", (8, 64, 500, 4), {"output_size": [None, 1]}),
        ("fractional_max_pool2d", (8, 64, 500, 4), {"kernel_size": [2, 1], "output_size": [100, 2]}),
        ("global_avg_pool2d", (8, 2048, 1, 1), {}),
        ("max_unpool2d", (8, 64, 500, 4), {"kernel_size": [2, 1]}),
    ],
)
def test_windows_along_some_axes_only_give_no_warning(operator: str, shape: tuple[int, ...], fields: Fields) -> None:
    """A client that sends one size for each axis knows the order of the axes."""
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
def test_the_field_of_the_warning_mends_the_request(rank: int, shape: tuple[int, ...]) -> None:
    """Users copy it."""
    (warning,) = warnings(f"max_pool{rank}d", shape, WINDOW)

    layout = warning.rpartition('layout "')[2].partition('"')[0]

    assert warnings(f"max_pool{rank}d", shape, {**WINDOW, "layout": layout}) == ()
