"""Decode a JSON body whose key ``inputs`` holds an object of tensors by name, for several poolings in one request.

Each tensor is cut out of the text and read as the ``input`` of a body of its own, so its numbers are read as everywhere
else. In the text a zero takes its place; replacing one complete value by another neither hides nor causes a syntax
error. A body without that key is read as for one pooling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

from poolhouse.errors import FieldProblem, Malformed, PoolhouseError, Unprocessable
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.json.codec import JSON, pop_encoding, read_document, read_text
from poolhouse.wire.json.refusals import invalid_data_error
from poolhouse.wire.json.tensors import read_metadata, read_tensor
from poolhouse.wire.quoting import describe_value

INPUTS: Final = "inputs"
CheckNames = Callable[[Collection[str]], None]
"""Refuses names that inputs may not have, or too many of them."""

_MAX_TOKENS: Final = 2**15
"""The most innermost lists, other brackets and strings of a body with this key: each is looked at by itself, which
takes less than a microsecond."""
_HAS_INPUTS: Final = re.compile(rb'"inputs"[ \t\r\n]*+:[ \t\r\n]*+\{')
# A list of numbers is one token. A string without an end is one too, so that the search takes linear time, and so is
# the beginning of a string with many escapes, which would hold the GIL for long.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.){0,65536}+(")?|\[[^"\[\]{}]*+\]|[\[\]{}]', re.DOTALL)
_COLON: Final = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")
_OPENING: Final = frozenset(b"[{")


class NamedMessage(NamedTuple):
    """A decoded body.

    Attributes:
        message: its tensors and fields.
        are_named: whether the tensors are those of the key ``inputs``.
    """

    message: Message
    are_named: bool


def decode_named(body: memoryview, query: Mapping[str, str], limit_bytes: int, check_names: CheckNames) -> NamedMessage:
    """Decode a body: the tensors of ``inputs``, or else those for one pooling.

    Args:
        body: the text.
        query: the fields of the query string.
        limit_bytes: of the body.
        check_names: called before any tensor is read.

    Raises:
        Malformed, Unprocessable, TooLarge: as :meth:`.codec.JsonCodec.decode` does.
    """
    if _HAS_INPUTS.search(body) is None:
        return _decode_one(body, query, limit_bytes, check_names)
    spans = _find_values(body)
    kept: list[bytes | memoryview] = []
    at = 0
    for each in spans:
        kept += body[at : each.begin], b"0"
        at = each.end
    fields, entries = read_document(memoryview(b"".join((*kept, body[at:]))), query)
    # A key of the same name deeper in the body leaves the text as it is.
    if not isinstance(fields.get(INPUTS), dict):
        return _decode_one(body, query, limit_bytes, check_names)
    named = _pop_inputs(fields, entries, check_names)
    for name, value in named.items():
        if value != 0 or isinstance(value, bool | float):
            raise invalid_data_error(
                f"{INPUTS}/{name} is {describe_value(value)}; write a nested list of numbers, or an object with data "
                "or base64.",
                f"/{INPUTS}/{name}",
            )
    if len(spans) != len(named):
        raise invalid_data_error(f"a tensor of {INPUTS} is a number; write a nested list of numbers.", f"/{INPUTS}")
    encoding = pop_encoding(fields)
    tensors = {name: _read_value(body, span, name) for name, span in zip(named, spans, strict=True)}
    return NamedMessage(Message(tensors, fields, dict(query), encoding), are_named=True)


def _decode_one(body: memoryview, query: Mapping[str, str], limit_bytes: int, check_names: CheckNames) -> NamedMessage:
    message = JSON.decode(body, query, limit_bytes)
    if INPUTS in message.json_fields:
        # It holds no object, or has its name with escapes.
        _pop_inputs(dict(message.json_fields), message.tensors, check_names)
        raise invalid_data_error(f"{INPUTS} holds no tensor; write each as a nested list of numbers.", f"/{INPUTS}")
    return NamedMessage(message, are_named=False)


def decode_named_plan(
    body: memoryview, query: Mapping[str, str], check_names: CheckNames
) -> tuple[dict[str, TensorMetadata], bool, dict[str, object], dict[str, str]]:
    """Decode a request for a plan, as :func:`.codec.decode_plan` does; see :func:`decode_named`.

    Returns:
        The metadata of the tensors by name, whether they are those of ``inputs``, the JSON fields and the text fields.
    """
    fields, entries = read_document(body, query)
    if INPUTS not in fields:
        return {name: read_metadata(name, entry) for name, entry in entries.items()}, False, fields, dict(query)
    named = _pop_inputs(fields, entries, check_names)
    found = {name: read_metadata(f"{INPUTS}/{name}", entry) for name, entry in named.items()}
    return found, True, fields, dict(query)


def _pop_inputs(fields: dict[str, object], entries: Mapping[str, object], check_names: CheckNames) -> dict[str, Any]:
    named = fields.pop(INPUTS)
    if not isinstance(named, dict):
        message = (
            f'{INPUTS} is {describe_value(named)}; write an object of tensors by name, such as {{"a": [[[1, 2]]]}}.'
        )
        raise invalid_data_error(message, f"/{INPUTS}")
    if entries:
        message = f"the body has {INPUTS} and {next(iter(entries))}; give one input, or several by name."
        raise Unprocessable("invalid_fields", message, problems=(FieldProblem(f"/{INPUTS}", "conflict", message),))
    # guard: input-names-are-checked-first
    check_names(named)
    return named


class _Span(NamedTuple):
    begin: int
    end: int


def _find_values(body: memoryview) -> list[_Span]:
    """The offsets of the lists and objects that are the values of ``inputs``, in order.

    Of text that is no JSON any offsets may be found: the rest of it, or one of the values, is then refused.
    """
    spans: list[_Span] = []
    depth = 0
    is_inside = awaits_inputs = False
    begin = -1
    for count, token in enumerate(_TOKEN.finditer(body)):
        # guard: tokens-have-limit
        if count > _MAX_TOKENS:
            raise invalid_data_error(
                f"The body holds more than {_MAX_TOKENS} lists and strings; send a binary body such as "
                "application/x-npz, or each tensor as a flat list with a shape.",
                f"/{INPUTS}",
            )
        at = token.start()
        character = body[at]
        if character == 34:
            if token[1] is None and token.end() < len(body):
                raise invalid_data_error("A string of the body has too many escapes; write its characters.", "")
            if begin >= 0 or depth not in (1, 2) or (depth == 2 and not is_inside):
                continue
            colon = _COLON.match(body, token.end())
            if colon is None or colon.end() == len(body):
                continue
            if depth == 1:
                awaits_inputs = token[0] == b'"inputs"' and body[colon.end()] == 123
            elif body[colon.end()] in _OPENING:
                begin = colon.end()
            continue
        if token.end() - at > 1:
            if depth == 2 and begin >= 0:
                spans.append(_Span(begin, token.end()))
                begin = -1
        elif character in _OPENING:
            depth += 1
            if depth == 2:
                is_inside, awaits_inputs = awaits_inputs, False
        else:
            depth -= 1
            if depth == 2 and begin >= 0:
                spans.append(_Span(begin, token.end()))
                begin = -1
            elif depth == 1:
                is_inside = False
    return spans


def _read_value(body: memoryview, span: _Span, name: str) -> Tensor:
    """One tensor, read as the input of a body of its own."""
    label = f"{INPUTS}/{name}"
    try:
        value = read_text(memoryview(b"".join((b'{"input":', body[span.begin : span.end], b"}"))))["input"]
    except Malformed as error:
        raise Malformed(error.code, f"The input {name} is no JSON: {error.detail}") from None
    except Unprocessable as error:
        raise _renamed(error, label) from None
    return read_tensor(label, value)


def _renamed(error: Unprocessable, label: str) -> PoolhouseError:
    problems = [
        FieldProblem(f"/{label}" + each.pointer.removeprefix("/input"), each.code, each.message)
        for each in error.problems
    ]
    return Unprocessable(error.code, f"{label}: {error.detail}", problems=problems, limit_bytes=error.limit_bytes)
