"""The choice of a content coding by Accept-Encoding."""

from __future__ import annotations

import pytest

from poolhouse.wire.content_coding import choose_encoding, choose_inference_encoding


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, None),
        ("", None),
        ("*", None),
        ("identity", None),
        ("br, deflate", None),
        ("gzip", "gzip"),
        ("X-GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("gzip; q=0", None),
        ("gzip;q=0, zstd", "zstd"),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=nonsense", None),
        ("gzip;;", "gzip"),
        ("gzip;q=.2", "gzip"),
        (",,gzip,", "gzip"),
    ],
)
def test_a_response_is_compressed_only_on_request(header: str | None, chosen: str | None) -> None:
    """Floats compress badly, so the client must name a coding."""
    assert choose_encoding(header) == chosen


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, None),
        ("", None),
        (",", None),
        ("*", None),
        ("*;q=1", None),
        ("identity", None),
        ("br", None),
        ("zstd", None),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip,", "gzip"),
        ("gzip, deflate", None),
        ("gzip, deflate, br", None),
        ("deflate, gzip, br, zstd", None),
        ("gzip;q=0", None),
        ("gzip;q=0.0, deflate;q=0", None),
        ("gzip;q=0.1", "gzip"),
        ("gzip;q=0.1, deflate;q=0.9", "deflate"),
        ("gzip;q=0.5, deflate;q=0.5", "gzip"),
        ("deflate;q=0.5, gzip;q=0.5", "deflate"),
        ("deflate;q=0.5, gzip", "gzip"),
        ("br;q=1, gzip;q=0.2", "gzip"),
        ("zstd;q=1, deflate;q=0.001", "deflate"),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("identity;q=0.9, gzip;q=0.8", None),
        ("gzip;q=nonsense", None),
        ("gzip;q=nonsense, deflate;q=0.1", "deflate"),
        ("gzip;q=2", None),
    ],
)
def test_an_inference_is_compressed_only_if_the_client_asks(header: str | None, chosen: str | None) -> None:
    """Clients of the protocol read gzip and deflate; a list without weights is the default of a library."""
    assert choose_inference_encoding(header) == chosen
