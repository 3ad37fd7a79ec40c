"""The questions a client can ask: the request of each, and how its answer is read.

One input travels as raw elements, several as safetensors, and every pooled answer as raw elements: those forms cost
nothing to write and nothing to read. ``Tensor-Metadata`` says what comes before the first byte of it does, so each
output is given memory of its own, rightly aligned, and the bytes of the answer go straight there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import numpy as np

from poolhouse.client.arrays import Taken, take
from poolhouse.client.errors import UnexpectedAnswer
from poolhouse.client.exchange import Answer, Headers, Request
from poolhouse.client.pooled import OperatorLine, Plan, Pooled
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Unprocessable
from poolhouse.tensors import Message, Outline, Tensor
from poolhouse.wire.octet import OCTET
from poolhouse.wire.safetensors import SAFETENSORS

_OCTETS: Final = "application/octet-stream"
_JSON: Final = (("Content-Type", "application/json"), ("Accept", "application/json"))

Document = Mapping[str, object]


def field_text(name: str, value: object) -> str:
    """A field as the query string has it: ``3``, ``3,2``, ``true``, ``null``.

    Raises:
        Unprocessable: a value that no field can have.
    """
    if isinstance(value, list | tuple):
        return ",".join("null" if entry is None else field_text(name, entry) for entry in value)
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


class PoolQuestion:
    """``POST /v1/pool/{operator}``.

    Args:
        operator: its name.
        inputs: the caller's values by wire name, ``input`` first.
        fields: the spec; None leaves a field unset.
    """

    def __init__(self, operator: str, inputs: Mapping[str, object], fields: Mapping[str, object]) -> None:
        self._taken: dict[str, Taken] = {name: take(value, counts=name == "indices") for name, value in inputs.items()}
        self._outputs: dict[str, Tensor] = {}
        query = {name: field_text(name, value) for name, value in fields.items() if value is not None}
        self.request = self._request(f"/v1/pool/{quote(operator, safe='')}", query)

    def _request(self, path: str, query: dict[str, str]) -> Request:
        tensors = {name: taken.tensor for name, taken in self._taken.items()}
        codec = OCTET if len(tensors) == 1 else SAFETENSORS
        encoded = codec.encode(Message(tensors))
        if codec is OCTET:
            outline = tensors["input"].outline
            query = {"shape": ",".join(map(str, outline.shape)), "dtype": outline.dtype.name, **query}
        text = "&".join(f"{quote(name, safe='')}={quote(value, safe=',')}" for name, value in query.items())
        return Request(
            "POST",
            f"{path}?{text}" if text else path,
            (("Content-Type", encoded.media_type), ("Accept", _OCTETS)),
            encoded.chunks,
            self._rooms,
        )

    def _rooms(self, status: int, headers: Headers) -> Sequence[memoryview]:
        length = int(headers.get("content-length", "0"))
        if status != 200:
            return (memoryview(bytearray(length)),)
        # Made anew for every try; only the last one's are read.
        self._outputs = {}
        for entry in _entries(headers):
            array = np.empty(entry.outline.shape, entry.outline.dtype.storage)
            self._outputs[entry.name] = Tensor(entry.outline.dtype, array)
        return [tensor.buffer for tensor in self._outputs.values()]

    def read(self, answer: Answer) -> Pooled[object, object]:
        """The answer, of the kind that went in."""
        give = self._taken["input"].give
        output, indices = self._outputs.get("output"), self._outputs.get("indices")
        if output is None:
            raise UnexpectedAnswer(answer.status, "the answer holds no output.")
        seed = answer.headers.get("pool-seed", "")
        return Pooled(
            give(output),
            None if indices is None else give(indices),
            timings_ms(answer.headers.get("server-timing", "")),
            answer.request_id,
            int(seed) if seed.isascii() and seed.isdecimal() else None,
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    outline: Outline


def _entries(headers: Headers) -> list[_Entry]:
    """What ``Tensor-Metadata`` says; refused unless it agrees with the length, since memory is taken at its word."""
    try:
        rows: object = json.loads(headers.get("tensor-metadata", "null"))
    except ValueError:
        rows = None
    found: list[_Entry] = []
    for row in rows if isinstance(rows, list) else []:
        name, dtype, shape = (row.get(key) if isinstance(row, dict) else None for key in ("name", "dtype", "shape"))
        known = ELEMENT_TYPES.get(dtype) if isinstance(dtype, str) else None
        sizes = tuple(size for size in shape if type(size) is int and size >= 0) if isinstance(shape, list) else ()
        if isinstance(name, str) and known is not None and isinstance(shape, list) and len(sizes) == len(shape):
            found.append(_Entry(name, Outline(known, sizes)))
    if not found or str(sum(entry.outline.nbytes for entry in found)) != headers.get("content-length"):
        raise UnexpectedAnswer(
            200, "Its header Tensor-Metadata does not say what the body holds; is base_url a poolhouse server?"
        )
    return found


def timings_ms(text: str) -> dict[str, float]:
    """The metrics of a ``Server-Timing`` header, in milliseconds; what cannot be read is left out."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, duration = part.strip().partition(";dur=")
        try:
            found[name] = float(duration)
        except ValueError:
            continue
    return found


