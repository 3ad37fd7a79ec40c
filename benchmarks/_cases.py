"""The work that other servers are measured with beside ours: max pooling 2×2 of float32, as each protocol asks for it.

``v1`` is ours; ``v2`` is the protocol of KServe that NVIDIA Triton speaks, with its extension for binary tensors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from torch import from_numpy
from torch.nn.functional import max_pool2d

from _wrk import Post

Floats = npt.NDArray[np.float32]

SHAPES: Final[Mapping[str, tuple[int, int, int, int]]] = {
    "tiny": (1, 1, 4, 4),
    "small": (1, 3, 32, 32),
    "medium": (1, 64, 56, 56),
    "large": (8, 64, 112, 112),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One size in one form over a number of connections, with the least ratio to Triton that is the goal."""

    media_form: str
    size: str
    connections: int
    goal: float | None = None

    @property
    def name(self) -> str:
        """The case as tables name it."""
        return f"{self.size} {self.media_form}, {self.connections} connection{'s' if self.connections > 1 else ''}"


RAW: Final = (
    Case("raw", "tiny", 1),
    Case("raw", "tiny", 16, 2.5),
    Case("raw", "small", 16, 2.5),
    Case("raw", "medium", 8, 6),
    Case("raw", "large", 2, 4),
)
JSON: Final = (Case("JSON", "tiny", 16, 1.5), Case("JSON", "small", 16, 2), Case("JSON", "medium", 8, 5))

MODEL: Final = "max_pool2d"
"""The model's name in Triton's repository, see triton_server/."""

_OCTET_STREAM: Final = "application/octet-stream"
_DECIMALS: Final = 6
"""Of a number in JSON. Binary bodies hold the same numbers."""


def input_array(size: str) -> Floats:
    """The input of one size, the same in every run."""
    random = np.random.default_rng(7)
    return random.standard_normal(SHAPES[size]).round(_DECIMALS).astype(np.float32)


def expected_output(x: Floats) -> Floats:
    """What torch itself makes of the input."""
    pooled: Floats = max_pool2d(from_numpy(x), 2).numpy()
    return pooled


def v1_raw(x: Floats) -> Post:
    """Raw elements; the fields stand in the query."""
    shape = ",".join(map(str, x.shape))
    target = f"/v1/pool/max_pool2d?kernel_size=2&dtype=float32&shape={shape}"
    return Post(target, {"Content-Type": _OCTET_STREAM}, x.tobytes())


def v1_json(x: Floats) -> Post:
    """Nested lists."""
    body = json.dumps({"input": _rounded_float64(x).tolist(), "kernel_size": 2}).encode()
    return Post("/v1/pool/max_pool2d", {"Content-Type": "application/json"}, body)


def v2_binary(x: Floats) -> Post:
    """A JSON head, then the elements; the answer is asked for in the same form."""
    entry = {**_v2_entry(x), "parameters": {"binary_data_size": x.nbytes}}
    wanted = {"name": "output", "parameters": {"binary_data": True}}
    head = json.dumps({"inputs": [entry], "outputs": [wanted]}).encode()
    headers = {"Content-Type": _OCTET_STREAM, "Inference-Header-Content-Length": str(len(head))}
    return Post(f"/v2/models/{MODEL}/infer", headers, head + x.tobytes())


def v2_json(x: Floats) -> Post:
    """The elements as one flat list, as clients of this protocol send them."""
    body = json.dumps({"inputs": [{**_v2_entry(x), "data": _rounded_float64(x).ravel().tolist()}]}).encode()
    return Post(f"/v2/models/{MODEL}/infer", {"Content-Type": "application/json"}, body)


def _v2_entry(x: Floats) -> dict[str, object]:
    return {"name": "input", "shape": list(x.shape), "datatype": "FP32"}


def _rounded_float64(x: Floats) -> npt.NDArray[np.float64]:
    return x.astype(np.float64).round(_DECIMALS)


def _from_v1_json(body: bytes) -> Floats:
    return np.array(json.loads(body)["output"]["data"], np.float32)


def _from_v2_json(body: bytes) -> Floats:
    (output,) = json.loads(body)["outputs"]
    return np.array(output["data"], np.float32).reshape(output["shape"])


def _from_v2_binary(body: bytes) -> Floats:
    # The length of the JSON stands in a header; the JSON itself says where it ends too.
    head, end = json.JSONDecoder().raw_decode(body[: 1 << 12].decode("latin-1"))
    (output,) = head["outputs"]
    return np.frombuffer(body[end:], np.float32).reshape(output["shape"])


RESPONSE_READERS: Final[Mapping[Callable[[Floats], Post], Callable[[bytes], Floats]]] = {
    v1_raw: lambda body: np.frombuffer(body, np.float32),
    v1_json: _from_v1_json,
    v2_binary: _from_v2_binary,
    v2_json: _from_v2_json,
}
"""How the answer to each form of request is read."""


def describe_difference(name: str, actual: Floats, expected: Floats) -> str | None:
    """Says where an answer has other bits than the expected one, or None where it has the same.

    Bits and not values: NaN differs from itself as a value, and -0 does not differ from 0.
    Raw elements come without a shape, so an answer of one axis is compared element by element.
    """
    shape = expected.shape if actual.ndim > 1 else (expected.size,)
    if actual.shape != shape:
        return f"{name} answers with shape {actual.shape}, expected {shape}"
    other = np.flatnonzero(actual.ravel().view(np.uint32) != expected.ravel().view(np.uint32))
    if not other.size:
        return None
    first = int(other[0])
    return (
        f"{name} answers {actual.ravel()[first]!r} for element {first}, expected {expected.ravel()[first]!r}; "
        f"{other.size} of {expected.size} elements differ"
    )
