"""Messages and calls that Triton's clients cannot make."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np

from poolhouse.rpc.messages import CLASSES
from tests.rest.live_server import WAIT_TIMEOUT_S

PATH = "/inference.GRPCInferenceService/"
ELEMENTS = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
MAXIMA = [[[[5, 7], [13, 15]]]]


def request_message(**changes: Any) -> Any:
    """A valid ModelInferRequest, with these fields changed."""
    message = CLASSES["ModelInferRequest"](model_name="max_pool2d")
    message.parameters["kernel_size"].int64_param = 2
    message.inputs.add(name="input", datatype="FP32", shape=ELEMENTS.shape)
    message.raw_input_contents.append(ELEMENTS.tobytes())
    message.MergeFrom(CLASSES["ModelInferRequest"](**changes))
    return message


def send(channel: grpc.Channel, message: bytes, method: str = "ModelInfer", **options: Any) -> bytes:
    """The response to a message."""
    found: bytes = channel.unary_unary(PATH + method)(message, timeout=WAIT_TIMEOUT_S, **options)
    return found


def refusal(channel: grpc.Channel, message: bytes, method: str = "ModelInfer", **options: Any) -> tuple[str, str]:
    """The status and the text with which a message is refused."""
    try:
        send(channel, message, method, **options)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


def output_of(response: bytes, index: int = 0) -> np.ndarray[Any, Any]:
    """An output of a response."""
    message = CLASSES["ModelInferResponse"].FromString(response)
    kind = {"FP32": np.float32, "INT64": np.int64, "UINT8": np.uint8, "BOOL": np.bool_, "INT8": np.int8}
    output = message.outputs[index]
    return np.frombuffer(message.raw_output_contents[index], kind.get(output.datatype, np.float32)).reshape(
        output.shape
    )
