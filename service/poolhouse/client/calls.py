"""The questions a client can ask: the request of each, and how its answer is read.

One input travels as raw elements, several as safetensors, and every pooled answer as raw elements: those forms cost
nothing to write and nothing to read. ``Tensor-Metadata`` says what comes before the first byte of it does, so each
output is given memory of its own, rightly aligned, and the bytes of the answer go straight there.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote

import numpy as np

from poolhouse.client.arrays import Converted, dtype_name, to_tensor
from poolhouse.client.errors import UnexpectedAnswer, parse_json, parse_object
from poolhouse.client.exchange import Headers, Request, Response
from poolhouse.client.results import OperatorSummary, Plan, Pooled
from poolhouse.client.transports.response_body import too_large_error
from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.errors import Unprocessable
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.quoting import escape_unprintable
from poolhouse.wire.safetensors import SAFETENSORS

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.,~-]*")
_RAW_MEDIA_TYPE: Final = "application/octet-stream"
_JSON_HEADERS: Final = (("Content-Type", "application/json"), ("Accept", "application/json"))

# Answers to the same question say the same, and it is short.
_CACHE_SIZE: Final = 64
_MAX_CACHED_LENGTH: Final = 512

_RESERVED_PARAMETERS: Final = ("shape", "dtype")
"""What the query says of raw elements, beside the fields."""

Document = Mapping[str, object]


def format_field(name: str, value: object) -> str:
    """A field as the query string has it: ``3``, ``3,2``, ``true``, ``null``.

    Raises:
        Unprocessable: a value that no field can have.
    """
    if isinstance(value, list | tuple):
        return ",".join("null" if entry is None else format_field(name, entry) for entry in value)
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        # Python says "inf"; the wire and JSON's friends say "Infinity".
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(text := repr(float(value)), text)
    if isinstance(value, str):
        return value
    raise Unprocessable(
        "invalid_fields",
        f"{name} is a {type(value).__name__}; give a number, true or false, or one number an axis.",
    )


def _request_target(path: str, query: Mapping[str, str]) -> str:
    """Path and query, escaped where that is needed: hardly ever, and looking costs less than escaping."""
    if _PLAIN.fullmatch("".join([*query, *query.values()])):
        text = "&".join([f"{name}={value}" for name, value in query.items()])
    else:
        text = "&".join([f"{quote(name, safe=',')}={quote(value, safe=',')}" for name, value in query.items()])
    return f"{path}?{text}" if text else path


class PoolCall:
    """``POST /v1/pool/{operator}``.

    Args:
        operator: its name.
        inputs: the caller's values by wire name, ``input`` first.
        fields: the spec; None leaves a field unset.
    """

    def __init__(self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]) -> None:
        self._converted: dict[str, Converted] = {
            name: to_tensor(value, keep_integers=name == "indices") for name, value in inputs.items()
        }
        self._outputs: dict[str, Tensor] = {}
        self._wants_indices = bool(fields.get("return_indices"))
        for name in _RESERVED_PARAMETERS:
            if name in fields:
                # It would say how the elements are read, and give the right numbers of another tensor.
                raise Unprocessable(
                    "invalid_fields", f"{name} is no field of {operator}; the input says it, so convert that instead."
                )
        query = {name: format_field(name, value) for name, value in fields.items() if value is not None}
        name = operator if _PLAIN.fullmatch(operator) else quote(operator, safe="")
        self.request = self._build_request(f"/v1/pool/{name}", query)

    def _build_request(self, path: str, query: dict[str, str]) -> Request:
        tensors = {name: taken.tensor for name, taken in self._converted.items()}
        chunks: tuple[bytes | memoryview, ...]
        if len(tensors) == 1:
            media_type, chunks = _RAW_MEDIA_TYPE, (tensors["input"].buffer,)
            metadata = tensors["input"].metadata
            query = {"shape": ",".join(map(str, metadata.shape)), "dtype": metadata.dtype.name, **query}
        else:
            encoded = SAFETENSORS.encode(Message(tensors))
            media_type, chunks = encoded.media_type, encoded.chunks
        return Request(
            "POST",
            _request_target(path, query),
            (("Content-Type", media_type), ("Accept", _RAW_MEDIA_TYPE)),
            chunks,
            self._allocate_outputs,
        )

    def _allocate_outputs(self, status: int, headers: Headers, max_response_bytes: int) -> Sequence[memoryview] | None:
        if status != 200:
            return None
        # Made anew for every try; only the last one's are read.
        self._outputs = {
            entry.name: _allocate(entry.metadata) for entry in _output_entries(headers, max_response_bytes)
        }
        return [tensor.buffer for tensor in self._outputs.values()]

    def read_result(self, response: Response) -> Pooled[object, object]:
        """The answer, of the kind that went in."""
        give = self._converted["input"].restore
        output, indices = self._outputs.get("output"), self._outputs.get("indices")
        if output is None:
            raise UnexpectedAnswer(response.status, "The answer holds no output.")
        if indices is None and self._wants_indices:
            raise UnexpectedAnswer(response.status, "The answer holds no indices, which were asked for.")
        if indices is not None and indices.metadata != TensorMetadata(INT64, output.shape):
            raise UnexpectedAnswer(
                response.status,
                f"The answer holds indices of {indices.dtype} {indices.shape} for an output {output.shape}.",
            )
        seed = response.headers.get("pool-seed", "")
        return Pooled(
            give(output),
            None if indices is None else give(indices),
            parse_server_timing(response.headers.get("server-timing", "")),
            response.request_id,
            int(seed) if seed.isascii() and seed.isdecimal() and len(seed) < 20 else None,
            _parse_strings(response.headers.get("pool-warning", "")),
        )


class _Entry(NamedTuple):
    name: str
    metadata: TensorMetadata


def _output_entries(headers: Headers, max_response_bytes: int) -> tuple[_Entry, ...]:
    """What ``Tensor-Metadata`` says; refused unless it agrees with the length, since memory is taken at its word.

    Without a length the metadata announces it, and may announce no more than what is taken: the body is then refused
    when it turns out to be longer.
    """
    text = headers.get("tensor-metadata", "null")
    found = (_parse_entries if len(text) <= _MAX_CACHED_LENGTH else _parse_entries.__wrapped__)(text)
    nbytes = sum(entry.metadata.nbytes for entry in found)
    if not found or headers.get("content-length", str(nbytes)) != str(nbytes):
        raise UnexpectedAnswer(
            200, "Its header Tensor-Metadata does not say what the body holds; is base_url a poolhouse server?"
        )
    if nbytes > max_response_bytes:
        raise too_large_error(200, f"{nbytes} bytes", max_response_bytes)
    return found


@lru_cache(maxsize=_CACHE_SIZE)
def _parse_entries(text: str) -> tuple[_Entry, ...]:
    """The outputs that the metadata tells of, one behind the other; none where it says something else."""
    rows = parse_json(text)
    found: dict[str, _Entry] = {}
    at = 0
    for row in rows if isinstance(rows, list) else []:
        entry = _parse_entry(row, at)
        if entry is None or entry.name in found:
            return ()
        found[entry.name] = entry
        at += entry.metadata.nbytes
    return tuple(found.values())


def _parse_entry(row: object, offset: int) -> _Entry | None:
    """The output that a row of the metadata tells of, if it lies where the one before ends."""
    if not isinstance(row, dict):
        return None
    name, metadata = row.get("name"), _parse_tensor_metadata(row)
    if not isinstance(name, str) or metadata is None:
        return None
    lies = row.get("start") == offset and row.get("end") == offset + metadata.nbytes
    return _Entry(name, metadata) if lies else None


def _allocate(metadata: TensorMetadata) -> Tensor:
    try:
        return Tensor(metadata.dtype, np.empty(metadata.shape, metadata.dtype.storage))
    except ValueError:
        raise UnexpectedAnswer(
            200, f"The answer has {len(metadata.shape)} axes of sizes that no array can have."
        ) from None
    except MemoryError:
        raise UnexpectedAnswer(
            200, f"The answer has {metadata.nbytes} bytes, for which there is no memory here; pool in smaller parts."
        ) from None


def _parse_strings(text: str) -> tuple[str, ...]:
    """The strings that a header lists, each written as in JSON; none where it holds something else."""
    found = parse_json(f"[{text}]") if text else None
    return tuple(escape_unprintable(each) for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def parse_server_timing(text: str) -> dict[str, float]:
    """The metrics of a ``Server-Timing`` header, in milliseconds; what cannot be read is left out."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, duration = part.strip().partition(";dur=")
        try:
            milliseconds = float(duration)
        except ValueError:
            continue
        if math.isfinite(milliseconds):
            found[name] = milliseconds
    return found


