"""The compiled reader alone: what stays unconverted, which errors it names, and the elements of several tensors."""

from __future__ import annotations

import pytest

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import PoolhouseError
from poolhouse.wire.json.base64 import ScannedBase64
from poolhouse.wire.json.body_scan import ScannedList
from poolhouse.wire.json.compiled_reader import is_ready, scan
from poolhouse.wire.json.refusals import ElementChecker


def parse(text: str | bytes) -> dict[str, object]:
    return scan(memoryview(text.encode() if isinstance(text, str) else text)).parse_named()


def elements(value: object, dtype: str = "float64") -> object:
    """The elements of a scanned list."""
    assert isinstance(value, ScannedList)
    return value.read_elements(ElementChecker("input", ELEMENT_TYPES[dtype], "/input")).tolist()


def refused(text: bytes) -> PoolhouseError:
    with pytest.raises(PoolhouseError) as caught:
        parse(text)
    return caught.value


def test_the_loops_are_loaded_in_tests() -> None:
    """Otherwise every test of this reader would pass by the other one."""
    assert is_ready()


def test_data_of_tensors_stays_unconverted_and_all_else_is_parsed() -> None:
    """The numbers of tensors become no Python objects, wherever they stand in the object."""
    document = parse(
        '{"k":[1,"é"],"indices":{"shape":[3],"base64":"AAAA"},"input":{"data":[[1,2]],"dtype":"x"},"z":{}}'
    )

    packed, whole = document.pop("indices"), document.pop("input")
    assert document == {"k": [1, "é"], "z": {}}
    assert isinstance(packed, dict)
    assert isinstance(whole, dict)
    assert packed["shape"] == [3]
    assert isinstance(packed["base64"], ScannedBase64)
    assert bytes(packed["base64"].decode()) == bytes(3)
    assert whole["dtype"] == "x"
    assert elements(whole["data"]) == [[1, 2]]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (b"", "malformed_body", "it is empty"),
        (b"[1]", "invalid_data", "The body is a list of 1"),
        (b'"}', "malformed_body", "The body is not JSON"),
        (b"3", "invalid_data", "The body is 3"),
        (b'{"a":1', "malformed_body", "unexpected end of data"),
        (b'{"input":[1,]}', "malformed_body", "trailing comma is not allowed at character 11"),
        (b'{"input":[1 2]}', "malformed_body", "expected ',' or ']' at character 12"),
        (b'{"input":[01]}', "malformed_body", "leading zero is not allowed at character 10"),
        (b'{"input":[1e999]}', "invalid_data", "The number at character 10 is too large"),
        (b'{"input":[NaN]}', "malformed_body", "unquoted NaN or infinity at character 10"),
        (b'{"input":[1,2,3],"a":tru}', "malformed_body", "at character 21"),
        (b'{"input":[1],"indices":{"base64":"AAAA"},"a":tru}', "malformed_body", "at character 45"),
        (b'{"input":[1],"a":1,"a":2}', "invalid_fields", "twice"),
        (b'{"input":[1],"input":[2]}', "invalid_fields", "twice"),
        (b'{"many":[' + b"1," * 9000 + b"1]}", "invalid_fields", "'many' is nested too deep or holds too many values"),
        (b'{"indices":' + b"[" * 33 + b"]" * 33 + b"}", "wrong_rank", "indices is nested more than 32 levels deep"),
    ],
)
def test_an_error_names_the_fault_at_its_place_in_the_whole_text(text: bytes, code: str, words: str) -> None:
    """The strict parser sees the text without the data of tensors, so its positions have to be corrected."""
    error = refused(text)

    assert (error.code, words in error.detail) == (code, True), error.detail


def test_whitespace_after_the_object_is_no_part_of_it() -> None:
    """Longer than the tail that is looked at first, too."""
    for space in (b"\n", b" " * 1000, b"\t\r\n" * 100):
        assert elements(parse(b'{"input":[1]}' + space)["input"]) == [1.0]
    assert refused(b'{"input":[1]}' + b" " * 1000 + b"x").code == "malformed_body"
