"""A picture as input over gRPC: one element of BYTES in the raw contents or in the typed ones."""

from __future__ import annotations

import io
import re
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image
from tritonclient.grpc import InferInput
from tritonclient.utils import InferenceServerException

from poolhouse.rpc.messages import CLASSES
from tests.hostile.picture_files import png
from tests.rpc.conftest import Call
from tests.rpc.raw_calls import refusal, send


def picture_input(content: bytes) -> InferInput:
    found = InferInput("input", [1], "BYTES")
    found.set_data_from_numpy(np.array([content], dtype=object))
    return found


def test_a_picture_is_pooled_like_its_tensor(call: Call) -> None:
    """As over HTTP; the output stays a tensor. A second picture with an equal head has its own shape."""
    for sizes in ((20, 30), (22, 30)):
        pixels = np.random.default_rng(0).integers(0, 256, (*sizes, 3), np.uint8)
        file = io.BytesIO()
        # Not compressed, so that both have nearly the same length.
        Image.fromarray(pixels).save(file, "png", compress_level=0)

        found = call("infer", "max_pool2d", [picture_input(file.getvalue())], parameters={"kernel_size": 2})

        expected = pixels.reshape(sizes[0] // 2, 2, 15, 2, 3).max(axis=(1, 3)).transpose(2, 0, 1)[None]
        np.testing.assert_array_equal(found.as_numpy("output"), expected)


def test_other_files_are_refused(call: Call) -> None:
    """With the reason."""
    with pytest.raises(InferenceServerException, match="neither a PNG nor a JPEG"):
        call("infer", "max_pool2d", [picture_input(b"GIF89a")], parameters={"kernel_size": 2})


def typed_picture(*files: bytes, shape: tuple[int, ...] = (1,), **contents: Any) -> bytes:
    """A message with files in its typed contents, which clients other than Triton's send."""
    message = CLASSES["ModelInferRequest"](model_name="max_pool2d")
    message.parameters["kernel_size"].int64_param = 2
    message.inputs.add(name="input", datatype="BYTES", shape=shape, contents={"bytes_contents": files, **contents})
    serialized: bytes = message.SerializeToString()
    return serialized


def test_typed_contents_hold_a_picture(channel: grpc.Channel) -> None:
    """Small and large ones: a large head is parsed in a thread."""
    for size, value in ((2, 7), (2, 9), (160, 11)):
        rows = np.full((size, size + 1), value, np.uint8)
        # Each row follows the number of its filter, and noise is not compressed.
        rows[:, 0] = 0
        rows[1::2, 1:] = np.random.default_rng(0).integers(0, value, (size // 2, size))
        file = png(size=(size, size), pixels=rows.tobytes())

        response = CLASSES["ModelInferResponse"].FromString(send(channel, typed_picture(file)))

        assert list(response.outputs[0].shape) == [1, 1, size // 2, size // 2]
        assert response.raw_output_contents[0] == bytes([value]) * (size // 2) ** 2


def test_hostile_typed_pictures_are_refused(channel: grpc.Channel) -> None:
    """With a reason, and never as a fault of the service."""
    file = png()
    refused = {
        "shape takes 1": typed_picture(shape=(1,)),
        "as \\[1\\]": typed_picture(file, file, shape=(2,)),
        "2 elements in bytes_contents": typed_picture(file, file),
        "neither a PNG": typed_picture(b""),
        "cannot be read": typed_picture(file[:-14]),
        "has fp32_contents": typed_picture(file, fp32_contents=[1.0]),
    }

    for reason, message in refused.items():
        status, text = refusal(channel, message)
        assert status == "INVALID_ARGUMENT", (reason, text)
        assert re.search(reason, text), text
    bomb = refusal(channel, typed_picture(png(size=(2**20, 2**20))))
    assert bomb[0] == "RESOURCE_EXHAUSTED", bomb
