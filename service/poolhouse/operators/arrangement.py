"""Arrangements: how an operator divides a request into planes, before the cost of pooling them is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from poolhouse.operators.fields import Sizes
from poolhouse.tensors import TensorMetadata


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
    """

    inputs: Mapping[str, TensorMetadata]
    outputs: Mapping[str, TensorMetadata]
    planes: int
    plane_shape: Sizes
    plane_output_bytes: int
    plane_sizes: Sizes
    warnings: tuple[str, ...] = ()
