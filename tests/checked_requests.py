"""Requests whose correct response is known bit for bit, for tests under load and for ``benchmarks/soak.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from urllib.parse import urlencode

import numpy as np

from poolhouse.backend.devices import Device
from poolhouse.dtypes import BFLOAT16, bfloat16_to_float32
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.codecs import codec_for_content_type
from tests.hostile.random_requests import query_text
from tests.operators.random_cases import CPU, OPERATORS, random_case

MEDIA_TYPE = "application/vnd.safetensors"
"""The format that carries every element type and several tensors in both directions, without rounding."""


def comparable_bits(response: Mapping[str, Tensor]) -> dict[str, tuple[TensorMetadata, bytes]]:
    """Metadata and bytes of each tensor, with one bit pattern for all NaNs: rounding to 16 bits gives one that depends
    on whether the element was in a vector register or in the remainder."""
    found = {}
    for name, tensor in response.items():
        array = tensor.array.copy()
        if tensor.dtype.kind == "float":
            numbers = bfloat16_to_float32(array.view(np.uint16)) if tensor.dtype is BFLOAT16 else array
            # As unsigned integers, since numpy would round an assigned float.
            array.view(f"u{array.itemsize}")[np.isnan(numbers)] = 2 ** (8 * array.itemsize) - 1
        found[name] = (tensor.metadata, array.tobytes())
    return found


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request, and its correct response by tensor name."""

    target: str
    headers: Mapping[str, str]
    body: bytes
    expected: Mapping[str, tuple[TensorMetadata, bytes]]


def random_checked_request(random: Random, device: Device = CPU) -> CheckedRequest:
    """A valid request of a random operator, shape and element type, with the result of the spec alone on a device;
    ``tests/operators`` compares the specs with torch."""
    case = None
    while case is None:
        case = random_case(random, random.choice(OPERATORS))
    codec = codec_for_content_type(MEDIA_TYPE)
    query = {name: query_text(value) for name, value in case.spec.field_values().items()}
    target = f"/v1/pool/{case.spec.name}" + (f"?{urlencode(query, safe=',')}" if query else "")
    body = b"".join(codec.encode(Message(case.tensors)).chunks)
    return CheckedRequest(target, {"Content-Type": MEDIA_TYPE}, body, comparable_bits(case.run(device)))


def find_mismatch(call: CheckedRequest, status: int, body: bytes) -> str | None:
    """Describe what is wrong with a response; None if it is correct."""
    if status != 200:
        return f"{status} {body[:300]!r} to {call.target}"
    response = codec_for_content_type(MEDIA_TYPE).decode(memoryview(bytearray(body)), {}, len(body))
    return None if comparable_bits(response.tensors) == call.expected else f"a wrong response to {call.target}"
