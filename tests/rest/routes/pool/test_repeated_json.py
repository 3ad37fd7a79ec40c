"""JSON bodies that repeat an earlier one but for their elements: the same results, and the same refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import PoolhouseError
from poolhouse.rest.http.head import Head
from poolhouse.rest.routes.pool.body_format import Decoded
from poolhouse.rest.routes.pool.tensor_format import TensorFormat
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.wire.json import compiled_reader

SETTINGS = Settings.model_validate({"device": "cpu"})
POOLING = PoolingService.from_settings(SETTINGS)
ROWS = [[[[1, 2.5, -0.0, 4], [5, 6, 7, 8]]]]


def new_format() -> TensorFormat:
    """A format that remembers nothing yet."""
    return TensorFormat(POOLING, SETTINGS)


def decode(
    body_format: TensorFormat, body: object, operator: str = "max_pool2d", query: str = "", **headers: str
) -> Decoded:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content-type": "application/json", "content-length": str(len(text)), **headers}
    pairs = [(name.encode(), value.encode()) for name, value in given.items()]
    head = Head("POST", f"/v1/pool/{operator}?{query}".encode(), "1.1", pairs, keeps_alive=True)
    return body_format.decode(body_format.plan_of(head, operator), memoryview(text), 0)


def outcome(body_format: TensorFormat, body: object, operator: str = "max_pool2d", query: str = "") -> object:
    """All that a response depends on, or the refusal."""
    try:
        decoded = decode(body_format, body, operator, query)
    except PoolhouseError as refused:
        return type(refused), str(refused), refused.problems
    prepared = decoded.prepared
    elements = {name: (each.dtype.name, each.shape, each.array.tobytes()) for name, each in prepared.tensors.items()}
    return prepared.plan, elements, prepared.headers, prepared.extra_bytes, decoded.text_bytes


@contextmanager
def unplanned() -> Iterator[None]:
    """Fail if a request is planned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PoolingService, "plan_message", lambda *_: pytest.fail("it was planned again"))
        yield


def test_a_body_with_other_elements_is_not_planned_again() -> None:
    """Planning takes longer than pooling a small tensor."""
    body_format = new_format()
    decode(body_format, {"input": ROWS, "kernel_size": 2})

    with unplanned():
        repeated = decode(body_format, {"input": [[[[9, 8, 7, 6], [1, 2, 3, -1e3]]]], "kernel_size": 2})

    assert repeated.prepared.tensors["input"].array.tolist() == [[[[9, 8, 7, 6], [1, 2, 3, -1e3]]]]
    assert repeated.prepared.plan.outputs["output"].shape == (1, 1, 1, 2)


BODIES: list[object] = [
    {"input": ROWS, "kernel_size": 2},
    {"input": ROWS, "kernel_size": 2.0},
    {"input": ROWS, "kernel_size": True},
    {"input": ROWS, "kernel_size": [2, 1]},
    {"kernel_size": 2, "input": ROWS},
    {"input": ROWS, "kernel_size": 2, "encoding": "base64"},
    {"input": ROWS, "kernel_size": 2, "encoding": "other"},
    {"input": {"data": ROWS, "dtype": "int8"}, "kernel_size": 2},
    {"input": {"data": ROWS, "dtype": "float16"}, "kernel_size": 2},
    {"input": {"data": [1, 2, 3, 4, 5, 6, 7, 8], "shape": [1, 1, 2, 4]}, "kernel_size": 2},
    {"input": {"data": [1, 2, 3, 4, 5, 6, 7], "shape": [1, 1, 2, 4]}, "kernel_size": 2},
    {"input": {"data": [1, 2, 3, 4, 5, 6, 7, 1e39], "shape": [1, 1, 2, 4]}, "kernel_size": 2},
    {"input": {"base64": "AACAPwAAAEA=", "shape": [1, 1, 2]}, "kernel_size": 2},
    {"input": {"base64": "AACAPwAAAEA=", "shape": [1, 2, 1]}, "kernel_size": 2},
    {"input": [[[[1, 2], [3, 4], [5, 6], [7, 8]]]], "kernel_size": 2},
    {"input": [[[1, 2, 3, 4], [5, 6, 7, 8]]], "kernel_size": 2},
    {"input": [[[[1, 2, 3, 4], [5, 6, 7]]]], "kernel_size": 2},
    {"input": [[[[1, 2, 3, 4], [5, 6, 7, "8"]]]], "kernel_size": 2},
    {"input": [[[[1, 2, 3, 4], [5, 6, 7, "NaN"]]]], "kernel_size": 2},
    {"input": [[[[1, 2, 3, 4], [5, 6, 7, [8]]]]], "kernel_size": 2},
    {"input": [[[[1, 2, 3, True], [5, 6, 7, 8]]]], "kernel_size": 2},
    {"input": {"data": [[[[1, 2, 3, 2.5], [5, 6, 7, 8]]]], "dtype": "int8"}, "kernel_size": 2},
    {"input": {"data": [[[[1, 2, 3, 128], [5, 6, 7, 8]]]], "dtype": "int8"}, "kernel_size": 2},
    {"input": [], "kernel_size": 2},
    {"input": [[[[1, 2, 3, 4], [5, 6, 7, 8]]]], "kernel_size": 2, "indices": [[[[1, 2]]]]},
    b'{"input": [[[[1, 2, 3, 4], [5, 6, 7, 8]]]], "kernel_size": 2, "kernel_size": 2}',
    b'{"input": [[[[1, 2, 3, 4], [5, 6, 7, 8]]]], "input": [[[[1, 2, 3, 4], [5, 6, 7, 8]]]], "kernel_size": 2}',
    b'{"input": [[[[1, 2, 3, 4], [5, 6, 7, 8]]]], "kernel_size": 2',
    b'{"input": [[[[1, 2, 3, 4], [5, 6, 7, 8]]]], "kernel_size": 2}\n ',
    b'{"input": [[[[1, 2, 3, 4], [5, 6, 7, 8]]]], "kernel_size": 2}}',
    b'{"input": [[[[1, 2, 3, 4], [5, 6, 7, 08]]]], "kernel_size": 2}',
]


