"""Random requests of the Open Inference Protocol: valid ones, whose responses are checked, strange and hostile ones."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Mapping
from random import Random
from typing import Any, Final
from urllib.parse import quote

import numpy as np

from poolhouse.dtypes import BFLOAT16, bfloat16_to_float32, float32_to_bfloat16
from poolhouse.models import GENERIC
from poolhouse.tensors import Tensor
from poolhouse.wire.open_inference.body import HEADER_LENGTH
from tests.hostile.inference.all_rows import HOSTILE_INFERENCES
from tests.hostile.inference.hostile_inference import INFER
from tests.hostile.random_requests import (
    EVERY_NAME,
    KEPT_BODY_BYTES,
    ODD,
    SCRAPS,
    Request,
    damage,
    draw_fitting_case,
    odd_value,
    query_text,
)
from tests.hostile.server_process import Reply
from tests.operators.random_cases import Case, random_fields

_PATHS: Final = (
    *("/v2", "/v2/", "/v2/health/{}", "/v2/models/{}", "/v2/models/{}/config", "/v2/models/{}/ready"),
    *("/v2/models/{}/stats", "/v2/models/{}/versions/{}", "/v2/models/{}/trace/setting", "/v2/trace/setting"),
    *("/v2/logging", "/v2/repository/index", "/v2/repository/models/{}/load", "/v2/repository/models/{}/unload"),
    *("/v2/systemsharedmemory/region/{}/register", "/v2/systemsharedmemory/region/{}/unregister"),
    *("/v2/systemsharedmemory/region/{}/status", "/v2/systemsharedmemory/unregister"),
    *("/v2/cudasharedmemory/region/{}/register", "/v2/cudasharedmemory/status"),
)
_MEMBERS: Final = (
    *("key", "offset", "byte_size", "raw_handle", "device_id", "ready", "parameters", "unload_dependents"),
    *("log_file", "log_verbose_level", "log_format", "trace_file", "trace_level", "trace_rate", "x"),
)
_CODINGS: Final = (None, None, None, "gzip", "deflate")


def valid_inference(random: Random) -> Request:
    """A valid request, with the check of its response."""
    drawn = draw_fitting_case(random)
    inputs, binary = [], b""
    for name, tensor in drawn.tensors.items():
        entry, more = _input(random, name, tensor)
        inputs.append(entry)
        binary += more
    parameters: dict[str, object] = {
        name: value if value is None or random.random() < 0.7 else query_text(value)
        for name, value in drawn.spec.field_values().items()
    }
    document: dict[str, object] = {"id": _random_id(random), "inputs": inputs, "parameters": parameters}
    is_binary = random.random() < 0.5
    if random.random() < 0.5:
        document["outputs"] = [{"name": name, "parameters": {"binary_data": is_binary}} for name in drawn.plan.outputs]
    else:
        parameters["binary_data_output"] = is_binary
    model = drawn.spec.name
    if random.random() < 0.2:
        model, parameters["op"] = GENERIC, model
    body, headers = _encode(random, document, binary)
    if random.random() < 0.3:
        headers["Accept-Encoding"] = random.choice(("gzip", "deflate", "br", "gzip, deflate, br", "gzip;q=0"))
    return Request(
        "good inference",
        "POST",
        INFER.format(model),
        headers,
        body,
        must_succeed=True,
        find_fault=lambda reply: find_wrong_answer(reply, drawn, document, is_binary=is_binary),
    )


def damaged_inference(random: Random) -> Request:
    """A valid request with a few bits, bytes or words changed."""
    return damage(random, valid_inference(random))


def strange_inference(random: Random) -> Request:
    """A well-formed request with random values: parameters near and beyond each limit, shapes that do not fit."""
    drawn = draw_fitting_case(random)
    member = random.choice((type(drawn.spec), random.choice(EVERY_NAME)))
    parameters = random_fields(random, member)
    for field in member.fields():
        if random.random() < 0.3:
            parameters[field.name] = odd_value(random, field.field_type)
    for name in ("binary_data_output", "priority", "stats", "op", "sequence_id"):
        if random.random() < 0.1:
            parameters[name] = random.choice(ODD)
    inputs, binary = [], b""
    for name, tensor in drawn.tensors.items():
        entry, more = _input(random, name, tensor)
        inputs.append(entry)
        binary += more
    if random.random() < 0.3:
        random.choice(inputs)[random.choice(("name", "shape", "datatype", "data", "parameters"))] = random.choice(ODD)
    document: dict[str, object] = {"inputs": inputs, "parameters": parameters}
    if random.random() < 0.3:
        odd = {
            random.choice(("binary_data", "classification", "shared_memory_region", "x")): random.choice((*ODD, 1, 3))
        }
        document["outputs"] = [{"name": random.choice(("output", "output", "indices", "")), "parameters": odd}]
    body, headers = _encode(random, document, binary)
    return Request("strange inference", "POST", INFER.format(member.name), headers, body)


def hostile_inference(random: Random) -> Request:
    """A hostile request, sent to a random model."""
    chosen = random.choice(HOSTILE_INFERENCES)
    body = _made.get(chosen.name)
    if body is None:
        body = chosen.make()
        if len(body) <= KEPT_BODY_BYTES:
            _made[chosen.name] = body
    model = random.choice((chosen.model, random.choice(EVERY_NAME).name))
    return Request(chosen.name, "POST", INFER.format(model), chosen.headers, body)


def strange_call(random: Random) -> Request:
    """A request to another path of the protocol, with random names and values."""
    path = random.choice(_PATHS)
    name = random.choice(("max_pool2d", "pool", "r", *(quote(scrap, safe="") for scrap in SCRAPS)))
    members = {random.choice(_MEMBERS): random.choice((*ODD, "/r", 16)) for _ in range(random.randrange(4))}
    body = random.choice((b"", json.dumps(members).encode(), json.dumps({"parameters": members}).encode()))
    if random.random() < 0.2:
        body = body[: random.randrange(len(body) + 1)] + random.choice((b"", b"[" * 2000, b"\xff", b"NaN"))
    method = random.choice(("GET", "POST", "POST", "DELETE"))
    return Request("strange call", method, path.replace("{}", name), {}, b"" if method == "GET" else body)


def find_wrong_answer(reply: Reply, drawn: Case, document: Mapping[str, Any], *, is_binary: bool) -> str | None:
    """What is wrong with the response to a valid request, as a sentence."""
    body = _inflate(reply)
    length = int(reply.headers.get(HEADER_LENGTH.lower(), len(body)))
    answer, rest = json.loads(body[:length]), body[length:]
    if answer.get("id", "") != document["id"]:
        return f"the id {answer.get('id')!r} instead of {document['id']!r}"
    expected = drawn.run()
    if [each["name"] for each in answer["outputs"]] != list(drawn.plan.outputs):
        return f"other outputs than {list(drawn.plan.outputs)}"
    for each in answer["outputs"]:
        tensor = expected[each["name"]]
        if (tuple(each["shape"]), each["datatype"]) != (tensor.shape, tensor.dtype.open_inference_name):
            return f"{each['name']} has the metadata {each['shape']}, {each['datatype']}"
        if is_binary:
            nbytes = each["parameters"]["binary_data_size"]
            found, rest = rest[:nbytes], rest[nbytes:]
        else:
            found = _from_numbers(each["data"], tensor)
        if (fault := difference(found, tensor)) is not None:
            return f"{fault} in {each['name']}"
    return f"{len(rest)} bytes too many" if rest else None


def difference(found: bytes, expected: Tensor) -> str | None:
    """How the bytes differ from the expected elements, as a phrase. NaN has many forms, and text only one of them."""
    elements = bytes(expected.buffer)
    return (
        None if found == elements or _canonical(found, expected) == _canonical(elements, expected) else "other elements"
    )


def _input(random: Random, name: str, tensor: Tensor) -> tuple[dict[str, Any], bytes]:
    """An input's entry in the JSON part, and its bytes behind that."""
    entry: dict[str, Any] = {
        "name": name,
        "shape": list(tensor.shape),
        "datatype": tensor.dtype.open_inference_name,
    }
    if random.random() < 0.5:
        return entry | {"parameters": {"binary_data_size": tensor.metadata.nbytes}}, bytes(tensor.buffer)
    numbers = _numbers(tensor)
    return entry | {
        "data": numbers.tolist() if random.random() < 0.5 and numbers.size else numbers.ravel().tolist()
    }, b""


