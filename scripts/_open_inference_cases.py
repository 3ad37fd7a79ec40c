"""Requests of the Open Inference Protocol over HTTP that scripts/prove_open_inference sends to us and to a real Triton.

Both get the same bytes. Where the answers are meant to differ, a case names an entry of :data:`DIFFERENCES`, which is
also the table in docs/open_inference.md.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Elements = npt.NDArray[np.generic]

INPUT_MODELS: Final[Mapping[str, tuple[str, ...]]] = {
    "max_pool2d": ("FP32",),
    "max_pool2d.fp64": ("FP64",),
    "max_pool2d.fp16": ("FP16",),
    "max_pool2d.int32": ("INT32",),
    "max_pool2d.uint8": ("UINT8",),
    "avg_pool1d": ("FP32",),
    "max_unpool2d": ("FP32", "INT64"),
}
"""The models of both servers, and the datatypes of their inputs: a model of Triton's accepts one, ours accept all.
Those with a dot are presets of ours."""

NUMPY_TYPE: Final[Mapping[str, type[np.generic]]] = {
    "FP64": np.float64,
    "FP32": np.float32,
    "FP16": np.float16,
    "INT64": np.int64,
    "INT32": np.int32,
    "UINT8": np.uint8,
}


class Difference(NamedTuple):
    """A difference from Triton that is meant.

    Attributes:
        request: what is sent.
        triton: what Triton answers.
        ours: what we answer.
        reason: why.
        status_classes: of Triton's answer and of ours.
    """

    request: str
    triton: str
    ours: str
    reason: str
    status_classes: tuple[int, int]


DIFFERENCES: Final[Mapping[str, Difference]] = {
    "caller-fault": Difference(
        "JSON that cannot be parsed, a missing member, a member of another type, data that contradict the shape",
        "500",
        "400, with the place of the fault",
        "It is the caller's fault: a retry, which many clients make after 500, cannot help.",
        (5, 4),
    ),
    "unchecked-length": Difference(
        "a length of the JSON part such as `1e3`",
        "takes its first digits, then 500",
        "400",
        "Only a whole number of bytes splits the body.",
        (5, 4),
    ),
    "out-of-range": Difference(
        "a number in JSON outside of its datatype, such as 300 in UINT8 or 1e39 in FP32",
        "200, with the low bits of it, or infinity",
        "400",
        "The result would be of another tensor than the one that was sent.",
        (2, 4),
    ),
    "ragged": Difference(
        "nested lists that contradict the shape, with the right number of elements",
        "200",
        "400",
        "The lists and the shape disagree, and one of them is wrong.",
        (2, 4),
    ),
    "duplicate-output": Difference(
        "the same output twice", "200, with one copy", "400", "One of the two is a mistake.", (2, 4)
    ),
    "fp16-json": Difference("FP16 elements in JSON", "400", "200", "They can be written as numbers like FP32.", (4, 2)),
    "any-datatype": Difference(
        "another datatype than the one in the metadata",
        "400",
        "200, where the operator takes it",
        "A model of ours takes all datatypes that `properties` lists; `datatype` has room for one.",
        (4, 2),
    ),
    "list-parameter": Difference(
        "a list as a parameter, such as `[3, 2]`",
        "400",
        '200; text such as `"3,2"` means the same',
        "Fields of pooling have one entry for each axis.",
        (4, 2),
    ),
    "unknown-parameter": Difference(
        "an unknown parameter",
        "200; the model sees it",
        "400, with the nearest name",
        "A misspelt field would change the result silently.",
        (2, 4),
    ),
    "sequence": Difference("a `sequence_id`", "200", "400", "Pooling keeps no state between requests.", (2, 4)),
    "classification-batch": Difference(
        "`classification` on an output",
        "without batching in the configuration, the largest elements of the whole tensor",
        "the largest elements of each entry along the first axis, as Triton with batching does",
        "The first axis of a pooled tensor is the batch.",
        (2, 2),
    ),
    "output-order": Difference(
        "outputs in another order than in the metadata",
        "200, in the model's order",
        "200, in the order of the request",
        "Clients find outputs by name; the order of the request is the one that they know.",
        (2, 2),
    ),
    "many-codings": Difference(
        "`Accept-Encoding: gzip, deflate`, as HTTP libraries send by themselves",
        "compressed",
        "not compressed; with one coding, or with weights, compressed",
        "Tensors gain little from it, and it takes longer than pooling them.",
        (2, 2),
    ),
    "small-response": Difference(
        "`Accept-Encoding: gzip` for a response below 1 KiB",
        "compressed",
        "not compressed",
        "It would take time and save nothing.",
        (2, 2),
    ),
    "unknown-coding": Difference(
        "a `Content-Encoding` that is not supported",
        "501",
        "415",
        "It is the status for this, and tells clients to send another one.",
        (5, 4),
    ),
    "health-body": Difference(
        "`/v2/health/live`, `/v2/health/ready` and the `ready` of a model",
        "an empty body",
        'JSON such as `{"live": true}`',
        "The protocol says so, and KServe's client reads it.",
        (2, 2),
    ),
    "slash": Difference("`/v2/`", "404", "the same as `/v2`", "The protocol's OpenAPI document has the slash.", (4, 2)),
    "region-faults": Difference(
        "a shared memory region that does not exist on the machine, is too small, or has slashes in its key",
        "500",
        "400",
        "It is the caller's fault.",
        (5, 4),
    ),
    "surplus-contents": Difference(
        "over gRPC, more `raw_input_contents` than inputs",
        "OK; the rest is ignored",
        "INVALID_ARGUMENT",
        "The elements may be in another place than the caller means.",
        (2, 4),
    ),
}
"""The differences that are meant; each case that names one must show it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and how the answers to it are compared.

    Attributes:
        name: in messages.
        method: of HTTP.
        path: of the request.
        body: its bytes.
        headers: without ``Content-Length``.
        differs: the difference that must show; empty if the answers must agree.
        members_only: whether only the names of members are compared: Triton's answer must have all of ours.
        ignored: members that describe the server, and are left out.
        region: the shared memory object that receives the output; it is compared too.
    """

    name: str
    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    differs: str = ""
    members_only: bool = False
    ignored: frozenset[str] = frozenset()
    region: str = ""


def cases() -> Iterator[Case]:
    """All requests, in the order in which they are sent."""
    yield from _forms()
    yield from _datatypes()
    yield from _values()
    yield from _codings()
    yield from _parameters()
    yield from _invalid_headers()
    yield from _invalid_documents()
    yield from _invalid_elements()
    yield from _shared_memory()
    yield from _information()


GIVEN_REGION: Final = "prove-open-inference-given"
RESULT_REGION: Final = "prove-open-inference-result"
REGION_BYTES: Final = 4096
"""The shared memory objects of the cases, and their length."""
X: Final = np.array([[[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]]], np.float32)
"""The usual input."""


def tensor(array: Elements, datatype: str = "FP32", name: str = "input") -> dict[str, object]:
    """An input without its elements."""
    return {"name": name, "shape": list(array.shape), "datatype": datatype}


def as_json(array: Elements, datatype: str = "FP32", name: str = "input") -> dict[str, object]:
    """An input whose elements are in the JSON part."""
    return {**tensor(array, datatype, name), "data": array.ravel().tolist()}


def as_binary(array: Elements, datatype: str = "FP32", name: str = "input") -> dict[str, object]:
    """An input whose elements follow the JSON part."""
    return {**tensor(array, datatype, name), "parameters": {"binary_data_size": array.nbytes}}


def output(name: str = "output", /, **parameters: object) -> dict[str, object]:
    """An output to ask for."""
    return {"name": name, "parameters": parameters} if parameters else {"name": name}


def infer(
    name: str,
    document: object,
    binary: bytes = b"",
    *,
    model: str = "max_pool2d",
    headers: Mapping[str, str] | None = None,
    differs: str = "",
    has_length: bool | None = None,
) -> Case:
    """An inference request.

    Args:
        name: in messages.
        document: the JSON part, or its text.
        binary: the bytes behind it.
        model: of the path.
        headers: further ones; they win.
        differs: the difference that must show.
        has_length: whether the length of the JSON part is sent; None if binary tensors follow it.
    """
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    lengths = (
        {"Inference-Header-Content-Length": str(len(text))} if has_length or (has_length is None and binary) else {}
    )
    sent = {"Content-Type": "application/octet-stream", **lengths, **(headers or {})}
    return Case(name, "POST", f"/v2/models/{model}/infer", text + binary, sent, differs)


def _forms() -> Iterator[Case]:
    """JSON and binary tensors, in both directions and mixed."""
    raw = X.tobytes()
    indices = {"parameters": {"return_indices": True}}
    yield infer("JSON to JSON", {"inputs": [as_json(X)]})
    yield infer("nested JSON", {"inputs": [{**tensor(X), "data": X.tolist()}]})
    yield infer("JSON with an id", {"id": "a-1", "inputs": [as_json(X)], "outputs": [output()]})
    yield infer("JSON to binary", {"inputs": [as_json(X)], "outputs": [output(binary_data=True)]})
    yield infer("JSON with the length of the whole body", {"inputs": [as_json(X)]}, has_length=True)
    yield infer("binary to JSON", {"inputs": [as_binary(X)]}, raw)
    yield infer("binary to JSON, said", {"inputs": [as_binary(X)], "outputs": [output(binary_data=False)]}, raw)
    yield infer("binary to binary", {"inputs": [as_binary(X)], "outputs": [output(binary_data=True)]}, raw)
    yield infer("outputs left out, binary", {"inputs": [as_binary(X)], "parameters": {"binary_data_output": True}}, raw)
    yield infer("an empty list of outputs", {"inputs": [as_json(X)], "outputs": []})
    yield infer("a field", {"inputs": [as_json(X)], "parameters": {"kernel_size": 3, "stride": 1}})
    both = [output(binary_data=True), output("indices", binary_data=True)]
    yield infer("two binary outputs", {"inputs": [as_binary(X)], "outputs": both, **indices}, raw)
    yield infer(
        "two outputs, the other order",
        {"inputs": [as_json(X)], "outputs": both[::-1], **indices},
        differs="output-order",
    )
    mixed = [output(), output("indices", binary_data=True)]
    yield infer("JSON and binary outputs", {"inputs": [as_binary(X)], "outputs": mixed, **indices}, raw)
    yield infer("only one output of two", {"inputs": [as_json(X)], "outputs": mixed[1:], **indices})
    small, places = np.array([[[[6, 8], [14, 16]]]], np.float32), np.array([[[[5, 7], [13, 15]]]], np.int64)
    for first, second, sent in (
        (as_binary(small), as_json(places, "INT64", "indices"), small.tobytes()),
        (as_json(small), as_binary(places, "INT64", "indices"), places.tobytes()),
        (as_binary(small), as_binary(places, "INT64", "indices"), small.tobytes() + places.tobytes()),
    ):
        forms = " and ".join("binary" if "parameters" in each else "JSON" for each in (first, second))
        yield infer(f"two inputs, {forms}", {"inputs": [first, second]}, sent, model="max_unpool2d")
    swapped = {"inputs": [as_binary(places, "INT64", "indices"), as_binary(small)]}
    yield infer("two inputs, swapped", swapped, places.tobytes() + small.tobytes(), model="max_unpool2d")
    signal = np.array([[[1, 3, 5, 9, 0.1]]], np.float32)
    for name, given in (("JSON", as_json(signal)), ("binary", as_binary(signal))):
        sent = signal.tobytes() if name == "binary" else b""
        asked = {"inputs": [given], "parameters": {"kernel_size": 2}, "outputs": [output(binary_data=True)]}
        yield infer(f"averages, {name}", asked, sent, model="avg_pool1d")
    yield infer("a version", {"inputs": [as_json(X)]}, model="max_pool2d/versions/1")


def _datatypes() -> Iterator[Case]:
    """Other datatypes."""
    for model, (datatype, *_) in INPUT_MODELS.items():
        if datatype == "FP32":
            continue
        given = X.astype(NUMPY_TYPE[datatype])
        asked = [output(binary_data=True)]
        document = {"inputs": [as_binary(given, datatype)], "outputs": asked}
        yield infer(f"{datatype}, binary", document, given.tobytes(), model=model)
        differs = "fp16-json" if datatype == "FP16" else ""
        yield infer(f"{datatype}, JSON", {"inputs": [as_json(given, datatype)]}, model=model, differs=differs)


def _values() -> Iterator[Case]:
    """Special values."""
    special = X.copy()
    special[0, 0, 0] = [math.inf, 0, math.nan, 1]
    special[0, 0, 2:] = -math.inf
    asked = [output(binary_data=True)]
    yield infer("infinities and NaN, binary", {"inputs": [as_binary(special)], "outputs": asked}, special.tobytes())
    yield infer("infinities and NaN, JSON", {"inputs": [as_json(special)]})
    small = np.full((1, 1, 2, 2), -0.0, np.float32)
    yield infer("negative zero", {"inputs": [as_binary(small)], "outputs": asked}, small.tobytes())
    tiny = np.full((1, 1, 2, 2), 1e-45, np.float32)
    yield infer("a subnormal number, JSON", {"inputs": [as_json(tiny)]})
    tenth = np.full((1, 1, 2, 2), 0.1, np.float32)
    yield infer("a number without exact decimals, JSON", {"inputs": [as_json(tenth)]})
    yield infer("FP32 out of range", {"inputs": [{**tensor(small), "data": [1e39] * 4}]}, differs="out-of-range")
    empty = np.zeros((0, 1, 4, 4), np.float32)
    yield infer("no elements, JSON", {"inputs": [as_json(empty)]})
    yield infer("no elements, binary", {"inputs": [as_binary(empty)]}, has_length=True)
    yield infer("no elements to binary", {"inputs": [as_json(empty)], "outputs": asked})


def _codings() -> Iterator[Case]:
    """Compressed requests and responses."""
    x = np.tile(X, (1, 64, 1, 1))
    raw = x.tobytes()
    document = {"inputs": [as_binary(x)], "outputs": [output(binary_data=True)]}
    plain = infer("", document, raw)

    def coded(name: str, coding: str, body: bytes, differs: str = "") -> Case:
        return Case(name, "POST", plain.path, body, {**plain.headers, "Content-Encoding": coding}, differs)

    deflated = zlib.compress(plain.body)
    yield coded("a gzip request", "gzip", gzip.compress(plain.body))
    yield coded("a deflate request", "deflate", deflated)
    yield coded("an identity request", "identity", plain.body)
    yield coded("a raw deflate request", "deflate", deflated[2:-4])
    yield coded("a corrupt gzip request", "gzip", b"\x1f\x8b" + b"\0" * 40)
    yield coded("an unknown coding", "br", plain.body, "unknown-coding")
    one = ("gzip", "deflate", "identity", "br", "*", "gzip;q=0", "gzip;q=0.1, deflate;q=0.9", "gzip;q=1, deflate;q=1")
    for text in (*one, "gzip, deflate", "gzip, deflate, br"):
        name, differs = f"Accept-Encoding: {text}", "" if text in one else "many-codings"
        yield infer(name, document, raw, headers={"Accept-Encoding": text}, differs=differs)
    yield infer("gzip, JSON", {"inputs": [as_json(x)]}, headers={"Accept-Encoding": "gzip"})
    small = {"inputs": [as_json(X)]}
    yield infer("gzip, small", small, headers={"Accept-Encoding": "gzip"}, differs="small-response")
    refused = {"inputs": [as_json(X, "FP32", "nothing")]}
    yield infer("gzip, refused", refused, headers={"Accept-Encoding": "gzip"})


def _parameters() -> Iterator[Case]:
    """Parameters with a meaning, and others."""
    given = {"inputs": [as_json(X)]}
    yield infer("a priority", {**given, "parameters": {"priority": 1}})
    yield infer("a timeout", {**given, "parameters": {"timeout": 10_000_000}})
    yield infer("a timeout of zero", {**given, "parameters": {"timeout": 0}})
    yield infer("a timeout that is no integer", {**given, "parameters": {"timeout": 0.5}}, differs="caller-fault")
    yield infer("a priority that is text", {**given, "parameters": {"priority": "high"}}, differs="caller-fault")
    yield infer("a negative priority", {**given, "parameters": {"priority": -1}}, differs="caller-fault")
    yield infer("a list of sizes", {**given, "parameters": {"kernel_size": [2, 2]}}, differs="list-parameter")
    yield infer("an unknown parameter", {**given, "parameters": {"kernal_size": 3}}, differs="unknown-parameter")
    yield infer("parameters that are a list", {**given, "parameters": [1]}, differs="caller-fault")
    yield infer("a window that does not fit", {**given, "parameters": {"kernel_size": 9}})
    yield infer("a sequence", {**given, "parameters": {"sequence_id": 7, "sequence_start": True}}, differs="sequence")
    top = [output(classification=2)]
    yield infer("the two largest", {**given, "outputs": top}, differs="classification-batch")
    every = {**given, "outputs": [output(classification=99)]}
    yield infer("more classes than elements", every, differs="classification-batch")
    negative = {**given, "outputs": [output(classification=-1)]}
    yield infer("a negative number of classes", negative, differs="caller-fault")


def _invalid_headers() -> Iterator[Case]:
    """Lengths that contradict the body."""
    raw = X.tobytes()
    document = {"inputs": [as_binary(X)]}
    name = "Inference-Header-Content-Length"
    for text in ("-1", "0", "99999", "99999999999", "1e3", "abc", ""):
        differs = "unchecked-length" if text == "1e3" else ""
        yield infer(f"{name}: {text}", document, raw, headers={name: text}, differs=differs)
    yield infer("a byte too few", document, raw[:-1])
    yield infer("a byte too many", document, raw + b"\0")
    wrong = {"inputs": [{**tensor(X), "parameters": {"binary_data_size": 60}}]}
    yield infer("a binary_data_size that contradicts the shape", wrong, raw[:60])
    yield Case("an empty body", "POST", "/v2/models/max_pool2d/infer", b"", {}, "")
    yield infer("binary tensors without the length", document, raw, has_length=False)


def _invalid_documents() -> Iterator[Case]:
    """Documents of another form."""
    given = as_json(X)
    fault = "caller-fault"
    yield infer("no JSON", b"{", differs=fault)
    yield infer("JSON with a tail", json.dumps({"inputs": [given]}).encode() + b" x", differs=fault)
    yield infer("an array", [], differs=fault)
    yield infer("no inputs", {}, differs=fault)
    yield infer("an empty list of inputs", {"inputs": []})
    yield infer("inputs that are an object", {"inputs": {}}, differs=fault)
    yield infer("an input that is text", {"inputs": ["input"]})
    yield infer("an id that is a number", {"id": 7, "inputs": [given]}, differs=fault)
    for key in ("name", "shape", "datatype", "data"):
        rest = {other: value for other, value in given.items() if other != key}
        yield infer(f"no {key}", {"inputs": [rest]}, differs="" if key == "data" else fault)
    yield infer("a name that is a number", {"inputs": [{**given, "name": 1}]}, differs=fault)
    yield infer("an unknown input", {"inputs": [as_json(X, "FP32", "nothing")]})
    yield infer("the same input twice", {"inputs": [given, given]})
    yield infer("one input too few", {"inputs": [given]}, model="max_unpool2d")
    yield infer("an unknown output", {"inputs": [given], "outputs": [output("nothing")]})
    yield infer(
        "the same output twice", {"inputs": [given], "outputs": [output(), output()]}, differs="duplicate-output"
    )
    yield infer("an output without a name", {"inputs": [given], "outputs": [{}]}, differs=fault)
    yield infer("binary_data as text", {"inputs": [given], "outputs": [output(binary_data="yes")]}, differs=fault)
    yield infer("both data and binary_data_size", {"inputs": [{**as_binary(X), **given}]}, X.tobytes())
    yield infer("a model that does not exist", {"inputs": [given]}, model="nothing")
    yield infer("a version that does not exist", {"inputs": [given]}, model="max_pool2d/versions/7")
    yield infer("a version that is no number", {"inputs": [given]}, model="max_pool2d/versions/x")
    start = b'{"inputs":[{"name":"input","shape":[1],"datatype":"FP32","data":'
    yield infer("lists 1,100 deep", start + b"[" * 1100 + b"1" + b"]" * 1100 + b"}]}")


def region(name: str, nbytes: int = 64, offset: int = 0) -> dict[str, object]:
    """The parameters of a tensor in shared memory."""
    found: dict[str, object] = {"shared_memory_region": name, "shared_memory_byte_size": nbytes}
    return {**found, "shared_memory_offset": offset} if offset else found


def _invalid_elements() -> Iterator[Case]:
    """Shapes and elements that contradict each other or their types."""

    def given(shape: Sequence[object], data: Sequence[object], datatype: str = "FP32") -> dict[str, object]:
        return {"inputs": [{"name": "input", "shape": shape, "datatype": datatype, "data": data}]}

    four, shape, fault = [1, 2, 3, 4], [1, 1, 2, 2], "caller-fault"
    for size in (-1, 2.0, True, "2", None, 2**64):
        yield infer(f"a size {size!r}", given([1, 1, 2, size], four), differs=fault)
    yield infer("a shape whose product overflows", given([16, 1, 1, 2**60 + 2], four), differs=fault)
    yield infer("fewer elements than the shape says", given(shape, four[:3]), differs=fault)
    yield infer("more elements than the shape says", given(shape, [*four, 5]), differs=fault)
    yield infer("lists of another form than the shape", given(shape, [[1, 2, 3], [4]]), differs="ragged")
    elements: tuple[object, ...] = ("1", None, True, {})
    for wrong in elements:
        yield infer(f"an element {wrong!r}", given(shape, [1, 2, 3, wrong]), differs=fault)
    overflow = json.dumps(given(shape, four)).replace("4]}", "1e400]}").encode()
    yield infer("an element 1e400", overflow, differs=fault)
    for number, model, differs in (
        (300, "max_pool2d.uint8", "out-of-range"),
        (-1, "max_pool2d.uint8", fault),
        (2**31, "max_pool2d.int32", "out-of-range"),
        (1.5, "max_pool2d.int32", fault),
    ):
        (datatype,) = INPUT_MODELS[model]
        document = given(shape, [1, 2, 3, number], datatype)
        yield infer(f"{datatype} {number}", document, model=model, differs=differs)
    yield infer("an unknown datatype", given(shape, four, "FLOAT"))
    yield infer("a datatype of texts", given(shape, ["a"] * 4, "BYTES"))
    yield infer("another datatype", given(shape, four, "INT64"), differs="any-datatype")
    yield infer("too few axes", given([4], four))
    yield infer("too many axes", given([1] * 65, [1]))


def _shared_memory() -> Iterator[Case]:
    """Tensors in shared memory: the regions are made by the caller, with X at the start of the first."""
    status = "/v2/systemsharedmemory"

    def register(name: str, key: str, nbytes: int = 4096, offset: int = 0) -> Case:
        body = json.dumps({"key": key, "offset": offset, "byte_size": nbytes}).encode()
        return Case(f"to register {name} as {key}", "POST", f"{status}/region/{name}/register", body)

    yield Case("no regions", "GET", f"{status}/status")
    yield register("given", f"/{GIVEN_REGION}")
    yield register("result", f"/{RESULT_REGION}")
    yield register("given", f"/{GIVEN_REGION}")
    yield Case("all regions", "GET", f"{status}/status")
    yield Case("one region", "GET", f"{status}/region/result/status")
    for key in ("/poolhouse-there-is-none", "///", "a/../b"):
        yield replace(register("other", key), differs="region-faults")
    yield replace(register("other", f"/{GIVEN_REGION}", 2**40), differs="region-faults")
    shared = {**tensor(X), "parameters": region("given")}
    written = [output(**region("result", 16, 16))]
    yield replace(infer("shared to JSON", {"inputs": [shared]}))
    yield replace(infer("shared to shared", {"inputs": [shared], "outputs": written}), region=RESULT_REGION)
    yield replace(
        infer("binary to shared", {"inputs": [as_binary(X)], "outputs": written}, X.tobytes()), region=RESULT_REGION
    )
    for name, parameters in (
        ("an unknown region", region("nothing")),
        ("a range past the end", region("given", 64, 4090)),
        ("an offset that overflows", region("given", 64, 2**63 - 32)),
    ):
        yield infer(name, {"inputs": [{**tensor(X), "parameters": parameters}]})
    small = {"inputs": [shared], "outputs": [output(**region("result", 8))]}
    yield infer("a result larger than its range", small, differs="region-faults")
    yield Case("to unregister one region", "POST", f"{status}/region/given/unregister")
    yield Case("to unregister an unknown region", "POST", f"{status}/region/nothing/unregister")
    yield Case("the region that is left", "GET", f"{status}/status")
    yield Case("to unregister all regions", "POST", f"{status}/unregister")
    yield Case("no regions again", "GET", f"{status}/status")
    yield Case("a region that does not exist", "GET", f"{status}/region/nothing/status")


def _information() -> Iterator[Case]:
    """Routes that tell about the server and its models."""
    model = "/v2/models/max_pool2d"
    own = frozenset({"platform", "properties"})
    # Of a model that is ready, ours is empty, and Triton leaves it out.
    reason = frozenset({"reason"})
    yield Case("the server", "GET", "/v2", members_only=True)
    yield Case("the server, with a slash", "GET", "/v2/", differs="slash")
    yield Case("live", "GET", "/v2/health/live", differs="health-body")
    yield Case("ready", "GET", "/v2/health/ready", differs="health-body")
    yield Case("a model is ready", "GET", f"{model}/ready", differs="health-body")
    yield Case("a version is ready", "GET", f"{model}/versions/1/ready", differs="health-body")
    yield Case("a model that does not exist is ready", "GET", "/v2/models/nothing/ready")
    yield Case("a version that does not exist is ready", "GET", f"{model}/versions/7/ready")
    for name in ("max_pool2d", "avg_pool1d", "max_unpool2d"):
        yield Case(f"the metadata of {name}", "GET", f"/v2/models/{name}", ignored=own)
    yield Case("the metadata of a version", "GET", f"{model}/versions/1", ignored=own)
    yield Case("the metadata of a model that does not exist", "GET", "/v2/models/nothing")
    yield Case("the configuration", "GET", f"{model}/config", members_only=True)
    yield Case("the configuration of a version", "GET", f"{model}/versions/1/config", members_only=True)
    yield Case("the configuration of a model that does not exist", "GET", "/v2/models/nothing/config")
    yield Case("the statistics", "GET", "/v2/models/stats", members_only=True)
    yield Case("the statistics of a model", "GET", f"{model}/stats", members_only=True)
    yield Case("the statistics of a version", "GET", f"{model}/versions/1/stats", members_only=True)
    yield Case("the statistics of a model that does not exist", "GET", "/v2/models/nothing/stats")
    yield Case("the repository", "POST", "/v2/repository/index", members_only=True, ignored=reason)
    yield Case(
        "the ready models of the repository",
        "POST",
        "/v2/repository/index",
        b'{"ready":true}',
        ignored=reason,
        members_only=True,
    )
    yield Case(
        "the repository with a wrong filter", "POST", "/v2/repository/index", b'{"ready":"x"}', differs="caller-fault"
    )
    yield Case("to load a model", "POST", "/v2/repository/models/max_pool2d/load", b"{}")
    yield Case("to unload a model", "POST", "/v2/repository/models/max_pool2d/unload", b"{}")
    yield Case("the settings of the trace", "GET", "/v2/trace/setting", members_only=True)
    yield Case("the settings of the log", "GET", "/v2/logging", members_only=True)
    yield Case("the regions on GPUs", "GET", "/v2/cudasharedmemory/status")
    yield Case("a path that does not exist", "GET", "/v2/nothing")
    yield Case("a wrong method", "GET", f"{model}/infer")
    yield Case("another wrong method", "POST", model)
    yield Case("Accept-Encoding on the server", "GET", "/v2", headers={"Accept-Encoding": "gzip"}, members_only=True)
