"""Conversion of arrays to tensors and restored to the same kind, without copies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.arrays import to_tensor
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES, FLOAT32
from poolhouse.errors import Unprocessable
from poolhouse.tensors import Tensor

TYPES = tuple(ELEMENT_TYPES)


class OnlyDlpack:
    """An array of a library with DLPack only."""

    def __init__(self, array: npt.NDArray[np.float64]) -> None:
        self.array = array

    def __dlpack__(self, *, stream: None = None, **further: object) -> object:
        return self.array.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


class WithNamespace(OnlyDlpack):
    """The same, of a library with an array namespace."""

    def __array_namespace__(self) -> ModuleType:
        namespace = ModuleType("library")
        namespace.from_dlpack = WithNamespace  # type: ignore[attr-defined]  # a name of the array API standard
        return namespace


class OnlyArray:
    """An object with ``__array__`` only."""

    def __init__(self, array: npt.NDArray[np.generic]) -> None:
        self.array = array

    def __array__(self, dtype: object = None, copy: object = None) -> npt.NDArray[np.generic]:
        return self.array


@pytest.mark.parametrize("name", TYPES)
def test_numpy_is_not_copied(name: str) -> None:
    """Arrays may have gigabytes."""
    x = np.zeros((2, 3, 4), ml_dtypes.bfloat16 if name == "bfloat16" else name)

    converted = to_tensor(x)

    assert converted.tensor.dtype.name == name
    assert np.shares_memory(converted.tensor.array, x)
    restored = converted.restore(converted.tensor)
    assert isinstance(restored, np.ndarray)
    assert restored.dtype == x.dtype
    assert np.shares_memory(restored, x)


@pytest.mark.parametrize("name", TYPES)
def test_torch_is_not_copied(name: str) -> None:
    """Also of bfloat16, which numpy does not have."""
    x = torch.zeros(2, 3, 4, dtype=getattr(torch, name), requires_grad=name == "float32")

    converted = to_tensor(x)

    assert converted.tensor.dtype.name == name
    assert converted.tensor.array.ctypes.data == x.data_ptr()
    restored = converted.restore(converted.tensor)
    assert isinstance(restored, torch.Tensor)
    assert (restored.dtype, restored.data_ptr()) == (x.dtype, x.data_ptr())


@pytest.mark.parametrize("kind", [OnlyDlpack, OnlyArray, WithNamespace])
def test_objects_with_dlpack_or_array_are_not_copied(kind: type[OnlyDlpack | OnlyArray]) -> None:
    """Other libraries, such as jax and cupy, need no code of their own."""
    x = np.arange(6.0).reshape(1, 6)

    converted = to_tensor(kind(x))

    assert np.shares_memory(converted.tensor.array, x)
    restored = converted.restore(converted.tensor)
    assert isinstance(restored, WithNamespace if kind is WithNamespace else np.ndarray)


@pytest.mark.parametrize(
    "x",
    [
        np.arange(24.0).reshape(4, 6).T,
        np.arange(24.0)[::2].reshape(2, 6),
        np.arange(24.0).astype(">f8"),
        np.ma.masked_array(np.arange(3.0)),
    ],
)
def test_arrays_of_another_layout_keep_their_values(x: npt.NDArray[np.float64]) -> None:
    """Strides and byte order are converted to those of the wire."""
    converted = to_tensor(x).tensor

    np.testing.assert_array_equal(converted.array, np.asarray(x))
    assert converted.buffer.tobytes() == np.ascontiguousarray(x, np.float64).tobytes()


def test_a_strided_torch_tensor_keeps_its_values() -> None:
    """Many vision models use channels-last."""
    x = torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last)

    assert to_tensor(x).tensor.array.tolist() == x.tolist()


def test_lists_are_restored_as_lists() -> None:
    """Integers become float64, since the average of 1 and 2 is 1.5; indices stay integers."""
    converted = to_tensor([[1, 2], [3, 4]])

    assert converted.tensor.dtype.name == "float64"
    assert converted.restore(converted.tensor) == [[1.0, 2.0], [3.0, 4.0]]
    assert to_tensor([[1, 2]], keep_integers=True).tensor.dtype.name == "int64"
    assert to_tensor([[]], keep_integers=True).tensor.dtype.name == "int64", "numpy would make it float64"
    assert to_tensor([[]]).tensor.dtype.name == "float64"
    assert to_tensor([[1, 2**64 - 1]]).tensor.dtype.name == "float64"
    assert to_tensor(((True, False),)).tensor.dtype.name == "bool"


@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
@pytest.mark.parametrize("kind", ["torch", "numpy"])
def test_unsigned_integers_keep_their_type_and_every_bit(kind: str, name: str) -> None:
    """numpy stores bfloat16 as uint16, and torch has few operations for these types."""
    numbers = np.array([0, 1, np.iinfo(name).max // 2 + 1, np.iinfo(name).max], name)
    given = torch.from_numpy(numbers) if kind == "torch" else numbers

    converted = to_tensor(given)
    restored = converted.restore(converted.tensor)

    assert converted.tensor.dtype.name == name
    assert converted.tensor.array.tolist() == numbers.tolist()
    assert type(restored) is type(given)
    assert to_tensor(restored).tensor.metadata == converted.tensor.metadata


def _array(kind: str, name: str, values: list[float]) -> object:
    if kind == "torch":
        # torch makes no tensor of uint64 from a list.
        return torch.tensor(values).to(getattr(torch, name)).requires_grad_(name in ("float32", "bfloat16"))
    array = np.array(values, ml_dtypes.bfloat16 if name == "bfloat16" else name)
    if kind == "tensor":
        return to_tensor(array).tensor
    return WithNamespace(array) if kind == "library" else array


def _to_float_lists(value: object) -> object:
    """Convert nested lists of arrays to nested lists of numbers."""
    if isinstance(value, list):
        return [_to_float_lists(each) for each in value]
    if isinstance(value, WithNamespace):
        value = value.array
    if isinstance(value, Tensor):
        value = value.array.view(ml_dtypes.bfloat16 if value.dtype is BFLOAT16 else value.array.dtype)
    if isinstance(value, torch.Tensor):
        value = value.detach().double().numpy()
    assert isinstance(value, np.ndarray)
    return value.astype(np.float64).tolist()


@pytest.mark.parametrize("name", ["float32", "bfloat16", "int64", "uint8", "uint16", "uint64", "bool"])
@pytest.mark.parametrize("kind", ["torch", "numpy", "tensor", "library"])
@given(list_shape=st.lists(st.integers(1, 3), min_size=1, max_size=3), size=st.integers(0, 3))
def test_lists_of_arrays_are_restored_as_lists_of_such_arrays(
    kind: str, name: str, list_shape: list[int], size: int
) -> None:
    """Data sets give tensors in a list; their element type is kept."""
    if kind == "library" and name == "bfloat16":
        return

    def nested(depth: int) -> object:
        if depth == len(list_shape):
            return _array(kind, name, [float(each % 2) for each in range(size)])
        return [nested(depth + 1) for _ in range(list_shape[depth])]

    value = nested(0)
    converted = to_tensor(value)
    restored = converted.restore(converted.tensor)

    assert converted.tensor.dtype.name == name
    assert converted.tensor.shape == (*list_shape, size)
    assert _to_float_lists(restored) == _to_float_lists(value)
    for _ in list_shape:
        assert isinstance(restored, list)
        assert isinstance(value, list)
        value, restored = value[0], restored[0]
    assert type(restored) is type(value)
    assert getattr(restored, "dtype", None) == getattr(value, "dtype", None)


def test_lists_of_arrays_without_axes_are_restored_as_such() -> None:
    """numpy's scalars, however, count as numbers."""
    converted = to_tensor([[torch.tensor(1.0, requires_grad=True), torch.tensor(2.0)]])
    restored = converted.restore(converted.tensor)

    assert converted.tensor.shape == (1, 2)
    assert isinstance(restored, list)
    assert [type(each) for each in restored[0]] == [torch.Tensor, torch.Tensor]
    assert to_tensor([[np.float32(1), np.int64(2)]]).restore(converted.tensor) == [[1.0, 2.0]]


