"""Conversions to wider types and back: exact, in order, rounded once, and chunk by chunk."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES, bfloat16_to_float32, float32_to_bfloat16
from poolhouse.kernels import widening
from poolhouse.kernels.widening import ADDED_AS, COMPARED_AS, SUMMED_AS, Array, WideType, pool_in_chunks
from tests.hypothesis_profiles import scaled_examples

ALL_HALVES = np.arange(2**16, dtype=np.uint16)
"""The bits of every 16-bit float."""


def elements_of(name: str) -> Array:
    """All elements of a type, or its extreme ones, in its storage type."""
    storage = ELEMENT_TYPES[name].storage
    if name in ("float16", "bfloat16"):
        return ALL_HALVES.view(storage)
    if name == "bool":
        return np.array([False, True])
    limits = np.iinfo(name)
    return np.array([limits.min, limits.min + 1, 0, 1, limits.max - 1, limits.max], storage)


def widened(wide: WideType, elements: Array) -> Array:
    """The elements in the wider type."""
    target = np.empty(elements.shape, wide.dtype)
    # Signalling NaNs are among all 16-bit floats.
    with np.errstate(invalid="ignore"):
        wide.widen(elements, target)
    return target


def narrowed(wide: WideType, numbers: Array, name: str) -> Array:
    """The numbers in the element type."""
    target = np.empty(numbers.shape, ELEMENT_TYPES[name].storage)
    wide.narrow(numbers, target)
    return target


def numbers_of(name: str, elements: Array) -> npt.NDArray[Any]:
    """The values of elements: integers as they are, others in float64."""
    if ELEMENT_TYPES[name].kind == "integer":
        return elements
    numbers = bfloat16_to_float32(elements.view(np.uint16)) if name == "bfloat16" else elements
    with np.errstate(invalid="ignore"):
        return numbers.astype(np.float64)


@pytest.mark.parametrize("name", COMPARED_AS)
def test_comparing_in_the_wider_type_selects_the_same_element(name: str) -> None:
    """A maximum is one of its elements, with all its bits, also if it is NaN or -0.0."""
    wide, elements = COMPARED_AS[name], elements_of(name)
    numbers = numbers_of(name, elements)

    found = widened(wide, elements)

    assert narrowed(wide, found, name).tobytes() == elements.tobytes()
    assert (np.isnan(found) == np.isnan(numbers)).all()
    order = np.argsort(numbers[~np.isnan(numbers)], kind="stable")
    keys, values = found[~np.isnan(numbers)][order], numbers[~np.isnan(numbers)][order]
    assert ((keys[1:] > keys[:-1]) == (values[1:] > values[:-1])).all()
    assert (keys[1:] >= keys[:-1]).all()


@pytest.mark.parametrize("table", [ADDED_AS, SUMMED_AS], ids=["added", "summed"])
@pytest.mark.parametrize("name", ADDED_AS)
def test_adding_in_the_wider_type_adds_the_values(table: dict[str, WideType], name: str) -> None:
    """By order alone float16 has other values, whose sums are wrong; each value must come back unchanged."""
    wide, elements = table[name], elements_of(name)
    numbers = numbers_of(name, elements)

    found = widened(wide, elements)

    np.testing.assert_array_equal(found, numbers)
    back = numbers_of(name, narrowed(wide, found, name))
    np.testing.assert_array_equal(back, numbers)
    assert (np.signbit(back) == np.signbit(numbers))[~np.isnan(numbers)].all()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_sums_are_rounded_to_the_nearest_even(name: str) -> None:
    """Numbers between two neighbours, exactly halfway, next to that, too large and too small."""
    rng = np.random.default_rng(2)
    bits = rng.integers(0, 2**32, 50_000, dtype=np.uint32)
    halfway = (bits & np.uint32(0xFFFFE000)) | np.uint32(0x1000)
    numbers = np.concatenate((bits, halfway, halfway + 1, halfway - 1, bits & np.uint32(0xFFFF8000))).view(np.float32)
    numbers = numbers[~np.isnan(numbers)]

    found = narrowed(ADDED_AS[name], numbers, name)

    with np.errstate(over="ignore"):
        expected = float32_to_bfloat16(numbers) if name == "bfloat16" else numbers.astype(np.float16)
    assert found.tobytes() == expected.tobytes()
    assert np.isnan(numbers_of(name, narrowed(ADDED_AS[name], np.full(1, np.nan, np.float32), name))).all()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_sums_in_float64_are_rounded_once(name: str) -> None:
    """Just beside the middle of two 16-bit floats, where rounding to float32 before gives the middle itself."""
    elements = elements_of(name)
    numbers = np.sort(numbers_of(name, elements)[np.isfinite(numbers_of(name, elements))].astype(np.float64))
    middles = (numbers[1:] + numbers[:-1]) / 2
    tested = np.concatenate((middles, np.nextafter(middles, -np.inf), np.nextafter(middles, np.inf), [1e300, 1e-300]))

    found = numbers_of(name, narrowed(SUMMED_AS[name], tested, name)).astype(np.float64)

    expected = numbers_of(name, narrowed(ADDED_AS[name], middles.astype(np.float32), name)).astype(np.float64)
    np.testing.assert_array_equal(found, np.concatenate((expected, numbers[:-1], numbers[1:], [np.inf, 0.0])))


@pytest.mark.parametrize(
    ("name", "quotient", "expected"),
    [
        ("int8", -1.9, -1),
        ("int8", 1.9, 1),
        ("int8", 127.9, 127),
        ("int8", 128.0, 127),
        ("int8", -129.5, -128),
        ("uint8", -0.5, 0),
        ("uint8", -7.0, 0),
        ("uint8", 256.0, 255),
        ("int16", 1e300, 2**15 - 1),
        ("int32", -np.inf, -(2**31)),
        ("int32", 2.0**31, 2**31 - 1),
        ("uint16", 2.0**31, 2**16 - 1),
        ("uint32", 2.0**32 - 0.5, 2**32 - 1),
        ("uint32", 2.0**32, 2**32 - 1),
        ("uint32", -1.0, 0),
    ],
)
def test_quotients_are_truncated_and_clamped(name: str, quotient: float, expected: int) -> None:
    """A cast alone wraps around, so that a large average becomes negative."""
    found = narrowed(ADDED_AS[name], np.array([quotient]), name)

    assert found.tolist() == [expected]


def test_a_sum_beyond_float32_is_infinite_without_a_warning() -> None:
    """As in torch; numpy's warning would be logged for each request."""
    numbers = np.array([1e300, -1e300, 1e-300, np.nan])

    found = narrowed(SUMMED_AS["float32"], numbers, "float32")

    np.testing.assert_array_equal(found, [np.inf, -np.inf, 0.0, np.nan])