def _numbers(tensor: Tensor) -> np.ndarray[Any, Any]:
    return bfloat16_to_float32(tensor.array.view(np.uint16)) if tensor.dtype is BFLOAT16 else tensor.array


def _from_numbers(data: object, tensor: Tensor) -> bytes:
    if tensor.dtype is BFLOAT16:
        return float32_to_bfloat16(np.array(data, np.float32)).tobytes()
    return np.array(data, tensor.dtype.storage).tobytes()


def _canonical(elements: bytes, tensor: Tensor) -> bytes:
    """The elements with one form of NaN."""
    array = np.frombuffer(elements, tensor.dtype.storage)
    numbers = bfloat16_to_float32(array.view(np.uint16)) if tensor.dtype is BFLOAT16 else array
    if numbers.dtype.kind == "f":
        numbers = np.where(np.isnan(numbers), np.asarray(math.nan, numbers.dtype), numbers)
    return numbers.tobytes()


def _random_id(random: Random) -> str:
    return random.choice(("", "a", "\x00\x1b\u2028\u202e", '"\\', "💧" * 300, "x" * 1000))


def _encode(random: Random, document: Mapping[str, object], binary: bytes) -> tuple[bytes, dict[str, str]]:
    """The body of a request and its headers."""
    text = json.dumps(document, ensure_ascii=random.random() < 0.5).encode()
    headers = {HEADER_LENGTH: str(len(text))} if binary or random.random() < 0.5 else {}
    body, coding = text + binary, random.choice(_CODINGS)
    if coding is not None:
        body = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
        headers["Content-Encoding"] = coding
    if random.random() < 0.3:
        headers["Content-Type"] = random.choice(("application/json", "application/octet-stream", "text/plain"))
    return body, headers


def _inflate(reply: Reply) -> bytes:
    coding = reply.headers.get("content-encoding")
    if coding is None:
        return reply.body
    return gzip.decompress(reply.body) if coding == "gzip" else zlib.decompress(reply.body)


_made: Final[dict[str, bytes]] = {}
