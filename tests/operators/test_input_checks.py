"""Checks of tensors before any element is read: names, element types and shapes, each with its code."""

from __future__ import annotations

import pytest

from poolhouse.dtypes import ELEMENT_TYPES, FLOAT32, INT64
from poolhouse.errors import Unprocessable
from poolhouse.operators.input_checks import check_inputs
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.tensors import TensorMetadata
from tests.operators.random_cases import CATALOGUE

AVERAGE = CATALOGUE.find("avg_pool2d").of(kernel_size=2)
UNPOOL = CATALOGUE.find("max_unpool2d").of(kernel_size=2)


def tensor(*shape: int, dtype: str = "float32") -> TensorMetadata:
    """The metadata of a tensor."""
    return TensorMetadata(ELEMENT_TYPES[dtype], shape)


@pytest.mark.parametrize(
    ("shape", "batch_shape"),
    [((2, 3, 4, 5), (2, 3)), ((3, 4, 5), (3,)), ((0, 3, 4, 5), (0, 3)), ((0, 4, 5), (0,)), ((1, 0, 4, 5), (1, 0))],
)
def test_the_shape_is_split_before_the_spatial_axes(shape: tuple[int, ...], batch_shape: tuple[int, ...]) -> None:
    """N may be absent, and N and C may be 0."""
    assert check_inputs(AVERAGE, {"input": TensorMetadata(FLOAT32, shape)}) == (batch_shape, (4, 5))


@pytest.mark.parametrize(
    ("inputs", "code", "message"),
    [
        ({}, "missing_tensor", "needs a tensor named 'input'; got none."),
        ({"x": tensor(1, 4, 4)}, "missing_tensor", "Rename 'x' to 'input'."),
        ({"x" * 10**6: tensor(1, 4, 4)}, "missing_tensor", "Rename"),
        ({"input": tensor(1, 4, 4), "indices": tensor(1, 4, 4)}, "unknown_tensor", "takes input; got 'indices'"),
        ({"input": tensor(1, 4, 4, dtype="bool")}, "unsupported_dtype", "does not take bool; it takes float16,"),
        ({"input": tensor(4, 4)}, "wrong_rank", "4 or 3 dimensions; got 2"),
        ({"input": tensor(1, 1, 1, 4, 4)}, "wrong_rank", "(N, C, H, W) or, unbatched, (C, H, W)"),
        ({"input": tensor()}, "wrong_rank", "got 0 in shape []"),
        ({"input": tensor(1, 1, 4, INT32_MAX + 1)}, "shape_mismatch", "larger than 2147483647"),
        ({"input": tensor(INT32_MAX + 1, 0, 4, 4)}, "shape_mismatch", "larger than 2147483647"),
        ({"input": tensor(1, 0, 4)}, "empty_dimension", "axis H"),
        ({"input": tensor(1, 4, 0)}, "empty_dimension", "axis W"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(inputs: dict[str, TensorMetadata], code: str, message: str) -> None:
    """Torch reports these in many ways, or not at all; the message says what to change, and is short."""
    with pytest.raises(Unprocessable) as refused:
        check_inputs(AVERAGE, inputs)

    assert refused.value.code == code
    assert message in refused.value.detail
    assert len(refused.value.detail) < 400


@pytest.mark.parametrize(
    ("indices", "code"),
    [
        (TensorMetadata(INT64, (1, 3, 4, 5)), "shape_mismatch"),
        (TensorMetadata(INT64, (3, 4, 5)), "shape_mismatch"),
        (tensor(2, 3, 4, 5, dtype="int32"), "unsupported_dtype"),
        (tensor(2, 3, 4, 5), "unsupported_dtype"),
    ],
)
def test_indices_have_the_inputs_shape_and_are_int64(indices: TensorMetadata, code: str) -> None:
    """A kernel reads as many indices as there are values, in eight bytes each."""
    with pytest.raises(Unprocessable) as refused:
        check_inputs(UNPOOL, {"input": tensor(2, 3, 4, 5), "indices": indices})

    assert refused.value.code == code


def test_the_first_missing_tensor_is_named() -> None:
    """A foreign tensor is suggested for the missing one only, not a tensor that has its right name."""
    with pytest.raises(Unprocessable, match=r"named 'indices'; got 'input', 'where'\. Rename 'where' to 'indices'"):
        check_inputs(UNPOOL, {"input": tensor(1, 2, 2), "where": TensorMetadata(INT64, (1, 2, 2))})
    with pytest.raises(Unprocessable, match=r"named 'indices'; got 'input'\.$"):
        check_inputs(UNPOOL, {"input": tensor(1, 2, 2)})
