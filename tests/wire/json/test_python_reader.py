"""The reader without compiled loops: tensors stay apart, signs of zero survive, and large bodies are refused early."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import PoolhouseError, Unprocessable
from poolhouse.wire.elements import MAX_RANK
from poolhouse.wire.json import python_reader
from poolhouse.wire.json.base64 import NotBase64
from poolhouse.wire.json.python_reader import ParsedBase64, ParsedList, read
from poolhouse.wire.json.refusals import MAX_BODY_FIELDS, ElementChecker
from tests.hypothesis_profiles import scaled_examples


def parse(text: str) -> dict[str, object]:
    return read(memoryview(text.encode()))


def elements(data: list[object], dtype: str = "float64") -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The elements of a parsed list."""
    return ParsedList(data).read_elements(ElementChecker("input", ELEMENT_TYPES[dtype], "/input"))


def test_data_of_tensors_stays_unconverted_and_all_else_is_parsed() -> None:
    """Only keys at the top are tensors; the same keys elsewhere are fields."""
    document = parse(
        '{"k":{"input":[1]},"data":[2],"indices":{"base64":"AAAA","shape":[3]},"input":{"data":[4],"more":{"data":[5]}}}'
    )

    assert document == {
        "k": {"input": [1]},
        "data": [2],
        "indices": {"base64": ParsedBase64("AAAA"), "shape": [3]},
        "input": {"data": ParsedList([4]), "more": {"data": [5]}},
    }


@pytest.mark.parametrize("zero", ["-0", "-0.0", "-0e5"])
@pytest.mark.parametrize("form", ['{{"input":[[{0}, 1]]}}', '{{"input":{{"data":[[{0}\n,1]]}},"k":"-0,"}}'])
def test_minus_zero_keeps_its_sign(zero: str, form: str) -> None:
    """The strict parser reads -0 as the integer 0; max pooling of windows of zeros would lose the sign."""
    document = parse(form.format(zero))

    entry = document["input"]
    value = entry["data"] if isinstance(entry, dict) else entry
    assert isinstance(value, ParsedList)
    first = value.read_elements(ElementChecker("input", ELEMENT_TYPES["float32"], "/input"))[0, 0]
    assert math.copysign(1, first) == -1


@pytest.mark.parametrize(
    "number", ["18446744073709551615", "-9223372036854775808", "18446744073709551616", "1" + "0" * 300]
)
def test_integers_beside_minus_zero_are_those_of_the_strict_parser(number: str) -> None:
    """The second parser must not read other values, nor fail on digits that Python refuses."""
    beside, alone = parse(f'{{"input":[-0,{number}]}}')["input"], parse(f'{{"input":[{number}]}}')["input"]

    assert isinstance(beside, ParsedList)
    assert isinstance(alone, ParsedList)
    assert beside.data[1] == alone.data[0]
    assert type(beside.data[1]) is type(alone.data[0])


@scaled_examples(60)
@given(
    hnp.arrays(np.int8, hnp.array_shapes(max_dims=4, min_side=0, max_side=3)),
    st.sampled_from(["int8", "float16", "int64"]),
)
def test_a_regular_list_has_its_shape_and_elements(
    x: np.ndarray[tuple[int, ...], np.dtype[np.int8]], dtype: str
) -> None:
    """Sizes behind a first zero are unknown to a nested list."""
    found = elements(x.tolist(), dtype)

    assert found.dtype == dtype
    assert found.shape == (x.shape[: x.shape.index(0) + 1] if 0 in x.shape else x.shape)
    assert found.reshape(-1).tolist() == x.reshape(-1).tolist()


