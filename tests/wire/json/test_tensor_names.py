"""Every tensor of a request has its own key, in every form and for both readers; no other key is taken for one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.errors import PoolhouseError, Unprocessable
from poolhouse.kernels.registry import Loop
from poolhouse.tensor_names import TENSOR_NAMES, TENSOR_TYPES
from poolhouse.tensors import Message, TensorMetadata
from poolhouse.wire.json import compiled_reader, scanner
from poolhouse.wire.json.codec import JSON, decode_plan
from poolhouse.wire.json.list_scanner import MAX_WORD_CHARS
from tests.hypothesis_profiles import scaled_examples
from tests.operators.resource_usage import measure_usage

FORMS = ("list", "data", "base64")
SHAPES = ((3,), (0,), (2, 2), (1, 2, 2))
READERS = ("compiled", "python")


def read(text: str, reader: str) -> Message:
    """Decode a body with one of the readers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled_reader, "is_ready", lambda: reader == "compiled")
        return JSON.decode(memoryview(text.encode()), {}, 2**25)


def refusal(text: str, reader: str) -> tuple[str, str, list[str]]:
    """Code, message and pointers of a body's refusal."""
    with pytest.raises(PoolhouseError) as caught:
        read(text, reader)
    return caught.value.code, caught.value.detail, [each.pointer for each in caught.value.problems]


def given_as(form: str, name: str, values: object) -> object:
    """A tensor in one of its forms, without its element type."""
    if form == "list":
        return values
    if form == "data":
        return {"data": values}
    array = np.array(values, TENSOR_TYPES[name].storage)
    return {"base64": base64.b64encode(array.tobytes()).decode(), "shape": list(array.shape)}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", TENSOR_NAMES)
def test_each_name_is_a_tensor_in_every_form(name: str, form: str, reader: str) -> None:
    """Of any number of dimensions: the operators check shapes, as they know the axes."""
    for shape in SHAPES:
        array = np.arange(np.prod(shape)).reshape(shape).astype(TENSOR_TYPES[name].storage)

        message = read(json.dumps({"a": 1, name: given_as(form, name, array.tolist()), "z": [[2]]}), reader)

        assert message.json_fields == {"a": 1, "z": [[2]]}
        assert list(message.tensors) == [name]
        assert message.tensors[name].metadata == TensorMetadata(TENSOR_TYPES[name], shape)
        assert np.array_equal(message.tensors[name].array, array)


NUMBERS = {
    "integer": st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 300),
    "float": st.floats(width=32, min_value=0),
}


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[dict[str, list[float]], dict[str, str], list[str]]:
    """Values and form of four tensors, and the order of all keys."""
    names = draw(st.permutations(TENSOR_NAMES))[:4]
    numbers = {name: NUMBERS[TENSOR_TYPES[name].kind].filter(lambda value: value < np.inf) for name in names}
    values = {name: draw(st.lists(numbers[name], min_size=1, max_size=4)) for name in names}
    forms = {name: draw(st.sampled_from(FORMS)) for name in names}
    return values, forms, draw(st.permutations([*names, "modes", "kernel_size"]))


@scaled_examples(200)
@given(mixtures(), st.sampled_from([None, 1]), st.sampled_from(READERS))
def test_four_tensors_in_any_order_are_those_that_were_sent(
    mixture: tuple[dict[str, list[float]], dict[str, str], list[str]], indent: int | None, reader: str
) -> None:
    """All elements are in one buffer, and exact 64-bit integers need a second scan of their list."""
    values, forms, order = mixture
    fields = {"modes": ["mean", "max"], "kernel_size": [2, 2]}
    members = fields | {name: given_as(forms[name], name, values[name]) for name in values}

    message = read(json.dumps({key: members[key] for key in order}, indent=indent), reader)

    assert message.json_fields == fields
    assert list(message.tensors) == [name for name in TENSOR_NAMES if name in values]
    assert {name: tensor.array.tolist() for name, tensor in message.tensors.items()} == values


