"""The content codings of bodies: their names, and the choice of one by ``Accept-Encoding``."""

from __future__ import annotations

from typing import Final, Literal

from poolhouse.wire.accept import parse_accept

Compression = Literal["gzip", "zstd", "deflate"]
CODINGS: Final[tuple[Compression, ...]] = ("gzip", "zstd", "deflate")
"""Of requests; deflate is the zlib format, as RFC 9110 defines it."""
CODING_BY_NAME: Final[dict[str, Literal["identity", "gzip", "zstd", "deflate"]]] = {
    "": "identity",
    "identity": "identity",
    "gzip": "gzip",
    "x-gzip": "gzip",
    "zstd": "zstd",
    "deflate": "deflate",
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
        if coding in weights and coding is not None and weight is not None:
            weights[coding] = weight
    best: Compression = "zstd" if weights["zstd"] >= weights["gzip"] else "gzip"
    return best if weights[best] > 0 and weights[best] >= weights["identity"] else None


def choose_inference_encoding(accept_encoding: str | None) -> Compression | None:
    """The compression of a response of the Open Inference Protocol: gzip or deflate, which all of its clients read.

    A list of several codings without weights is what HTTP libraries send by default: it allows compression and does
    not ask for it, and tensors gain little from it. Among weights the highest wins, then the first; a malformed one
    counts as 0.
    """
    if accept_encoding is None:
        return None
    ranges = parse_accept(accept_encoding)
    if len(ranges) > 1 and ";" not in accept_encoding:
        return None
    identity, best, chosen = 0.0, 0.0, None
    for name, weight in ranges:
        coding = CODING_BY_NAME.get(name)
        if weight is None:
            continue
        if coding == "identity":
            identity = weight
        elif coding in ("gzip", "deflate") and weight > best:
            best, chosen = weight, coding
    return chosen if best >= identity else None
