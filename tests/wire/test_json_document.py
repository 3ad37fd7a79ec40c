"""A long text read in pieces is the text read whole: the parser and numpy are the oracles."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import PoolhouseError
from poolhouse.tensors import Message, Tensor
from poolhouse.wire import json_document, json_pieces
from poolhouse.wire.json_answer import encode_json
from poolhouse.wire.json_body import JSON
from poolhouse.wire.json_document import TooLongToRead
from poolhouse.wire.json_long import Damaged, LongBase64, LongList, LongValue, Text, let_go
from poolhouse.wire.json_tensors import choose
from tests.operators.cost import counted
from tests.wire.drawing import same_bits, tensors

NUMBERS = st.integers(-999, 999) | st.floats(-1e3, 1e3) | st.sampled_from([None, True, 1e300])
LISTS = st.recursive(st.lists(NUMBERS, max_size=12), lambda below: st.lists(below, max_size=6), max_leaves=40)
_FIELDS: list[dict[str, object]] = [{"kernel_size": 2}, {"kernel_size": [2, 1], "s": "a, [b"}, {"of": {"data": []}}, {}]
FIELDS = st.sampled_from(_FIELDS)
SCARS = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(["", ",", "[", "]", " ", "1", '"', "}", ":"])), max_size=2
)


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[list[LongValue]]:
    """Pieces of a few bytes, so that small texts are cut often; gives the values that were read in pieces."""
    read = list[LongValue]()
    in_pieces = json_document._in_pieces

    def noted(text: Text, found: list[LongValue], choose: json_document.Chooser) -> json_document.Parsed:
        parsed = in_pieces(text, found, choose)
        read.extend(found)
        return parsed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_document, "_in_pieces", noted)
        patch.setattr(json_pieces, "PIECE_BYTES", 8)
        patch.setattr(json_pieces, "PIECE_ELEMENTS", 4)
        patch.setattr(json_pieces, "rest", lambda: None)
        yield read


def plain(value: object) -> object:
    """With every long list read."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, LongBase64):
        return bytes(value.text[value.begin + 1 : value.end - 1]).decode()
    return value.lists() if isinstance(value, LongList) else value


def loaded(text: bytes) -> object:
    return plain(json_document.loads(text, choose).document)


def given_by(read: Callable[[], object]) -> object:
    """What comes of it, or what it raises."""
    try:
        return read()
    except (ValueError, TypeError, OverflowError) as error:
        # Of the parser's errors there is a kind for damage within a piece.
        return orjson.JSONDecodeError if isinstance(error, orjson.JSONDecodeError) else type(error)


@given(LISTS, LISTS, FIELDS, st.sampled_from([None, 1]), st.booleans(), SCARS)
def test_a_text_in_pieces_is_the_text(
    data: object,
    indices: object,
    fields: dict[str, object],
    indent: int | None,
    inside: bool,
    scars: list[tuple[int, str]],
) -> None:
    """Also one that is damaged anywhere: what is no JSON must not become some."""
    document = {**fields, "input": {"data": data} if inside else data, "indices": indices, "last": 3}
    text = json.dumps(document, indent=indent)
    for at, scar in scars:
        place = at % (len(text) + 1)
        text = text[:place] + scar + text[place + (scar == "") :]

    whole = given_by(lambda: orjson.loads(text))

    assert repr(given_by(lambda: loaded(text.encode()))) == repr(whole)


TEXTS = (
    '{"input":[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9],"k":1}',
    '{"input":{"data":[[1,2,3],[4,5,6],[7,8,9],[1,2,3],[4,5,6],[7,8,9]]},"k":1}',
    '{"k":1,"input":[[[1,2]],[[3,4]],[[5,6]],[[7,8]],[[9,1]],[[2,3]]]}',
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("scar", ["", ",", "[", "]", " ", "1", '"', ":", "{", "}"])
def test_damage_is_found_wherever_it_is(text: str, scar: str) -> None:
    """A comma too many beside a cut would be gone with it, and the wrong text pass for a right one."""
    for place in range(len(text)):
        damaged = text[:place] + scar + text[place + (scar == "") :]

        whole = given_by(partial(orjson.loads, damaged))

        assert given_by(partial(loaded, damaged.encode())) == whole, damaged


@pytest.mark.parametrize(
    "text",
    [
        '{"input":[1,2,3,4],[5,6,7,8,9,1,2,3,4],"k":1}',
        '{"input":[1,2,3,4,5,[6,7,8],9,10,11,12,13,[14]],"k":1}',
        '{"input":[1,2,3,4,5,6,7,8,9,10,11,12,13,14],"input":[],"k":[]}',
        '{"k":"a value, in pieces: 0","input":[1,2,3,4,5,6,7,8,9,10,11,12,13,14]}',
        '[{"input":[1,2,3,4,5,6,7,8,9,10,11,12,13,14]}]',
        '{"input":' + "[" * 70 + "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15" + "]" * 70 + "}",
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]",
    ],
)
def test_what_cannot_be_cut_is_read_whole(text: str) -> None:
    """The text is the caller's, and may look like what it is not."""
    assert given_by(lambda: loaded(text.encode())) == given_by(lambda: orjson.loads(text))


