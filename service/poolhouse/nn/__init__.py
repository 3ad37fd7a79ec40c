"""torch's pooling layers, pooled by the service: the constructors of ``torch.nn``, and a client beside them.

``poolhouse.nn.MaxPool2d(2, client=client)`` stands where ``torch.nn.MaxPool2d(2)`` stood. Without a client all layers
share one that is made from ``POOLHOUSE_URL`` when it is first needed.

The forward pass is the service's; the backward pass is computed here, so that gradients do not travel, in float64
whatever the tensors are, and rounded once:

- maxima, fractional maxima: the service answers indices too when a gradient is wanted, and the gradient is added up
  where they point;
- unpooling: the gradient is picked up where the indices point;
- averages: their gradient does not depend on the elements, so none are kept;
- norms: the input is kept for it.

This package alone of the client needs torch.
"""

from __future__ import annotations

from poolhouse.nn import layers
from poolhouse.nn.layers import shared_client

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "shared_client",
]


class MaxPool1d(layers.MaxPool):
    """``torch.nn.MaxPool1d``, pooled by the service."""

    rank = 1


class MaxPool2d(layers.MaxPool):
    """``torch.nn.MaxPool2d``, pooled by the service."""

    rank = 2


class MaxPool3d(layers.MaxPool):
    """``torch.nn.MaxPool3d``, pooled by the service."""

    rank = 3


class MaxUnpool1d(layers.MaxUnpool):
    """``torch.nn.MaxUnpool1d``, pooled by the service."""

    rank = 1


class MaxUnpool2d(layers.MaxUnpool):
    """``torch.nn.MaxUnpool2d``, pooled by the service."""

    rank = 2


class MaxUnpool3d(layers.MaxUnpool):
    """``torch.nn.MaxUnpool3d``, pooled by the service."""

    rank = 3


class AvgPool1d(layers.AvgPool):
    """``torch.nn.AvgPool1d``, pooled by the service."""

    rank = 1


class AvgPool2d(layers.AvgPoolWithDivisor):
    """``torch.nn.AvgPool2d``, pooled by the service."""

    rank = 2


class AvgPool3d(layers.AvgPoolWithDivisor):
    """``torch.nn.AvgPool3d``, pooled by the service."""

    rank = 3


class FractionalMaxPool2d(layers.FractionalMaxPool):
    """``torch.nn.FractionalMaxPool2d``, pooled by the service."""

    rank = 2


class FractionalMaxPool3d(layers.FractionalMaxPool):
    """``torch.nn.FractionalMaxPool3d``, pooled by the service."""

    rank = 3


class LPPool1d(layers.LPPool):
    """``torch.nn.LPPool1d``, pooled by the service."""

    rank = 1


class LPPool2d(layers.LPPool):
    """``torch.nn.LPPool2d``, pooled by the service."""

    rank = 2


class LPPool3d(layers.LPPool):
    """``torch.nn.LPPool3d``, pooled by the service."""

    rank = 3


class AdaptiveMaxPool1d(layers.AdaptiveMaxPool):
    """``torch.nn.AdaptiveMaxPool1d``, pooled by the service."""

    rank = 1


class AdaptiveMaxPool2d(layers.AdaptiveMaxPool):
    """``torch.nn.AdaptiveMaxPool2d``, pooled by the service."""

    rank = 2


class AdaptiveMaxPool3d(layers.AdaptiveMaxPool):
    """``torch.nn.AdaptiveMaxPool3d``, pooled by the service."""

    rank = 3


class AdaptiveAvgPool1d(layers.AdaptiveAvgPool):
    """``torch.nn.AdaptiveAvgPool1d``, pooled by the service."""

    rank = 1


class AdaptiveAvgPool2d(layers.AdaptiveAvgPool):
    """``torch.nn.AdaptiveAvgPool2d``, pooled by the service."""

    rank = 2


class AdaptiveAvgPool3d(layers.AdaptiveAvgPool):
    """``torch.nn.AdaptiveAvgPool3d``, pooled by the service."""

    rank = 3
