"""The limits of a JSON body beside its tensors' data, whose parser holds the GIL."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import orjson
import pytest

from poolhouse.errors import PoolhouseError, TooLarge, Unprocessable
from poolhouse.wire.json.codec import JSON
from poolhouse.wire.json.refusals import MAX_NON_TENSOR_BYTES

SIZE = 3 << 20


@pytest.fixture(autouse=True)
def parsed_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of all texts that orjson parses."""
    lengths = [0]
    loads = orjson.loads

    def recording(text: bytes) -> object:
        lengths.append(len(text))
        return loads(text)

    monkeypatch.setattr(orjson, "loads", recording)
    return lengths


def refused(text: bytes) -> PoolhouseError:
    with pytest.raises(PoolhouseError) as caught:
        JSON.decode(memoryview(text), {}, 1 << 25)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"1," * SIZE + b"1]",
        b'{"x":"' + b"a" * SIZE + b'"}',
        b'{"x":"' + b"\\u00e9" * SIZE + b'"}',
        b'{"input":[1],' + b" " * SIZE + b'"x":1}',
        b'"' + b"a" * SIZE + b'"',
    ],
    ids=["a list", "a string", "escapes", "space", "no object"],
)
def test_long_texts_beside_tensors_are_refused_unread(text: bytes, parsed_bytes: list[int]) -> None:
    """Twenty clients with such bodies once blocked all others for three seconds."""
    refusal = refused(text)

    assert isinstance(refusal, TooLarge)
    assert "base64, or send them as binary data" in refusal.detail
    assert refusal.limit_bytes == MAX_NON_TENSOR_BYTES
    assert max(parsed_bytes) <= MAX_NON_TENSOR_BYTES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a":[' + b"1," * SIZE + b"1]}", "'a' is nested too deep or holds too many values"),
        (b'{"a":[{"b":[' + b"1," * SIZE + b"1]}]}", "'b' is nested|'a' is nested"),
        (b'{"input":[1],"inptu":[' + b"[]," * SIZE + b"1]}", "'inptu' is nested"),
        (b'{"input":' + b"[" * 70 + b"1," * SIZE + b"1" + b"]" * 70 + b"}", "more than 32 levels deep"),
        (b'{"input":[' + b'{"a":1},' * 2000 + b"1]}", r"holds an object at \[0\]"),
        (b"{" + b",".join(b'"%d":1' % each for each in range(2000)) + b"}", "more than 1024 fields"),
        (b'{"input":[["' + b"a" * SIZE + b'"]]}', r"holds 'a{60}…' at \[0, 0\]"),
    ],
)
def test_what_no_request_has_is_refused_before_it_is_read(text: bytes, words: str, parsed_bytes: list[int]) -> None:
    """Parsed, three characters of these take sixty bytes of memory."""
    with pytest.raises(Unprocessable, match=words):
        JSON.decode(memoryview(text), {}, 1 << 25)

    assert max(parsed_bytes) < 1024


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b" " * SIZE, "it is empty"),
        (b"\xef\xbb\xbf" + b"[" * 3 + b"1" * SIZE, "byte order mark"),
        ((('{"input":[') + "1," * SIZE).encode("utf-16"), "UTF-16"),
        (b'{"input":[' + b"1," * SIZE, "unexpected end"),
        (b'{"input":[' + b"1," * SIZE + b",1]}", f"expected a JSON value at character {2 * SIZE + 10}"),
        (b'{"input":[' + b"1," * SIZE + b"NaN]}", f"unquoted NaN or infinity at character {2 * SIZE + 10}"),
        (b'{"input":[' + b"1," * SIZE + b"]}", f"trailing comma is not allowed at character {2 * SIZE + 9}"),
        (b'{"input":[' + b"1," * SIZE + b'1] "a":1}', f"at character {2 * SIZE + 13}"),
        (b'{"input":[' + b"1," * SIZE + b"1e999]}", f"at character {2 * SIZE + 10} is too large"),
    ],
)
def test_a_syntax_error_in_a_long_text_is_named(text: bytes, words: str, parsed_bytes: list[int]) -> None:
    """With its position, and without orjson."""
    assert words in refused(text).detail
    assert max(parsed_bytes) <= MAX_NON_TENSOR_BYTES


@pytest.mark.parametrize("space", [" ", "\n", "\t \r\n"])
def test_whitespace_among_numbers_is_skipped(space: str) -> None:
    """A compressed body can hold megabytes of it."""
    text = '{"input":[1,{0}2{0},{0}3{0}]}'.replace("{0}", space * 2**21).encode()

    assert JSON.decode(memoryview(text), {}, 1 << 30).tensors["input"].array.tolist() == [1, 2, 3]


def as_php(text: str) -> str:
    return text.replace("/", "\\/")


def as_dotnet(text: str) -> str:
    return text.replace("+", "\\u002B")


def as_mail(text: str) -> str:
    return "\\r\\n".join(text[start : start + 76] for start in range(0, len(text), 76))


@pytest.mark.parametrize("escape", [as_php, as_dotnet, as_mail])
@pytest.mark.parametrize("count", [6, 600_001])
def test_base64_with_escapes_is_decoded_without_orjson(
    count: int, escape: Callable[[str], str], parsed_bytes: list[int]
) -> None:
    """The JSON libraries of some languages escape characters of the base64 alphabet."""
    x = np.random.default_rng(3).integers(0, 255, count).astype(np.uint8)
    packed = escape(base64.b64encode(x.tobytes()).decode())
    text = f'{{"input":{{"dtype":"uint8","shape":[{count}],"base64":"{packed}"}}}}'.encode()

    read = JSON.decode(memoryview(text), {}, 1 << 25)

    assert np.array_equal(read.tensors["input"].array, x)
    assert max(parsed_bytes) < 1024