SPACE_BETWEEN = '{"input":[1,{space}2,{more}3]}'


@pytest.mark.parametrize(
    "text",
    [
        SPACE_BETWEEN,
        '{"input":[1{space},2,{more}3]}',
        '{"input":{space}[1,2,{more}3]}',
        '{"input":[[1,2,{more}3]{space},[4,5,{more}6]]}',
    ],
)
def test_space_costs_no_more_than_it_does_the_parser(text: str) -> None:
    """Sixteen megabytes of it are cheap to send; looked through byte by byte they hold the interpreter for a second."""
    sent = text.replace("{space}", " " * 2**24).replace("{more}", "7," * 2**17).encode()

    with counted() as cost:
        try:
            assert loaded(sent) == orjson.loads(sent)
        except TooLongToRead:
            assert text != SPACE_BETWEEN

    # Counting memory makes it several times slower than it is.
    assert cost.seconds < 4


@pytest.mark.parametrize(
    "data", [list(range(40)), [[1, 2], [3, 4]] * 10, [[[1]]] * 20, [[[[1, 2, 3]], [[4, 5, 6]]]] * 5]
)
@pytest.mark.parametrize("place", ["{}", '{{"data":{}}}'])
def test_numbers_are_read_in_pieces(data: object, place: str, small: list[int]) -> None:
    """Else all of this would be for nothing."""
    text = '{"kernel_size":2,"input":' + place.format(json.dumps(data)) + "}"
    before = len(small)

    assert loaded(text.encode()) == json.loads(text)
    assert len(small) == before + 1


LEAVES = (
    st.integers(-4, 300) | st.floats(-1e3, 1e300) | st.sampled_from([None, True, "NaN", "-Infinity", "1", "é", 2**63])
)
SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, object]:
    """Lists of one shape of mostly one kind of number, and now and then something that does not belong there."""

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
            place.insert(draw(st.integers(0, len(place))), draw(LEAVES | st.just([]) | st.just([[1]])))
        if draw(st.booleans()):
            return data
        entry: dict[str, object] = {"data": data}
        if draw(st.booleans()):
            entry["dtype"] = draw(st.sampled_from([*sorted(ELEMENT_TYPES), "float8"]))
        return entry

    leaf: st.SearchStrategy[object] = draw(
        st.sampled_from([st.integers(-4, 300), st.floats(-1e5, 1e5), st.booleans(), LEAVES])
    )
    return {"input": tensor(), "indices": tensor(), **draw(FIELDS)}


@example({"input": [0, False], "indices": {"data": [0, False, False]}})
@example({"indices": {"data": [None, 1, 2, 3]}, "input": [True]})
@example({"indices": {"data": [1, 2, 3, 2**63]}, "input": [True]})
@given(bodies())
def test_a_body_in_pieces_is_the_body(body: dict[str, object]) -> None:
    """The same elements, and the same refusals in the same words."""
    text = json.dumps(body).encode()

    def read() -> Message | tuple[object, ...]:
        try:
            return JSON.decode(memoryview(text), {}, 2**25)
        except PoolhouseError as refused:
            return type(refused), str(refused)

    pieces = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "PIECE_BYTES", 2**30)
        whole = read()

    if not isinstance(whole, Message):
        assert pieces == whole
        return
    assert isinstance(pieces, Message)
    assert pieces.values == whole.values
    assert pieces.tensors.keys() == whole.tensors.keys()
    assert all(same_bits(pieces.tensors[name], tensor) for name, tensor in whole.tensors.items())


