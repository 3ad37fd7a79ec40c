"""What comes in becomes a tensor, and a tensor the same kind again, without a copy either way."""

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
    """An array of a library that numpy does not know."""

    def __init__(self, array: npt.NDArray[np.float64]) -> None:
        self.array = array

    def __dlpack__(self, *, stream: None = None, **further: object) -> object:
        return self.array.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


class OfLibrary(OnlyDlpack):
    """The same, of a library that says how its arrays are made."""

    def __array_namespace__(self) -> ModuleType:
        made = ModuleType("library")
        made.from_dlpack = OfLibrary  # type: ignore[attr-defined]  # what the standard calls it
        return made


class OnlyArray:
    """Something that can be had as a numpy array."""

    def __init__(self, array: npt.NDArray[np.generic]) -> None:
        self.array = array

    def __array__(self, dtype: object = None, copy: object = None) -> npt.NDArray[np.generic]:
        return self.array


@pytest.mark.parametrize("name", TYPES)
def test_numpy_is_not_copied(name: str) -> None:
    """A gigabyte in the caller's hands must not become two."""
    x = np.zeros((2, 3, 4), ml_dtypes.bfloat16 if name == "bfloat16" else name)

    taken = to_tensor(x)

    assert taken.tensor.dtype.name == name
    assert np.shares_memory(taken.tensor.array, x)
    back = taken.restore(taken.tensor)
    assert isinstance(back, np.ndarray)
    assert back.dtype == x.dtype
    assert np.shares_memory(back, x)


@pytest.mark.parametrize("name", TYPES)
def test_torch_is_not_copied(name: str) -> None:
    """Nor is a torch tensor, bfloat16 among them, which numpy cannot say."""
    x = torch.zeros(2, 3, 4, dtype=getattr(torch, name), requires_grad=name == "float32")

    taken = to_tensor(x)

    assert taken.tensor.dtype.name == name
    assert taken.tensor.array.ctypes.data == x.data_ptr()
    back = taken.restore(taken.tensor)
    assert isinstance(back, torch.Tensor)
    assert (back.dtype, back.data_ptr()) == (x.dtype, x.data_ptr())


@pytest.mark.parametrize("kind", [OnlyDlpack, OnlyArray, OfLibrary])
def test_what_speaks_dlpack_or_array_is_not_copied(kind: type[OnlyDlpack | OnlyArray]) -> None:
    """jax, cupy and all that will come need no line of ours."""
    x = np.arange(6.0).reshape(1, 6)

    taken = to_tensor(kind(x))

    assert np.shares_memory(taken.tensor.array, x)
    back = taken.restore(taken.tensor)
    assert isinstance(back, OfLibrary if kind is OfLibrary else np.ndarray)


@pytest.mark.parametrize(
    "x",
    [
        np.arange(24.0).reshape(4, 6).T,
        np.arange(24.0)[::2].reshape(2, 6),
        np.arange(24.0).astype(">f8"),
        np.ma.masked_array(np.arange(3.0)),
    ],
)
def test_what_lies_otherwise_has_the_same_values(x: npt.NDArray[np.float64]) -> None:
    """Strides and byte order are the caller's business, and the wire has one of each."""
    taken = to_tensor(x).tensor

    np.testing.assert_array_equal(taken.array, np.asarray(x))
    assert taken.buffer.tobytes() == np.ascontiguousarray(x, np.float64).tobytes()


def test_a_strided_torch_tensor_has_the_same_values() -> None:
    """Channels-last is how half of the vision models keep theirs."""
    x = torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last)

    assert to_tensor(x).tensor.array.tolist() == x.tolist()


def test_lists_come_back_as_lists() -> None:
    """Whole numbers are meant as numbers: the average of 1 and 2 is 1.5. Indices are counts, and stay so."""
    taken = to_tensor([[1, 2], [3, 4]])

    assert taken.tensor.dtype.name == "float64"
    assert taken.restore(taken.tensor) == [[1.0, 2.0], [3.0, 4.0]]
    assert to_tensor([[1, 2]], keep_integers=True).tensor.dtype.name == "int64"
    assert to_tensor(((True, False),)).tensor.dtype.name == "bool"


def _array(kind: str, name: str, values: list[float]) -> object:
    if kind == "torch":
        return torch.tensor(values, dtype=getattr(torch, name)).requires_grad_(name in ("float32", "bfloat16"))
    array = np.array(values, ml_dtypes.bfloat16 if name == "bfloat16" else name)
    if kind == "tensor":
        return to_tensor(array).tensor
    return OfLibrary(array) if kind == "library" else array


def _spelt(value: object) -> object:
    """Numbers in lists, whatever holds them."""
    if isinstance(value, list):
        return [_spelt(each) for each in value]
    if isinstance(value, OfLibrary):
        value = value.array
    if isinstance(value, Tensor):
        value = value.array.view(ml_dtypes.bfloat16 if value.dtype is BFLOAT16 else value.array.dtype)
    if isinstance(value, torch.Tensor):
        value = value.detach().double().numpy()
    assert isinstance(value, np.ndarray)
    return value.astype(np.float64).tolist()