@scaled_examples(60)
@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 100), st.integers(1, 3))
def test_each_plane_is_pooled_once_in_small_chunks(planes: int, size: int, chunk_bytes: int, threads: int) -> None:
    """Chunks bound the memory; a wrong bound would pool the elements of another plane."""
    x = np.arange(planes * size).astype(np.int16)
    out = np.full(2 * planes, -1, np.int16)
    calls: list[tuple[int, int]] = []

    def pool(taken: Array, given: Array, begin: int, count: int) -> None:
        calls.append((begin, count))
        assert taken.dtype == given.dtype == np.float32
        sums = taken.reshape(count, size).sum(1)
        given[:] = np.stack((sums, np.arange(begin, begin + count, dtype=np.float32)), 1).reshape(-1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(widening, "CHUNK_BYTES", chunk_bytes)
        pool_in_chunks(COMPARED_AS["int16"], x, out, planes, threads, pool)

    expected = np.stack((x.reshape(planes, size).sum(1), np.arange(planes)), 1)
    assert out.tolist() == expected.reshape(-1).tolist()
    assert [plane for begin, count in sorted(calls) for plane in range(begin, begin + count)] == list(range(planes))
    assert all(count == 1 or count * size * 4 <= chunk_bytes for _, count in calls)


def test_chunks_are_shared_among_threads() -> None:
    """One chunk may be as large as a cache, and each core has its own."""
    together = threading.Barrier(2, timeout=10)

    elements = np.zeros(8, bool)

    def pool(taken: Array, given: Array, begin: int, count: int) -> None:
        together.wait()
        given[:] = taken

    pool_in_chunks(COMPARED_AS["bool"], elements, np.empty_like(elements), 2, 2, pool)
