"""The request of each call, and how its response is read, without a transport."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.calls import (
    PoolCall,
    catalogue_request,
    format_field,
    parse_server_timing,
    read_summaries,
)
from poolhouse.client.errors import UnexpectedAnswer
from poolhouse.client.exchange import Response
from poolhouse.client.plans import plan_request
from poolhouse.client.results import OperatorSummary, Pooled
from poolhouse.dtypes import FLOAT64, INT64
from poolhouse.errors import Unprocessable
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.safetensors import SAFETENSORS

OUTPUT: Mapping[str, object] = {"name": "output", "dtype": "uint8", "shape": [4], "start": 0, "end": 4}
OUTPUT_3: Mapping[str, object] = {**OUTPUT, "shape": [1, 3], "end": 3}


def respond(
    call: PoolCall, rows: object, body: bytes, headers: Mapping[str, str] | None = None
) -> Pooled[object, object]:
    """Read a response to the call, received as a transport receives it."""
    received = {"content-length": str(len(body)), "tensor-metadata": json.dumps(rows), **(headers or {})}
    assert call.request.allocate_body is not None
    buffers = call.request.allocate_body(200, received, call.request.max_response_bytes)
    assert buffers is not None
    for buffer in buffers:
        buffer[:], body = body[: len(buffer)], body[len(buffer) :]
    return call.read_result(Response(200, received, buffers))


def document_response(document: object) -> Response:
    """A response with a JSON document."""
    return Response(200, {}, (memoryview(json.dumps(document).encode()),))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (-3, "-3"),
        (np.int8(-3), "-3"),
        (True, "true"),
        (np.False_, "false"),
        (0.1, "0.1"),
        (np.float32(0.5), "0.5"),
        (1e300, "1e+300"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ("same", "same"),
        ((3, 2), "3,2"),
        ([None, 2], "null,2"),
        ([True, 1.5], "true,1.5"),
        ((), ""),
        ([[1, 0], (2, 1)], "1:0,2:1"),
        (((1, 0),), "1:0"),
    ],
    ids=repr,
)
def test_a_field_has_one_text(value: object, text: str) -> None:
    """True is an int in Python, and numpy's numbers print their type; the wire has neither."""
    assert format_field("kernel_size", value) == text


@pytest.mark.parametrize("value", [None, {"a": 1}, b"3", 3j, object(), np.zeros(2)], ids=lambda value: str(type(value)))
def test_a_value_that_no_field_can_have_is_refused_with_its_name(value: object) -> None:
    """Its text would be a Python expression, which the server would refuse with a text of its own."""
    with pytest.raises(Unprocessable, match=r"^kernel_size is a \w+; give a number") as caught:
        format_field("kernel_size", value)

    assert caught.value.code == "invalid_fields"


@pytest.mark.parametrize("entry", [[1, 2], (1,), [], np.zeros(2)], ids=repr)
def test_a_list_in_a_list_is_refused(entry: object) -> None:
    """Flattened, it would be another valid value: ``[[1, 2], [3]]`` would pool with ``1,2,3``."""
    for field in ([3, entry], (3, entry)):
        with pytest.raises(Unprocessable, match=r"^kernel_size\[1\] is a \w+; give a number") as caught:
            PoolCall("max_pool1d", {"input": [[1.0]]}, {"kernel_size": field})

        assert caught.value.code == "invalid_fields"


@pytest.mark.parametrize(
    "make",
    [
        lambda: PoolCall("max_pool1d", {"input": [[1.0]]}, {"mode": "a\ud800"}),
        lambda: PoolCall("max_pool1d", {"input": [[1.0]]}, {"a\ud800": 1}),
        lambda: PoolCall("a\ud800", {"input": [[1.0]]}, {}),
        lambda: plan_request("max_pool1d", (1, 1), "float32", {"mode": "a\ud800"}),
        lambda: plan_request("a\ud800", (1, 1), "float32", {}),
        lambda: catalogue_request("a\ud800"),
    ],
    ids=["value", "name", "operator", "value of a plan", "operator of a plan", "operator of the catalogue"],
)
def test_a_lone_surrogate_is_refused(make: Callable[[], object]) -> None:
    """It has no bytes in UTF-8, so the request could not be sent."""
    with pytest.raises(Unprocessable, match=r"^'a\\ud800' has a lone surrogate") as caught:
        make()

    assert caught.value.code == "invalid_fields"


@given(
    operator=st.text(),
    fields=st.dictionaries(st.text(min_size=1).filter(lambda name: name not in ("shape", "dtype")), st.text()),
)
def test_any_operator_and_field_arrives_as_it_was_given(operator: str, fields: dict[str, str]) -> None:
    """A ``&``, a ``#`` or a line end in them must not start another field, or another header."""
    fields = {"kernel_size": "2", **fields}
    for request, more in (
        (PoolCall(operator, {"input": [[1.0]]}, fields).request, {"shape": ["1,1"], "dtype": ["float64"]}),
        (plan_request(operator, (1, 1), "float32", fields), {}),
    ):
        path, _, query = request.target.partition("?")

        assert re.fullmatch(r"[!-~]+", request.target)
        assert unquote(path) == f"/v1/{'plan' if not more else 'pool'}/{operator}"
        assert path.count("/") == 3
        assert parse_qs(query, keep_blank_values=True, strict_parsing=True) == {
            **more,
            **{name: [text] for name, text in fields.items()},
        }