def plan_request(
    operator: str, shape: Sequence[int], dtype: str, fields: Mapping[str, object], *, with_indices: bool
) -> Request:
    """``POST /v1/plan/{operator}``.

    Args:
        operator: its name.
        shape: of the input.
        dtype: of the input, ``float32``.
        fields: the spec; None leaves a field unset.
        with_indices: whether the operator takes ``indices`` beside the input.
    """
    sizes = [int(size) for size in shape]
    document: dict[str, object] = {"input": {"shape": sizes, "dtype": dtype}}
    if with_indices:
        document["indices"] = {"shape": sizes, "dtype": "int64"}
    query = {name: field_text(name, value) for name, value in fields.items() if value is not None}
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe=',')}" for name, value in query.items())
    path = f"/v1/plan/{quote(operator, safe='')}"
    return Request("POST", f"{path}?{text}" if text else path, _JSON, (json.dumps(document).encode(),))


def read_plan(answer: Answer) -> Plan:
    """The plan that an answer holds."""
    document = read_document(answer)
    spec, outputs, warnings = (document.get(name) for name in ("spec", "outputs", "warnings"))
    return Plan(
        operator=str(document.get("operator")),
        spec=spec if isinstance(spec, dict) else {},
        outputs={str(name): _outline(card) for name, card in outputs.items()} if isinstance(outputs, dict) else {},
        input_bytes=_whole(document.get("input_bytes")),
        output_bytes=_whole(document.get("output_bytes")),
        warnings=tuple(map(str, warnings)) if isinstance(warnings, list) else (),
        document=document,
    )


def catalogue_request(operator: str | None = None) -> Request:
    """``GET /v1/operators``, or one of them."""
    return Request("GET", "/v1/operators" if operator is None else f"/v1/operators/{quote(operator, safe='')}", _JSON)


def read_lines(answer: Answer) -> tuple[OperatorLine, ...]:
    """The catalogue that an answer holds."""
    rows = read_document(answer).get("operators")
    found: list[OperatorLine] = []
    for row in rows if isinstance(rows, list) else []:
        fields = row["fields"]
        found.append(OperatorLine(row["name"], row["rank"], row["summary"], tuple(fields)))
    return tuple(found)


def read_document(answer: Answer) -> Document:
    """The JSON object that an answer holds."""
    try:
        document: object = json.loads(answer.text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise UnexpectedAnswer(answer.status, "The answer is not a JSON object; is base_url a poolhouse server?")
    return document


def _outline(card: object) -> Outline:
    shape = card.get("shape") if isinstance(card, dict) else None
    dtype = card.get("dtype") if isinstance(card, dict) else None
    if not isinstance(shape, list) or dtype not in ELEMENT_TYPES:
        raise UnexpectedAnswer(
            200, f"The plan's output {card!r:.80} has no shape or no element type that is known here."
        )
    return Outline(ELEMENT_TYPES[dtype], tuple(map(_whole, shape)))


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