@given(st.lists(st.tuples(st.integers(0, len(BODIES) - 1), st.sampled_from(["", "stride=1", "kernel_size=2"]))))
def test_what_came_before_does_not_change_an_outcome(requests: list[tuple[int, str]]) -> None:
    """Bodies that differ in a field, a type or a size have plans of their own, and a wrong element is refused."""
    body_format = new_format()

    for number, query in requests:
        assert outcome(body_format, BODIES[number], query=query) == outcome(new_format(), BODIES[number], query=query)


def test_two_lists_with_other_sizes_are_planned_again() -> None:
    """The sizes of one list must not be taken for those of the other."""
    body_format = new_format()
    indices = [[[[0, 2]]]]

    for x in ([[[[1.0, 2.0]]]], [[[[3.0]], [[4.0]]]]):
        body = {"input": x, "indices": indices, "kernel_size": 2}
        assert outcome(body_format, body, "max_unpool2d") == outcome(new_format(), body, "max_unpool2d")


MASKS: list[object] = [[[1, 0]], [[True, False]], [[0, 1]], [[False, True]], [[True, 1]], {"data": [[True, 1]]}]


@given(st.lists(st.integers(0, len(MASKS) - 1), min_size=2, max_size=6))
def test_a_mask_of_booleans_is_no_mask_of_integers(masks: list[int]) -> None:
    """Their texts have the same sizes, and equal each other without the elements."""
    body_format = new_format()

    for number in masks:
        body = {"input": [[[1.0], [2.0]]], "mask": MASKS[number]}
        assert outcome(body_format, body, "token_pool") == outcome(new_format(), body, "token_pool")


@pytest.mark.parametrize("last", [1, 4, 2])
def test_fields_that_elements_determine_are_read_each_time(last: int) -> None:
    """The number of segments is one more than the greatest of their numbers."""
    decoded = decode(SEGMENTS_FORMAT, {"input": [[1.0], [2.0]], "segments": [0, last], "reduce": "sum"}, "segment_pool")

    assert decoded.prepared.plan.outputs["output"].shape == (last + 1, 1)


SEGMENTS_FORMAT = new_format()


def test_work_that_elements_determine_is_planned_each_time() -> None:
    """A large box takes more than a small one, and is planned as if it came alone."""
    body_format, steps = new_format(), []
    x = np.zeros((1, 1, 40, 40)).tolist()

    for size in (4.0, 39.0):
        body = {"input": x, "boxes": [[0, 0, 0, size, size]], "output_size": 2}
        assert outcome(body_format, body, "roi_align") == outcome(new_format(), body, "roi_align")
        steps.append(decode(body_format, body, "roi_align").prepared.plan.steps)

    assert steps[0] < steps[1]


def test_each_request_draws_a_seed_of_its_own() -> None:
    """Two random poolings with one seed would be the same."""
    body_format = new_format()
    body = {"input": [[[[1, 2, 3, 4]] * 4]], "kernel_size": 2, "output_size": 2}

    seeds = {decode(body_format, body, "fractional_max_pool2d").prepared.headers["Pool-Seed"] for _ in range(3)}

    assert len(seeds) == 3


@pytest.mark.parametrize("accept", ["application/json", "application/octet-stream"])
def test_another_accept_gets_another_format(accept: str) -> None:
    """What is remembered of a body holds for its head alone."""
    body_format = new_format()
    decode(body_format, {"input": ROWS, "kernel_size": 2}, accept="application/x-npy")

    decoded = decode(body_format, {"input": ROWS, "kernel_size": 2}, accept=accept)

    output = {"output": decoded.prepared.tensors["input"]}
    assert decoded.encode(output, 0.0, 0.0).media_type == accept


@pytest.mark.parametrize(("spaces", "accept"), [(1100, "*/*"), (1, "application/json" + ", x/y" * 200)])
def test_long_texts_are_not_remembered(spaces: int, accept: str) -> None:
    """All texts together must stay small."""
    body_format = new_format()
    body = json.dumps({"input": ROWS, "kernel_size": 2}).replace(" ", " " * spaces, 1).encode()

    for _ in range(2):
        assert decode(body_format, body, accept=accept).prepared.plan.outputs["output"].shape == (1, 1, 1, 2)
    with pytest.raises(pytest.fail.Exception, match="planned again"), unplanned():
        decode(body_format, body, accept=accept)


def test_without_compiled_loops_the_results_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service runs without numba, too."""
    compiled = decode(new_format(), {"input": ROWS, "kernel_size": 2})
    monkeypatch.setattr(compiled_reader, "is_ready", lambda: False)
    plain = decode(new_format(), {"input": ROWS, "kernel_size": 2})

    assert np.array_equal(plain.prepared.tensors["input"].array, compiled.prepared.tensors["input"].array)
    assert plain.prepared.plan == compiled.prepared.plan