def test_arrays_of_several_types_are_promoted_as_by_numpy() -> None:
    """As numbers of several types in a list."""
    converted = to_tensor([np.zeros((1, 2), np.int32), np.zeros((1, 2), np.float32)])

    assert converted.tensor.dtype.name == "float64"
    assert converted.tensor.shape == (2, 1, 2)


def test_an_output_with_fewer_axes_than_the_lists_is_restored() -> None:
    """As one array."""
    converted = to_tensor([[torch.zeros(2)]])

    assert isinstance(converted.restore(Tensor(FLOAT32, np.zeros((), np.float32))), torch.Tensor)


_SELF: list[object] = []
_SELF.append(_SELF)
_DEEP: list[object] = [np.zeros(2)]
for _ in range(70):
    _DEEP = [_DEEP]


@pytest.mark.parametrize(
    "x",
    [
        [torch.zeros(2), 1.0],
        [1.0, torch.zeros(2, requires_grad=True)],
        [[1.0], torch.zeros(1, dtype=torch.bfloat16)],
        [torch.zeros(2), [torch.zeros(2)]],
        [[torch.zeros(2)], []],
        [torch.zeros(2), torch.zeros(3)],
        [torch.zeros(2), torch.zeros(2, dtype=torch.bfloat16)],
        [torch.zeros(2, dtype=torch.complex64)],
        [torch.zeros(2, device="meta")],
        [np.zeros(2), "text"],
        [np.zeros(2), None],
        _SELF,
        _DEEP,
    ],
    ids=str,
)
def test_lists_of_arrays_and_other_values_are_refused(x: object) -> None:
    """Not with torch's message, which advises to call detach()."""
    with pytest.raises(Unprocessable) as caught:
        to_tensor(x)

    assert "detach" not in str(caught.value)


