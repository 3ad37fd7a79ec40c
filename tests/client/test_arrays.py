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

from poolhouse.client.arrays import take
from poolhouse.dtypes import ELEMENT_TYPES
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

    taken = take(x)

    assert taken.tensor.dtype.name == name
    assert np.shares_memory(taken.tensor.array, x)
    back = taken.give(taken.tensor)
    assert isinstance(back, np.ndarray)
    assert back.dtype == x.dtype
    assert np.shares_memory(back, x)


@pytest.mark.parametrize("name", TYPES)
def test_torch_is_not_copied(name: str) -> None:
    """Nor is a torch tensor, bfloat16 among them, which numpy cannot say."""
    x = torch.zeros(2, 3, 4, dtype=getattr(torch, name), requires_grad=name == "float32")

    taken = take(x)

    assert taken.tensor.dtype.name == name
    assert taken.tensor.array.ctypes.data == x.data_ptr()
    back = taken.give(taken.tensor)
    assert isinstance(back, torch.Tensor)
    assert (back.dtype, back.data_ptr()) == (x.dtype, x.data_ptr())


@pytest.mark.parametrize("kind", [OnlyDlpack, OnlyArray, OfLibrary])
def test_what_speaks_dlpack_or_array_is_not_copied(kind: type[OnlyDlpack | OnlyArray]) -> None:
    """jax, cupy and all that will come need no line of ours."""
    x = np.arange(6.0).reshape(1, 6)

    taken = take(kind(x))

    assert np.shares_memory(taken.tensor.array, x)
    back = taken.give(taken.tensor)
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
    taken = take(x).tensor

    np.testing.assert_array_equal(taken.array, np.asarray(x))
    assert taken.buffer.tobytes() == np.ascontiguousarray(x, np.float64).tobytes()


def test_a_strided_torch_tensor_has_the_same_values() -> None:
    """Channels-last is how half of the vision models keep theirs."""
    x = torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last)

    assert take(x).tensor.array.tolist() == x.tolist()


def test_lists_come_back_as_lists() -> None:
    """Whole numbers are meant as numbers: the average of 1 and 2 is 1.5. Indices are counts, and stay so."""
    taken = take([[1, 2], [3, 4]])

    assert taken.tensor.dtype.name == "float64"
    assert taken.give(taken.tensor) == [[1.0, 2.0], [3.0, 4.0]]
    assert take([[1, 2]], counts=True).tensor.dtype.name == "int64"
    assert take(((True, False),)).tensor.dtype.name == "bool"


@pytest.mark.parametrize("x", [np.zeros(2, complex), np.array(["a"]), [[1], [2, 3]], [object()], "text", 7, None])
def test_what_is_no_tensor_is_refused_before_anything_is_sent(x: object) -> None:
    """With our own error, and what to give instead."""
    with pytest.raises(Unprocessable):
        take(x)


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
    """torch's own complaints about them name nothing that the caller has done."""
    with pytest.raises(Unprocessable) as caught:
        take(strange)

    assert caught.value.code == "unsupported_dtype"


def test_a_mask_is_not_passed_over() -> None:
    """What was crossed out would be pooled as if it were not."""
    x = np.ma.masked_less(np.arange(4.0).reshape(1, 4), 2)

    with pytest.raises(Unprocessable, match="filled"):
        take(x)
    assert take(x.filled(0)).tensor.array.tolist() == [[0, 0, 2, 3]]


def test_taking_numpy_imports_nothing_more() -> None:
    """Who has no torch must not need it, and who has it must not wait for it."""
    code = (
        "import sys, numpy\nfrom poolhouse.client.arrays import take\n"
        "take(numpy.zeros((1, 2)))\nassert not {'torch', 'ml_dtypes'} & set(sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]

    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root / "service")}, check=True, timeout=60)


def test_a_tensor_of_another_type_is_given_in_the_same_kind() -> None:
    """Indices are int64 beside a bfloat16 output."""
    indices = Tensor(ELEMENT_TYPES["int64"], np.arange(3))

    of_torch = take(torch.zeros(3, dtype=torch.bfloat16)).give(indices)
    of_numpy = take(np.zeros(3, ml_dtypes.bfloat16)).give(indices)

    assert isinstance(of_torch, torch.Tensor)
    assert of_torch.dtype is torch.int64
    assert isinstance(of_numpy, np.ndarray)
    assert of_numpy.dtype == np.int64
