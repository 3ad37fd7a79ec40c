"""Tells an input whose channels seem to come last: its rows and columns would be pooled as if they were channels.

A shape cannot prove it, so this warns and refuses nothing. It looks for what pictures have and feature maps have not:
one to four positions on the last axis, many on every other.
"""

from __future__ import annotations

from typing import Final

from poolhouse.operators.fields import Sizes, axis_names, describe_value

_MAX_CHANNELS: Final = 4
"""Grey, grey and alpha, colours, colours and alpha; also the axes of a motion sensor, and stereo sound."""
_MIN_SIDE: Final = 16
"""Of a picture; feature maps of so few columns have as few rows."""
_MIN_RATIO: Final = 32
"""Of a series' length to its channels. With one axis there are no rows to tell by."""
_MAX_FEATURES: Final = 2048
"""Networks that halve an axis and double the channels end at (N, 512, 4), and not beyond this many channels."""


def seems_channels_last(channels: int, spatial: Sizes) -> bool:
    """Whether a tensor of so many channels and these axes is more likely one with the channels behind the axes."""
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
    """What to say of such a tensor, and how to mend it."""
    axes = axis_names(len(spatial))
    names = ["N", "C", *axes][2 - len(batch_shape) :]
    first, total = len(batch_shape) - 1, len(names)
    order = [*range(first), total - 1, *range(first, total - 1)]
    return (
        f"shape {describe_value([*batch_shape, *spatial])} was read as ({', '.join(names)}): "
        f"C is {batch_shape[-1]}, and axis {axes[-1]} has "
        f"{spatial[-1]} position{'s' if spatial[-1] > 1 else ''}. If the last axis holds the channels, "
        f"move it in front of the pooled axes: permute({', '.join(map(str, order))})"
    )
