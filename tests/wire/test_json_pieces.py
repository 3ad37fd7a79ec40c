"""Long work done in pieces is the work done whole: bytes, binascii and the writer are the oracles."""

from __future__ import annotations

import binascii
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
from tests.wire.drawing import tensors


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    """Pieces of a few bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "LOOKED_BYTES", 5)
        patch.setattr(json_pieces, "PIECE_ELEMENTS", 4)
        patch.setattr(json_pieces, "PRINTED_BYTES", 40)
        patch.setattr(json_answer, "_FEW_BYTES", 0)
        patch.setattr(json_pieces, "PACKED_BYTES", 6)
        patch.setattr(json_pieces, "rest", lambda: None)
        yield


@given(
    st.lists(st.sampled_from([b"true", b"tru", b"e", b",", b"true,true"])),
    st.sampled_from([b"true", b",", b"ue", b"e"]),
)
def test_a_count_in_pieces_is_the_count(parts: list[bytes], word: bytes) -> None:
    """A word may lie across the border of two."""
    text = b"".join(parts)

    assert json_pieces.count(text, word) == text.count(word)


@given(st.binary(max_size=60))
def test_a_copy_in_pieces_is_the_body(body: bytes) -> None:
    """Of a body that came over the socket into memory of its own."""
    assert json_pieces.copy(memoryview(body)) == body


@given(st.binary(max_size=60), st.integers(0, 255))
def test_places_are_where_a_byte_stands(text: bytes, byte: int) -> None:
    """In order, also beyond the first piece."""
    assert json_pieces.places(text, byte) == [place for place, each in enumerate(text) if each == byte]


@given(st.binary(max_size=60))
def test_base64_in_pieces_is_base64(elements: bytes) -> None:
    """There and back."""
    whole = binascii.b2a_base64(elements, newline=False)

    assert b"".join(json_pieces.to_base64(memoryview(elements))) == whole
    assert json_pieces.from_base64(whole.decode()) == elements


@given(st.text("AQg+/=\n é", max_size=60))
def test_what_is_no_base64_is_none_in_pieces(text: str) -> None:
    """Padding may stand at the end of the whole only, not of each piece."""

    def read(decode: Callable[[str], bytes | bytearray]) -> bytes | bytearray | None:
        try:
            return decode(text)
        except ValueError:
            return None

    assert read(json_pieces.from_base64) == read(partial(binascii.a2b_base64, strict_mode=True))


@given(tensors(), st.integers(1, 99))
def test_an_answer_in_pieces_is_the_answer(tensor: Tensor, printed: int) -> None:
    """Whatever the shape, and wherever what is not finite lies."""
    message = Message({"output": tensor})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "PRINTED_BYTES", 2**30)
        whole = bytes(encode_json(message))
        patch.setattr(json_pieces, "PRINTED_BYTES", printed)
        patch.setattr(json_answer, "_JOINED_BYTES", 0)

        pieces = bytes(encode_json(message))

    assert pieces == whole


@pytest.mark.parametrize("shape", [(2, 3, 8), (1, 1, 48), (24, 2)])
def test_an_answer_rests_between_its_pieces(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the others would wait as before."""
    rests = list[None]()
    monkeypatch.setattr(json_pieces, "rest", lambda: rests.append(None))

    encode_json(Message({"output": Tensor(FLOAT32, np.zeros(shape, np.float32))}))

    assert len(rests) >= 48 * len("0.0,") // (2 * json_pieces.PRINTED_BYTES)


def test_lists_without_elements_are_printed_in_pieces_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no bytes, and as many brackets as anyone likes to ask for."""
    rests = list[None]()
    monkeypatch.setattr(json_pieces, "rest", lambda: rests.append(None))

    text = encode_json(Message({"output": Tensor(FLOAT32, np.zeros((1, 200, 0), np.float32))}))

    assert orjson.loads(text)["output"]["data"] == [[[]] * 200]
    assert len(rests) >= 200 * len("[],") // (2 * json_pieces.PRINTED_BYTES)
