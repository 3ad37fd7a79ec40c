"""Checks of a request's tensors against a spec, by name, element type and shape, before any element is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from poolhouse import dtypes
from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.errors import Unprocessable
from poolhouse.operators.field_types import describe_value
from poolhouse.operators.fields import Sizes, axis_names
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.layout import dimension_names, split_shape
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.tensors import TensorMetadata


class Inputs(Protocol):
    """What the checks ask of a spec; see ``operator.Operator``."""

    name: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]]
    companions: ClassVar[tuple[TensorInput, ...]]
    element_types: ClassVar[Mapping[ElementKind, str]]


class PlaneInputs(Inputs, Protocol):
    """What the checks of planes ask of a spec; see ``plane_operator.PlaneOperator``."""

    rank: ClassVar[int]

    @property
    def is_channels_last(self) -> bool:
        """Whether inputs have their channels last."""
        ...

    def check_element_type(self, dtype: ElementType) -> None:
        """Refuse an element type that the fields do not take."""
        ...

    def check_batch_shape(self, batch_shape: Sizes) -> None:
        """Refuse an N or C that the fields do not allow."""
        ...


def check_inputs(spec: PlaneInputs, inputs: Mapping[str, TensorMetadata]) -> tuple[Sizes, Sizes]:
    """N and C (or C alone), and the spatial sizes, of inputs that this spec accepts.

    Raises:
        Unprocessable: a tensor is missing or unknown, or its element type or shape does not fit the operator.
    """
    check_names(spec, inputs)
    metadata = inputs["input"]
    check_input_type(spec, metadata.dtype)
    spec.check_element_type(metadata.dtype)
    batch_shape, spatial = _split_shape(spec, metadata.shape)
    for companion in spec.companions:
        if companion.name not in inputs:
            continue
        if inputs[companion.name].shape != metadata.shape:
            raise Unprocessable(
                "shape_mismatch",
                f"{companion.name} must have the shape of input, {describe_value(list(metadata.shape))}; "
                f"got {describe_value(list(inputs[companion.name].shape))}.",
            )
        check_companion_type(companion, inputs[companion.name].dtype)
    spec.check_batch_shape(batch_shape)
    return batch_shape, spatial


def check_names(spec: Inputs, inputs: Mapping[str, TensorMetadata]) -> None:
    """Refuse a request without a tensor that it needs, or with one that it may not have.

    Raises:
        Unprocessable: ``missing_tensor`` or ``unknown_tensor``.
    """
    required = ("input", *(each.name for each in spec.companions if each.is_required))
    for name in required:
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


def check_input_type(spec: Inputs, dtype: ElementType) -> None:
    """Refuse an input whose elements are of a kind that the operator does not take.

    Raises:
        Unprocessable: ``unsupported_dtype``.
    """
    if dtype.kind not in spec.element_types:
        kinds = tuple(spec.element_types)
        raise Unprocessable(
            "unsupported_dtype",
            f"{spec.name} does not take {dtype.name}; it takes {dtypes.element_type_names(kinds=kinds)}.",
        )


def check_companion_type(companion: TensorInput, dtype: ElementType) -> None:
    """Refuse a tensor beside ``input`` of another element type.

    Raises:
        Unprocessable: ``unsupported_dtype``.
    """
    if dtype not in companion.element_types:
        names = " or ".join(each.name for each in companion.element_types)
        origin = ", as pooling returns them" if companion.name == "indices" else ""
        raise Unprocessable("unsupported_dtype", f"{companion.name} must be {names}{origin}; got {dtype.name}.")


def _split_shape(spec: PlaneInputs, shape: Sizes) -> tuple[Sizes, Sizes]:
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