@pytest.mark.parametrize("name", ["float32", "bfloat16", "int64", "uint8", "bool"])
@pytest.mark.parametrize("kind", ["torch", "numpy", "tensor", "library"])
@given(lead=st.lists(st.integers(1, 3), min_size=1, max_size=3), size=st.integers(0, 3))
def test_lists_of_arrays_come_back_as_lists_of_such_arrays(kind: str, name: str, lead: list[int], size: int) -> None:
    """Tensors in a list are what a data set gives: with gradients, of bfloat16, and whole numbers of their own type."""
    if kind == "library" and name == "bfloat16":
        return

    def nested(depth: int) -> object:
        if depth == len(lead):
            return _array(kind, name, [float(each % 2) for each in range(size)])
        return [nested(depth + 1) for _ in range(lead[depth])]

    value = nested(0)
    taken = to_tensor(value)
    back = taken.restore(taken.tensor)

    assert taken.tensor.dtype.name == name
    assert taken.tensor.shape == (*lead, size)
    assert _spelt(back) == _spelt(value)
    for _ in lead:
        assert isinstance(back, list)
        assert isinstance(value, list)
        value, back = value[0], back[0]
    assert type(back) is type(value)
    assert getattr(back, "dtype", None) == getattr(value, "dtype", None)


def test_single_numbers_in_arrays_are_arrays_too() -> None:
    """An array without axes is one; numpy's own numbers are numbers, as ever."""
    taken = to_tensor([[torch.tensor(1.0, requires_grad=True), torch.tensor(2.0)]])
    back = taken.restore(taken.tensor)

    assert taken.tensor.shape == (1, 2)
    assert isinstance(back, list)
    assert [type(each) for each in back[0]] == [torch.Tensor, torch.Tensor]
    assert to_tensor([[np.float32(1), np.int64(2)]]).restore(taken.tensor) == [[1.0, 2.0]]


def test_arrays_of_several_types_are_what_numpy_makes_of_them() -> None:
    """As numbers of several types in a list are."""
    taken = to_tensor([np.zeros((1, 2), np.int32), np.zeros((1, 2), np.float32)])

    assert taken.tensor.dtype.name == "float64"
    assert taken.tensor.shape == (2, 1, 2)


def test_an_answer_of_fewer_axes_than_the_lists_comes_back_whole() -> None:
    """An operator may have fewer; what there is is given."""
    taken = to_tensor([[torch.zeros(2)]])

    assert isinstance(taken.restore(Tensor(FLOAT32, np.zeros((), np.float32))), torch.Tensor)


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
def test_lists_that_hold_arrays_beside_other_things_are_refused_in_our_words(x: object) -> None:
    """torch's own complaint says to call detach(), on what its caller has not got in hand."""
    with pytest.raises(Unprocessable) as caught:
        to_tensor(x)

    assert "detach" not in str(caught.value)


@pytest.mark.parametrize("x", [np.zeros(2, complex), np.array(["a"]), [[1], [2, 3]], [object()], "text", 7, None])
def test_what_is_no_tensor_is_refused_before_anything_is_sent(x: object) -> None:
    """With our own error, and what to give instead."""
    with pytest.raises(Unprocessable):
        to_tensor(x)


@pytest.mark.parametrize(
    "strange",
    [
        torch.zeros(2, 2, dtype=torch.float8_e4m3fn),
        torch.zeros(2, 2, dtype=torch.complex64).conj(),
        torch.eye(2).to_sparse(),
        torch.zeros(2, 2, device="meta"),
        torch.zeros(2, 2, dtype=torch.uint16),
    ],
    ids=["float8", "conjugate", "sparse", "meta", "uint16"],
)
def test_a_torch_tensor_without_plain_elements_is_refused_as_ours(strange: torch.Tensor) -> None:
    """torch's own error_lines about them name nothing that the caller has done."""
    with pytest.raises(Unprocessable) as caught:
        to_tensor(strange)

    assert caught.value.code == "unsupported_dtype"


def test_a_mask_is_not_passed_over() -> None:
    """What was crossed out would be pooled as if it were not."""
    x = np.ma.masked_less(np.arange(4.0).reshape(1, 4), 2)

    with pytest.raises(Unprocessable, match="filled"):
        to_tensor(x)
    assert to_tensor(x.filled(0)).tensor.array.tolist() == [[0, 0, 2, 3]]


def test_taking_numpy_imports_nothing_more() -> None:
    """Who has no torch must not need it, and who has it must not wait for it."""
    code = (
        "import sys, numpy\nfrom poolhouse.client.arrays import to_tensor\n"
        "to_tensor(numpy.zeros((1, 2)))\nassert not {'torch', 'ml_dtypes'} & set(sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]

    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root / "service")}, check=True, timeout=60)


def test_a_tensor_of_another_type_is_given_in_the_same_kind() -> None:
    """Indices are int64 beside a bfloat16 output."""
    indices = Tensor(ELEMENT_TYPES["int64"], np.arange(3))

    of_torch = to_tensor(torch.zeros(3, dtype=torch.bfloat16)).restore(indices)
    of_numpy = to_tensor(np.zeros(3, ml_dtypes.bfloat16)).restore(indices)

    assert isinstance(of_torch, torch.Tensor)
    assert of_torch.dtype is torch.int64
    assert isinstance(of_numpy, np.ndarray)
    assert of_numpy.dtype == np.int64