@pytest.mark.parametrize("x", [np.zeros(2, complex), np.array(["a"]), [[1], [2, 3]], [object()], "text", 7, None])
def test_other_values_are_refused_before_a_request_is_sent(x: object) -> None:
    """With the class of the service's refusals."""
    with pytest.raises(Unprocessable):
        to_tensor(x)


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(2, 2, dtype=torch.float8_e4m3fn),
        torch.zeros(2, 2, dtype=torch.complex64).conj(),
        torch.eye(2).to_sparse(),
        torch.zeros(2, 2, device="meta"),
    ],
    ids=["float8", "conjugate", "sparse", "meta"],
)
def test_a_torch_tensor_without_plain_elements_is_refused(x: torch.Tensor) -> None:
    """Not with one of torch's own errors."""
    with pytest.raises(Unprocessable) as caught:
        to_tensor(x)

    assert caught.value.code == "unsupported_dtype"


def test_masked_elements_are_refused() -> None:
    """They would be pooled as if they were not masked."""
    x = np.ma.masked_less(np.arange(4.0).reshape(1, 4), 2)

    with pytest.raises(Unprocessable, match="filled"):
        to_tensor(x)
    assert to_tensor(x.filled(0)).tensor.array.tolist() == [[0, 0, 2, 3]]


def test_converting_a_numpy_array_imports_nothing_else() -> None:
    """torch may not be installed, and its import takes seconds."""
    code = (
        "import sys, numpy\nfrom poolhouse.client.arrays import to_tensor\n"
        "to_tensor(numpy.zeros((1, 2)))\nassert not {'torch', 'ml_dtypes'} & set(sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]

    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root / "service")}, check=True, timeout=60)


def test_a_tensor_of_another_element_type_is_restored_as_the_same_kind() -> None:
    """The indices of a bfloat16 input are int64."""
    indices = Tensor(ELEMENT_TYPES["int64"], np.arange(3))

    of_torch = to_tensor(torch.zeros(3, dtype=torch.bfloat16)).restore(indices)
    of_numpy = to_tensor(np.zeros(3, ml_dtypes.bfloat16)).restore(indices)

    assert isinstance(of_torch, torch.Tensor)
    assert of_torch.dtype is torch.int64
    assert isinstance(of_numpy, np.ndarray)
    assert of_numpy.dtype == np.int64
