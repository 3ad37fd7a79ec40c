"""Plans: the request of one, with the shape of every tensor, and how its response is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, cast

from poolhouse.client.arrays import dtype_name
from poolhouse.client.calls import (
    JSON_HEADERS,
    Document,
    escape,
    format_field,
    parse_tensor_metadata,
    read_document,
    request_target,
    size_or_none,
)
from poolhouse.client.errors import UnexpectedAnswer
from poolhouse.client.exchange import Request, Response
from poolhouse.client.operators import COMPANIONS
from poolhouse.client.results import Plan
from poolhouse.errors import Unprocessable
from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.wire.quoting import escape_unprintable

PlannedTensors: TypeAlias = "Mapping[str, Sequence[int] | tuple[Sequence[int], object]]"
"""The shape of each tensor by name, or a pair of its shape and its element type."""

_OF_INPUT_SHAPE: Final = ("indices",)
"""Tensors that have the shape of the input."""


def plan_request(
    operator: str,
    shape: Sequence[int],
    dtype: object,
    fields: Mapping[str, object],
    tensors: PlannedTensors | None = None,
) -> Request:
    """``POST /v1/plan/{operator}``.

    Args:
        operator: its name.
        shape: of the input.
        dtype: of the input: its name, ``float32``, or a dtype of numpy or torch.
        fields: the spec; None leaves a field unset.
        tensors: the others. ``indices`` have the shape of the input if they are not given.

    Raises:
        Unprocessable: ``missing_tensor`` or ``unknown_tensor``; ``invalid_fields``: a field is a tensor.
    """
    _refuse_tensors(operator, fields)
    document = _plan_document(operator, shape, dtype, tensors)
    query = {name: format_field(name, value) for name, value in fields.items() if value is not None}
    body = (json.dumps(document).encode(),)
    return Request("POST", request_target(f"/v1/plan/{escape(operator)}", query), JSON_HEADERS, body)


def _plan_document(
    operator: str, shape: Sequence[int], dtype: object, tensors: PlannedTensors | None
) -> dict[str, object]:
    """The shape and element type of each tensor, as the request has them."""
    taken = COMPANIONS.get(operator, {})
    found = {name: shape for name in taken if name in _OF_INPUT_SHAPE} | dict(tensors or {})
    for name in found:
        if name == "input" or name not in TENSOR_TYPES:
            what = "the shape of input is given as shape" if name == "input" else f"there is no tensor {name!r}"
            others = f" {operator} takes {', '.join(taken)} beside input." if taken else ""
            raise Unprocessable("unknown_tensor", f"{what}; leave it out of tensors.{others}")
    for name, is_required in taken.items():
        if is_required and name not in found:
            raise Unprocessable("missing_tensor", f"{operator} needs {name}; {_give_shape(name)}.")
    document: dict[str, object] = {"input": _metadata(shape, dtype)}
    return {**document, **{name: planned_metadata(name, each) for name, each in found.items()}}


def planned_metadata(name: str, planned: Sequence[int] | tuple[Sequence[int], object]) -> dict[str, object]:
    """The shape and element type of a tensor beside the input, as requests have them.

    Args:
        name: of the tensor, which determines the element type that is not given.
        planned: its shape, or a pair of that and its element type.
    """
    if len(planned) == 2 and isinstance(planned[0], Sequence):
        return _metadata(planned[0], planned[1])
    # No pair, hence a shape; the check above narrows the type of planned[0] alone.
    return _metadata(cast("Sequence[int]", planned), TENSOR_TYPES[name].name)


def _refuse_tensors(operator: str, fields: Mapping[str, object]) -> None:
    """Refuse fields that are tensors of the operator."""
    for name in COMPANIONS.get(operator, {}):
        if fields.get(name) is not None:
            raise Unprocessable("invalid_fields", f"{name} is a tensor; {_give_shape(name)}.")


def _give_shape(name: str) -> str:
    example = {"spans": "(500, 2)", "boxes": "(100, 5)"}.get(name, "(8, 512)")
    return f'give its shape, such as tensors={{"{name}": {example}}}'


def _metadata(shape: Sequence[int], dtype: object) -> dict[str, object]:
    return {"shape": [int(size) for size in shape], "dtype": dtype_name(dtype)}


def read_plan(response: Response) -> Plan:
    """Read the plan in a response."""
    return read_plan_document(response, read_document(response))


def read_plan_document(response: Response, document: Document) -> Plan:
    """Read a plan in a document of a response."""
    operator, spec, outputs = (document.get(name) for name in ("operator", "spec", "outputs"))
    input_bytes, output_bytes = (size_or_none(document.get(name)) for name in ("input_bytes", "output_bytes"))
    warnings = document.get("warnings", [])
    found = {name: parse_tensor_metadata(each) for name, each in outputs.items()} if isinstance(outputs, dict) else {}
    known = {name: metadata for name, metadata in found.items() if metadata is not None}
    if (
        not isinstance(operator, str)
        or not isinstance(spec, dict)
        or not isinstance(warnings, list)
        or input_bytes is None
        or output_bytes is None
        or not known
        or len(known) < len(found)
    ):
        raise UnexpectedAnswer(
            response.status, "The response is not a plan that this client understands; the server may be newer."
        )
    return Plan(
        operator,
        spec,
        known,
        input_bytes,
        output_bytes,
        tuple(escape_unprintable(str(each)) for each in warnings),
        document,
    )
