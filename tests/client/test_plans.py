"""The request of a plan, and how its response is read, without a transport."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
import torch

from poolhouse.client.errors import UnexpectedAnswer
from poolhouse.client.exchange import Response
from poolhouse.client.plans import PlannedTensors, plan_request, read_plan
from poolhouse.dtypes import FLOAT32
from poolhouse.errors import Unprocessable
from poolhouse.tensors import TensorMetadata


def document_response(document: object) -> Response:
    """A response with a JSON document."""
    return Response(200, {}, (memoryview(json.dumps(document).encode()),))


def test_a_plan_of_an_operator_with_indices_has_them() -> None:
    """They have the shape of the input, so the caller need not name it twice."""
    for operator, has_indices in (("max_pool1d", False), ("max_unpool1d", True)):
        request = plan_request(operator, (2, 3), np.float32, {"kernel_size": (2,)})

        document = json.loads(b"".join(request.body))
        assert document.pop("input") == {"shape": [2, 3], "dtype": "float32"}
        assert document == ({"indices": {"shape": [2, 3], "dtype": "int64"}} if has_indices else {})
        assert request.target == f"/v1/plan/{operator}?kernel_size=2"


def test_a_plan_is_asked_for_with_the_shapes_of_all_tensors() -> None:
    """Only fields are in the query."""
    request = plan_request("span_pool", (9, 4), "float16", {"modes": ["mean", "max"]}, {"spans": (5, 2)})

    assert json.loads(b"".join(request.body)) == {
        "input": {"shape": [9, 4], "dtype": "float16"},
        "spans": {"shape": [5, 2], "dtype": "int64"},
    }
    assert request.target == "/v1/plan/span_pool?modes=mean,max"


@pytest.mark.parametrize(
    ("operator", "tensors", "expected"),
    [
        ("max_unpool1d", None, {"indices": {"shape": [2, 3], "dtype": "int64"}}),
        ("max_unpool1d", {"indices": (4,)}, {"indices": {"shape": [4], "dtype": "int64"}}),
        ("token_pool", None, {}),
        ("token_pool", {"mask": (2,)}, {"mask": {"shape": [2], "dtype": "int64"}}),
        ("token_pool", {"mask": ((2,), np.bool_)}, {"mask": {"shape": [2], "dtype": "bool"}}),
        ("token_pool", {"weights": [2]}, {"weights": {"shape": [2], "dtype": "float32"}}),
        ("span_pool", {"spans": (5, 2)}, {"spans": {"shape": [5, 2], "dtype": "int64"}}),
        ("span_pool", {"spans": ((5, 2), "int64")}, {"spans": {"shape": [5, 2], "dtype": "int64"}}),
        ("roi_align", {"boxes": (torch.Size([7, 5]), torch.float64)}, {"boxes": {"shape": [7, 5], "dtype": "float64"}}),
        ("pool_of_a_newer_service", {"spans": (np.int64(5), 2)}, {"spans": {"shape": [5, 2], "dtype": "int64"}}),
    ],
)
def test_a_plan_has_the_shape_of_every_tensor(
    operator: str, tensors: PlannedTensors | None, expected: dict[str, object]
) -> None:
    """With the element type that lists become if none is given; two sizes are no pair of shape and type."""
    request = plan_request(operator, (2, 3), "float16", {}, tensors)

    assert json.loads(b"".join(request.body)) == {"input": {"shape": [2, 3], "dtype": "float16"}, **expected}


@pytest.mark.parametrize(
    ("operator", "tensors", "code", "message"),
    [
        (
            "span_pool",
            None,
            "missing_tensor",
            'span_pool needs spans; give its shape, such as tensors={"spans": (500, 2)}',
        ),
        ("roi_pool", {}, "missing_tensor", 'roi_pool needs boxes; give its shape, such as tensors={"boxes": (100, 5)}'),
        ("token_pool", {"masks": (2,)}, "unknown_tensor", "there is no tensor 'masks'"),
        ("token_pool", {"masks": (2,)}, "unknown_tensor", "token_pool takes mask, weights, offsets beside input"),
        ("max_pool2d", {"input": (2,)}, "unknown_tensor", "the shape of input is given as shape"),
    ],
)
def test_a_plan_with_other_tensors_is_refused(
    operator: str, tensors: PlannedTensors | None, code: str, message: str
) -> None:
    """The message says what to write."""
    with pytest.raises(Unprocessable) as refused:
        plan_request(operator, (2, 3), "float32", {}, tensors)

    assert refused.value.code == code
    assert message in refused.value.detail


def test_a_tensor_among_the_fields_of_a_plan_is_refused() -> None:
    """The shape would be sent as a list of numbers, and the service would speak of fields."""
    with pytest.raises(
        Unprocessable, match=r'mask is a tensor; give its shape, such as tensors=\{"mask": \(8, 512\)\}'
    ):
        plan_request("token_pool", (9, 4), "float32", {"modes": "mean", "mask": (8, 512)})

    assert plan_request("token_pool", (9, 4), "float32", {"mask": None}).target == "/v1/plan/token_pool"
    assert plan_request("max_pool2d", (9, 4), "float32", {"mask": True}).target == "/v1/plan/max_pool2d?mask=true"


PLAN: Mapping[str, object] = {
    "operator": "max_pool1d",
    "spec": {"stride": 2},
    "outputs": {"output": {"dtype": "float32", "shape": [1, 0]}},
    "input_bytes": 8,
    "output_bytes": 0,
    "warnings": ["a\n"],
}


def test_a_plan_is_read_from_its_document() -> None:
    """Its texts can be printed; the document is unchanged."""
    plan = read_plan(document_response(PLAN))

    assert (plan.operator, plan.spec, plan.input_bytes, plan.output_bytes) == ("max_pool1d", {"stride": 2}, 8, 0)
    assert plan.outputs == {"output": TensorMetadata(FLOAT32, (1, 0))}
    assert plan.warnings == ("a\\n",)
    assert plan.document == PLAN


@pytest.mark.parametrize(
    "changed",
    [
        {"operator": 3},
        {"spec": []},
        {"warnings": "a"},
        {"outputs": []},
        {"outputs": {}},
        {"outputs": {"output": {"dtype": "float32", "shape": [1]}, "indices": 3}},
        {"outputs": {"output": {"dtype": "float99", "shape": [1]}}},
        {"input_bytes": True},
        {"output_bytes": -1},
        {"output_bytes": 1.0},
    ],
    ids=str,
)
def test_a_plan_that_is_wrong_in_part_is_refused(changed: dict[str, object]) -> None:
    """A caller allocates memory by it, so no part may be left out or become zero."""
    with pytest.raises(UnexpectedAnswer, match="not a plan"):
        read_plan(document_response({**PLAN, **changed}))
