"""Detects inputs that seem to be channels-last, whose rows or columns would be read as channels.

A shape is no proof, so this only produces a warning. It looks for the shape of pictures, which feature maps do not
have: one to four positions along the last axis, many along every other axis.
"""

from __future__ import annotations

from typing import Final

from poolhouse.operators.field_types import describe_value
from poolhouse.operators.fields import Sizes, axis_names
from poolhouse.operators.layout import CHANNELS_LAST

_MAX_CHANNELS: Final = 4
"""Grey, grey with alpha, RGB, RGBA; also the axes of a motion sensor, and stereo sound."""
_MIN_SIDE: Final = 16
"""Rows and columns of a picture. A feature map with at most four columns has few rows, too."""
_MIN_RATIO: Final = 32
"""Length of a series over its number of channels. With one spatial axis there are no rows to compare with."""
_MAX_FEATURES: Final = 2048
"""Networks that halve the axis and double the channels end at shapes like (N, 512, 4), with at most this many
channels."""


def seems_channels_last(channels: int, spatial: Sizes) -> bool:
    """Whether a tensor with this C and these spatial axes is more likely to be channels-last."""
    last = spatial[-1]
    if last > _MAX_CHANNELS:
        return False
    if len(spatial) > 1:
        return min(channels, *spatial[:-1]) >= _MIN_SIDE
    halved = _is_power_of_two(channels) and _is_power_of_two(last) and channels <= _MAX_FEATURES
    return channels >= _MIN_RATIO * last and not halved


def _is_power_of_two(size: int) -> bool:
    return size & (size - 1) == 0


def channels_last_warning(batch_shape: Sizes, spatial: Sizes) -> str:
    """The warning for such a tensor, with the field that mends it."""
    axes = axis_names(len(spatial))
    names = ["N", "C", *axes][2 - len(batch_shape) :]
    return (
        f"shape {describe_value([*batch_shape, *spatial])} was read as ({', '.join(names)}): "
        f"C is {batch_shape[-1]}, and axis {axes[-1]} has "
        f"{spatial[-1]} position{'s' if spatial[-1] > 1 else ''}. If the last axis holds the channels, "
        f'give layout "{CHANNELS_LAST}".'
    )
