"""The choice of a content coding by Accept-Encoding."""

from __future__ import annotations

import pytest

from poolhouse.wire.content_coding import choose_encoding


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
