"""Encode an inference response: a JSON part, and the binary outputs behind it.

Source: the Open Inference Protocol, "Inference Response JSON Object", and Triton's extension for binary tensor data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

from poolhouse.tensors import Tensor, TensorMetadata
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.json.encoded_size import max_text_bytes
from poolhouse.wire.json.encoder import print_flat
from poolhouse.wire.open_inference.body import HEADER_LENGTH
from poolhouse.wire.open_inference.classification import classify, max_class_bytes

JSON_TYPE: Final = "application/json"
BINARY_TYPE: Final = "application/octet-stream"
_END_BYTES: Final = 64
"""An upper bound for the end of an output's entry, and of the JSON part: ``,"parameters":{"binary_data_size":…}}``."""


class OutputForm(NamedTuple):
    """The form of one output in a response.

    Attributes:
        name: of the output.
        is_binary: whether its bytes follow the JSON part; else its elements are in it.
        classes: the number of largest elements of a classification; 0 for the tensor itself.
        is_written: whether it was written to shared memory, so that the response holds no elements.
    """

    name: str
    is_binary: bool = False
    classes: int = 0
    is_written: bool = False


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """What a response says beside its outputs.

    Attributes:
        model: its name.
        version: of the model.
        id: of the request; left out if empty.
        parameters: of the response; left out if empty.
    """

    model: str
    version: str
    id: str = ""
    parameters: Mapping[str, object] | None = None

    def start(self) -> bytes:
        """The JSON text up to the first output."""
        head: dict[str, object] = {"model_name": self.model, "model_version": self.version}
        if self.id:
            head["id"] = self.id
        if self.parameters:
            head["parameters"] = self.parameters
        return orjson.dumps(head)[:-1] + b',"outputs":['


def encode_response(head: ResponseHead, forms: Sequence[OutputForm], tensors: Mapping[str, Tensor]) -> EncodedBody:
    """Encode a response.

    Args:
        head: the members beside the outputs.
        forms: of the outputs, in order.
        tensors: the outputs by name.
    """
    text: list[bytes | memoryview] = [head.start()]
    binary: list[bytes | memoryview] = []
    for index, form in enumerate(forms):
        tensor = tensors[form.name]
        separator = b"," if index else b""
        if form.classes:
            shape, encoded = classify(tensor, form.classes, as_binary=form.is_binary)
            metadata_text = _entry(form.name, "BYTES", shape)
        else:
            encoded = b""
            metadata_text = _entry(form.name, tensor.dtype.open_inference_name, tensor.shape)
        if form.is_written:
            text.append(separator + metadata_text + b"}")
        elif form.is_binary:
            chunk = encoded if form.classes else tensor.buffer
            text.append(separator + metadata_text + b',"parameters":{"binary_data_size":%d}}' % len(chunk))
            if len(chunk):
                binary.append(chunk)
        else:
            text += (separator + metadata_text + b',"data":', encoded if form.classes else print_flat(tensor), b"}")
    text.append(b"]}")
    if not binary:
        return EncodedBody(JSON_TYPE, (b"".join(text),), owns_memory=True)
    joined = b"".join(text)
    return EncodedBody(BINARY_TYPE, (joined, *binary), ((HEADER_LENGTH, str(len(joined))),))


def static_text(head: ResponseHead, forms: Sequence[OutputForm], outputs: Mapping[str, TensorMetadata]) -> bytes:
    """The JSON part of a response whose outputs are all binary tensors with elements; their metadata determine it."""
    entries = [
        _entry(form.name, outputs[form.name].dtype.open_inference_name, outputs[form.name].shape)
        + b',"parameters":{"binary_data_size":%d}}' % outputs[form.name].nbytes
        for form in forms
    ]
    return head.start() + b",".join(entries) + b"]}"


def max_response_text_bytes(
    head: ResponseHead, forms: Sequence[OutputForm], outputs: Mapping[str, TensorMetadata]
) -> int:
    """The maximum length of the parts of a response that are made for it: all but the views of its binary outputs."""
    total = 2 * (len(head.start()) + _END_BYTES)
    for form in forms:
        metadata = outputs[form.name]
        # Of a classification, too, whose type has a longer name than that of the scores.
        total += 2 * (len(_entry(form.name, "BYTES", metadata.shape)) + _END_BYTES)
        if form.classes:
            total += max_class_bytes(metadata, form.classes)
        elif not form.is_binary and not form.is_written:
            # The text of the elements, and the whole text that it is joined to.
            total += 2 * max_text_bytes(metadata, "list")
    return total


def _entry(name: str, datatype: str, shape: Sequence[int]) -> bytes:
    sizes = ",".join(map(str, shape))
    return f'{{"name":"{name}","datatype":"{datatype}","shape":[{sizes}]'.encode()
