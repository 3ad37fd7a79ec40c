"""The compiled and the Python reader accept the same bodies, with the same results; orjson decides what is JSON."""

from __future__ import annotations

import base64
import json

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Malformed, PoolhouseError
from poolhouse.tensor_names import TENSOR_NAMES
from poolhouse.tensors import Message
from poolhouse.wire.json import compiled_reader as reader
from poolhouse.wire.json.codec import JSON
from tests.operators.resource_usage import measure_usage
from tests.wire.tensor_strategies import same_bits


def read(text: bytes, *, is_compiled: bool) -> Message | PoolhouseError:
    """The decoded message, or the error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "is_ready", lambda: is_compiled)
        try:
            return JSON.decode(memoryview(text), {}, 2**25)
        except PoolhouseError as refused:
            return refused


def agree(text: bytes, *, in_words: bool = True) -> Message | PoolhouseError:
    """Check that both readers agree, and return the result."""
    compiled, plain = read(text, is_compiled=True), read(text, is_compiled=False)
    if isinstance(plain, PoolhouseError):
        assert isinstance(compiled, PoolhouseError), text
        if in_words:
            assert (type(compiled), str(compiled)) == (type(plain), str(plain)), text
            assert compiled.problems == plain.problems
    else:
        assert not isinstance(compiled, PoolhouseError), (text, compiled)
        assert compiled.json_fields == plain.json_fields
        assert compiled.tensors.keys() == plain.tensors.keys()
        assert all(same_bits(compiled.tensors[name], tensor) for name, tensor in plain.tensors.items())
    return compiled


LEAVES = (
    st.integers(-4, 300) | st.floats(-1e3, 1e300) | st.sampled_from([None, True, "NaN", "-Infinity", "1", "é", 2**63])
)
SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
_FIELDS: list[dict[str, object]] = [{"kernel_size": 2}, {"kernel_size": [2, 1], "s": "a, [b"}, {"of": {"data": []}}, {}]
FIELDS = st.sampled_from(_FIELDS)
EDITS = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(["", ",", "[", "]", " ", "1", '"', "}", ":", "\\", "-", ".", "e"])),
    max_size=2,
)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, object]:
    """Lists of one shape, mostly of one kind of number, sometimes with an invalid element."""

    def nested(shape: tuple[int, ...]) -> object:
        return [nested(shape[1:]) for _ in range(shape[0])] if shape else draw(leaf)

    def packed() -> object:
        text = base64.b64encode(draw(st.binary(max_size=48))).decode()
        if draw(st.booleans()):
            place = draw(st.integers(0, len(text)))
            text = text[:place] + draw(st.sampled_from(["=", "\n", "é", '"', "\\", "A", ":"])) + text[place:]
        return {"base64": text, "shape": [len(text) // 4 * 3], "dtype": draw(st.sampled_from(["uint8", "int8"]))}

    def tensor() -> object:
        if draw(st.integers(0, 3)) == 0:
            return packed()
        shape = draw(SHAPES)
        data = nested(shape)
        if draw(st.integers(0, 3)) == 0:
            place = data
            for size in shape[: draw(st.integers(1, len(shape))) - 1]:
                assert isinstance(place, list)
                place = place[draw(st.integers(0, size - 1))]
            assert isinstance(place, list)
            place.insert(draw(st.integers(0, len(place))), draw(LEAVES | st.just([]) | st.just([[1]]) | st.just({})))
        if draw(st.booleans()):
            return data
        entry: dict[str, object] = {"data": data}
        if draw(st.booleans()):
            entry["dtype"] = draw(st.sampled_from([*sorted(ELEMENT_TYPES), "float8"]))
        return entry

    leaf: st.SearchStrategy[object] = draw(
        st.sampled_from([st.integers(-4, 300), st.floats(-1e5, 1e5), st.booleans(), LEAVES])
    )
    names = draw(st.lists(st.sampled_from(TENSOR_NAMES), min_size=1, max_size=4, unique=True))
    return {**{name: tensor() for name in names}, **draw(FIELDS)}


@example({"input": [0, False], "indices": {"data": [0, False, False]}}, None)
@example({"indices": {"data": [None, 1, 2, 3]}, "input": [True]}, None)
@example({"indices": {"data": [1, 2, 3, 2**63]}, "input": [True]}, None)
@example({"indices": {"data": [1, 2**53 + 1], "dtype": "int64"}, "input": {"data": [2.0, 2**60], "dtype": "int64"}}, 1)
@given(bodies(), st.sampled_from([None, 1]))
def test_both_read_the_same(body: dict[str, object], indent: int | None) -> None:
    """The same elements, or both refuse the body."""
    # Of two faults they may name different ones.
    agree(json.dumps(body, indent=indent).encode(), in_words=False)


@pytest.mark.parametrize("wrong", [None, True, "1", [], [[1]], {}, {"a": [1]}, 1e300, "a" * 100, 2.5, 2**63, 2**64])
@pytest.mark.parametrize("dtype", ELEMENT_TYPES)
@pytest.mark.parametrize("place", [0, 1, 5])
def test_both_refuse_with_the_same_message(wrong: object, dtype: str, place: int) -> None:
    """Which reader the server has must not matter to clients."""
    right: object = dtype == "bool" or 7
    rows = [[right, right, right], [right, right, right]]
    rows[place // 3][place % 3] = [[right]] if wrong == [[1]] else wrong

    agree(json.dumps({"input": {"data": rows, "dtype": dtype}}).encode())


@pytest.mark.parametrize(
    "data",
    [
        [[1, 2], [3]],
        [[1, 2], [3, 4, 5]],
        [[1, 2], 3],
        [[1], [[2]]],
        [[[1], [2]], [[3]]],
        [1, [2]],
        [[], [1]],
        [[]],
        [],
        [[[]]],
        [[], []],
    ],
)
def test_both_refuse_ragged_lists_with_the_same_message(data: object) -> None:
    """It names the level and the lengths."""
    agree(json.dumps({"input": data}).encode())


ESCAPED = (
    b'{"inp\\u0075t":[[1,-0]]}',
    b'{"input":{"d\\u0061ta":[[1,2]],"dtype":"flo\\u0061t64"}}',
    b'{"input":["\\u004eaN","-\\u0049nfinity", "Infinity"]}',
    b'{"input":["\\u00zzaN"]}',
    b'{"input":["\\NaN"]}',
    b'{"input":["NaN\\u0000"]}',
    b'{"note":"\\u0061\\"","input":[[1,2,-0]]}',
    b'{"input":["xInfinity"]}',
    b'{"input":["--Infinity"]}',
    b'{"input":[1],"inp\\u0075t":[2]}',
)


@pytest.mark.parametrize("text", ESCAPED)
def test_escaped_names_and_strings_are_recognised(text: bytes) -> None:
    """JSON allows to escape any character, and some writers do."""
    agree(text, in_words=False)


@given(bodies(), st.sampled_from([None, 1]), EDITS)
def test_what_is_no_json_is_refused(body: dict[str, object], indent: int | None, edits: list[tuple[int, str]]) -> None:
    """Cutting out the tensors must not turn invalid JSON into valid JSON."""
    text = json.dumps(body, indent=indent)
    for at, edit in edits:
        place = at % (len(text) + 1)
        text = text[:place] + edit + text[place + (edit == "") :]

    result = agree(text.encode(), in_words=False)

    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        assert isinstance(result, PoolhouseError), text


TEXTS = (
    '{"input":[1.5,-2e3,30,0],"k":1}',
    '{"input":{"data":[[1,2,3],[4,5,6]],"dtype":"int8"},"k":1}',
    '{"k":1,"input":{"base64":"AAAA","shape":[3],"dtype":"uint8"}}',
    '{"input":{"data":[true,false],"dtype":"bool"}, "s":"[1,2]"}',
    '{"input":["NaN",1]}',
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("edit", ["", *',[] 1":{}-0.e\\\x00', ".5", "e5"])
def test_damage_is_found_wherever_it_is(text: str, edit: str) -> None:
    """One character inserted or removed at every position."""
    for place in range(len(text) + 1):
        damaged = text[:place] + edit + text[place + (edit == "") :]
        result = agree(damaged.encode(), in_words=False)
        try:
            orjson.loads(damaged)
        except orjson.JSONDecodeError:
            assert isinstance(result, PoolhouseError), damaged
            if "infinity" not in damaged and "e" not in edit:
                assert isinstance(result, Malformed) or result.code == "invalid_data", damaged


def test_strings_among_integers_take_no_memory() -> None:
    """numpy would allocate the length of the longest string for each element: 10¹¹ bytes for a body of 10⁶."""
    body = {"input": {"data": [*([1] * 300_000), "a" * 100_000], "dtype": "int64"}}
    with measure_usage() as cost:
        assert isinstance(read(json.dumps(body).encode(), is_compiled=True), PoolhouseError)

    assert cost.peak_bytes < 2**26


def test_memory_is_not_allocated_by_the_first_lists_alone() -> None:
    """Their lengths announce 10⁹ elements, and the body holds 1000."""
    text = json.dumps({"input": [[0.0] * 1000, *[[]] * 1_000_000]}).encode()
    with measure_usage() as cost:
        refused = read(text, is_compiled=True)

    assert "lists of 1000 entries, and a list of 0" in str(refused)
    assert cost.peak_bytes < 9 * len(text)
