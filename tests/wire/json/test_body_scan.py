"""Elements of lists that the scanner found: of every type, in any order, more than once."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Unprocessable
from poolhouse.wire.json.body_scan import ScannedList
from poolhouse.wire.json.compiled_reader import scan
from poolhouse.wire.json.refusals import ElementChecker
from tests.hypothesis_profiles import scaled_examples


def parse(text: str | bytes) -> dict[str, object]:
    return scan(memoryview(text.encode() if isinstance(text, str) else text)).parse_named()


def elements(value: object, dtype: str = "float64") -> object:
    """The elements of a scanned list."""
    assert isinstance(value, ScannedList)
    return value.read_elements(ElementChecker("input", ELEMENT_TYPES[dtype], "/input")).tolist()


NUMBERS = st.lists(
    st.integers(-100, 100) | st.floats(-1e9, 1e9) | st.integers(2**53, 2**63 - 1), min_size=1, max_size=6
)


@example([1, 2.0], [2**53 + 1], True, True)
@scaled_examples(80)
@given(NUMBERS, st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6), st.booleans(), st.booleans())
def test_two_tensors_of_different_types_do_not_disturb_each_other(
    floats: list[float], integers: list[int], is_first: bool, integers_first: bool
) -> None:
    """Exact 64-bit integers need a second scan of their list, and all elements are in one buffer."""
    document = parse(
        json.dumps({"input": floats, "indices": integers} if is_first else {"indices": integers, "input": floats})
    )

    names = ("indices", "input") if integers_first else ("input", "indices")
    found = {name: elements(document[name], "int64" if name == "indices" else "float64") for name in names}

    assert found == {"input": [float(each) for each in floats], "indices": integers}


@pytest.mark.parametrize("order", [("input", "indices"), ("indices", "input")])
def test_elements_can_be_read_in_either_order(order: Sequence[str]) -> None:
    """A list is scanned again for its type, also after a scan that found a fault."""
    expected = {"input": [True, False], "indices": [1, 2**63 - 1]}
    document = parse(json.dumps(expected))

    for name in order:
        assert elements(document[name], "bool" if name == "input" else "int64") == expected[name]


@pytest.mark.parametrize("dtypes", [("int64", "float64", "uint64", "float32"), ("float64", "int64", "float64")])
def test_a_list_can_be_read_for_one_type_after_another(dtypes: Sequence[str]) -> None:
    """The bits of integers are no numbers of another type, and only the first scan knows that digits were lost."""
    document = parse(f'{{"mask":[1,{2**53 + 1}]}}')

    for dtype in dtypes:
        exact = [1, 2**53 + 1]
        assert elements(document["mask"], dtype) == (exact if "int" in dtype else [1.0, 2.0**53])


@pytest.mark.parametrize(
    ("data", "dtype", "words"),
    [
        ("[[1,2],[3]]", "int8", "level 2 holds lists of 2 entries, and a list of 1"),
        ("[[1],2]", "int8", "level 2 holds lists of 1 entries, and 2"),
        ("[1,[2]]", "int8", "holds a list at [1], where a number is expected"),
        ("[[1],[300]]", "int8", "holds 300 at [1, 0], and int8 goes from -128 to 127"),
        ("[1,1e39]", "float32", "holds 1e+39 at [1], which is too large for float32"),
        ('[1,{"a":2}]', "float32", "holds an object at [1]"),
        ('["' + "a" * 5000 + '"]', "float32", "holds 'aaa"),
        ("[1.5]", "int64", "holds 1.5 at [0]; elements of type int64 are whole numbers without a fraction"),
        ("[9223372036854775808]", "int64", "holds 9223372036854775808 at [0]"),
        ("[1]", "bool", "holds 1 at [0]; elements of type bool are written as true and false"),
    ],
)
def test_an_invalid_element_is_quoted_with_its_index(data: str, dtype: str, words: str) -> None:
    """The text is scanned again for the type, since only then it is known which kinds are invalid."""
    document = parse(f'{{"input":{data}}}')

    with pytest.raises(Unprocessable) as caught:
        elements(document["input"], dtype)

    assert words in caught.value.detail
    assert len(caught.value.detail) < 300


def test_millions_of_empty_lists_are_refused() -> None:
    """They have no bytes of elements, and pooling them would take time for each."""
    document = parse(b'{"input":[' + b"[]," * (512 * 1024) + b"[]]}")

    with pytest.raises(Unprocessable, match="more than 524288 lists and no element"):
        elements(document["input"])


def test_elements_are_a_copy() -> None:
    """The buffer of the scan is used again where a list is read for another type."""
    document = parse('{"input":[1.5,2.5]}')
    value = document["input"]
    assert isinstance(value, ScannedList)
    checker = ElementChecker("input", ELEMENT_TYPES["float64"], "/input")

    first, second = value.read_elements(checker), value.read_elements(checker)

    assert not np.shares_memory(first, second)
