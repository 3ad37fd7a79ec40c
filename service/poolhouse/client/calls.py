"""The calls of a client: the request of each, and how its response is read.

One input is sent as raw elements, several as safetensors, and a pooling response is raw elements: these formats need
no conversion. The header ``Tensor-Metadata`` arrives before the body, so each output gets its own aligned memory, and
the bytes of the response are received directly into it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote

import numpy as np

from poolhouse.client.arrays import Converted, to_tensor
from poolhouse.client.errors import UnexpectedAnswer, parse_json, parse_object
from poolhouse.client.exchange import Headers, Request, Response
from poolhouse.client.operators import COMPANIONS
from poolhouse.client.pictures import PNG_TYPE, Picture, allocate_picture, read_picture
from poolhouse.client.results import OperatorSummary, Pooled
from poolhouse.client.transports.response_body import too_large_error
from poolhouse.dtypes import ELEMENT_TYPES, INT64
from poolhouse.errors import Unprocessable
from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.quoting import escape_unprintable, quote_clipped
from poolhouse.wire.safetensors import SAFETENSORS

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.,~-]*")
_RAW_MEDIA_TYPE: Final = "application/octet-stream"
JSON_HEADERS: Final = (("Content-Type", "application/json"), ("Accept", "application/json"))

# Responses to equal requests have equal metadata, and it is short.
_CACHE_SIZE: Final = 64
_MAX_CACHED_LENGTH: Final = 512

_RESERVED_PARAMETERS: Final = ("shape", "dtype")
"""Query parameters that describe raw elements; all others are fields."""
_FIRST_OUTPUTS: Final = ("output", "level1")
"""The names of a first output: ``level1`` of a pyramid, ``output`` of all others, unless modes name it."""

Document = Mapping[str, object]


def format_field(name: str, value: object) -> str:
    """Format a field for the query string: ``3``, ``3,2``, ``1:0,2:1``, ``true``, ``null``.

    Raises:
        Unprocessable: no field can have such a value.
    """
    if isinstance(value, list | tuple):
        # Pairs are paddings, before and after each axis.
        is_paired = bool(value) and all(isinstance(entry, list | tuple) and len(entry) == 2 for entry in value)
        return ",".join(_format_entry(f"{name}[{index}]", each, is_paired) for index, each in enumerate(value))
    return _format_single(name, value)


def _format_entry(name: str, entry: object, is_pair: bool) -> str:
    if is_pair and isinstance(entry, list | tuple):
        return ":".join(_format_single(f"{name}[{side}]", each) for side, each in enumerate(entry))
    return "null" if entry is None else _format_single(name, entry)


def _format_single(name: str, value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        # Python writes "inf", the wire "Infinity".
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(text := repr(float(value)), text)
    if isinstance(value, str):
        return value
    raise Unprocessable(
        "invalid_fields",
        f"{name} is a {type(value).__name__}; give a number, a boolean, or one number per axis.",
    )


def request_target(path: str, query: Mapping[str, str]) -> str:
    """Build path and query. They seldom need escaping, and the check is cheaper than escaping."""
    if _PLAIN.fullmatch("".join([*query, *query.values()])):
        text = "&".join([f"{name}={value}" for name, value in query.items()])
    else:
        text = "&".join([f"{escape(name, safe=',')}={escape(value, safe=',')}" for name, value in query.items()])
    return f"{path}?{text}" if text else path


def escape(text: str, safe: str = "") -> str:
    """Escape a part of a request target.

    Raises:
        Unprocessable: a character of the text has no bytes in UTF-8.
    """
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError:
        raise Unprocessable(
            "invalid_fields", f"{quote_clipped(text)} has a lone surrogate, which cannot be sent; remove it."
        ) from None


class PoolCall:
    """``POST /v1/pool/{operator}``.

    Args:
        operator: its name.
        inputs: the caller's arrays by wire name, ``input`` first; None leaves an optional one out.
        fields: the spec; None leaves a field unset.
    """

    def __init__(self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]) -> None:
        required = COMPANIONS.get(operator, {})
        # An input or a required tensor that is None is refused by its conversion.
        inputs = {
            name: each for name, each in inputs.items() if each is not None or required.get(name, name == "input")
        }
        given = inputs.get("input")
        self._picture = given if isinstance(given, Picture) else None
        if self._picture is not None and len(inputs) > 1:
            others = ", ".join(name for name in inputs if name != "input")
            raise Unprocessable("invalid_data", f"a picture cannot be sent with {others}; send it as an array.")
        self._converted: dict[str, Converted] = {
            name: to_tensor(value, keep_integers=TENSOR_TYPES.get(name) is INT64)
            for name, value in inputs.items()
            if self._picture is None
        }
        self._outputs: dict[str, Tensor] = {}
        self._wants_indices = bool(fields.get("return_indices"))
        for name in _RESERVED_PARAMETERS:
            if name in fields:
                # It would replace the input's own, so that the server would pool another tensor.
                raise Unprocessable(
                    "invalid_fields", f"{name} is not a field of {operator}; to change it, convert the input."
                )
        query = {name: format_field(name, value) for name, value in fields.items() if value is not None}
        self._has_outputs_by_mode = query.get("concat", "true").lower() == "false"
        name = operator if _PLAIN.fullmatch(operator) else escape(operator)
        self.request = self._build_request(f"/v1/pool/{name}", query)

    def _build_request(self, path: str, query: dict[str, str]) -> Request:
        tensors = {name: converted.tensor for name, converted in self._converted.items()}
        chunks: tuple[bytes | memoryview, ...]
        if self._picture is not None:
            headers = (("Content-Type", self._picture.media_type), ("Accept", PNG_TYPE))
            return Request("POST", request_target(path, query), headers, (self._picture.content,), allocate_picture)
        if len(tensors) == 1:
            media_type, chunks = _RAW_MEDIA_TYPE, (tensors["input"].buffer,)
            metadata = tensors["input"].metadata
            query = {"shape": ",".join(map(str, metadata.shape)), "dtype": metadata.dtype.name, **query}
        else:
            encoded = SAFETENSORS.encode(Message(tensors))
            media_type, chunks = encoded.media_type, encoded.chunks
        return Request(
            "POST",
            request_target(path, query),
            (("Content-Type", media_type), ("Accept", _RAW_MEDIA_TYPE)),
            chunks,
            self._allocate_outputs,
        )

    def _allocate_outputs(self, status: int, headers: Headers, max_response_bytes: int) -> Sequence[memoryview] | None:
        if status != 200:
            return None
        # Each attempt of a call allocates its own; the result is read from the last.
        self._outputs = {entry.name: allocate(entry.metadata) for entry in output_entries(headers, max_response_bytes)}
        return [tensor.buffer for tensor in self._outputs.values()]

    def read_result(self, response: Response) -> Pooled[object, object]:
        """Read the result, of the same kind as the input."""
        found = self._read_outputs(response) if self._picture is None else {"output": read_picture(response)}
        seed = response.headers.get("pool-seed", "")
        return Pooled(
            found[self._first_output(found)],
            found.get("indices"),
            parse_server_timing(response.headers.get("server-timing", "")),
            response.request_id,
            int(seed) if seed.isascii() and seed.isdecimal() and len(seed) < 20 else None,
            parse_strings(response.headers.get("pool-warning", "")),
            found,
        )

    def _read_outputs(self, response: Response) -> dict[str, object]:
        restore = self._converted["input"].restore
        indices = self._outputs.get("indices")
        output = self._outputs.get(self._first_output(self._outputs))
        if output is None:
            raise UnexpectedAnswer(response.status, "The response has no output.")
        if indices is None and self._wants_indices:
            raise UnexpectedAnswer(response.status, "The response has no indices, though return_indices was true.")
        if indices is not None and indices.metadata != TensorMetadata(INT64, output.shape):
            raise UnexpectedAnswer(
                response.status,
                f"The response has indices of type {indices.dtype.name} and shape {indices.shape}; "
                f"expected int64 and the shape {output.shape} of the output.",
            )
        return {name: restore(tensor) for name, tensor in self._outputs.items()}

    def _first_output(self, names: Collection[str]) -> str:
        """The name of the first output; empty if there is none."""
        known = (*_FIRST_OUTPUTS, *(names if self._has_outputs_by_mode else ()))
        return next((name for name in known if name in names), "")


class _Entry(NamedTuple):
    name: str
    metadata: TensorMetadata


def output_entries(headers: Headers, max_response_bytes: int) -> tuple[_Entry, ...]:
    """Parse ``Tensor-Metadata``. It must agree with the length, since memory is allocated for it.

    Without a length the metadata may announce at most ``max_response_bytes``; a longer body is refused as it arrives.
    """
    text = headers.get("tensor-metadata", "null")
    found = (_parse_entries if len(text) <= _MAX_CACHED_LENGTH else _parse_entries.__wrapped__)(text)
    nbytes = sum(entry.metadata.nbytes for entry in found)
    if not found or headers.get("content-length", str(nbytes)) != str(nbytes):
        raise UnexpectedAnswer(
            200,
            "The header Tensor-Metadata of the response does not match its body; "
            "check that base_url is a poolhouse server.",
        )
    if nbytes > max_response_bytes:
        raise too_large_error(200, f"{nbytes} bytes", max_response_bytes)
    return found


@lru_cache(maxsize=_CACHE_SIZE)
def _parse_entries(text: str) -> tuple[_Entry, ...]:
    """Parse metadata of outputs that follow each other without a gap; nothing if it is invalid."""
    rows = parse_json(text)
    found: dict[str, _Entry] = {}
    offset = 0
    for row in rows if isinstance(rows, list) else []:
        entry = _parse_entry(row, offset)
        if entry is None or entry.name in found:
            return ()
        found[entry.name] = entry
        offset += entry.metadata.nbytes
    return tuple(found.values())


def _parse_entry(row: object, offset: int) -> _Entry | None:
    """Parse the metadata of one output, which must start at the offset."""
    if not isinstance(row, dict):
        return None
    name, metadata = row.get("name"), parse_tensor_metadata(row)
    if not isinstance(name, str) or metadata is None:
        return None
    matches = row.get("start") == offset and row.get("end") == offset + metadata.nbytes
    return _Entry(name, metadata) if matches else None


def allocate(metadata: TensorMetadata) -> Tensor:
    """Memory for an output.

    Raises:
        UnexpectedAnswer: no array can have its shape, or there is not enough memory.
    """
    try:
        return Tensor(metadata.dtype, np.empty(metadata.shape, metadata.dtype.storage))
    except ValueError:
        raise UnexpectedAnswer(
            200, f"The response has the shape {str(metadata.shape)[:99]}, which no array can have."
        ) from None
    except MemoryError:
        raise UnexpectedAnswer(
            200, f"There is not enough memory for a response of {metadata.nbytes} bytes; pool in smaller parts."
        ) from None


def parse_strings(text: str) -> tuple[str, ...]:
    """Parse a header that lists JSON strings; nothing if it is invalid."""
    found = parse_json(f"[{text}]") if text else None
    return tuple(escape_unprintable(each) for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def parse_server_timing(text: str) -> dict[str, float]:
    """Parse a ``Server-Timing`` header to milliseconds by metric; invalid parts are left out."""
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


def catalogue_request(operator: str | None = None) -> Request:
    """``GET /v1/operators``, or ``GET /v1/operators/{operator}``."""
    path = "/v1/operators" if operator is None else f"/v1/operators/{escape(operator)}"
    return Request("GET", path, JSON_HEADERS)


def read_summaries(response: Response) -> tuple[OperatorSummary, ...]:
    """Read the catalogue in a response."""
    rows = read_document(response).get("operators")
    found = [_read_summary(row) for row in rows] if isinstance(rows, list) else [None]
    summaries = tuple(summary for summary in found if summary is not None)
    if len(summaries) < len(found):
        raise UnexpectedAnswer(
            response.status, "The response is not a list of operators; check that base_url is a poolhouse server."
        )
    return summaries


def _read_summary(row: object) -> OperatorSummary | None:
    if not isinstance(row, dict):
        return None
    name, rank, summary, fields = (row.get(key) for key in ("name", "rank", "summary", "fields"))
    if not isinstance(name, str) or not isinstance(rank, int) or not isinstance(summary, str):
        return None
    return OperatorSummary(name, rank, summary, tuple(map(str, fields))) if isinstance(fields, list) else None


def read_document(response: Response) -> Document:
    """Read the JSON object in a response."""
    document = parse_object(response.text)
    if document is None:
        raise UnexpectedAnswer(
            response.status, "The response is not a JSON object; check that base_url is a poolhouse server."
        )
    return document


def parse_tensor_metadata(document: object) -> TensorMetadata | None:
    """The metadata in an object of a response; None if it has none."""
    shape = document.get("shape") if isinstance(document, dict) else None
    dtype = document.get("dtype") if isinstance(document, dict) else None
    known = ELEMENT_TYPES.get(dtype) if isinstance(dtype, str) else None
    if known is None or not isinstance(shape, list):
        return None
    sizes = tuple(size for size in map(size_or_none, shape) if size is not None)
    return TensorMetadata(known, sizes) if len(sizes) == len(shape) else None


def size_or_none(value: object) -> int | None:
    """The value if it is a whole number from 0."""
    return value if type(value) is int and value >= 0 else None