def test_a_list_is_scanned_at_most_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scanning the whole body again for each tensor would take nine times as long."""
    called: list[str] = []

    def record(name: str) -> None:
        scan: Loop = getattr(scanner, name)

        def recording(*arguments: npt.NDArray[np.generic] | int) -> object:
            called.append(name)
            return scan(*arguments)

        monkeypatch.setattr(scanner, name, recording)

    text = json.dumps({name: [2**53 + 1, 2**53 + 3] for name in TENSOR_NAMES})
    record("scan_body")
    record("scan_list")

    message = read(text, "compiled")

    integers = [name for name in TENSOR_NAMES if TENSOR_TYPES[name].kind == "integer"]
    assert called == ["scan_body", *["scan_list"] * len(integers)]
    assert all(message.tensors[name].array.tolist() == [2**53 + 1, 2**53 + 3] for name in integers)


@st.composite
def other_keys(draw: st.DrawFn) -> str:
    """A name with one character replaced, removed or inserted."""
    name = draw(st.sampled_from(TENSOR_NAMES))
    at = draw(st.integers(0, len(name)))
    return name[:at] + draw(st.sampled_from(["", "x", "_", "é", "\0", " "])) + name[at + draw(st.integers(0, 1)) :]


@example("bxxxx_indices")
@example("xatch_indices")
@example("batc_indices")
@example("_indices")
@example("inputé")
@example("\0mask")
@example("xxxxbatch_indices")
@scaled_examples(300)
@given(other_keys().filter(lambda key: key not in TENSOR_NAMES))
def test_another_key_is_a_field(key: str) -> None:
    """Also one of the same length with the same last eight characters."""
    for reader in READERS:
        for value in ([1, 2], {"data": [3]}, {"base64": "AAAA"}):
            message = read(json.dumps({key: value, "x": {"spans": [[1]]}}, ensure_ascii=False), reader)

            assert message.json_fields == {key: value, "x": {"spans": [[1]]}}
            assert not message.tensors


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", TENSOR_NAMES)
def test_an_escaped_key_is_the_same_key(name: str, reader: str) -> None:
    """A writer may escape any character."""
    for at, character in enumerate(name):
        key = f"{name[:at]}\\u{ord(character):04x}{name[at + 1 :]}"

        assert read(f'{{"{key}":[1,2]}}', reader).tensors[name].array.tolist() == [1, 2]
        assert read(f'{{"{key}":{{"data":[1,2]}}}}', reader).tensors[name].array.tolist() == [1, 2]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", TENSOR_NAMES)
def test_a_name_given_twice_is_refused(name: str, reader: str) -> None:
    """In the same or in different forms, and with escapes."""
    for one in ("[1]", '{"data":[1]}', '{"base64":"AAAAAA==","shape":[1]}'):
        for key in (name, f"\\u{ord(name[0]):04x}{name[1:]}"):
            code, detail, pointers = refusal(f'{{"{name}":{one},"a":0,"{key}":[2]}}', reader)

            assert (code, pointers) == ("invalid_fields", [f"/{name}"])
            assert "twice in one object" in detail


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("value", [None, True, 3, 2.5, "mean", {}, {"shape": [1]}, {"data": 3}, {"base64": [1]}])
@pytest.mark.parametrize("name", TENSOR_NAMES)
def test_a_value_that_is_no_tensor_is_refused_as_that_of_input(name: str, value: object, reader: str) -> None:
    """The message names the key, for any of them."""
    code, detail, pointers = refusal(json.dumps({"input": value}), reader)

    found = refusal(json.dumps({name: value}), reader)

    assert found == (code, detail.replace("input", name), [each.replace("/input", f"/{name}") for each in pointers])


@pytest.mark.parametrize("reader", READERS)
def test_an_element_that_is_invalid_for_the_default_type_is_refused(reader: str) -> None:
    """A fraction is no index, and a word is no number."""
    for name, dtype in TENSOR_TYPES.items():
        value = 1.5 if dtype.kind == "integer" else "word"
        code, _, pointers = refusal(json.dumps({name: [1, value]}), reader)

        assert (code, pointers) == ("invalid_data", [f"/{name}/1"])


def test_a_plan_takes_every_name() -> None:
    """With the default types."""
    text = json.dumps({name: {"shape": [size]} for size, name in enumerate(TENSOR_NAMES)})

    found, fields, _ = decode_plan(memoryview(text.encode()), {}, 2**20)

    assert found == {name: TensorMetadata(TENSOR_TYPES[name], (size,)) for size, name in enumerate(TENSOR_NAMES)}
    assert not fields


def test_every_name_fits_into_the_scanner() -> None:
    """It compares no more characters of a key."""
    assert max(map(len, TENSOR_NAMES)) <= MAX_WORD_CHARS
    with pytest.raises(AssertionError, match="too long"):
        scanner._word_halves("x" * (MAX_WORD_CHARS + 1))


def repeated(unit: str, count: int) -> str:
    """A list of many equal elements."""
    return "[" + ",".join([unit] * count) + "]"


def many_tensors(values: Iterable[str]) -> str:
    """A body with a tensor of every name."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in zip(TENSOR_NAMES, values, strict=True)) + "}"


