"""Traces: the request of one, with small tensors as base64, and how its response is read."""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import numpy as np

from poolhouse.client.arrays import Converted, to_tensor
from poolhouse.client.calls import (
    JSON_HEADERS,
    escape,
    format_field,
    parse_server_timing,
    parse_strings,
    parse_tensor_metadata,
    read_document,
    request_target,
    size_or_none,
)
from poolhouse.client.errors import UnexpectedAnswer
from poolhouse.client.exchange import Request, Response
from poolhouse.client.operators import COMPANIONS
from poolhouse.client.pictures import Picture
from poolhouse.client.results import Trace, TracedElement
from poolhouse.dtypes import INT64
from poolhouse.errors import Unprocessable
from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.tensors import Tensor
from poolhouse.wire.quoting import escape_unprintable

_NONFINITE: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_Entry = TypeVar("_Entry")


class TraceCall:
    """``POST /v1/trace/{operator}``.

    Args:
        operator: its name.
        inputs: the caller's arrays by wire name, ``input`` first; None leaves an optional one out.
        fields: the spec; None leaves a field unset.
    """

    def __init__(self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]) -> None:
        required = COMPANIONS.get(operator, {})
        given = {name: each for name, each in inputs.items() if each is not None or required.get(name, name == "input")}
        if isinstance(given["input"], Picture):
            raise Unprocessable("invalid_data", "a picture cannot be traced; send it as an array.")
        converted: dict[str, Converted] = {
            name: to_tensor(value, keep_integers=TENSOR_TYPES.get(name) is INT64) for name, value in given.items()
        }
        self._restore = converted["input"].restore
        query = {name: format_field(name, value) for name, value in fields.items() if value is not None}
        document = {name: _as_document(each.tensor) for name, each in converted.items()}
        body = json.dumps({**document, "encoding": "base64"}).encode()
        self.request = Request("POST", request_target(f"/v1/trace/{escape(operator)}", query), JSON_HEADERS, (body,))

    def read_result(self, response: Response) -> Trace:
        """Read the trace; its outputs are of the same kind as the input."""
        document = read_document(response)
        operator, spec, outputs, elements, formula = (
            document.get(name) for name in ("operator", "spec", "outputs", "elements", "formula")
        )
        if (
            not isinstance(operator, str)
            or not isinstance(spec, dict)
            or not isinstance(outputs, dict)
            or not isinstance(elements, list)
            or not isinstance(formula, list)
        ):
            raise _unexpected(response)
        tensors = {name: _read_tensor(each) for name, each in outputs.items()}
        known = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        found = [_read_element(each) for each in elements]
        traced = tuple(each for each in found if each is not None)
        texts = [row.get("text") if isinstance(row, dict) else None for row in formula]
        if not known or len(known) < len(tensors) or len(traced) < len(found):
            raise _unexpected(response)
        seed = response.headers.get("pool-seed", "")
        return Trace(
            operator,
            spec,
            {name: self._restore(tensor) for name, tensor in known.items()},
            traced,
            tuple(escape_unprintable(text) for text in texts if isinstance(text, str)),
            int(seed) if seed.isascii() and seed.isdecimal() and len(seed) < 20 else None,
            parse_strings(response.headers.get("pool-warning", "")),
            parse_server_timing(response.headers.get("server-timing", "")),
            document,
        )


def _unexpected(response: Response) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        response.status, "The response is not a trace that this client understands; the server may be newer."
    )


def _as_document(tensor: Tensor) -> dict[str, object]:
    base64 = binascii.b2a_base64(tensor.buffer, newline=False).decode()
    return {"dtype": tensor.dtype.name, "shape": list(tensor.shape), "base64": base64}


def _read_tensor(entry: object) -> Tensor | None:
    metadata = parse_tensor_metadata(entry)
    text = entry.get("base64") if isinstance(entry, dict) else None
    if metadata is None or not isinstance(text, str):
        return None
    try:
        elements = binascii.a2b_base64(text, strict_mode=True)
        if len(elements) != metadata.nbytes:
            return None
        # A copy, which the caller may write to.
        array = np.frombuffer(elements, metadata.dtype.storage).reshape(metadata.shape).copy()
    except ValueError:
        return None
    return Tensor(metadata.dtype, array)


def _read_element(row: object) -> TracedElement | None:
    if not isinstance(row, dict):
        return None
    output, of, arithmetic = (row.get(name) for name in ("output", "of", "arithmetic"))
    index, positions, window = _sizes(row.get("index")), _positions(row.get("positions")), row.get("window")
    values, counted, results = _numbers(row.get("values")), row.get("counted"), row.get("results")
    weights, winner = row.get("weights"), size_or_none(row.get("winner"))
    if (
        not isinstance(output, str)
        or not isinstance(of, str)
        or not isinstance(arithmetic, str)
        or index is None
        or positions is None
        or values is None
        or not isinstance(counted, list)
        or not isinstance(results, dict)
        or not len(positions) == len(values) == len(counted)
        or (winner is not None and winner >= len(positions))
    ):
        return None
    spans = None if window is None else _spans(window)
    samples, found = row.get("samples"), _numbers(list(results.values()))
    points = None if samples is None else _points(samples)
    if (window is not None and spans is None) or (samples is not None and points is None) or found is None:
        return None
    factors = None if weights is None else _numbers(weights)
    if weights is not None and (factors is None or len(factors) != len(positions)):
        return None
    return TracedElement(
        output,
        index,
        spans,
        of,
        positions,
        values,
        tuple(each is True for each in counted),
        factors,
        winner,
        points,
        dict(zip(map(str, results), found, strict=True)),
        escape_unprintable(arithmetic),
    )


def _whole(found: Sequence[_Entry | None]) -> tuple[_Entry, ...] | None:
    """The entries; None if one of them is missing."""
    known = tuple(each for each in found if each is not None)
    return known if len(known) == len(found) else None


def _number(value: object) -> float | int | bool | None:
    if isinstance(value, str):
        return _NONFINITE.get(value)
    return value if isinstance(value, int | float) else None


def _numbers(row: object) -> tuple[float | int | bool, ...] | None:
    return _whole([_number(each) for each in row]) if isinstance(row, list) else None


def _sizes(row: object) -> tuple[int, ...] | None:
    return _whole([size_or_none(each) for each in row]) if isinstance(row, list) else None


def _positions(rows: object) -> tuple[tuple[int, ...], ...] | None:
    return _whole([_sizes(each) for each in rows]) if isinstance(rows, list) else None


def _points(rows: object) -> tuple[tuple[float, ...], ...] | None:
    return _whole([_numbers(each) for each in rows]) if isinstance(rows, list) else None


def _spans(rows: object) -> tuple[range, ...] | None:
    return _whole([_span(each) for each in rows]) if isinstance(rows, list) else None


def _span(row: object) -> range | None:
    start, step, count = (row.get(name) for name in ("start", "step", "count")) if isinstance(row, dict) else (0, 0, 0)
    if type(start) is not int or type(step) is not int or type(count) is not int or step < 1 or count < 0:
        return None
    return range(start, start + step * count, step)