def plan_request(
    operator: str, shape: Sequence[int], dtype: object, fields: Mapping[str, object], *, with_indices: bool
) -> Request:
    """``POST /v1/plan/{operator}``.

    Args:
        operator: its name.
        shape: of the input.
        dtype: of the input, ``float32``: by name, or as numpy or torch has it.
        fields: the spec; None leaves a field unset.
        with_indices: whether the operator takes ``indices`` beside the input.
    """
    sizes = [int(size) for size in shape]
    document: dict[str, object] = {"input": {"shape": sizes, "dtype": dtype_name(dtype)}}
    if with_indices:
        document["indices"] = {"shape": sizes, "dtype": "int64"}
    query = {name: format_field(name, value) for name, value in fields.items() if value is not None}
    body = (json.dumps(document).encode(),)
    return Request("POST", _request_target(f"/v1/plan/{quote(operator, safe='')}", query), _JSON_HEADERS, body)


def read_plan(response: Response) -> Plan:
    """The plan that an answer holds."""
    document = read_document(response)
    operator, spec, outputs = (document.get(name) for name in ("operator", "spec", "outputs"))
    input_bytes, output_bytes = (_size_or_none(document.get(name)) for name in ("input_bytes", "output_bytes"))
    warnings = document.get("warnings", [])
    found = {name: _parse_tensor_metadata(card) for name, card in outputs.items()} if isinstance(outputs, dict) else {}
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
            response.status, "The answer is no plan that is understood here; is it a newer server's?"
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