@pytest.mark.parametrize(
    ("data", "dtype", "code", "words"),
    [
        ([[1, 2], [3]], "int8", "invalid_data", "level 2 holds lists of 2 entries, and a list of 1"),
        ([[1], 2], "int8", "invalid_data", "level 2 holds lists of 1 entries, and 2"),
        ([1, [2]], "int8", "invalid_data", "holds a list at [1], where a number is expected"),
        ([[1], [2**63]], "int64", "invalid_data", "holds 9223372036854775808 at [1, 0]"),
        ([[1], [-129]], "int8", "invalid_data", "holds -129 at [1, 0], and int8 goes from -128"),
        ([1.0, 1.5], "int8", "invalid_data", "holds 1.5 at [1]"),
        ([1, True], "float32", "invalid_data", "holds true at [1]"),
        ([True, 1], "bool", "invalid_data", "holds 1 at [1]"),
        ([1.0, -1e39], "float32", "invalid_data", "holds -1e+39 at [1], which is too large"),
    ],
)
def test_an_invalid_element_is_refused_with_its_index(data: list[object], dtype: str, code: str, words: str) -> None:
    """numpy would convert each of these without an error."""
    with pytest.raises(Unprocessable) as caught:
        elements(data, dtype)

    assert (caught.value.code, words in caught.value.detail) == (code, True), caught.value.detail


def test_a_list_of_the_greatest_rank_is_read_and_no_deeper_one() -> None:
    """numpy's own limit is higher or lower, depending on its version."""
    data: list[object] = [7]
    for _ in range(MAX_RANK - 1):
        data = [data]

    assert elements(data).shape == (1,) * MAX_RANK
    with pytest.raises(Unprocessable, match="more than 32 levels"):
        elements([data])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{" + ",".join(f'"{place}":1' for place in range(MAX_BODY_FIELDS + 1)) + "}", "invalid_data"),
        ('{"a":[' + ",".join(["{}"] * (MAX_BODY_FIELDS + 1)) + "]}", "invalid_data"),
        ('{"input":[' + ",".join(["[]"] * 10) + "]}", "invalid_data"),
    ],
)
def test_bodies_of_many_objects_or_lists_are_refused_unparsed(
    text: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parsed, each empty list takes thirty times the memory of its brackets."""
    monkeypatch.setattr(python_reader, "_MAX_LISTS", 10)
    monkeypatch.setattr(python_reader, "strict_loads", lambda text: pytest.fail("it was parsed"))

    with pytest.raises(PoolhouseError) as caught:
        parse(text)

    assert caught.value.code == code


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', '{"input":{"shape":[1],"shape":[2]}}', '{"a":1,"\\u0061":":"}'])
def test_a_repeated_key_is_refused(text: str) -> None:
    """The strict parser keeps the last value without a word."""
    with pytest.raises(Unprocessable, match="twice"):
        parse(text)


def test_colons_in_strings_are_no_repeated_keys() -> None:
    """They only cost a second look at the body."""
    assert parse('{"a":"::","b":{"c:":1}}') == {"a": "::", "b": {"c:": 1}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("QUJD", b"ABC"),
        ("QUI", b"AB"),
        ("QQ = =", b"A"),
        ("-_8\n", b"\xfb\xff"),
        ("data:;base64,QUJD", b"ABC"),
        ("", b""),
    ],
)
def test_base64_of_any_writer_is_decoded(text: str, expected: bytes) -> None:
    """Either alphabet, with or without padding and whitespace."""
    assert bytes(ParsedBase64(text).decode()) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("QU!D", "holds '!' at character 2"),
        ("data:;base64,é", "holds 'é' at character 13"),
        ("data:;base64,QQ==QQ", "padding at character 15"),
        ("Q", "ends within a byte"),
        ("QUJD=", "ends within a byte"),
        ("QQ===", "ends within a byte"),
        ("QUI==", "ends within a byte"),
    ],
)
def test_what_is_no_base64_is_refused_with_its_position(text: str, words: str) -> None:
    """Counted from the start of the string, a prefix included."""
    with pytest.raises(NotBase64, match=words):
        ParsedBase64(text).decode()


@scaled_examples(60)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b:", "["]),
        st.recursive(st.integers(-3, 3) | st.text(max_size=3), st.lists, max_leaves=5),
    )
)
def test_fields_are_parsed_as_by_the_standard_library(fields: dict[str, object]) -> None:
    """Without tensors the reader is a strict parser."""
    assert parse(json.dumps(fields)) == fields
