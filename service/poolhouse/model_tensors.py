"""Describe the tensors of a model as the Open Inference Protocol does: name, datatype, and -1 for each axis. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, INT64, ElementType
from poolhouse.operators.operator import Operator
from poolhouse.operators.region_operator import RegionOperator

JsonObject = dict[str, object]


class ModelTensor(NamedTuple):
    """A tensor in the metadata and in the configuration of a model.

    Attributes:
        name: of the tensor.
        datatype: one of those that it may have, in the words of the protocol.
        dims: -1 for each axis; a single -1 if their number depends on the request.
    """

    name: str
    datatype: str
    dims: tuple[int, ...]

    def metadata(self) -> JsonObject:
        """In the form of the model's metadata."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.dims)}

    def config(self) -> JsonObject:
        """In the form of Triton's ModelConfig."""
        return {"name": self.name, "data_type": f"TYPE_{self.datatype}", "dims": list(self.dims)}


GENERIC_INPUT: Final = ModelTensor("input", FLOAT32.open_inference_name, (-1,))
"""The input of the model of all operators."""
GENERIC_OUTPUTS: Final = (
    ModelTensor("output", FLOAT32.open_inference_name, (-1,)),
    ModelTensor("indices", INT64.open_inference_name, (-1,)),
)
"""The outputs of the model of all operators."""


def input_tensor(operator: type[Operator], name: str) -> ModelTensor:
    """The input of this name; of the element types that it may have, the usual one."""
    dtype, dimensions = _sample_type(operator), _dimensions(operator)
    for each in operator.companions:
        if each.name == name:
            dtype, dimensions = each.default_type, each.dimensions or dimensions
    return ModelTensor(name, dtype.open_inference_name, _dims(dimensions))


def output_tensor(operator: type[Operator], name: str) -> ModelTensor:
    """The output of this name, for an input of the usual element type."""
    dtype = _sample_type(operator)
    if name == "indices":
        dtype = INT64
    elif name.startswith("valid"):
        dtype = FLOAT32
    dimensions = operator.output_dimensions if issubclass(operator, RegionOperator) else _dimensions(operator)
    return ModelTensor(name, dtype.open_inference_name, _dims(dimensions))


def _sample_type(operator: type[Operator]) -> ElementType:
    """One of the types that the operator takes: float32, unless it takes integers alone."""
    return ELEMENT_TYPES[operator.samples[0].dtype]


def _dimensions(operator: type[Operator]) -> tuple[int, ...]:
    """The possible numbers of dimensions of the input; with N, which most requests have."""
    if issubclass(operator, RegionOperator):
        return operator.input_dimensions
    return tuple(2 + rank for rank in (operator.ranks if operator.is_rank_free else (operator.rank,)))


def _dims(dimensions: tuple[int, ...]) -> tuple[int, ...]:
    return (-1,) * (dimensions[0] if len(dimensions) == 1 else 1)