def catalogue_request(operator: str | None = None) -> Request:
    """``GET /v1/operators``, or one of them."""
    path = "/v1/operators" if operator is None else f"/v1/operators/{quote(operator, safe='')}"
    return Request("GET", path, _JSON_HEADERS)


def read_summaries(response: Response) -> tuple[OperatorSummary, ...]:
    """The catalogue that an answer holds."""
    rows = read_document(response).get("operators")
    found = [_read_summary(row) for row in rows] if isinstance(rows, list) else [None]
    lines = tuple(line for line in found if line is not None)
    if len(lines) < len(found):
        raise UnexpectedAnswer(response.status, "The answer is no list of operators; is base_url a poolhouse server?")
    return lines


def _read_summary(row: object) -> OperatorSummary | None:
    if not isinstance(row, dict):
        return None
    name, rank, summary, fields = (row.get(key) for key in ("name", "rank", "summary", "fields"))
    if not isinstance(name, str) or not isinstance(rank, int) or not isinstance(summary, str):
        return None
    return OperatorSummary(name, rank, summary, tuple(map(str, fields))) if isinstance(fields, list) else None


def read_document(response: Response) -> Document:
    """The JSON object that an answer holds."""
    document = parse_object(response.text)
    if document is None:
        raise UnexpectedAnswer(response.status, "The answer is not a JSON object; is base_url a poolhouse server?")
    return document


def _parse_tensor_metadata(document: object) -> TensorMetadata | None:
    shape = document.get("shape") if isinstance(document, dict) else None
    dtype = document.get("dtype") if isinstance(document, dict) else None
    known = ELEMENT_TYPES.get(dtype) if isinstance(dtype, str) else None
    if known is None or not isinstance(shape, list):
        return None
    sizes = tuple(size for size in map(_size_or_none, shape) if size is not None)
    return TensorMetadata(known, sizes) if len(sizes) == len(shape) else None


def _size_or_none(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