def test_a_field_that_is_none_is_left_out() -> None:
    """The service fills in its default."""
    call = PoolCall("max_pool1d", {"input": [[1.0]]}, {"kernel_size": 2, "stride": None, "padding": [None, 0]})

    assert call.request.target == "/v1/pool/max_pool1d?shape=1,1&dtype=float64&kernel_size=2&padding=null,0"
    assert plan_request("max_pool1d", (1, 1), "float32", {"stride": None}).target == "/v1/plan/max_pool1d"


def test_one_input_is_sent_as_its_own_bytes() -> None:
    """The body is the memory of the caller's array."""
    x = np.arange(6, dtype=np.int16).reshape(2, 3)

    request = PoolCall("max_pool1d", {"input": x}, {}).request

    (body,) = request.body
    assert np.shares_memory(np.frombuffer(body, np.int16), x)
    assert request.target == "/v1/pool/max_pool1d?shape=2,3&dtype=int16"
    assert dict(request.headers) == {"Content-Type": "application/octet-stream", "Accept": "application/octet-stream"}


def test_several_inputs_are_sent_as_safetensors() -> None:
    """Raw elements have no names. Indices stay integers, whatever the caller's lists would become as an input."""
    request = PoolCall("max_unpool1d", {"input": [[1]], "indices": [[0]]}, {"kernel_size": 2}).request

    message = SAFETENSORS.decode(memoryview(b"".join(request.body)), {}, 9999)
    assert {name: tensor.metadata for name, tensor in message.tensors.items()} == {
        "input": TensorMetadata(FLOAT64, (1, 1)),
        "indices": TensorMetadata(INT64, (1, 1)),
    }
    assert request.target == "/v1/pool/max_unpool1d?kernel_size=2"
    assert request.headers[0] == ("Content-Type", SAFETENSORS.encode(message).media_type)


@pytest.mark.parametrize("field", ["shape", "dtype"])
def test_shape_and_dtype_are_refused_as_fields(field: str) -> None:
    """In the query they would replace those of the input."""
    with pytest.raises(Unprocessable, match=f"{field} is not a field of max_pool1d") as caught:
        PoolCall("max_pool1d", {"input": [[1.0]]}, {"kernel_size": 2, field: "int32"})

    assert caught.value.code == "invalid_fields"


def test_each_output_has_memory_of_its_own() -> None:
    """Aligned, though the indices begin after an odd number of bytes; the optional headers describe them."""
    rows = [OUTPUT_3, {"name": "indices", "dtype": "int64", "shape": [1, 3], "start": 3, "end": 27}]
    body = bytes([7, 8, 9]) + np.arange(3).tobytes()
    headers = {
        "pool-seed": "5",
        "server-timing": "queue;dur=1.5",
        "x-request-id": "r1",
        "pool-warning": '"a, b", "c\\u001b"',
    }

    pooled = respond(PoolCall("max_pool1d", {"input": np.zeros((1, 3), np.uint8)}, {}), rows, body, headers)

    assert np.asarray(pooled.output).tolist() == [[7, 8, 9]]
    assert np.asarray(pooled.indices).tolist() == [[0, 1, 2]]
    assert np.asarray(pooled.indices).flags.aligned
    assert (pooled.seed, pooled.timings, pooled.request_id) == (5, {"queue": 1.5}, "r1")
    assert pooled.warnings == ("a, b", "c\\u001b"), "escaped, since it is printed"


def test_without_an_output_of_this_name_the_first_is_the_output() -> None:
    """Only where the caller asked for outputs that are named by modes; elsewhere another name is no pooling."""
    rows = [{**OUTPUT, "name": "mean"}, {**OUTPUT, "name": "max", "start": 4, "end": 8}]

    for concat in (False, np.False_, "false"):
        pooled = respond(PoolCall("token_pool", {"input": [[1.0]]}, {"concat": concat}), rows, b"abcdefgh")

        assert pooled.output == list(b"abcd")
        assert pooled.outputs == {"mean": list(b"abcd"), "max": list(b"efgh")}
    for fields in ({}, {"concat": None}, {"concat": True}):
        with pytest.raises(UnexpectedAnswer, match="no output"):
            respond(PoolCall("token_pool", {"input": [[1.0]]}, fields), rows, b"abcdefgh")