SIZE = 2**16


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "text",
    [
        many_tensors([repeated("1", SIZE)] * len(TENSOR_NAMES)),
        many_tensors([f'{{"dtype":"int64","data":{repeated("1", SIZE)}}}'] * len(TENSOR_NAMES)),
        many_tensors([f'{{"dtype":"float64","data":{repeated("9007199254740993", SIZE)}}}'] * len(TENSOR_NAMES)),
        many_tensors([f'{{"dtype":"bool","data":{repeated("1", SIZE)}}}'] * len(TENSOR_NAMES)),
        many_tensors([repeated('"ab"', SIZE)] * len(TENSOR_NAMES)),
        many_tensors([f'{{"shape":[{SIZE // 4}],"base64":"{"AAAA" * (SIZE // 3)}"}}'] * len(TENSOR_NAMES)),
    ],
    ids=["ones", "integers", "long numbers", "booleans", "strings", "base64"],
)
def test_many_tensors_take_no_more_memory_than_announced(text: str, reader: str) -> None:
    """The elements of all lists share one buffer of the scanner."""
    body = memoryview(text.encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled_reader, "is_ready", lambda: reader == "compiled")
        with measure_usage() as cost:
            try:
                JSON.decode(body, {}, 2**25)
            except Unprocessable as refused:
                refused.__traceback__ = None
        announced = JSON.decode_extra_bytes(body)

    assert cost.peak_bytes <= announced


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("[[true, false], [false, true]]", "bool"),
        ("[true]", "bool"),
        ('{"data": [true, false], "shape": [2, 1]}', "bool"),
        ('{"data": [true, false], "dtype": "bool"}', "bool"),
        ("[1, 0]", "int64"),
        ("[]", "int64"),
        ("[[], []]", "int64"),
        ('{"data": [1, 0], "dtype": "uint8"}', "uint8"),
    ],
)
def test_a_mask_of_true_and_false_is_of_type_bool(text: str, dtype: str, reader: str) -> None:
    """That is what a comparison gives in most languages; tokenizers give 1 and 0."""
    mask = read(f'{{"input": [[1.5]], "mask": {text}}}', reader).tensors["mask"]

    assert mask.dtype.name == dtype
    if dtype == "bool":
        assert mask.array.reshape(-1)[:2].tolist() == [True, False][: mask.array.size]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mask", "[true, 1]"),
        ("mask", "[1, true]"),
        ("mask", '{"data": [true], "dtype": "int64"}'),
        ("input", "[[true]]"),
        ("indices", "[true]"),
    ],
)
def test_other_tensors_and_mixtures_hold_no_booleans(name: str, text: str, reader: str) -> None:
    """True among numbers is more often a mistake than a 1."""
    code, _, pointers = refusal(f'{{"{name}": {text}}}', reader)

    assert code == "invalid_data"
    assert pointers[0].startswith(f"/{name}")
