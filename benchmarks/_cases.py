"""The requests of the server comparisons: 2×2 max pooling of float32 in the protocols of the servers.

``v1`` is ours; ``v2`` is the Open Inference Protocol, which NVIDIA Triton and we implement, with its extension for
binary tensors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
    """A size in a media form over a number of connections; the goal is the least ratio to Triton."""

    media_form: str
    size: str
    connections: int
    goal: float | None = None

    @property
    def name(self) -> str:
        """Its name in tables."""
        return f"{self.size} {self.media_form}, {self.connections} connection{'s' if self.connections > 1 else ''}"


RAW: Final = (
    Case("raw", "tiny", 1),
    Case("raw", "tiny", 16, 2.5),
    Case("raw", "small", 16, 2.5),
    Case("raw", "medium", 8, 6),
    Case("raw", "large", 2, 4),
)
JSON: Final = (Case("JSON", "tiny", 16, 1.5), Case("JSON", "small", 16, 2), Case("JSON", "medium", 8, 5))
V2_BINARY: Final = tuple(replace(case, media_form="v2 binary", goal=None) for case in RAW)
V2_JSON: Final = tuple(replace(case, media_form="v2 JSON", goal=None) for case in JSON)
"""The same cases in Triton's protocol: both servers receive the same bytes. The goals are for our own protocol."""

MODEL: Final = "max_pool2d"
"""The name of our model, and of that in Triton's repository, see triton_server/."""

_OCTET_STREAM: Final = "application/octet-stream"
_DECIMALS: Final = 6
"""Decimals of the numbers in JSON. Binary bodies hold the same numbers."""


def input_array(size: str) -> Floats:
    """The input of one size, the same in every run."""
    random = np.random.default_rng(7)
    return random.standard_normal(SHAPES[size]).round(_DECIMALS).astype(np.float32)


def expected_output(x: Floats) -> Floats:
    """The result of torch."""
    output: Floats = max_pool2d(from_numpy(x), 2).numpy()
    return output


def v1_raw(x: Floats) -> Post:
    """Raw elements, with the fields in the query."""
    shape = ",".join(map(str, x.shape))
    target = f"/v1/pool/max_pool2d?kernel_size=2&dtype=float32&shape={shape}"
    return Post(target, {"Content-Type": _OCTET_STREAM}, x.tobytes())


def v1_json(x: Floats) -> Post:
    """Nested lists."""
    body = json.dumps({"input": _rounded_float64(x).tolist(), "kernel_size": 2}).encode()
    return Post("/v1/pool/max_pool2d", {"Content-Type": "application/json"}, body)


def v2_binary(x: Floats) -> Post:
    """A JSON header, then the elements; requests a response of the same form."""
    entry = {**_v2_entry(x), "parameters": {"binary_data_size": x.nbytes}}
    output = {"name": "output", "parameters": {"binary_data": True}}
    header = json.dumps({"inputs": [entry], "outputs": [output]}).encode()
    headers = {"Content-Type": _OCTET_STREAM, "Inference-Header-Content-Length": str(len(header))}
    return Post(f"/v2/models/{MODEL}/infer", headers, header + x.tobytes())


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
    # An HTTP header gives the length of the JSON; parsing finds its end, too.
    header, end = json.JSONDecoder().raw_decode(body[: 1 << 12].decode("latin-1"))
    (output,) = header["outputs"]
    return np.frombuffer(body[end:], np.float32).reshape(output["shape"])


RESPONSE_READERS: Final[Mapping[Callable[[Floats], Post], Callable[[bytes], Floats]]] = {
    v1_raw: lambda body: np.frombuffer(body, np.float32),
    v1_json: _from_v1_json,
    v2_binary: _from_v2_binary,
    v2_json: _from_v2_json,
}
"""The parser for the response to each form of request."""


def describe_difference(name: str, actual: Floats, expected: Floats) -> str | None:
    """The first difference in bits between a response and the expected array, or None.

    Values would not do: NaN is unequal to itself, and -0 equals 0. A raw response has no shape, so an array of one axis
    is compared element by element.
    """
    shape = expected.shape if actual.ndim > 1 else (expected.size,)
    if actual.shape != shape:
        return f"{name} returns shape {actual.shape}, expected {shape}"
    differing = np.flatnonzero(actual.ravel().view(np.uint32) != expected.ravel().view(np.uint32))
    if not differing.size:
        return None
    first = int(differing[0])
    return (
        f"{name} returns {actual.ravel()[first]!r} for element {first}, expected {expected.ravel()[first]!r}; "
        f"{differing.size} of {expected.size} elements differ"
    )
