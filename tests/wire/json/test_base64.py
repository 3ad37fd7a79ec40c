"""base64 in a JSON body, in the variants that other programs write."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolhouse.errors import Unprocessable
from poolhouse.wire.json.base64 import NotBase64, ScannedBase64
from poolhouse.wire.json.codec import JSON
from poolhouse.wire.json.python_reader import ParsedBase64

WRITERS: dict[str, Callable[[bytes], str]] = {
    "standard": lambda data: base64.b64encode(data).decode(),
    "URL alphabet": lambda data: base64.urlsafe_b64encode(data).decode(),
    "without padding": lambda data: base64.b64encode(data).decode().rstrip("="),
    "URL alphabet without padding": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "MIME": lambda data: base64.encodebytes(data).decode(),
    "MIME with carriage returns": lambda data: base64.encodebytes(data).decode().replace("\n", "\r\n"),
    "data URL": lambda data: "data:application/octet-stream;base64," + base64.b64encode(data).decode(),
    "data URL without a type": lambda data: "data:;base64," + base64.b64encode(data).decode(),
    "data URL with a parameter": lambda data: (
        "DATA:application/octet-stream;name=x.bin;base64," + base64.b64encode(data).decode()
    ),
}
every_writer = pytest.mark.parametrize("writer", WRITERS)


@pytest.fixture(autouse=True, params=["compiled", "plain"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With compiled loops, and without."""
    monkeypatch.setattr("poolhouse.wire.json.compiled_reader.is_ready", lambda: request.param == "compiled")


def body(text: str, shape: list[int], **dumped: bool) -> memoryview:
    entry = {"base64": text, "shape": shape, "dtype": "uint8"}
    return memoryview(json.dumps({"input": entry, "kernel_size": 1}, **dumped).encode())  # type: ignore[arg-type]


def refusal(text: str, shape: list[int]) -> Unprocessable:
    with pytest.raises(Unprocessable) as caught:
        JSON.decode(body(text, shape), {}, 2**25)
    return caught.value


@every_writer
def test_every_variant_decodes_to_the_same_bytes(writer: str) -> None:
    """Browsers, mail libraries, Go and protobuf differ, and all are unambiguous."""

    @given(st.binary(max_size=90))
    def holds(data: bytes) -> None:
        text = WRITERS[writer](data)

        read = JSON.decode(body(text, [len(data)]), {}, 2**25).tensors["input"]
        assert read.array.tobytes() == data

    holds()


@pytest.mark.parametrize("escape", [("/", "\\/"), ("+", "\\u002b"), ("A", "\\u0041")])
def test_json_escapes_are_decoded(escape: tuple[str, str]) -> None:
    """PHP escapes the slash and .NET the plus."""
    data = bytes(range(256))
    text = body(base64.b64encode(data).decode(), [256]).tobytes().replace(escape[0].encode(), escape[1].encode())

    assert JSON.decode(memoryview(text), {}, 2**25).tensors["input"].array.tobytes() == data


def test_no_elements_are_no_characters() -> None:
    """An empty string is valid base64, also in a body with an escape, where the reader once looked for a list."""
    for note in ({}, {"note": "\u0007"}):
        entry = {"base64": "", "shape": [0, 2], "dtype": "uint8"}

        read = JSON.decode(memoryview(json.dumps({"input": entry, **note}).encode()), {}, 2**25)

        assert read.tensors["input"].shape == (0, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AQID!BAU", "holds '!' at character 4"),
        ("AQIDBAé=", "holds 'é' at character 6"),
        ("data:;base64,AQI*", "holds '*' at character 16"),
        ("data:image/png;base64,iVBORw0K", "a data URL of 'image/png'"),
        ("data:application/octet-stream,AQID", "a data URL that holds no base64"),
        ("data:", "a data URL that holds no base64"),
        ("AQ==AQ==", "padding at character 2"),
        ("AQ=AQ===", "padding at character 2"),
        ("AQIDB", "ends within a byte"),
        ("AQID=", "ends within a byte"),
        ("AQ===", "ends within a byte"),
        ("AQID====", "ends within a byte"),
        ("AQID" * 4 + "=", "ends within a byte"),
        ("AQID" * 4 + "====", "ends within a byte"),
        ("AQID" * 4 + "\n====", "ends within a byte"),
        ("=", "ends within a byte"),
        ("AQID" * 9 + "AQIDB", "ends within a byte"),
    ],
)
def test_the_error_names_the_fault_and_its_position(text: str, message: str) -> None:
    """The number of characters alone would not explain a prefix or an invalid letter."""
    refused = refusal(text, [3])

    assert message in refused.detail
    assert refused.problems[0].pointer == "/input/base64"


@every_writer
def test_a_wrong_length_is_given_in_bytes(writer: str) -> None:
    """The number of characters depends on the variant."""
    refused = refusal(WRITERS[writer](bytes(20)), [3, 7])

    assert "takes 21 bytes, and its base64 holds 20." in refused.detail


@example("AA==AA")
@example("AA==AA==")
@example("data:;base64,A/\nA=")
@given(st.text('AQg+/-_= \n!é;,:da"\\\b', max_size=60) | st.text(max_size=20))
def test_both_readers_agree(text: str) -> None:
    """Whether the server has compiled loops must not matter to clients."""

    def read(packed: ScannedBase64 | ParsedBase64) -> bytes | str:
        try:
            return bytes(packed.decode())
        except NotBase64 as fault:
            return str(fault)

    def scanned(**dumped: bool) -> ScannedBase64:
        sent = json.dumps(text, **dumped).encode()  # type: ignore[arg-type]
        return ScannedBase64(memoryview(sent), 1, len(sent) - 1)

    whole = read(ParsedBase64(text))

    assert read(scanned()) == whole
    if text.isprintable():
        assert read(scanned(ensure_ascii=False)) == whole
    if isinstance(whole, str):
        return
    kept = "".join(text.rpartition(",")[2].split()).rstrip("=").translate(str.maketrans("-_", "+/"))
    assert whole == base64.b64decode(kept + "=" * (-len(kept) % 4), validate=True)


def test_base64_of_a_browser_and_of_the_command_line_is_decoded() -> None:
    """readAsDataURL and base64(1), which wraps its lines, for elements of four bytes."""
    x = np.arange(60, dtype=np.float32).reshape(1, 6, 10)
    for write in map(partial(WRITERS.__getitem__), ("data URL", "MIME")):
        entry = {"base64": write(x.tobytes()), "shape": [1, 6, 10]}

        read = JSON.decode(memoryview(json.dumps({"input": entry}).encode()), {}, 2**25).tensors["input"]

        np.testing.assert_array_equal(read.array, x)
