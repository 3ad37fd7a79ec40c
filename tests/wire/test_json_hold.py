"""Texts that cannot be cut: short ones are read at once, long ones refused, since nobody goes on meanwhile."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import PoolhouseError, TooLarge
from poolhouse.wire import json_pieces
from poolhouse.wire.json_body import JSON
from poolhouse.wire.json_long import unescaped

SIZE = 3 << 20


@pytest.fixture(autouse=True)
def longest(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the texts that the parser was given."""
    lengths = [0]
    loads = orjson.loads

    def noted(text: bytes) -> object:
        lengths.append(len(text))
        return loads(text)

    monkeypatch.setattr(orjson, "loads", noted)
    return lengths


def texts(size: int) -> dict[str, bytes]:
    """What the parser alone can tell of, about so long."""
    ones = (b"1," * (size // 2))[:-1]
    piece = b"[" + (b"1," * 100_000)[:-1] + b"]"
    some = b",".join(b'"x%d":%b' % (number, piece) for number in range(size // len(piece)))
    return {
        "a list": b"[" + ones + b"]",
        "lists too deep": b'{"input":' + b"[" * 70 + ones + b"]" * 70 + b"}",
        "a list in a list of objects": b'{"a":[{"b":[' + ones + b"]}]}",
        "many fields of middling length": b"{" + some + b"}",
        "many such beside a long one": b'{"input":[' + ones + b"]," + some + b"}",
        "a string": b'{"x":"' + b"a" * size + b'"}',
        "escapes": b'{"x":"' + b"\\u00e9" * (size // 6) + b'"}',
        "no list at all": b'{"input":[[1,2],[' + ones + b"}",
        "empty lists": b'{"input":[' + (b"[]," * (size // 100))[:-1] + b" " * size + b"]}",
    }


@pytest.mark.parametrize("kind", texts(9))
def test_a_long_text_that_cannot_be_cut_is_refused_unread(kind: str, longest: list[int]) -> None:
    """Twenty callers with such texts held up everyone for three seconds."""
    with pytest.raises(TooLarge, match="base64, or send it as binary") as refused:
        JSON.decode(memoryview(texts(SIZE)[kind]), {}, 1 << 25)

    assert refused.value.limit_bytes == json_pieces.WHOLE_BYTES
    assert max(longest) <= json_pieces.WHOLE_BYTES


@pytest.mark.parametrize("kind", texts(9))
def test_one_that_is_not_so_long_is_read_whole(kind: str) -> None:
    """Only the parser knows, and for so long it may be asked."""
    refusal: PoolhouseError | None = None
    try:
        JSON.decode(memoryview(texts(SIZE // 6)[kind]), {}, 1 << 25)
    except PoolhouseError as refused:
        refusal = refused

    assert not isinstance(refusal, TooLarge)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b" " * SIZE, "it is empty"),
        (b"\xef\xbb\xbf" + b"[" * 3 + b"1" * SIZE, "byte order mark"),
        ((('{"input":[') + "1," * SIZE).encode("utf-16"), "UTF-16"),
        (b'{"input":[' + b"1," * SIZE, "unexpected end"),
        (b'{"input":[' + b"1," * SIZE + b",1]}", "character"),
        (b'{"input":[' + b"1," * SIZE + b"NaN]}", "stands bare"),
    ],
)
def test_common_damage_to_a_long_text_is_told_as_it_is(text: bytes, words: str, longest: list[int]) -> None:
    """It is seen from a part of the text."""
    with pytest.raises(PoolhouseError, match=words):
        JSON.decode(memoryview(text), {}, 1 << 25)

    assert max(longest) <= json_pieces.WHOLE_BYTES


def test_two_tensors_below_the_length_that_is_cut_are_read(longest: list[int]) -> None:
    """Indices beside an input, each just too short to be read in pieces, are an ordinary body."""
    numbers = b"[[" + b"0," * (json_pieces.PIECE_BYTES - 9) + b"0]]"
    text = b'{"input":' + numbers + b',"indices":' + numbers + b"}"

    read = JSON.decode(memoryview(text), {}, 1 << 25)

    assert read.tensors.keys() == {"input", "indices"}
    assert max(longest) == len(text)


def as_php(text: str) -> str:
    return text.replace("/", "\\/")


def as_dotnet(text: str) -> str:
    return text.replace("+", "\\u002B")


def as_mail(text: str) -> str:
    return "\\r\\n".join(text[start : start + 76] for start in range(0, len(text), 76))


@pytest.mark.parametrize("escape", [as_php, as_dotnet, as_mail])
@pytest.mark.parametrize("count", [6, 600_001, 3_000_000])
def test_base64_with_escapes_is_read_in_pieces(count: int, escape: Callable[[str], str], longest: list[int]) -> None:
    """The libraries of some languages escape what stands in every base64."""
    x = np.random.default_rng(3).integers(0, 255, count).astype(np.uint8)
    packed = escape(base64.b64encode(x.tobytes()).decode())
    text = f'{{"input":{{"dtype":"uint8","shape":[{count}],"base64":"{packed}"}}}}'.encode()

    read = JSON.decode(memoryview(text), {}, 1 << 25)

    assert np.array_equal(read.tensors["input"].array, x)
    assert max(longest) <= json_pieces.PACKED_BYTES + 2


ESCAPES = [r"\/", r"\\", r"\u002B", r"\n", r"\"", "/", "a", "é", "\\", r"\u00"]


@given(st.lists(st.sampled_from(ESCAPES)), st.integers(7, 20))
def test_escapes_are_undone_wherever_the_text_is_cut(parts: list[str], packed: int) -> None:
    """A backslash and what it escapes may lie on both sides."""
    text = f'"{"".join(parts)}"'.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "PACKED_BYTES", packed)
        patch.setattr(json_pieces, "rest", lambda: None)
        made: bytes | None = None
        with contextlib.suppress(ValueError):
            made = bytes(unescaped(text, 1, len(text) - 1))

    whole: bytes | None = None
    with contextlib.suppress(ValueError):
        whole = json.loads(text).encode()
    # Two halves of what is no JSON are none either, but for backslashes without end, which are no base64.
    assert made == whole or "\\\\" in text.decode()


def test_more_objects_than_fields_are_refused_before_they_are_read(longest: list[int]) -> None:
    """Three characters each, and sixty bytes of memory."""
    text = b'{"input":[' + (b"{}," * 2000)[:-1] + b"]}"

    with pytest.raises(PoolhouseError, match="more than 1024 objects"):
        JSON.decode(memoryview(text), {}, 1 << 25)

    assert max(longest) == 0
