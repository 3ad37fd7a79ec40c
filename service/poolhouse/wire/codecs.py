"""The table of codecs, and which one reads a request and which one writes its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from poolhouse.errors import Malformed, NotAcceptable, UnsupportedMediaType
from poolhouse.wire.codec import Codec
from poolhouse.wire.json_body import JSON
from poolhouse.wire.npy import NPY
from poolhouse.wire.npz import NPZ
from poolhouse.wire.octet import OCTET
from poolhouse.wire.quoting import clip
from poolhouse.wire.safetensors import SAFETENSORS

CODECS: Final[tuple[Codec, ...]] = (JSON, NPY, NPZ, SAFETENSORS, OCTET)
BY_MEDIA_TYPE: Final[dict[str, Codec]] = {name: codec for codec in CODECS for name in codec.media_types}
_LIST: Final = ", ".join(BY_MEDIA_TYPE)

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE = re.compile(
    rf"""\s*(?P<type>{_TOKEN})/(?P<subtype>{_TOKEN})
    (?P<parameters>(?:\s*;\s*(?:{_TOKEN}=(?:{_TOKEN}|"(?:[^"\\]|\\.)*"))?)*)\s*(?:,|$)""",
    re.VERBOSE,
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_WEIGHT = re.compile(r";\s*q=(?P<q>[^;\s]*)", re.IGNORECASE)
_NUMBER = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_WIDTHS: Final = {"*/*": 0, "application/*": 1}


def codec_of(content_type: str | None) -> Codec:
    """The codec that reads a body of this type.

    Raises:
        UnsupportedMediaType: none does, or the type is missing.
    """
    given = (content_type or "").partition(";")[0].strip().lower()
    codec = BY_MEDIA_TYPE.get(given)
    if codec is not None:
        return codec
    if not given:
        detail = f"The request has no Content-Type; say what the body is, one of {_LIST}."
    else:
        detail = f"Bodies of type {clip(given)} are not read here; send one of {_LIST}."
    if given in ("", "application/x-www-form-urlencoded"):
        detail += " With curl add -H 'Content-Type: application/json', or the type that the body has."
    raise UnsupportedMediaType("unsupported_media_type", detail, headers={"Accept-Post": _LIST})


@dataclass(frozen=True, slots=True)
class _Range:
    name: str
    weight: float


def _ranges(accept: str) -> list[_Range]:
    """The media ranges of ``Accept``, in their order."""
    ranges: list[_Range] = []
    at = 0
    while at < len(accept):
        # Empty list members are legal (RFC 9110, 5.6.1).
        if accept[at] in ", \t":
            at += 1
            continue
        part = _RANGE.match(accept, at)
        if part is None:
            raise Malformed(
                "malformed_header",
                f"The Accept header cannot be read from {clip(accept[at:])} on; "
                "write media types with commas between, such as application/json;q=0.5, application/x-npy.",
            )
        weight = _WEIGHT.search(_QUOTED.sub('""', part["parameters"]))
        if weight and _NUMBER.fullmatch(weight["q"]) is None:
            raise Malformed(
                "malformed_header",
                f"The Accept header has q={clip(weight['q'])}; a weight is a number from 0 to 1 "
                "with at most three digits after the point.",
            )
        name = f"{part['type']}/{part['subtype']}".lower()
        ranges.append(_Range(name, float(weight["q"]) if weight else 1.0))
        at = part.end()
    return ranges


def answer_codec(accept: str | None, request_codec: Codec, outputs: int) -> Codec:
    """The codec that writes the answer.

    The highest weight wins; among equals a type named before a wildcard, then the request's own, then the
    order of the header.

    Args:
        accept: the value of ``Accept``; None and empty are ``*/*``.
        request_codec: which the answer mirrors where the caller leaves it open.
        outputs: how many tensors the answer holds.

    Raises:
        NotAcceptable: nothing that the caller takes can be written, or only npy, which holds one array.
        Malformed: the header cannot be read.
    """
    mirror = request_codec if request_codec.accepts_outputs(outputs) else NPZ
    ranges = _ranges(accept) if accept else []
    if not ranges:
        return mirror
    best: tuple[float, int, bool, int] | None = None
    chosen: Codec | None = None
    too_many = False
    for codec in CODECS:
        # The most specific range decides on a type (RFC 9110, 12.5.1).
        matches = [
            (_WIDTHS.get(media.name, 2), media.weight, -place)
            for place, media in enumerate(ranges)
            if media.name in codec.media_types or media.name in _WIDTHS
        ]
        if not matches:
            continue
        width, weight, order = max(matches)
        if weight == 0:
            continue
        if not codec.accepts_outputs(outputs):
            too_many = too_many or width == 2
            continue
        rank = (weight, width, codec is mirror, order)
        if best is None or rank > best:
            best, chosen = rank, codec
    if chosen is not None:
        return chosen
    if too_many:
        raise NotAcceptable(
            "not_acceptable",
            f"The answer holds {outputs} tensors, and {NPY.media_types[0]} holds one; "
            f"ask for {NPZ.media_types[0]}, {SAFETENSORS.media_types[0]} or {JSON.media_types[0]}.",
        )
    raise NotAcceptable(
        "not_acceptable",
        f"None of the types in Accept {clip(accept or '', 120)} can be written here; ask for one of {_LIST}.",
    )
