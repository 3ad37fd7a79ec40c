"""The tensors beside ``input``: which keywords name one, and how they are sent."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

from poolhouse.client.adapters import FRAMEWORKS
from poolhouse.client.calls import PoolCall
from poolhouse.client.companions import join_tensors, split_keywords
from poolhouse.client.operators import COMPANIONS, AsyncOperators, Operators
from poolhouse.client.pictures import Picture
from poolhouse.errors import Unprocessable
from poolhouse.operators.catalogue import discover
from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.tensors import Tensor
from poolhouse.wire.images.header import UINT8
from poolhouse.wire.images.png_writer import encode_png
from poolhouse.wire.safetensors import SAFETENSORS

CATALOGUE = discover()


def test_the_table_is_that_of_the_catalogue() -> None:
    """It is generated; the client decides by it what a keyword is."""
    declared = {
        member.name: {each.name: each.is_required for each in member.companions}
        for member in CATALOGUE
        if member.companions
    }

    assert declared == COMPANIONS
    assert {name for taken in COMPANIONS.values() for name in taken} <= TENSOR_TYPES.keys()


@pytest.mark.parametrize("operator", COMPANIONS)
def test_a_required_tensor_follows_the_input_and_an_optional_one_is_a_keyword(operator: str) -> None:
    """Callers write ``client.span_pool(x, spans, mask=mask)``."""
    framework, _, name = operator.rpartition(".")
    for methods in [FRAMEWORKS[framework]] if framework else [Operators, AsyncOperators]:
        parameters = inspect.signature(getattr(methods, name)).parameters

        required = [each for each, is_required in COMPANIONS[operator].items() if is_required]
        assert list(parameters)[: 2 + len(required)] == ["self", "input", *required]
        for each in COMPANIONS[operator].keys() - set(required):
            assert parameters[each].kind is inspect.Parameter.KEYWORD_ONLY
            assert parameters[each].default is None


@pytest.mark.parametrize("value", [[[0, 1]], (1, 0), np.zeros(2), torch.zeros(2)], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("operator", ["token_pool", "max_pool2d", "pool_of_a_newer_service"])
def test_a_keyword_with_the_name_of_a_tensor_is_one(operator: str, value: object) -> None:
    """Whether the operator takes it is for the service to say, which may be newer."""
    tensors, fields = split_keywords(operator, {"mask": value, "modes": "mean"})

    assert list(tensors) == ["mask"]
    assert tensors["mask"] is value
    assert fields == {"modes": "mean"}


@pytest.mark.parametrize("value", [True, 3, 0.5, "a", np.float32(1), None], ids=repr)
def test_a_number_is_a_tensor_only_where_the_operator_takes_it(value: object) -> None:
    """Of ``mask=True`` for max_pool2d the service says that the field is called return_indices."""
    assert split_keywords("max_pool2d", {"mask": value}) == ({}, {"mask": value})
    assert split_keywords("token_pool", {"mask": value})[0] == ({} if value is None else {"mask": value})


@pytest.mark.parametrize(
    ("name", "hint"),
    [("masks", "did you mean mask?"), ("everything", "beside input it takes mask, weights, offsets.")],
)
def test_an_array_with_an_unknown_name_is_refused(name: str, hint: str) -> None:
    """As a field it would be refused for its type, which would not help."""
    with pytest.raises(
        Unprocessable, match=f"^{name} is an array, but token_pool takes no tensor of this name; "
    ) as refused:
        split_keywords("token_pool", {name: np.zeros(2)})

    assert hint in refused.value.detail
    assert refused.value.code == "invalid_fields"


def test_the_tensors_of_an_input_come_before_those_of_all_inputs() -> None:
    """Each batch has a mask of its own, and all may have the same boxes."""
    named = {"mask": [1], "input": [2.0]}

    assert join_tensors([2.0], {"mask": [0]}) == {"input": [2.0], "mask": [0]}
    assert join_tensors(named, {"mask": [0], "weights": [3]}) == {"input": [2.0], "mask": [1], "weights": [3]}
    assert next(iter(join_tensors(named, {"weights": [3]}))) == "input"
    with pytest.raises(Unprocessable, match="there is no tensor 'input', the one to pool; got mask"):
        join_tensors({"mask": [1]}, {})


def test_lists_become_tensors_of_the_type_that_their_name_has() -> None:
    """Integers become float64 as an input; a mask keeps them, and its truth values; empty lists are as typed."""
    inputs = {"input": [[1], [2]], "mask": [True, False], "weights": [1, 2], "offsets": [], "spans": [[0, 2]]}

    request = PoolCall("token_pool", inputs, {}).request

    message = SAFETENSORS.decode(memoryview(b"".join(request.body)), {}, 9999)
    types = {name: tensor.dtype.name for name, tensor in message.tensors.items()}
    assert types == {"input": "float64", "mask": "bool", "weights": "float64", "offsets": "int64", "spans": "int64"}


def test_an_optional_tensor_that_is_none_is_left_out() -> None:
    """The methods pass every tensor; the input alone is sent as its own bytes."""
    x = np.zeros((2, 3), np.float32)

    request = PoolCall("token_pool", {"input": x, "mask": None, "weights": None}, {}).request

    assert request.target == "/v1/pool/token_pool?shape=2,3&dtype=float32"
    for operator, inputs in (
        ("span_pool", {"input": x, "spans": None}),
        ("max_pool1d", {"input": None}),
        ("token_pool", {"input": None, "mask": x}),
    ):
        with pytest.raises(Unprocessable, match="a NoneType is not a tensor"):
            PoolCall(operator, inputs, {})


def test_a_picture_is_sent_alone() -> None:
    """Its file has no place for other tensors; as one of these, it is an array."""
    picture = Picture(encode_png(Tensor(UINT8, np.ones((1, 1, 2, 2), np.uint8))))
    with pytest.raises(Unprocessable, match="a picture cannot be sent with boxes; send it as an array"):
        PoolCall("roi_pool", {"input": picture, "boxes": [[0, 0, 0, 1, 1]], "batch_indices": None}, {})

    request = PoolCall("token_pool", {"input": [[1.0]], "mask": picture}, {}).request

    message = SAFETENSORS.decode(memoryview(b"".join(request.body)), {}, 9999)
    assert message.tensors["mask"].shape == (1, 1, 2, 2)
