"""The values that each field type accepts and refuses, in JSON and as text."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import FIELD_CODES
from poolhouse.operators.fields import (
    INT32_MAX,
    REQUIRED,
    Field,
    FieldError,
    FieldType,
    Flag,
    Integer,
    IntegerPerAxis,
    Power,
    RatioPerAxis,
    describe_value,
)

KINDS: tuple[FieldType, ...] = (
    IntegerPerAxis(1),
    IntegerPerAxis(0, allows_null=True),
    IntegerPerAxis(1, allows_batch_sizes=True),
    RatioPerAxis(),
    Flag(),
    Integer(-(2**63), 2**63 - 1, nonzero=True),
    Integer(0, 2**53 - 1),
    Power(),
)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 9)
    | st.sampled_from((2**31, 2**63, 2**64, 10**400))
    | st.floats()
    | st.text(max_size=20)
)
json_values = (
    scalars
    | st.lists(scalars | st.lists(scalars, max_size=2), max_size=5)
    | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
)


def code_of(kind: FieldType, value: object, rank: int = 2) -> str:
    """The error code of an invalid value."""
    with pytest.raises(FieldError) as refused:
        kind.check(value, rank)
    return refused.value.code


@every_kind
def test_any_json_value_is_accepted_or_raises_a_field_error(kind: FieldType) -> None:
    """A client's value must not raise another exception of Python."""

    @given(json_values, st.integers(1, 3))
    def holds(value: object, rank: int) -> None:
        try:
            checked = kind.check(value, rank)
        except FieldError as refused:
            code, message = refused.code, refused.message
        else:
            hash(checked)
            code, message = "type", "accepted"
        assert code in FIELD_CODES
        assert 0 < len(message) < 250

    holds()


@every_kind
def test_any_text_is_read_or_raises_a_field_error(kind: FieldType) -> None:
    """A query string may have any text; the values read from it are checked like JSON values."""

    @given(st.text(max_size=60) | st.text("0123456789,.-+eEinfnatruls_ ", max_size=30), st.integers(1, 3))
    def holds(text: str, rank: int) -> None:
        code, message = "type", "accepted"
        try:
            kind.check(kind.read(text), rank)
        except FieldError as refused:
            code, message = refused.code, refused.message
        assert code in FIELD_CODES
        assert 0 < len(message) < 250

    holds()


def test_one_size_applies_to_every_axis() -> None:
    """As in torch."""
    assert IntegerPerAxis(1).check(3, 2) == (3, 3)
    assert IntegerPerAxis(1).check([3, 4], 2) == (3, 4)
    assert IntegerPerAxis(0, allows_null=True).check([None, 4, 0], 3) == (None, 4, 0)
    assert IntegerPerAxis(1, allows_batch_sizes=True).check([1, 2, 3, 4], 2) == (1, 2, 3, 4)


@pytest.mark.parametrize("value", [2.0, [2, 2.0], [2.0, 2.0]])
def test_an_integer_may_have_a_decimal_point(value: object) -> None:
    """JSON has one number type, and in JSON Schema, as in our API document, 2.0 is an integer."""
    checked = IntegerPerAxis(1).check(value, 2)

    assert checked == (2, 2)
    assert isinstance(checked, tuple)
    assert all(type(entry) is int for entry in checked)
    assert Integer(0, 2**53 - 1).check(2.0, 2) == 2
    assert code_of(Integer(0, 9), 1e10) == "range"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (True, "type"),
        (2.5, "type"),
        (math.inf, "type"),
        (math.nan, "type"),
        (1e300, "type"),
        (-(2.0**63), "type"),
        ("2", "type"),
        (None, "type"),
        ({}, "type"),
        (0, "range"),
        (INT32_MAX + 1, "range"),
        (-(10**400), "range"),
        ([], "length"),
        ([1, 2, 3], "length"),
        ([1] * 1_000_000, "length"),
        ([1, None], "type"),
        ([1, [2]], "type"),
        ([1, False], "type"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_size_is_an_integer_within_int32(value: object, code: str) -> None:
    """Beyond int32 torch's kernels crash, overflow or run forever; only Python treats a bool as a number."""
    assert code_of(IntegerPerAxis(1), value) == code


@pytest.mark.parametrize(
    "text",
    ["1_000", "+3", "٣", "3.5", "3.", "0x3", "", ",", "3,", "1e2", "9" * 21, "--3", "null", "3\xa0", "\t3", " 3", "3 "],
)
def test_only_plain_digits_are_a_size(text: str) -> None:
    """Python's int() accepts texts that no other language writes."""
    with pytest.raises(FieldError):
        IntegerPerAxis(1).read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("3.0", 3),
        ("3,2", [3, 2]),
        ("[3,2]", [3, 2]),
        ("[3, 2]", [3, 2]),
        ("(3, 2)", [3, 2]),
        ("3,  2", [3, 2]),
        ("[3]", [3]),
        ("(3,)", [3]),
        ("-1", -1),
    ],
)
def test_sizes_are_read_in_all_common_notations(text: str, value: object) -> None:
    """JSON, Python and users write lists differently, but each notation is unambiguous."""
    assert IntegerPerAxis(1).read(text) == value
    assert RatioPerAxis().read(text) == value


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2x2", "2,2"),
        ("2X3", "2,3"),
        ("2 × 2", "2,2"),
        ("2;2", "2,2"),
        ("[3 2]", "3,2"),
        ("{2,2}", "2,2"),
        ("(2,2]", "2,2"),
    ],
)
def test_the_error_for_a_malformed_list_shows_the_right_notation(text: str, meant: str) -> None:
    """0x10 is a number in most languages, so 2x2 is not accepted, but the error shows the right notation."""
    with pytest.raises(FieldError) as refused:
        IntegerPerAxis(1).read(text)

    assert refused.value.code == "type"
    assert refused.value.message.endswith(f"; write {meant}")