@given(tensors())
def test_what_is_looked_at_one_by_one_in_pieces_is_the_same(tensor: Tensor) -> None:
    """An escape anywhere hides the counts, and then every element is looked at."""
    plain_text = bytes(encode_json(Message({"input": tensor})))
    escaped = plain_text.replace(b"{", b'{"note":"\\u0061",', 1)

    fast, exact = (JSON.decode(memoryview(text), {}, 2**25).tensors["input"] for text in (plain_text, escaped))

    assert same_bits(exact, fast)


@pytest.mark.parametrize("shape", [(40,), (20, 2), (2, 20), (5, 1, 8), (1, 1, 40), (40, 1, 1), (3, 4, 5, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_numbers_go_into_an_array_at_once(
    shape: tuple[int, ...], dtype: type[np.generic], small: list[LongValue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of them would be several times as large, and hold up everyone when it is freed."""
    x = np.random.default_rng(1).integers(-9, 2, shape).astype(dtype)
    name = {"float32": "float32", "int64": "int64", "bool": "bool"}[x.dtype.name]
    text = json.dumps({"kernel_size": 2, "input": {"dtype": name, "data": x.tolist()}, "note": "a"}).encode()
    monkeypatch.setattr(LongList, "lists", lambda _: pytest.fail("made a list of everything"))
    before = len(small)

    read = JSON.decode(memoryview(text), {}, 2**25).tensors["input"].array

    assert np.array_equal(read, x)
    assert read.dtype == dtype
    assert len(small) == before + 1


def test_base64_is_read_where_it_stands(small: list[LongValue]) -> None:
    """As a string it would be checked, copied and decoded in three calls that hold up everyone."""
    x = np.arange(60, dtype=np.uint8)
    entry = {"dtype": "uint8", "shape": [60], "base64": base64.b64encode(x.tobytes()).decode()}
    before = len(small)

    read = JSON.decode(memoryview(json.dumps({"input": entry, "kernel_size": 2}).encode()), {}, 2**25)

    assert np.array_equal(read.tensors["input"].array, x)
    assert len(small) == before + 1


def test_a_key_given_twice_is_found_beside_long_lists() -> None:
    """Only what is not in them is read again: a second reading of all of it would hold up everyone."""
    text = b'{"input":[%s],"kernel_size":2,"kernel_size":3}' % b",".join([b"1111"] * 20)

    assert b"1111" not in json_document.loads(text, choose).skeleton
    with pytest.raises(PoolhouseError, match="twice"):
        JSON.decode(memoryview(text), {}, 2**25)


@pytest.mark.parametrize(
    "text",
    [
        '{"input":[LONG,3,,3]}',
        '{"input":[LONG,3], junk}',
        '{"input":[LONG,3],"k":1,"indices":[LONG,4] "k"}',
        '{junk "input":[LONG,3]}',
        '{"input":[LONG,3',
        '{"input":[[LONG,3],[4',
        '{"input":[LONG,3]',
    ],
)
def test_damage_is_told_by_its_place_without_reading_the_whole(text: str) -> None:
    """As the parser would tell it, which would hold up everyone meanwhile."""
    sent = text.replace("LONG", "1,2," * 20 + "0").encode()
    with pytest.raises(orjson.JSONDecodeError) as whole:
        orjson.loads(sent)

    with pytest.raises(Damaged) as pieces:
        json_document.loads(sent, choose)

    assert (pieces.value.msg, pieces.value.pos) == (whole.value.msg, whole.value.pos)


@given(LISTS)
def test_what_is_let_go_is_gone(data: list[object]) -> None:
    """Whatever else holds the outer list holds nothing any more."""
    inner = [each for each in data if isinstance(each, list)]

    let_go(data)

    assert not data
    assert not any(inner)


def test_strings_among_integers_take_no_memory() -> None:
    """numpy would make room for the longest of them at each element: 10¹¹ bytes for 10⁶ that came."""
    body = {"input": {"data": [*([1] * 300_000), "a" * 100_000], "dtype": "int64"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "PIECE_BYTES", 2**17)
        with pytest.raises(PoolhouseError, match="int64"), counted() as cost:
            JSON.decode(memoryview(json.dumps(body).encode()), {}, 2**25)

    assert cost.peak_bytes < 2**26


def test_lists_that_promise_more_than_they_hold_take_no_memory() -> None:
    """The first ones say how large the whole would be: 10¹² elements for 10⁶ that came."""
    data = [[0.0] * 1000, *[[]] * 1_000_000]
    with pytest.raises(PoolhouseError, match="no plain object of numbers"), counted() as cost:
        JSON.decode(memoryview(json.dumps({"input": data}).encode()), {}, 2**30)

    assert cost.peak_bytes < 2**28
