"""A long text read in pieces is the text read whole: the parser, bytes and numpy are the oracles."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import FLOAT32
from poolhouse.tensors import Message, Tensor
from poolhouse.wire import json_answer, json_pieces
from poolhouse.wire.json_answer import encode_json
from tests.operators.cost import counted
from tests.wire.drawing import tensors

NUMBERS = st.integers(-999, 999) | st.floats(-1e3, 1e3) | st.sampled_from([None, True, 1e300])
LISTS = st.recursive(st.lists(NUMBERS, max_size=12), lambda below: st.lists(below, max_size=6), max_leaves=40)
FIELDS = st.sampled_from([{"kernel_size": 2}, {"kernel_size": [2, 1], "s": "a, [b"}, {"of": {"data": []}}, {}])
SCARS = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(["", ",", "[", "]", " ", "1", '"', "}", ":"])), max_size=2
)


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[list[int]]:
    """Pieces of a few bytes, so that small texts are cut often; gives how often one was read in pieces."""
    read = list[int]()
    in_pieces = json_pieces._in_pieces

    def noted(text: bytes | bytearray, begin: int, end: int) -> object | None:
        found = in_pieces(text, begin, end)
        if found is not None:
            read.append(end - begin)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "_in_pieces", noted)
        patch.setattr(json_pieces, "PIECE_BYTES", 8)
        patch.setattr(json_pieces, "LOOKED_BYTES", 5)
        patch.setattr(json_pieces, "PIECE_ELEMENTS", 4)
        patch.setattr(json_pieces, "rest", lambda: None)
        yield read


def given_by(read: Callable[[], object]) -> object:
    """What comes of it, or what it raises."""
    try:
        return read()
    except (ValueError, TypeError, OverflowError) as error:
        return type(error)


@given(LISTS, FIELDS, st.sampled_from([None, 1]), st.booleans(), SCARS)
def test_a_text_in_pieces_is_the_text(
    data: object, fields: dict[str, object], indent: int | None, inside: bool, scars: list[tuple[int, str]]
) -> None:
    """Also one that is damaged anywhere: what is no JSON must not become some."""
    document = {**fields, "input": {"data": data} if inside else data, "last": 3}
    text = json.dumps(document, indent=indent)
    for at, scar in scars:
        place = at % (len(text) + 1)
        text = text[:place] + scar + text[place + (scar == "") :]

    whole = given_by(lambda: orjson.loads(text))

    assert repr(given_by(lambda: json_pieces.loads(text.encode()))) == repr(whole)


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

        assert given_by(partial(json_pieces.loads, damaged.encode())) == whole, damaged


@pytest.mark.parametrize(
    "text",
    [
        '{"input":[1,2,3,4],[5,6,7,8,9,1,2,3,4],"k":1}',
        '{"input":[1,2,3,4,5,[6,7,8],9,10,11,12,13,[14]],"k":1}',
        '{"input":[1,2,3,4,5,6,7,8,9,10,11,12,13,14],"input":[],"k":[]}',
        '{"k":"a list, in pieces","input":[1,2,3,4,5,6,7,8,9,10,11,12,13,14]}',
        '[{"input":[1,2,3,4,5,6,7,8,9,10,11,12,13,14]}]',
        '{"input":' + "[" * 70 + "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15" + "]" * 70 + "}",
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]",
    ],
)
def test_what_cannot_be_cut_is_read_whole(text: str) -> None:
    """The text is the caller's, and may look like what it is not."""
    assert given_by(lambda: json_pieces.loads(text.encode())) == given_by(lambda: orjson.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        '{"input":[1,{space}2,{more}3]}',
        '{"input":[1{space},2,{more}3]}',
        '{"input":{space}[1,2,{more}3]}',
        '{"input":[[1,2,{more}3]{space},[4,5,{more}6]]}',
    ],
)
def test_space_costs_no_more_than_it_does_the_parser(text: str) -> None:
    """Sixteen megabytes of it are cheap to send; looked through byte by byte they hold the interpreter for a second."""
    sent = text.replace("{space}", " " * 2**24).replace("{more}", "7," * 2**17).encode()

    with counted() as cost:
        found = json_pieces.loads(sent)

    assert found == orjson.loads(sent)
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

    assert json_pieces.loads(text.encode()) == json.loads(text)
    assert len(small) == before + 1


@given(st.lists(st.sampled_from([b"true", b"tru", b"e", b",", b"true,true"])), st.sampled_from([b"true", b",", b"ue"]))
def test_a_count_in_pieces_is_the_count(parts: list[bytes], word: bytes) -> None:
    """A word may lie across the border of two."""
    text = b"".join(parts)

    assert json_pieces.count(text, word) == text.count(word)


@given(st.binary(max_size=60))
def test_a_copy_in_pieces_is_the_body(body: bytes) -> None:
    """Of a body that came over the socket into memory of its own."""
    assert json_pieces.copy(memoryview(body)) == body


@given(LISTS)
def test_an_array_in_pieces_is_the_array(data: list[object]) -> None:
    """Also where there is none: ragged lists, lists where a number should be."""

    def bits(made: np.ndarray) -> tuple[object, ...]:
        return made.dtype, made.shape, made.tobytes()

    with np.errstate(over="ignore"):
        whole = given_by(lambda: bits(np.array(data, np.float32)))
        pieces = given_by(lambda: bits(json_pieces.array(data, np.float32)))

    assert pieces == whole


def test_lists_of_other_lengths_are_refused_though_there_are_as_many_numbers() -> None:
    """Each piece is an array in itself, and together they would fill the shape."""
    with pytest.raises(ValueError, match="depth"):
        json_pieces.array([[1, 2]] * 4 + [[5]] * 2 + [[7, 8, 9]] * 2, np.float32)


@given(tensors(), st.integers(1, 9))
def test_an_answer_in_pieces_is_the_answer(tensor: Tensor, elements: int) -> None:
    """Whatever the shape, and wherever what is not finite lies."""
    message = Message({"output": tensor})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "PIECE_ELEMENTS", 2**30)
        whole = b"".join(encode_json(message))
        patch.setattr(json_pieces, "PIECE_ELEMENTS", elements)
        patch.setattr(json_answer, "_CHUNK_BYTES", 1)
        patch.setattr(json_answer, "_JOINED_BELOW", 0)

        pieces = encode_json(message)

    assert b"".join(pieces) == whole
    assert tensor.array.size <= 2 * elements or len(pieces) > 3


@pytest.mark.parametrize("shape", [(2, 3, 8), (1, 1, 48), (24, 2)])
def test_an_answer_rests_between_its_pieces(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the others would wait as before."""
    rests = list[None]()
    monkeypatch.setattr(json_pieces, "rest", lambda: rests.append(None))

    encode_json(Message({"output": Tensor(FLOAT32, np.zeros(shape, np.float32))}))

    assert len(rests) >= 48 // (2 * json_pieces.PIECE_ELEMENTS)


def test_lists_that_promise_more_than_they_hold_take_no_memory() -> None:
    """The first ones say how large the whole would be: 10¹² elements for 10⁶ that came."""
    with pytest.raises(ValueError, match="length"):
        json_pieces.array([[0.0] * 1000, *[[]] * 1_000_000], np.float32)
