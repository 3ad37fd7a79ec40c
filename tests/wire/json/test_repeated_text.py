"""Texts that equal an earlier one but for the elements of their list, compared with the reader of any text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES, ElementType
from poolhouse.errors import PoolhouseError
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.refusals import ElementChecker
from poolhouse.wire.json.repeated_text import MAX_BYTES, TextFrame
from tests.hypothesis_profiles import scaled_examples

FRAMES = [
    ('{"input": ', "}"),
    ('{"input":', "}"),
    ('{"kernel_size": [2, 2], "input": ', ', "note": "[1, 2]"}'),
    ('{"input": {"dtype": "DTYPE", "data": ', '}, "kernel_size": 2}'),
    (' {"input": {"data":\n', ', "dtype": "DTYPE"}, "\\u0061": {"b": [{"c": []}]}}'),
]
LISTS = [
    "[1, 2, 3]",
    "[-1,0,1]",
    "[[0.5, -2e-3], [1e40, 7]]",
    "[[true, false], [true, true]]",
    '[["NaN", "-Infinity"]]',
    "[300, -300, 1e2]",
    "[12345678901234567890, 1]",
    "[[1, 2], [3]]",
    "[[1, 2], 3]",
    "[null]",
    "[NaN]",
    "[01]",
    "[1, 2",
    "[1, 2,]",
    "[1] [2]",
    "[]",
    "[[], []]",
    "7",
    '"AAAA"',
    '[1, 2, 3], "kernel_size": 2, "x": [1]',
    "[" + ", ".join(["0.123456", "-7", "1234567890.25"] * 30) + "]",
]


def text_of(frame: tuple[str, str], data: str, dtype: ElementType) -> memoryview:
    return memoryview(bytearray((frame[0] + data + frame[1]).replace("DTYPE", dtype.name).encode()))


def frame_of(text: memoryview, checker: ElementChecker) -> TextFrame:
    ((begin, stop, _),) = compiled_reader.scan(text).spans
    return TextFrame(text, begin, stop, checker)


def checker_of(dtype: ElementType) -> ElementChecker:
    return ElementChecker("input", dtype, "/input")


def outcome(read: Callable[[], npt.NDArray[Any]]) -> object:
    """The elements that are read, or the refusal."""
    try:
        elements = read()
    except PoolhouseError as refused:
        return type(refused), refused.problems
    return elements.dtype, elements.shape, elements.tobytes()


@scaled_examples(1000)
@given(
    st.sampled_from(list(ELEMENT_TYPES.values())),
    st.sampled_from(FRAMES),
    st.sampled_from(FRAMES),
    st.sampled_from(LISTS),
)
def test_what_is_read_is_what_the_reader_of_any_text_reads(
    dtype: ElementType, earlier: tuple[str, str], frame: tuple[str, str], data: str
) -> None:
    """What is not read here is left to it, with its refusals."""
    checker = checker_of(dtype)
    repeated = frame_of(text_of(earlier, "[1, 2]", dtype), checker)
    text = text_of(frame, data, dtype)

    found = repeated.read(text)

    if found is None:
        return
    assert earlier == frame
    scanned = compiled_reader.scan(text).lists[0]
    assert found.sizes == scanned.sizes.tobytes()
    shape = tuple(scanned.sizes)
    assert outcome(lambda: found.elements(checker, shape)) == outcome(lambda: scanned.read_elements(checker))


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(
    ("data", "dtype"), [("[1, 2.5]", "float32"), ("[[3], [-4]]", "int8"), ("[true]", "bool"), ('["NaN"]', "bfloat16")]
)
def test_another_list_in_the_same_frame_is_read(frame: tuple[str, str], data: str, dtype: str) -> None:
    """Otherwise the test above would hold for a reader that reads nothing."""
    element_type = ELEMENT_TYPES[dtype]
    checker = checker_of(element_type)
    repeated = frame_of(text_of(frame, "[1]", element_type), checker)

    found = repeated.read(text_of(frame, data, element_type))

    assert found is not None
    shape = tuple(np.frombuffer(found.sizes, np.int64).tolist())
    assert found.elements(checker, shape).shape == shape == np.shape(json.loads(data))


@pytest.mark.parametrize(
    "text", [b"", b"}", b"{}", b'{"input": [1]', b'{"input": ', b'{"input": }', b'{"input": [1]} ']
)
def test_texts_that_are_shorter_or_cut_have_another_frame(text: bytes) -> None:
    """No byte before or behind the text may be read."""
    repeated = frame_of(memoryview(b'{"input": [1]}'), checker_of(ELEMENT_TYPES["float32"]))

    assert repeated.read(memoryview(bytearray(text))) is None


def test_long_texts_are_not_compared() -> None:
    """Their memory is not taken twice if they do not match."""
    checker = checker_of(ELEMENT_TYPES["uint8"])
    repeated = frame_of(memoryview(b'{"input": [1]}'), checker)
    numbers = (MAX_BYTES - len('{"input": []}')) // 2

    longest = b'{"input": [' + b",".join([b"1"] * numbers) + b"]}"

    found = repeated.read(memoryview(bytearray(longest)))
    assert found is not None
    assert found.wide.tolist() == [1] * numbers
    assert repeated.read(memoryview(bytearray(longest.replace(b": [", b": [1,  ")))) is None
