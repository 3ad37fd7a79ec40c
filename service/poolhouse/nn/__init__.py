"""torch's pooling layers, computed by the service, with the constructors of ``torch.nn`` and a ``client`` argument.

``poolhouse.nn.MaxPool2d(2, client=client)`` replaces ``torch.nn.MaxPool2d(2)``. Layers without a client share one that
is made from ``POOLHOUSE_URL`` at first use.

The service computes the forward pass. The backward pass is computed in this process, so gradients are not transferred,
in float64 for all element types, and rounded once:

- maxima and fractional maxima: if a gradient is wanted, the service also returns indices, and the gradient is added at
  these indices;
- unpooling: the gradient is read at the indices;
- averages: the gradient does not depend on the elements, so none are stored;
- norms: the input is stored.

This is the only package of the client that needs torch.
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
    """``torch.nn.MaxPool1d``, computed by the service."""

    rank = 1


class MaxPool2d(layers.MaxPool):
    """``torch.nn.MaxPool2d``, computed by the service."""

    rank = 2


class MaxPool3d(layers.MaxPool):
    """``torch.nn.MaxPool3d``, computed by the service."""

    rank = 3


class MaxUnpool1d(layers.MaxUnpool):
    """``torch.nn.MaxUnpool1d``, computed by the service."""

    rank = 1


class MaxUnpool2d(layers.MaxUnpool):
    """``torch.nn.MaxUnpool2d``, computed by the service."""

    rank = 2


class MaxUnpool3d(layers.MaxUnpool):
    """``torch.nn.MaxUnpool3d``, computed by the service."""

    rank = 3


class AvgPool1d(layers.AvgPool):
    """``torch.nn.AvgPool1d``, computed by the service."""

    rank = 1


class AvgPool2d(layers.AvgPoolWithDivisor):
    """``torch.nn.AvgPool2d``, computed by the service."""

    rank = 2


class AvgPool3d(layers.AvgPoolWithDivisor):
    """``torch.nn.AvgPool3d``, computed by the service."""

    rank = 3


class FractionalMaxPool2d(layers.FractionalMaxPool):
    """``torch.nn.FractionalMaxPool2d``, computed by the service."""

    rank = 2


class FractionalMaxPool3d(layers.FractionalMaxPool):
    """``torch.nn.FractionalMaxPool3d``, computed by the service."""

    rank = 3


class LPPool1d(layers.LPPool):
    """``torch.nn.LPPool1d``, computed by the service."""

    rank = 1


class LPPool2d(layers.LPPool):
    """``torch.nn.LPPool2d``, computed by the service."""

    rank = 2


class LPPool3d(layers.LPPool):
    """``torch.nn.LPPool3d``, computed by the service."""

    rank = 3


class AdaptiveMaxPool1d(layers.AdaptiveMaxPool):
    """``torch.nn.AdaptiveMaxPool1d``, computed by the service."""

    rank = 1


class AdaptiveMaxPool2d(layers.AdaptiveMaxPool):
    """``torch.nn.AdaptiveMaxPool2d``, computed by the service."""

    rank = 2


class AdaptiveMaxPool3d(layers.AdaptiveMaxPool):
    """``torch.nn.AdaptiveMaxPool3d``, computed by the service."""

    rank = 3


class AdaptiveAvgPool1d(layers.AdaptiveAvgPool):
    """``torch.nn.AdaptiveAvgPool1d``, computed by the service."""

    rank = 1


class AdaptiveAvgPool2d(layers.AdaptiveAvgPool):
    """``torch.nn.AdaptiveAvgPool2d``, computed by the service."""

    rank = 2


class AdaptiveAvgPool3d(layers.AdaptiveAvgPool):
    """``torch.nn.AdaptiveAvgPool3d``, computed by the service."""

    rank = 3
