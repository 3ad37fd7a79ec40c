"""A hostile inference request, and the builders of its JSON part."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from poolhouse.wire.open_inference.body import HEADER_LENGTH

INFER: Final = "/v2/models/{}/infer"
"""The path of a model's inference requests."""
SHAPE: Final = (1, 2, 2)
FLOATS: Final = bytes(16)
"""The elements of an input of :data:`SHAPE`, as float32."""


@dataclass(frozen=True, slots=True)
class HostileInference:
    """An inference request that must be refused with ``status`` and ``code``.

    Attributes:
        name: what is hostile.
        make: makes the body, as it is sent.
        code: of the refusal.
        status: of the refusal.
        headers: of the request.
        model: of the path.
    """

    name: str
    make: Callable[[], bytes]
    code: str = "invalid_fields"
    status: int = 400
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str = "max_pool2d"


def json_row(
    name: str, document: object, code: str = "invalid_fields", *, status: int = 400, model: str = "max_pool2d"
) -> HostileInference:
    """A request whose whole body is this JSON: a document, or text that is sent as it is.

    Args:
        name, code, status, model: see :class:`HostileInference`.
        document: a function makes it when it is needed.
    """

    def make() -> bytes:
        made = document() if callable(document) else document
        return made if isinstance(made, bytes) else json.dumps(made).encode()

    return HostileInference(f"v2 {name}", make, code, status, model=model)


def binary_row(
    name: str,
    document: object,
    binary: bytes = FLOATS,
    code: str = "malformed_body",
    *,
    length: str | None = None,
    encode: Callable[[bytes], bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    status: int = 400,
    model: str = "max_pool2d",
) -> HostileInference:
    """A request with binary tensors.

    Args:
        name, code, status, model: see :class:`HostileInference`.
        document: the JSON part.
        binary: the bytes behind it.
        length: the header with the length of the JSON part; None for the right one.
        encode: compresses the body.
        headers: further ones.
    """
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    body = text + binary
    given = {HEADER_LENGTH: str(len(text)) if length is None else length, **(headers or {})}
    make = (lambda: body) if encode is None else (lambda: encode(body))
    return HostileInference(f"v2 {name}", make, code, status, given, model)


def entry(**members: object) -> dict[str, object]:
    """An input of zeros as JSON; ``members`` replaces its members, and None removes them."""
    given = {"name": "input", "shape": SHAPE, "datatype": "FP32", "data": [0] * 4, **members}
    return {key: value for key, value in given.items() if value is not None}


def binary_entry(nbytes: object = 16, **members: object) -> dict[str, object]:
    """An input whose bytes follow the JSON part."""
    return entry(data=None, parameters={"binary_data_size": nbytes}, **members)


def request(*inputs: object, **members: object) -> dict[str, object]:
    """The document of a request; without inputs it has a valid one."""
    return {"inputs": list(inputs or (entry(),)), "parameters": {"kernel_size": 1}, **members}


def text_with(data: bytes) -> bytes:
    """The text of a request whose list of elements is this text."""
    return json.dumps(request(entry(data="@"))).encode().replace(b'"@"', data)
