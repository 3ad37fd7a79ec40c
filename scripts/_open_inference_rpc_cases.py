"""Calls of the Open Inference Protocol over gRPC that scripts/prove_open_inference makes to us and to a real Triton."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _open_inference_cases import NUMPY_TYPE, Elements, X

from poolhouse.rpc.messages import CLASSES


@dataclass(frozen=True, slots=True)
class RpcCase:
    """A call, and how the answers to it are compared.

    Attributes:
        name: in messages.
        method: of the service.
        request: the message.
        response: the class of the response.
        differs: the difference of :data:`_open_inference_cases.DIFFERENCES` that must show; empty if the answers must
            agree.
        ignored: fields that describe the server, and are left out.
    """

    name: str
    method: str
    request: Any
    response: str
    differs: str = ""
    ignored: frozenset[str] = frozenset()


def infer_message(
    model: str = "max_pool2d", inputs: Sequence[tuple[Elements, str, str]] = ((X, "FP32", "input"),)
) -> Any:
    """A request whose elements are raw; an input is its array, its datatype and its name."""
    message = CLASSES["ModelInferRequest"](model_name=model)
    for array, datatype, name in inputs:
        message.inputs.add(name=name, datatype=datatype, shape=array.shape)
        message.raw_input_contents.append(array.tobytes())
    return message


def typed_message(field: str, values: Sequence[float], shape: Sequence[int]) -> Any:
    """A request whose FP32 elements are in a typed list."""
    message = CLASSES["ModelInferRequest"](model_name="max_pool2d")
    getattr(message.inputs.add(name="input", datatype="FP32", shape=shape).contents, field).extend(values)
    return message


def rpc_cases() -> Iterator[RpcCase]:
    """All calls, in the order in which they are made."""
    yield from _information()
    for name, message in _valid():
        yield RpcCase(name, "ModelInfer", message, "ModelInferResponse")
    for name, message, differs in _invalid():
        yield RpcCase(name, "ModelInfer", message, "ModelInferResponse", differs)


def _information() -> Iterator[RpcCase]:
    for method in ("ServerLive", "ServerReady"):
        yield RpcCase(method, method, CLASSES["Empty"](), f"{method}Response")
    for name, version in (("max_pool2d", ""), ("max_pool2d", "1"), ("max_unpool2d", "")):
        request = CLASSES["ModelRequest"](name=name, version=version)
        at = f"of {name} {version}"
        yield RpcCase(f"ModelReady {at}", "ModelReady", request, "ModelReadyResponse")
        own = frozenset({"platform"})
        yield RpcCase(f"ModelMetadata {at}", "ModelMetadata", request, "ModelMetadataResponse", ignored=own)
    for name, version in (("nothing", ""), ("max_pool2d", "7")):
        request = CLASSES["ModelRequest"](name=name, version=version)
        for method in ("ModelMetadata", "ModelConfig"):
            yield RpcCase(f"{method} of {name} {version}", method, request, f"{method}Response")


def _valid() -> Iterator[tuple[str, Any]]:
    yield "raw elements", infer_message()
    yield "typed elements", typed_message("fp32_contents", X.ravel().tolist(), X.shape)
    message = infer_message()
    message.id, message.model_version = "a-1", "1"
    yield "an id and a version", message
    message = infer_message()
    message.parameters["kernel_size"].int64_param = 3
    message.parameters["stride"].int64_param = 1
    yield "fields", message
    message = infer_message()
    message.parameters["return_indices"].bool_param = True
    for name in ("output", "indices"):
        message.outputs.add(name=name)
    yield "two outputs", message
    small, places = np.array([[[[6, 8], [14, 16]]]], np.float32), np.array([[[[5, 7], [13, 15]]]], np.int64)
    yield "two inputs", infer_message("max_unpool2d", ((small, "FP32", "input"), (places, "INT64", "indices")))
    for datatype in ("FP64", "FP16", "INT32", "UINT8"):
        array = X.astype(NUMPY_TYPE[datatype])
        yield datatype, infer_message(f"max_pool2d.{datatype.lower()}", ((array, datatype, "input"),))
    special = np.array([[[[math.nan, 1], [math.inf, -0.0]]]], np.float32)
    yield "NaN and infinity", infer_message(inputs=((special, "FP32", "input"),))
    yield "no elements", infer_message(inputs=((np.zeros((0, 1, 4, 4), np.float32), "FP32", "input"),))


def _invalid() -> Iterator[tuple[str, Any, str]]:
    yield "a model that does not exist", infer_message("nothing"), ""
    message = infer_message()
    message.model_version = "7"
    yield "a version that does not exist", message, ""
    yield "no inputs", CLASSES["ModelInferRequest"](model_name="max_pool2d"), ""
    yield "an unknown input", infer_message(inputs=((X, "FP32", "nothing"),)), ""
    yield "the same input twice", infer_message(inputs=((X, "FP32", "input"),) * 2), ""
    yield "one input too few", infer_message("max_unpool2d"), ""
    yield "an unknown datatype", infer_message(inputs=((X, "FLOAT", "input"),)), ""
    yield "another datatype", infer_message(inputs=((X.astype(np.int64), "INT64", "input"),)), "any-datatype"
    for name, raw in (
        ("a byte too few", X.tobytes()[:-1]),
        ("a byte too many", X.tobytes() + b"\0"),
        ("no bytes", b""),
    ):
        message = infer_message()
        message.raw_input_contents[0] = raw
        yield name, message, ""
    message = infer_message()
    message.raw_input_contents.append(b"")
    yield "one raw content too many", message, "surplus-contents"
    message = infer_message()
    del message.raw_input_contents[:]
    yield "no elements at all", message, ""
    yield "too few typed elements", typed_message("fp32_contents", [1, 2, 3], (1, 1, 2, 2)), ""
    yield "typed elements of another type", typed_message("fp64_contents", [1, 2, 3, 4], (1, 1, 2, 2)), ""
    for name, shape in (("a negative size", (1, 1, -2, -2)), ("a shape that overflows", (1, 1, 2**62, 2**62))):
        message = infer_message()
        message.inputs[0].shape[:] = shape
        yield name, message, ""
    message = infer_message()
    message.outputs.add(name="nothing")
    yield "an unknown output", message, ""
    message = infer_message()
    message.parameters["kernal_size"].int64_param = 3
    yield "an unknown parameter", message, "unknown-parameter"
    message = infer_message()
    message.parameters["kernel_size"].int64_param = 9
    yield "a window that does not fit", message, ""
    message = infer_message()
    message.inputs[0].parameters["shared_memory_region"].string_param = "nothing"
    message.inputs[0].parameters["shared_memory_byte_size"].int64_param = 64
    del message.raw_input_contents[:]
    yield "a region that does not exist", message, ""
