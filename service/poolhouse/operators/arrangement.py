"""Arrangements: how an operator divides a request into planes, before the cost of pooling them is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from poolhouse.operators.fields import Sizes
from poolhouse.tensors import TensorMetadata


class RegionSizes(NamedTuple):
    """The sizes of the regions of a request, clipped to the input.

    Attributes:
        typical: along each axis, the root of the mean square, so the mean area is at most the product.
        largest: along each axis.
    """

    typical: tuple[float, ...]
    largest: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The planes of a request, which are pooled independently.

    Attributes:
        inputs: metadata by name.
        outputs: metadata by name, in the order of the response.
        planes: the number of planes; 0 for an empty batch.
        plane_shape: what requests must agree in to share a batch: for operators that pool planes of the input, the
            shape of a plane.
        plane_output_bytes: bytes of the outputs of one plane, also if there are no planes.
        plane_sizes: the sizes that messages name.
        warnings: sentences for the client.
        region_sizes: of regions whose sizes the elements tell; None if only metadata is known.
    """

    inputs: Mapping[str, TensorMetadata]
    outputs: Mapping[str, TensorMetadata]
    planes: int
    plane_shape: Sizes
    plane_output_bytes: int
    plane_sizes: Sizes
    warnings: tuple[str, ...] = ()
    region_sizes: RegionSizes | None = None

    def typical_regions(self, most: Sizes) -> tuple[float, ...]:
        """The typical size of a region; the given one, of the largest possible, if only metadata is known."""
        return most if self.region_sizes is None else self.region_sizes.typical

    def largest_regions(self, most: Sizes) -> tuple[float, ...]:
        """The size of the largest region, likewise."""
        return most if self.region_sizes is None else self.region_sizes.largest
