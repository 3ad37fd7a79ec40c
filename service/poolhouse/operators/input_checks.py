"""Checks of a request's tensors against a spec, by name, element type and shape, before any element is read."""

from __future__ import annotations

from collections.abc import Mapping

from poolhouse import dtypes
from poolhouse.dtypes import ElementType
from poolhouse.errors import Unprocessable
from poolhouse.operators.field_types import describe_value
from poolhouse.operators.fields import Sizes, axis_names
from poolhouse.operators.layout import dimension_names, split_shape
from poolhouse.operators.operator import Operator
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.tensors import TensorMetadata


def check_inputs(spec: Operator, inputs: Mapping[str, TensorMetadata]) -> tuple[Sizes, Sizes]:
    """N and C (or C alone), and the spatial sizes, of inputs that this spec accepts.

    Raises:
        Unprocessable: a tensor is missing or unknown, or its element type or shape does not fit the operator.
    """
    _check_names(spec, inputs)
    metadata = inputs["input"]
    _check_element_type(spec, metadata.dtype)
    batch_shape, spatial = _split_shape(spec, metadata.shape)
    _check_other_inputs(spec, inputs)
    spec.check_batch_shape(batch_shape)
    return batch_shape, spatial


def _check_names(spec: Operator, inputs: Mapping[str, TensorMetadata]) -> None:
    for name in spec.inputs:
        if name not in inputs:
            foreign = [each for each in inputs if each not in spec.inputs]
            given = ", ".join(describe_value(each) for each in inputs) or "none"
            rename = f" Rename {describe_value(foreign[0])} to {name!r}." if foreign else ""
            raise Unprocessable("missing_tensor", f"{spec.name} needs a tensor named {name!r}; got {given}.{rename}")
    for name in inputs:
        if name not in spec.inputs:
            raise Unprocessable(
                "unknown_tensor", f"{spec.name} takes {' and '.join(spec.inputs)}; got {describe_value(name)} as well."
            )


def _check_element_type(spec: Operator, dtype: ElementType) -> None:
    if dtype.kind not in spec.element_types:
        kinds = tuple(spec.element_types)
        raise Unprocessable(
            "unsupported_dtype",
            f"{spec.name} does not take {dtype.name}; it takes {dtypes.element_type_names(kinds=kinds)}.",
        )
    spec.check_element_type(dtype)


def _split_shape(spec: Operator, shape: Sizes) -> tuple[Sizes, Sizes]:
    rank, axes = spec.rank, axis_names(spec.rank)
    if len(shape) not in (rank + 1, rank + 2):
        names = dimension_names(rank, channels_last=spec.is_channels_last)
        raise Unprocessable(
            "wrong_rank",
            f"{spec.name} takes (N, {names}) or, unbatched, ({names}): "
            f"{rank + 2} or {rank + 1} dimensions; got {len(shape)} in shape {describe_value(list(shape))}.",
        )
    if max(shape) > INT32_MAX:
        raise Unprocessable(
            "shape_mismatch", f"a dimension of {describe_value(list(shape))} is larger than {INT32_MAX}."
        )
    batch_shape, spatial = split_shape(shape, rank, channels_last=spec.is_channels_last)
    for axis, size in zip(axes, spatial, strict=True):
        if size == 0:
            raise Unprocessable(
                "empty_dimension",
                f"axis {axis} of shape {describe_value(list(shape))} is empty; only N and C may be 0.",
            )
    return batch_shape, spatial


def _check_other_inputs(spec: Operator, inputs: Mapping[str, TensorMetadata]) -> None:
    shape = inputs["input"].shape
    for name in spec.inputs[1:]:
        if inputs[name].shape != shape:
            raise Unprocessable(
                "shape_mismatch",
                f"{name} must have the shape of input, {describe_value(list(shape))}; "
                f"got {describe_value(list(inputs[name].shape))}.",
            )
        if name == "indices" and inputs[name].dtype is not dtypes.INT64:
            raise Unprocessable(
                "unsupported_dtype", f"indices must be int64, as pooling returns them; got {inputs[name].dtype.name}."
            )