@pytest.mark.parametrize(("text", "value"), [("True", True), ("False", False), ("true", True), ("false", False)])
def test_flags_are_read_as_python_formats_them(text: str, value: bool) -> None:
    """requests sends True where httpx sends true."""
    assert Flag().read(text) is value


@pytest.mark.parametrize("text", ["TRUE", "1", "yes", "", "t", "true,", " true"])
def test_other_words_are_not_flags(text: str) -> None:
    """1 and on mean true in some languages only."""
    with pytest.raises(FieldError):
        Flag().read(text)


def test_null_is_read_as_json_and_python_write_it() -> None:
    """A format string turns torch's argument (None, 7) into that text."""
    assert IntegerPerAxis(0, allows_null=True).read("(None, 7)") == [None, 7]
    assert IntegerPerAxis(0, allows_null=True).read("null,7") == [None, 7]
    unset = Field("stride", IntegerPerAxis(1), "", REQUIRED, "kernel_size", None, in_batch_key=True)
    assert [unset.read(text) for text in ("null", "None", "3")] == [None, None, 3]


LISTS = [
    Field(type(kind).__name__, kind, "", default, None, None, in_batch_key=True)
    for kind in KINDS
    for default in (REQUIRED, None)
    if "pattern" in kind.text_schema(2)
]


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("field", LISTS, ids=lambda field: f"{field.name}-{field.is_required}")
def test_the_schema_and_the_parser_agree_on_texts(field: Field, rank: int) -> None:
    """Gateways validate by the schema, and generated clients follow it."""
    pattern = field.text_schema(rank)["pattern"]
    assert isinstance(pattern, str)
    schema_pattern = re.compile(pattern, re.ASCII)
    pieces = st.sampled_from([*"[](),,  .-+xeE", "null", "None", "true", "inf", "Infinity", "0", "2", "3.0", "0.5"])

    @given(st.lists(pieces, max_size=9).map("".join) | st.from_regex(schema_pattern, fullmatch=True))
    def holds(text: str) -> None:
        value: object = None
        code = "accepted"
        try:
            value = field.read(text)
            if value is not None:
                field.field_type.check(value, rank)
        except FieldError as refused:
            code = refused.code
        # A pattern cannot limit the magnitude of numbers.
        if schema_pattern.search(text):
            assert code in ("accepted", "range")
        else:
            assert code != "accepted"

    holds()


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "infinity", "1_0", " 1", "1 ", "1\xa0", "٣", "1e400", "", "0x1p3", "1" * 41, "e", "--1"]
)
def test_only_plain_numbers_are_a_power(text: str) -> None:
    """Python's float() accepts most of these."""
    with pytest.raises(FieldError):
        Power().read(text)


def test_a_power_may_be_infinite_in_both_notations() -> None:
    """JSON has no infinity, so the API represents it as a string."""
    assert Power().check("Infinity", 1) == math.inf
    assert Power().check(Power().read("-Infinity"), 1) == -math.inf
    assert Power().check(Power().read("inf"), 1) == math.inf
    assert Power().check(3, 1) == 3.0
    assert [code_of(Power(), value) for value in (0, -0.0, math.nan, 10**400)] == ["range"] * 4
    assert [code_of(Power(), value) for value in (True, "inf", None, [2])] == ["type"] * 4


@pytest.mark.parametrize("value", [0, 1, 1.5, -0.5, math.nan, math.inf])
def test_a_ratio_is_between_zero_and_one(value: float) -> None:
    """Torch's functional checks neither bound."""
    assert code_of(RatioPerAxis(), value) == "range"
    assert code_of(RatioPerAxis(), [0.5, value]) == "range"


def test_quoted_values_are_short() -> None:
    """A request of a megabyte must not produce a message of a megabyte."""
    assert len(describe_value("x" * 10**6)) <= 60
    assert len(describe_value([1] * 10**6)) <= 60
    assert len(describe_value(10**5000)) <= 60
