"""The content codings of bodies: their names, and the choice of one by ``Accept-Encoding``."""

from __future__ import annotations

from typing import Final, Literal

from poolhouse.wire.accept import parse_accept

Compression = Literal["gzip", "zstd"]
CODINGS: Final[tuple[Compression, ...]] = ("gzip", "zstd")
CODING_BY_NAME: Final[dict[str, Literal["identity", "gzip", "zstd"]]] = {
    "": "identity",
    "identity": "identity",
    "gzip": "gzip",
    "x-gzip": "gzip",
    "zstd": "zstd",
}


def choose_encoding(accept_encoding: str | None) -> Compression | None:
    """The compression that ``Accept-Encoding`` asks for by name, zstd before gzip; None is identity.

    A bare ``*`` allows everything and asks for nothing. A malformed header asks for nothing either: an uncompressed
    response is always valid.
    """
    if accept_encoding is None:
        return None
    weights = {"gzip": 0.0, "zstd": 0.0, "identity": 0.0}
    for name, weight in parse_accept(accept_encoding):
        coding = CODING_BY_NAME.get(name)
        if coding is not None and weight is not None:
            weights[coding] = weight
    best: Compression = "zstd" if weights["zstd"] >= weights["gzip"] else "gzip"
    return best if weights[best] > 0 and weights[best] >= weights["identity"] else None
