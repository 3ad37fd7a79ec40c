"""The choice of the codecs for a request and its response: RFC 9110, 12.5.1, and our rule where Accept leaves it
open."""

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
from poolhouse.wire.images.codec import JPEG, PNG
from poolhouse.wire.json.codec import JSON
from poolhouse.wire.npy import NPY
from poolhouse.wire.npz import NPZ
from poolhouse.wire.raw import RAW
from poolhouse.wire.safetensors import SAFETENSORS

by_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)


@by_codec
def test_every_media_type_selects_its_codec(codec: Codec) -> None:
    """Case and parameters are ignored."""
    for name in codec.media_types:
        assert codec_for_content_type(name) is codec
        assert codec_for_content_type(f"  {name.upper()} ; charset=utf-8") is codec


@pytest.mark.parametrize("given_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "json", ";"])
def test_an_unknown_type_is_refused_with_the_list(given_type: str | None) -> None:
    """curl --data sends a form; the error names the missing option."""
    with pytest.raises(UnsupportedMediaType) as caught:
        codec_for_content_type(given_type)

    for codec in CODECS:
        assert codec.media_types[0] in caught.value.detail
        assert codec.media_types[0] in caught.value.headers["Accept-Post"]
    if given_type != "text/plain" and given_type != "json":
        assert "-H 'Content-Type: " in caught.value.detail


@by_codec
@pytest.mark.parametrize("accept", [None, "", "*/*", "application/*", "text/html, */*;q=0.1", " , ,*/*"])
def test_the_response_has_the_type_of_the_request(codec: Codec, accept: str | None) -> None:
    """That is the default; npy, which holds one array, becomes npz for two."""
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
        ("image/webp, application/json", NPY, JSON),
        ("image/webp;q=1, application/json;q=0.001", NPY, JSON),
        ("application/json;q=0, */*", JSON, NPY),
        ("*/*;q=0.1, application/*;q=0", NPZ, None),
        ("application/json;q=0", JSON, None),
        ("image/webp", JSON, None),
        ("image/jpeg", JSON, None),
        ("image/png", JSON, PNG),
        ("image/*", JSON, PNG),
        ("image/avif,image/webp,*/*;q=0.8", NPY, NPY),
        ("image/avif,image/webp,*/*;q=0.8", PNG, NPY),
        ("*/*", JPEG, NPY),
        ("image/*, */*;q=0.1", PNG, PNG),
        ('application/json;profile="a,b;q=0"', NPY, JSON),
        ("application/json;charset=utf-8;q=0.9", NPY, JSON),
    ],
)
def test_accept_selects_a_codec_by_weight(accept: str, request_codec: Codec, chosen: Codec | None) -> None:
    """Then by the more specific range, then the type of the request, then the order."""
    if chosen is None:
        with pytest.raises(NotAcceptable, match="application/json"):
            choose_response_codec(accept, request_codec, 1)
    else:
        assert choose_response_codec(accept, request_codec, 1) is chosen


def test_two_outputs_do_not_fit_into_npy() -> None:
    """npy alone is refused with the alternatives; if Accept has other types, one of them is chosen."""
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
def test_accept_is_parsed_leniently(accept: str, chosen: Codec | None) -> None:
    """The first header is that of Java's URLConnection. A request is refused only if no supported type is accepted."""
    if chosen is None:
        with pytest.raises(NotAcceptable, match="application/json"):
            choose_response_codec(accept, NPY, 1)
    else:
        assert choose_response_codec(accept, NPY, 1) is chosen


@given(st.text(max_size=80))
def test_any_header_is_read_or_refused(text: str) -> None:
    """No header raises another error."""
    with contextlib.suppress(UnsupportedMediaType):
        assert codec_for_content_type(text) in CODECS
    with contextlib.suppress(NotAcceptable):
        assert choose_response_codec(text, JSON, 2) in CODECS


def test_the_plain_install_has_the_binary_codecs() -> None:
    """The client has numpy and httpx only: its codecs must import neither orjson nor zstd."""
    program = (
        "import sys\n"
        "import poolhouse.wire.npy, poolhouse.wire.npz, poolhouse.wire.safetensors, poolhouse.wire.raw\n"
        "import poolhouse.wire.query\n"
        "print(sorted({'orjson', 'backports.zstd', 'torch', 'fastapi', 'pydantic'} & sys.modules.keys()))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    assert done.stdout.strip() == "[]"
