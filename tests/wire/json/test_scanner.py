"""The scanner finds the data of tensors wherever it may stand, and counts all keys and values."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.wire.json import list_scanner, scanner
from poolhouse.wire.json.plain_numbers import SCRATCH_SIZE
from poolhouse.wire.json.scanner import NAMED, max_element_count, scan_body


def scan(text: bytes) -> tuple[int, npt.NDArray[np.int64]]:
    """The status and the result of a scan that allows all kinds of elements."""
    found = np.zeros(scanner.RESULT_SIZE, np.int64)
    bits = np.empty(SCRATCH_SIZE + len(text) // 2 + 1, np.uint64)
    return scan_body(np.frombuffer(text, np.uint8), len(text), NAMED, 127, bits, found), found


def list_text(text: bytes, tensor: int) -> bytes:
    """The list that was found for a tensor; empty for none."""
    status, found = scan(text)
    assert status == 0
    begin = scanner.LIST_RECORDS + tensor * list_scanner.RECORD_SIZE
    return text[found[begin + list_scanner.BEGIN] : found[begin + list_scanner.END]]


@pytest.mark.parametrize(
    ("text", "tensor", "expected"),
    [
        (b'{"input":[[1]]}', 0, b"[[1]]"),
        (b'{"k":1,"input" : \n[1, 2] }', 0, b"[1, 2]"),
        (b'{"input":{"dtype":"int8","data":[3]},"indices":[4]}', 0, b"[3]"),
        (b'{"input":{"dtype":"int8","data":[3]},"indices":[4]}', 1, b"[4]"),
        (b'{"inp\\u0075t":[5]}', 0, b"[5]"),
        (b'{"input":{"d\\u0061ta":[6]}}', 0, b"[6]"),
        (b'{"other":{"input":[1]}}', 0, b""),
        (b'{"other":{"data":[1]}}', 0, b""),
        (b'{"input":{"more":{"data":[1]}}}', 0, b""),
        (b'{"input":{"data":1},"data":[1]}', 0, b""),
        (b'{"note":"input","x":[1]}', 0, b""),
        (b'{"xinput":[1],"Input":[1],"inputs":[1]}', 0, b""),
    ],
)
def test_only_data_of_a_tensor_is_found(text: bytes, tensor: int, expected: bytes) -> None:
    """A list elsewhere is a field, and cutting it out would change the request."""
    assert list_text(text, tensor) == expected


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        (b'{"input":{"base64":"QUJD"}}', [b"QUJD", b""]),
        (b'{"indices":{"base64":""},"input":{"shape":[1],"base64":"a\\"b"}}', [b'a\\"b', b""]),
        (b'{"base64":"QUJD","x":{"base64":"QUJD"},"input":[{"base64":"QUJD"}]}', [b"", b""]),
        (b'{"input":{"BASE64":"QUJD"},"indices":{"base64":"RA"}}', [b"", b"RA"]),
    ],
)
def test_only_base64_of_a_tensor_is_found(text: bytes, spans: list[bytes]) -> None:
    """The span lies between the quotes, with the escapes of the string."""
    status, found = scan(text)

    assert status == 0
    places = found[scanner.BASE64_SPANS : scanner.BASE64_SPANS + 4].reshape(2, 2).tolist()
    assert [text[begin:end] for begin, end in places] == spans


documents = st.recursive(
    st.integers(-9, 9) | st.sampled_from(["", "a:b", '"', "\\", "{[,", None, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b:", '"', "data"]), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["k", "data", "base64", "\\"]), documents), st.sampled_from([None, 1]))
def test_all_keys_are_counted(document: dict[str, object], indent: int | None) -> None:
    """A count that differs from that of the parsed document tells of a repeated key."""

    def count(value: object) -> int:
        if isinstance(value, dict):
            return len(value) + sum(map(count, value.values()))
        return sum(map(count, value)) if isinstance(value, list) else 0

    status, found = scan(json.dumps(document, indent=indent).encode())

    assert (status, found[scanner.KEY_COUNT]) == (0, count(document))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b" }", scanner.NOT_AN_OBJECT),
        (b"[1]}", scanner.NOT_AN_OBJECT),
        (b"{" + b",".join([b'"a":1'] * scanner.MAX_KEYS) + b"}", 0),
        (b"{" + b",".join([b'"a":1'] * (scanner.MAX_KEYS + 1)) + b"}", scanner.TOO_MANY_KEYS),
        (b'{"a":[' + b",".join([b"1"] * (scanner.MAX_VALUES - 1)) + b"]}", 0),
        (b'{"a":[' + b",".join([b"1"] * scanner.MAX_VALUES) + b"]}", scanner.TOO_MANY_VALUES),
        (b'{"input":[' + b",".join([b"1"] * 2 * scanner.MAX_VALUES) + b"]}", 0),
        (b'{"a}', scanner.SYNTAX_ERROR),
        (b'{"input":{"base64":"a}', scanner.SYNTAX_ERROR),
        (b'{"input":[1,]}', list_scanner.TRAILING_COMMA),
    ],
)
def test_limits_are_exact_and_faults_have_their_codes(text: bytes, status: int) -> None:
    """Values of fields take sixty bytes each once they are parsed; numbers of tensors are no such values."""
    assert scan(text)[0] == status


def test_the_last_key_before_a_fault_is_known() -> None:
    """The error for too many values names the field that holds them."""
    text = b'{"a":1,"many":{"x":[' + b"1," * scanner.MAX_VALUES + b"1]}}"

    status, found = scan(text)

    assert status == scanner.TOO_MANY_VALUES
    assert text[found[scanner.KEY_BEGIN] : found[scanner.KEY_END]] == b'"many"'


@given(
    st.recursive(
        st.sampled_from(["1", "-2.5e3", "true", "null", '"NaN"', '", ,[ "', "{}", '{"a": [1, 2]}']),
        lambda below: st.lists(below, max_size=5).map(lambda parts: f"[{','.join(parts)}]"),
        max_leaves=30,
    ),
    st.sampled_from([",", " ,", ", ", "\n,\t"]),
    st.sampled_from(["[", "[ ", " [\r\n"]),
)
def test_no_list_has_more_elements_than_are_counted(data: str, comma: str, bracket: str) -> None:
    """The buffer for the elements has the counted size, and the loop does not check it."""
    text = f'{{"input":[{data}]}}'.replace(",", comma).replace("[", bracket).encode()

    def leaves(value: object) -> int:
        return sum(map(leaves, value)) if isinstance(value, list) else 1

    count = max_element_count(np.frombuffer(text, np.uint8), len(text))

    assert leaves(json.loads(text, strict=False)["input"]) <= count
