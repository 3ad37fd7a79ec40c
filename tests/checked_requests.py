"""Requests whose right answer is known to the last bit: for the test under load, and for ``benchmarks/soak.py``."""

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
"""The one format that carries every element type and several tensors each way, without a digit lost."""


def comparable_bits(answer: Mapping[str, Tensor]) -> dict[str, tuple[TensorMetadata, bytes]]:
    """All there is to an answer, every NaN being the same one: which of the many bit patterns of NaN comes out of
    rounding to 16 bits depends on whether the element was in a vector register or in the rest behind the vectors."""
    found = {}
    for name, tensor in answer.items():
        array = tensor.array.copy()
        if tensor.dtype.kind == "float":
            numbers = bfloat16_to_float32(array.view(np.uint16)) if tensor.dtype is BFLOAT16 else array
            # As unsigned integers, since numpy would round what is set to a float.
            array.view(f"u{array.itemsize}")[np.isnan(numbers)] = 2 ** (8 * array.itemsize) - 1
        found[name] = (tensor.metadata, array.tobytes())
    return found


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """One request, and its right answer by name."""

    target: str
    headers: Mapping[str, str]
    body: bytes
    expected: Mapping[str, tuple[TensorMetadata, bytes]]


def random_checked_request(random: Random, device: Device = CPU) -> CheckedRequest:
    """A request that must be answered, of any operator, shape and element type, and what torch answers to it alone on
    a device, by way of our own specs, which the laws of ``tests/operators`` hold against torch."""
    drawn = None
    while drawn is None:
        drawn = random_case(random, random.choice(OPERATORS))
    codec = codec_for_content_type(MEDIA_TYPE)
    query = {name: query_text(value) for name, value in drawn.spec.field_values().items()}
    target = f"/v1/pool/{drawn.spec.name}" + (f"?{urlencode(query, safe=',')}" if query else "")
    body = b"".join(codec.encode(Message(drawn.tensors)).chunks)
    return CheckedRequest(target, {"Content-Type": MEDIA_TYPE}, body, comparable_bits(drawn.run(device)))


def find_mismatch(call: CheckedRequest, status: int, body: bytes) -> str | None:
    """What is wrong with an answer, in words; None when it is right."""
    if status != 200:
        return f"{status} {body[:300]!r} to {call.target}"
    answer = codec_for_content_type(MEDIA_TYPE).decode(memoryview(bytearray(body)), {}, len(body))
    return None if comparable_bits(answer.tensors) == call.expected else f"a wrong answer to {call.target}"
