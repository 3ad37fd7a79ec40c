"""Raw elements: shape and type stand in the query string, or in a header of the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.tensors import Message, Outline
from poolhouse.wire.codec import Encoded
from poolhouse.wire.elements import check_shape, element_type, tensor_of
from poolhouse.wire.quoting import clip

_SIZES = re.compile(r"-?\d{1,19}(?:,-?\d{1,19}){0,99}")


def _shape(text: str | None) -> tuple[int, ...]:
    if text is None:
        message = "Raw elements need their shape in the query string, such as ?shape=8,64,112,112&dtype=float32."
        raise Unprocessable("invalid_fields", message, problems=(FieldProblem("?shape", "missing", message),))
    packed = text.replace(" ", "").removeprefix("[").removesuffix("]")
    if packed and _SIZES.fullmatch(packed) is None:
        message = f"shape is {clip(text)}; write whole numbers with commas between, such as 8,64,112,112."
        raise Unprocessable("invalid_fields", message, problems=(FieldProblem("?shape", "type", message),))
    return tuple(map(int, packed.split(","))) if packed else ()


class OctetCodec:
    """One input of raw elements; answers hold all outputs one after another."""

    name = "octet"
    media_types = ("application/octet-stream",)
    is_json = False

    def outline(self, query: Mapping[str, str]) -> tuple[Outline, dict[str, str]]:
        """The input that the query announces, and what else is in it; known before the body is here.

        Raises:
            Unprocessable: no body can be what it says.
        """
        texts = dict(query)
        shape = _shape(texts.pop("shape", None))
        dtype = element_type(texts.pop("dtype", "float32"), "?dtype")
        check_shape(shape, dtype, "input", "/input")
        return Outline(dtype, shape), texts

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The bytes as ``input``; ``shape`` and ``dtype`` are taken out of the query."""
        outline, texts = self.outline(query)
        return Message({"input": tensor_of(body, outline.dtype, outline.shape, "input")}, texts=texts)

    def encode(self, message: Message) -> Encoded:
        """The elements of every tensor, and where each lies in the header ``Tensor-Metadata``."""
        rows: list[dict[str, object]] = []
        start = 0
        for name, tensor in message.tensors.items():
            end = start + tensor.outline.nbytes
            rows.append(
                {
                    "name": name,
                    "dtype": tensor.dtype.name,
                    "shape": list(tensor.shape),
                    "start": start,
                    "end": end,
                }
            )
            start = end
        return Encoded(
            self.media_types[0],
            tuple(tensor.buffer for tensor in message.tensors.values()),
            (("Tensor-Metadata", json.dumps(rows, separators=(",", ":"))),),
        )

    def accepts_outputs(self, count: int) -> bool:
        """Any number, one after another."""
        return True


OCTET: Final = OctetCodec()
