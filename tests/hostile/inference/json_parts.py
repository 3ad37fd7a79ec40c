"""Hostile JSON parts: no JSON, members that are missing, repeated or wrong, and shapes that lie."""

from __future__ import annotations

import json
from typing import Final

from tests.hostile.inference.hostile_inference import HostileInference, entry, json_row, request, text_with

_MALFORMED: Final = "malformed_body"
_DATA: Final = "invalid_data"
_HUGE: Final = 2**62


def _shaped(*shape: object) -> dict[str, object]:
    return request(entry(shape=list(shape), data=[0]))


def _with_text(**members: bytes) -> bytes:
    """A valid request with further members, whose values are sent as they are."""
    more = b"".join(b',"%b":%b' % (name.encode(), value) for name, value in members.items())
    return json.dumps(request()).encode()[:-1] + more + b"}"


SYNTAX: Final[tuple[HostileInference, ...]] = (
    json_row("empty body", b"", _MALFORMED),
    json_row("white space only", b" \n\t" * 1000, _MALFORMED),
    json_row("truncated", json.dumps(request()).encode()[:-9], _MALFORMED),
    json_row("trailing bytes", json.dumps(request()).encode() + b"}", _MALFORMED),
    json_row("NUL bytes", bytes(4096), _MALFORMED),
    json_row("UTF-16", json.dumps(request()).encode("utf-16"), _MALFORMED),
    json_row("invalid UTF-8 in an id", _with_text(id=b'"\xff"'), _MALFORMED),
    json_row("lone surrogate in an id", _with_text(id=b'"\\ud800"'), _MALFORMED),
    json_row("raw control character in an id", _with_text(id=b'"\x1b[2J"'), _MALFORMED),
    json_row("NaN as a shape", request(entry(shape=[1, float("nan"), 2])), _MALFORMED),
    json_row("NaN as a parameter", request(parameters={"kernel_size": float("nan")}), _MALFORMED),
    json_row("Infinity as an id", _with_text(id=b"Infinity"), _MALFORMED),
    json_row("nan in small letters", text_with(b"[0,nan,0,0]"), _MALFORMED),
    json_row("Infinityx", text_with(b"[0,Infinityx,0,0]"), _MALFORMED),
    json_row("plus infinity", text_with(b"[0,+Infinity,0,0]"), _MALFORMED),
    json_row("NaN cut by the end", b'{"inputs":[{"data":[Na', _MALFORMED),
    json_row("leading zero", text_with(b"[0,01,0,0]"), _MALFORMED),
    json_row("trailing comma", text_with(b"[0,0,0,0,]"), _MALFORMED),
    json_row("1e400", text_with(b"[0,1e400,0,0]"), _DATA),
    json_row("1e400 as a parameter", b'{"inputs":[],"parameters":{"kernel_size":1e400}}', _DATA),
    json_row("400,000 digits", text_with(b"[" + b"1" * 400_000 + b"]"), _DATA),
    json_row("integer of 4,301 digits as a parameter", _with_text(a=b"1" * 4301), _DATA),
    json_row("data 100,000 deep", text_with(b"[" * 100_000 + b"]" * 100_000), "wrong_rank"),
    json_row("data 100,000 deep, unclosed", b'{"inputs":[{"data":' + b"[" * 100_000, _MALFORMED),
    json_row("data 101 deep", text_with(b"[" * 101 + b"0" + b"]" * 101), "wrong_rank"),
    json_row("parameters 1,000 deep", _with_text(a=b"[" * 1000 + b"]" * 1000)),
    json_row("parameters 100,000 deep", lambda: _with_text(a=b'{"a":' * 100_000 + b"1" + b"}" * 100_000), _DATA),
)
MEMBERS: Final[tuple[HostileInference, ...]] = (
    json_row("a list at the top", b"[1, 2]", _DATA),
    json_row("null at the top", b"null", _DATA),
    json_row("inputs missing", {"parameters": {"kernel_size": 1}}),
    json_row("inputs empty", {"inputs": []}),
    json_row("inputs an object", {"inputs": {"input": [[[1]]]}}),
    json_row("inputs numbers", {"inputs": [1, 2]}),
    json_row("an input without a name", request(entry(name=None))),
    json_row("an input with an empty name", request(entry(name=""))),
    json_row("an input whose name is a number", request(entry(name=5))),
    json_row("a name with slashes", request(entry(name="../../etc/passwd")), "missing_tensor"),
    json_row("a name of control characters", request(entry(name="\x1b]0;x\x07\r\n\x00\u202e")), "missing_tensor"),
    json_row("a name of 50,000 characters", request(entry(name="é" * 50_000)), "missing_tensor"),
    json_row("an input twice", request(entry(), entry())),
    json_row("16 inputs", request(*[entry(name=f"input{number}") for number in range(16)])),
    json_row("65 inputs", request(*[entry(name=f"input{number}") for number in range(65)])),
    json_row("600,000 inputs", lambda: b'{"inputs":[' + b"{}," * 599_999 + b"{}]}"),
    json_row("a million empty lists as inputs", lambda: b'{"inputs":[' + b"[]," * 999_999 + b"[]]}"),
    json_row("500,000 numbers as inputs", lambda: b'{"inputs":[' + b"1," * 499_999 + b"1]}"),
    json_row("a million parameters", lambda: _with_text(more=_many_keys(1_000_000 // 4)), _DATA),
    json_row("a thousand parameters", lambda: request(parameters={f"a{number}": 1 for number in range(1_000)})),
    json_row("a parameter of 300,000 characters", request(parameters={"kernel_size": "1" * 300_000})),
    json_row("more than a megabyte of id", request(id="x" * 1_200_000), "body_too_large", status=413),
    json_row("an id of 100,000 characters", request(id="x" * 100_000)),
    json_row("an id of 50,000 control characters", request(id="\x01" * 50_000)),
    json_row("an id that is a number", request(id=5)),
    json_row("an id that is null", request(id=None)),
    json_row("inputs twice", _with_text(inputs=b"[]")),
    json_row("inputs twice by an escape", _with_text(**{"input\\u0073": b"[]"})),
    json_row("data twice", text_with(b'[0,0,0,0],"data":[0,0,0,0]')),
    json_row("data twice by an escape", text_with(b'[0,0,0,0],"d\\u0061ta":[0,0,0,0]')),
    json_row("a parameter twice", _with_text(x=b'{"kernel_size":1,"kernel_size":2}')),
    json_row("an unknown member", request(input=[[[1]]])),
    json_row("an unknown member of an input", request(entry(strides=[1]))),
    json_row("parameters a list", request(parameters=[1])),
    json_row("an input's parameters a string", request(entry(parameters="x"))),
    json_row("an unknown parameter of an input", request(entry(parameters={"content_type": "np"}))),
)
SHAPES: Final[tuple[HostileInference, ...]] = (
    json_row("shape missing", request(entry(shape=None))),
    json_row("shape a string", request(entry(shape="1,2,2"))),
    json_row("negative size", _shaped(1, -2, -2)),
    json_row("boolean size", _shaped(True, 2, 2)),
    json_row("broken size", _shaped(1.0, 2, 2)),
    json_row("size of 65 bits", _shaped(0, 2**65)),
    json_row("size of 2**63", _shaped(0, 2**63)),
    json_row("shape 16 x 2**60+2", _shaped(16, 2**60 + 2), _DATA),
    json_row("shape 4 x 2**60+2", _shaped(4, 2**60 + 2), _DATA),
    json_row("shape of hidden product", _shaped(0, _HUGE, _HUGE), _DATA),
    json_row("shape of a terabyte", _shaped(1, 2**19, 2**19), "output_too_large"),
    json_row("shape of 10,000 sizes", _shaped(*[1] * 10_000)),
    json_row("65 dimensions", _shaped(*[1] * 65), "wrong_rank"),
    json_row("shape of 1,000 sizes", _shaped(*[1] * 1_000), "wrong_rank"),
    json_row("no dimension", _shaped(), "wrong_rank"),
    json_row("data shorter than shape", request(entry(data=[0] * 3)), _DATA),
    json_row("data longer than shape", request(entry(data=[0] * 5)), _DATA),
    json_row("data nested against shape", request(entry(data=[[0, 0, 0, 0]])), _DATA),
    json_row("data ragged", request(entry(data=[[[0, 0], [0]]])), _DATA),
    json_row("data a million empty lists", lambda: text_with(b"[" + b"[]," * 999_999 + b"[]]"), _DATA),
    json_row("data null", text_with(b"null")),
    json_row("data a string", request(entry(data="AAAA"))),
    json_row("data of objects", request(entry(data=[{}] * 4)), _DATA),
    json_row("data of numbers as strings", request(entry(data=["0"] * 4)), _DATA),
    json_row("data of NaN as a string among integers", request(entry(datatype="INT64", data=["NaN"] * 4)), _DATA),
    json_row("bare NaN among integers", request(entry(datatype="INT64", data=[float("nan")] * 4)), _DATA),
    json_row("bare NaN among booleans", request(entry(datatype="BOOL", data=[float("nan")] * 4)), _DATA),
    json_row("true among numbers", request(entry(data=[0, True, 0, 0])), _DATA),
    json_row("null among numbers", request(entry(data=[0, None, 0, 0])), _DATA),
    json_row("1e39 as FP32", text_with(b"[0,1e39,0,0]"), _DATA),
    json_row("70000 as FP16", request(entry(datatype="FP16", data=[70_000] * 4)), _DATA),
    json_row("2**64 as INT64", request(entry(datatype="INT64", data=[2**64] * 4)), _DATA),
    json_row("256 as UINT8", request(entry(datatype="UINT8", data=[256] * 4)), _DATA),
    json_row("1.5 as INT32", request(entry(datatype="INT32", data=[1.5] * 4)), _DATA),
    json_row("datatype missing", request(entry(datatype=None)), "unsupported_dtype"),
    json_row("datatype BYTES", request(entry(datatype="BYTES", data=["a"] * 4))),
    json_row("datatype UINT128", request(entry(datatype="UINT128")), "unsupported_dtype"),
    json_row("datatype a list", request(entry(datatype=["FP32"])), "unsupported_dtype"),
    json_row("datatype of 100,000 characters", request(entry(datatype="F" * 100_000)), "unsupported_dtype"),
)


def _many_keys(count: int) -> bytes:
    return b"{" + b",".join(b'"%d":1' % number for number in range(count)) + b"}"
