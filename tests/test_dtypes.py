"""The table of element types agrees with numpy and torch, and bfloat16 is rounded to the nearest number."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import numpy.typing as npt
import pytest

from poolhouse.dtypes import (
    BFLOAT16,
    ELEMENT_TYPE_BY_NUMPY_NAME,
    ELEMENT_TYPE_BY_SAFETENSORS_NAME,
    ELEMENT_TYPES,
    ElementType,
    bfloat16_to_float32,
    element_type_names,
    float32_to_bfloat16,
    float64_to_bfloat16,
)

every_type = pytest.mark.parametrize("dtype", ELEMENT_TYPES.values(), ids=str)
SIGN = 0x8000
INFINITY_BITS = 0x7F80


@every_type
def test_a_row_of_the_table_agrees_with_numpy(dtype: ElementType) -> None:
    """Elements are read and written as bytes, so a wrong size or kind would give other numbers without an error."""
    descr = np.dtype(dtype.npy_descr)
    numpy_kinds = {"float": "f", "integer": "iu", "boolean": "b"}

    assert descr.itemsize == dtype.storage.itemsize == dtype.itemsize
    if dtype is not BFLOAT16:
        assert descr == dtype.storage == np.dtype(dtype.name)
        assert dtype.storage.kind in numpy_kinds[dtype.kind]


def test_every_name_has_one_meaning() -> None:
    """A name that two rows share would be read as the wrong type."""
    rows = list(ELEMENT_TYPES.values())

    assert list(ELEMENT_TYPES) == [row.name for row in rows]
    assert len({row.npy_descr for row in rows}) == len({row.open_inference_name for row in rows}) == len(rows)
    assert list(ELEMENT_TYPE_BY_SAFETENSORS_NAME.values()) == rows
    assert list(ELEMENT_TYPE_BY_NUMPY_NAME) == [row.name for row in rows if row is not BFLOAT16]


@every_type
def test_a_copy_of_an_element_type_is_the_same_object(dtype: ElementType) -> None:
    """They are compared with ``is``, also after they have come from another process."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(dtype, protocol)) is dtype
    assert copy.deepcopy(dtype) is copy.copy(dtype) is dtype


def test_only_integers_without_a_sign_are_unsigned() -> None:
    """bfloat16 is stored as uint16."""
    assert [row.name for row in ELEMENT_TYPES.values() if row.is_unsigned] == ["uint8", "uint16", "uint32", "uint64"]


def test_the_names_are_listed_by_kind() -> None:
    """An error message lists only the types that would be accepted."""
    assert element_type_names(kinds=("float",)) == "float16, bfloat16, float32, float64"
    assert element_type_names(kinds=("boolean", "integer")) == (
        "int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool"
    )
    assert element_type_names().split(", ") == list(ELEMENT_TYPES)


def test_every_bfloat16_is_converted_exactly_and_back() -> None:
    """Its bits are the upper half of a float32."""
    bits = np.arange(2**16, dtype=np.uint16)

    values = bfloat16_to_float32(bits)

    numbers = ~np.isnan(values)
    assert int(numbers.sum()) == 2**16 - 2 * 127
    assert values[[0x0000, 0x3F80, 0xC000, INFINITY_BITS, 0x0001]].tolist() == [0.0, 1.0, -2.0, np.inf, 2.0**-133]
    assert np.array_equal(float32_to_bfloat16(values)[numbers], bits[numbers])
    assert np.array_equal(float64_to_bfloat16(values[numbers].astype(np.float64)), bits[numbers])


def midpoints() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint16]]:
    """The numbers halfway between each finite bfloat16 that is not negative and the next, and the bits of the former.

    What comes after the largest counts as 2¹²⁸, where rounding gives infinity.
    """
    bits = np.arange(INFINITY_BITS, dtype=np.uint16)
    values = np.append(bfloat16_to_float32(bits).astype(np.float64), 2.0**128)
    return (values[:-1] + values[1:]) / 2, bits


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("width", ["float32", "float64"])
def test_rounding_gives_the_nearest_bfloat16_and_ties_to_even(width: str, sign: int) -> None:
    """At every boundary, and for float64 at the smallest distance from it, which float32 does not have."""
    halfway, bits = midpoints()
    dtype = np.dtype(width)
    ties = halfway.astype(dtype)
    lower, upper = np.nextafter(ties, dtype.type(0)), np.nextafter(ties, dtype.type(np.inf))
    negative = np.uint16(SIGN if sign < 0 else 0)

    def rounded(values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint16]:
        if width == "float32":
            return float32_to_bfloat16((values * sign).astype(np.float32))
        return float64_to_bfloat16((values * sign).astype(np.float64))

    assert np.array_equal(rounded(lower), bits | negative)
    assert np.array_equal(rounded(upper), (bits + np.uint16(1)) | negative)
    assert np.array_equal(rounded(ties), (bits + (bits & np.uint16(1))) | negative)


def test_what_is_not_finite_stays_so() -> None:
    """The carry would turn the last NaN into a zero; a number beyond float32 is infinite, without a warning."""
    nans = np.array([0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF], np.uint32).view(np.float32)

    assert np.isnan(bfloat16_to_float32(float32_to_bfloat16(nans))).all()
    assert np.isnan(bfloat16_to_float32(float64_to_bfloat16(np.array([np.nan, -np.nan])))).all()
    assert float64_to_bfloat16(np.array([np.inf, 1e300, -1e300])).tolist() == [0x7F80, 0x7F80, 0xFF80]
    assert float32_to_bfloat16(np.array([-np.inf], np.float32)).tolist() == [0xFF80]


def test_any_layout_is_rounded_in_its_shape() -> None:
    """Responses are sometimes views of larger arrays."""
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

    bits = float32_to_bfloat16(values.transpose(2, 0, 1)[::2])

    assert bits.shape == (2, 2, 3)
    assert np.array_equal(bfloat16_to_float32(bits), values.transpose(2, 0, 1)[::2])
