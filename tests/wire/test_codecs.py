"""Which codec reads and which writes: RFC 9110, 12.5.1, and our own rule where the caller leaves it open."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.errors import NotAcceptable, UnsupportedMediaType
from poolhouse.wire.codec import Codec
from poolhouse.wire.codecs import CODECS, choose_response_codec, codec_for_content_type
from poolhouse.wire.json.codec import JSON
from poolhouse.wire.npy import NPY
from poolhouse.wire.npz import NPZ
from poolhouse.wire.raw import RAW
from poolhouse.wire.safetensors import SAFETENSORS

by_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)


@by_codec
def test_every_name_of_a_codec_finds_it(codec: Codec) -> None:
    """Case and parameters have no meaning."""
    for name in codec.media_types:
        assert codec_for_content_type(name) is codec
        assert codec_for_content_type(f"  {name.upper()} ; charset=utf-8") is codec


@pytest.mark.parametrize("given_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "json", ";"])
def test_an_unknown_type_is_refused_with_the_list(given_type: str | None) -> None:
    """curl --data sends a form; the answer says which option is missing."""
    with pytest.raises(UnsupportedMediaType) as caught:
        codec_for_content_type(given_type)

    for codec in CODECS:
        assert codec.media_types[0] in caught.value.detail
        assert codec.media_types[0] in caught.value.headers["Accept-Post"]
    if given_type != "text/plain" and given_type != "json":
        assert "-H 'Content-Type: " in caught.value.detail


@by_codec
@pytest.mark.parametrize("accept", [None, "", "*/*", "application/*", "text/html, */*;q=0.1", " , ,*/*"])
def test_the_answer_mirrors_the_request(codec: Codec, accept: str | None) -> None:
    """Who says nothing gets back what it speaks; npy, which holds one array, becomes npz for two."""
    assert choose_response_codec(accept, codec, 1) is codec
    assert choose_response_codec(accept, codec, 2) is (NPZ if codec is NPY else codec)


@pytest.mark.parametrize(
    ("accept", "request_codec", "chosen"),
    [
        ("application/json", NPY, JSON),
        ("APPLICATION/JSON", NPY, JSON),
        ("application/x-safetensors", JSON, SAFETENSORS),
        ("application/json;q=0.5, application/x-npy", JSON, NPY),
        ("application/json;q=0.5, application/x-npy;q=0.4", NPY, JSON),
        ("application/json, */*", NPY, JSON),
        ("application/json, text/plain, */*", NPY, JSON),
        ("application/json;q=0.2, */*;q=0.8", NPY, NPY),
        ("application/json, application/x-npy", NPY, NPY),
        ("application/x-npz, application/octet-stream", JSON, NPZ),
        ("application/octet-stream, application/x-npz", JSON, RAW),
        ("image/png, application/json", NPY, JSON),
        ("image/png;q=1, application/json;q=0.001", NPY, JSON),
        ("application/json;q=0, */*", JSON, NPY),
        ("*/*;q=0.1, application/*;q=0", NPZ, None),
        ("application/json;q=0", JSON, None),
        ("image/png", JSON, None),
        ("image/*", JSON, None),
        ('application/json;profile="a,b;q=0"', NPY, JSON),
        ("application/json;charset=utf-8;q=0.9", NPY, JSON),
    ],
)
def test_accept_is_weighed(accept: str, request_codec: Codec, chosen: Codec | None) -> None:
    """The highest weight, then the more exact name, then the mirror, then the order."""
    if chosen is None:
        with pytest.raises(NotAcceptable, match="application/json"):
            choose_response_codec(accept, request_codec, 1)
    else:
        assert choose_response_codec(accept, request_codec, 1) is chosen


def test_two_outputs_do_not_fit_into_npy() -> None:
    """Named alone it is refused with what to ask for; named among others the others are taken."""
    with pytest.raises(NotAcceptable, match="application/x-npz"):
        choose_response_codec("application/x-npy", NPY, 2)

    assert choose_response_codec("application/x-npy, application/json;q=0.1", NPY, 2) is JSON
    assert choose_response_codec("application/x-npy, */*;q=0.1", NPY, 2) is NPZ
    assert choose_response_codec("application/x-npy", NPY, 1) is NPY


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", NPY),
        ("application/json;q=.5, application/x-npz;q=.6", NPZ),
        ("application/json ; q = 0.50000 , text/html", JSON),
        ("application/json;q=2", JSON),
        ("application/json;q=high, image/png", JSON),
        ("application/json;;", JSON),
        ('text/html;x="\\",application/json', None),
        ('text/html;x="a\\\\", application/json', JSON),
        ("json", None),
        ("application/", None),
        ("application /json", None),
        ("*;q=0", None),
        ("a/b" + "; " * 24 + "@", None),
    ],
)
def test_an_accept_of_the_wild_is_read_by_what_it_names(accept: str, chosen: Codec | None) -> None:
    """The first is what Java sent for twenty years; only where nothing fits is there something to refuse."""
    if chosen is None:
        with pytest.raises(NotAcceptable, match="application/json"):
            choose_response_codec(accept, NPY, 1)
    else:
        assert choose_response_codec(accept, NPY, 1) is chosen


@given(st.text(max_size=80))
def test_any_header_is_read_or_refused(text: str) -> None:
    """Headers are whatever someone types."""
    with contextlib.suppress(UnsupportedMediaType):
        assert codec_for_content_type(text) in CODECS
    with contextlib.suppress(NotAcceptable):
        assert choose_response_codec(text, JSON, 2) in CODECS


def test_the_plain_install_has_the_binary_codecs() -> None:
    """The client has numpy and httpx only: neither the fast JSON parser nor zstd may be asked for."""
    program = (
        "import sys\n"
        "import poolhouse.wire.npy, poolhouse.wire.npz, poolhouse.wire.safetensors, poolhouse.wire.raw\n"
        "import poolhouse.wire.query\n"
        "print(sorted({'orjson', 'backports.zstd', 'torch', 'fastapi', 'pydantic'} & sys.modules.keys()))\n"
    )

    shown = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    assert shown.stdout.strip() == "[]"
