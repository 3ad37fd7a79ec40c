"""A picture as input: datatype BYTES with one element, as clients of Triton send files."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tritonclient.http import InferInput
from tritonclient.utils import InferenceServerException

from tests.open_inference.conftest import Call

NOISE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
PARAMETERS = {"kernel_size": 2}


def file_of(file_format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, file_format)
    return file.getvalue()


def picture_input(content: bytes, shape: list[int], *, binary: bool = True) -> InferInput:
    found = InferInput("input", shape, "BYTES")
    found.set_data_from_numpy(np.array([content], dtype=object).reshape(shape), binary_data=binary)
    return found


@pytest.mark.parametrize("file_format", ["png", "jpeg"])
def test_a_picture_is_pooled_like_its_tensor(call: Call, file_format: str) -> None:
    """The output stays a tensor."""
    array = np.asarray(Image.open(io.BytesIO(file_of(file_format)))).transpose(2, 0, 1)[None]
    tensor = InferInput("input", list(array.shape), "UINT8")
    tensor.set_data_from_numpy(np.ascontiguousarray(array))

    expected: Any = call("infer", "max_pool2d", [tensor], parameters=PARAMETERS)
    for shape in ([1], [1, 1]):
        found: Any = call("infer", "max_pool2d", [picture_input(file_of(file_format), shape)], parameters=PARAMETERS)
        np.testing.assert_array_equal(found.as_numpy("output"), expected.as_numpy("output"))


@pytest.mark.parametrize(
    ("content", "shape", "reason"),
    [
        (b"GIF89a" + bytes(40), [1], "neither a PNG nor a JPEG"),
        (file_of("png")[:-20], [1], "cannot be read"),
    ],
)
def test_other_files_are_refused(call: Call, content: bytes, shape: list[int], reason: str) -> None:
    """With the reasons of /v1."""
    with pytest.raises(InferenceServerException, match=reason):
        call("infer", "max_pool2d", [picture_input(content, shape)], parameters=PARAMETERS)


def test_a_picture_in_json_text_is_refused(call: Call) -> None:
    """JSON has no bytes."""
    with pytest.raises(InferenceServerException, match="BYTES"):
        call("infer", "max_pool2d", [picture_input(b"abc", [1], binary=False)], parameters=PARAMETERS)