@pytest.mark.parametrize(
    "rows",
    [
        None,
        [],
        {},
        [7],
        [{"name": "output", "dtype": "float32", "shape": [10**12]}],
        [{"name": "output", "dtype": "float99", "shape": [1]}],
        [{"name": "output", "dtype": "uint8", "shape": [-4]}],
        [{**OUTPUT, "shape": [True]}],
        [{**OUTPUT, "shape": [4.0]}],
        [{**OUTPUT, "start": 1, "end": 5}],
        [{**OUTPUT, "start": 1}],
        [{**OUTPUT, "end": 3}],
        [{**OUTPUT, "name": 3}],
        [OUTPUT, {**OUTPUT, "start": 4, "end": 8}],
    ],
    ids=str,
)
def test_memory_is_not_allocated_for_an_announced_size(rows: object) -> None:
    """The metadata must agree with the length before memory is allocated."""
    with pytest.raises(UnexpectedAnswer, match="Tensor-Metadata"):
        respond(PoolCall("max_pool1d", {"input": [[1.0]]}, {}), rows, b"abcd")


@pytest.mark.parametrize("announced", [None, "5", "3", "04", ""])
def test_the_metadata_agree_with_the_length_if_there_is_one(announced: str | None) -> None:
    """A proxy may have removed it; the transport then refuses what does not fit."""
    allocate = PoolCall("max_pool1d", {"input": [[1.0]]}, {}).request.allocate_body
    headers = {"tensor-metadata": json.dumps([OUTPUT])}
    assert allocate is not None

    if announced is None:
        assert list(map(len, allocate(200, headers, 4) or ())) == [4]
        with pytest.raises(UnexpectedAnswer, match=r"has 4 bytes.*at most 3"):
            allocate(200, headers, 3)
    else:
        with pytest.raises(UnexpectedAnswer, match="Tensor-Metadata"):
            allocate(200, {**headers, "content-length": announced}, 4)


def test_a_refusal_is_collected_as_a_document() -> None:
    """Its headers describe no tensor."""
    allocate = PoolCall("max_pool1d", {"input": [[1.0]]}, {}).request.allocate_body

    assert allocate is not None
    assert allocate(422, {}, 4) is None


@pytest.mark.parametrize("shape", [[1] * 100, [0, 10**30]])
def test_a_shape_that_no_array_has_is_refused(shape: list[int]) -> None:
    """Its bytes fit, so only numpy can tell."""
    nbytes = math.prod(shape)

    with pytest.raises(UnexpectedAnswer, match="which no array can have"):
        respond(
            PoolCall("max_pool1d", {"input": [[1.0]]}, {}), [{**OUTPUT, "shape": shape, "end": nbytes}], bytes(nbytes)
        )


def test_an_attempt_does_not_return_the_tensors_of_an_earlier_one() -> None:
    """A retried call could otherwise return memory that was filled in part."""
    call = PoolCall("max_pool1d", {"input": np.zeros((1, 3), np.uint8)}, {})
    first = respond(call, [OUTPUT], b"abcd")

    second = respond(call, [OUTPUT], b"efgh")

    assert np.asarray(first.output).tobytes() == b"abcd"
    assert np.asarray(second.output).tobytes() == b"efgh"
    with pytest.raises(UnexpectedAnswer, match="no output"):
        respond(call, [{**OUTPUT, "name": "indices"}], b"abcd")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("decode;dur=0.25, queue;dur=1, compute;dur=2e1", {"decode": 0.25, "queue": 1.0, "compute": 20.0}),
        ('cache;desc="a", total, db;dur=', {}),
        ("a;dur=nan,b;dur=inf,c;dur=1e999,d;dur=3", {"d": 3.0}),
        ("", {}),
    ],
)
def test_invalid_timings_are_left_out(text: str, found: dict[str, float]) -> None:
    """They are optional, and a proxy may add its own."""
    assert parse_server_timing(text) == found


ROW: Mapping[str, object] = {"name": "max_pool1d", "rank": 1, "summary": "s", "fields": ["kernel_size"]}


def test_a_catalogue_is_read_whole_or_refused() -> None:
    """A part of it must not be returned as the whole."""
    summary = OperatorSummary("max_pool1d", 1, "s", ("kernel_size",))
    assert read_summaries(document_response({"operators": [ROW, ROW]})) == (summary, summary)
    assert read_summaries(document_response({"operators": []})) == ()

    invalid: list[object] = [None, {}, [ROW, 3], [ROW, {**ROW, "name": 3}]]
    for rows in (*invalid, [{**ROW, "rank": "1"}], [{**ROW, "fields": "a"}]):
        with pytest.raises(UnexpectedAnswer, match="not a list of operators"):
            read_summaries(document_response({"operators": rows}))
    with pytest.raises(UnexpectedAnswer, match="not a JSON object"):
        read_summaries(document_response([ROW]))


@pytest.mark.parametrize(
    ("operator", "target"), [(None, "/v1/operators"), ("max", "/v1/operators/max"), ("a/?b", "/v1/operators/a%2F%3Fb")]
)
def test_the_catalogue_is_requested_whole_or_for_one_operator(operator: str | None, target: str) -> None:
    """A name with a slash must not reach another path."""
    request = catalogue_request(operator)

    assert (request.method, request.target, request.body) == ("GET", target, ())
