"""The table of codecs, and the choice of the codecs for a request and its response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from poolhouse.errors import NotAcceptable, UnsupportedMediaType
from poolhouse.tensors import TensorMetadata
from poolhouse.wire.accept import parse_accept
from poolhouse.wire.codec import Codec
from poolhouse.wire.images.codec import JPEG, PNG, refuse_without_pillow
from poolhouse.wire.images.png_writer import picture_problem
from poolhouse.wire.json.codec import JSON
from poolhouse.wire.multipart.codec import MULTIPART_TYPE, MultipartCodec
from poolhouse.wire.npy import NPY
from poolhouse.wire.npz import NPZ
from poolhouse.wire.quoting import quote_clipped
from poolhouse.wire.raw import MAX_OUTPUTS, RAW
from poolhouse.wire.safetensors import SAFETENSORS

CODECS: Final[tuple[Codec, ...]] = (JSON, NPY, NPZ, SAFETENSORS, RAW)
"""The formats of any tensor, in requests and responses."""
PICTURE_CODECS: Final[tuple[Codec, ...]] = (PNG, JPEG)
"""The formats of one picture; responses can have the first."""
RESPONSE_CODECS: Final[tuple[Codec, ...]] = (*CODECS, PNG)
CODEC_BY_MEDIA_TYPE: Final[dict[str, Codec]] = {
    name: codec for codec in (*CODECS, *PICTURE_CODECS) for name in codec.media_types
}
_MEDIA_TYPE_LIST: Final = ", ".join([*CODEC_BY_MEDIA_TYPE, MULTIPART_TYPE])

# Java's URLConnection has always sent the first; RFC 9110 defines the other two.
_RANGE_SPECIFICITY: Final = {"*": 0, "*/*": 0, "application/*": 1, "image/*": 1}


def codec_for_content_type(content_type: str | None) -> Codec:
    """The codec of a request body with this ``Content-Type``.

    Raises:
        UnsupportedMediaType: no codec has this type, or the type is missing.
        Malformed: the type is that of a form, without a boundary between its parts.
    """
    given = (content_type or "").partition(";")[0].strip().lower()
    codec = CODEC_BY_MEDIA_TYPE.get(given)
    if codec is not None:
        if codec in PICTURE_CODECS:
            refuse_without_pillow()
        return codec
    if given == MULTIPART_TYPE:
        return MultipartCodec(content_type or "", CODEC_BY_MEDIA_TYPE)
    if not given:
        detail = f"The request has no Content-Type; set it to the type of the body, one of {_MEDIA_TYPE_LIST}."
    else:
        detail = f"Bodies of type {quote_clipped(given)} are not supported; send one of {_MEDIA_TYPE_LIST}."
    if given in ("", "application/x-www-form-urlencoded"):
        detail += " With curl add -H 'Content-Type: application/json', or the type that the body has."
    raise UnsupportedMediaType("unsupported_media_type", detail, headers={"Accept-Post": _MEDIA_TYPE_LIST})


def choose_response_codec(
    accept: str | None, request_codec: Codec, outputs: int, candidates: Sequence[Codec] = RESPONSE_CODECS
) -> Codec:
    """The codec that encodes the response.

    The highest weight wins; then a named type over a wildcard, then the type of the request, then the order of the
    header. A malformed weight counts as 1, since the client did name the type. A picture or a form is answered as npy
    unless ``Accept`` says otherwise.

    Args:
        accept: the value of ``Accept``, of which the first 64 media ranges count; None and empty are ``*/*``.
        request_codec: the default, where ``Accept`` leaves the choice open.
        outputs: the number of tensors in the response.
        candidates: the codecs that can encode the response.

    Raises:
        NotAcceptable: ``Accept`` names no supported type, or only npy, which holds one array, for two outputs.
    """
    default: Codec = request_codec if request_codec in CODECS else NPY
    if not default.accepts_outputs(outputs):
        default = NPZ
    ranges = parse_accept(accept) if accept else []
    if not ranges:
        return default
    best: tuple[float, int, bool, int] | None = None
    chosen: Codec | None = None
    too_many = False
    for codec in candidates:
        # The most specific matching range decides (RFC 9110, 12.5.1).
        matches = [
            (_RANGE_SPECIFICITY.get(name, 2), 1.0 if weight is None else weight, -position)
            for position, (name, weight) in enumerate(ranges)
            if name in codec.media_types or (name in _RANGE_SPECIFICITY and _is_in_range(codec, name))
        ]
        if not matches:
            continue
        specificity, weight, order = max(matches)
        if weight == 0:
            continue
        if not codec.accepts_outputs(outputs):
            too_many = too_many or specificity == 2
            continue
        rank = (weight, specificity, codec is default, order)
        if best is None or rank > best:
            best, chosen = rank, codec
    if chosen is not None:
        return chosen
    if too_many:
        raise NotAcceptable(
            "not_acceptable",
            f"The response holds {outputs} tensors, and {NPY.media_types[0]} or {PNG.media_types[0]} holds one"
            + (f", {RAW.media_types[0]} {MAX_OUTPUTS}" if outputs > MAX_OUTPUTS else "")
            + f"; accept {NPZ.media_types[0]}, {SAFETENSORS.media_types[0]} or {JSON.media_types[0]}.",
        )
    raise NotAcceptable(
        "not_acceptable",
        f"None of the types in Accept {quote_clipped(accept or '', 120)} is supported; accept "
        + ("one of " if len(candidates) > 1 else "")
        + f"{', '.join(name for codec in candidates for name in codec.media_types)}.",
    )


def choose_codec_for_outputs(accept: str | None, request_codec: Codec, outputs: Mapping[str, TensorMetadata]) -> Codec:
    """The codec that encodes these outputs: like :func:`choose_response_codec`, and PNG only for a picture.

    Raises:
        NotAcceptable: ``Accept`` names no type that can hold the outputs.
    """
    codec = choose_response_codec(accept, request_codec, len(outputs))
    if codec is not PNG or (problem := picture_problem(outputs)) is None:
        return codec
    try:
        return choose_response_codec(accept, request_codec, len(outputs), CODECS)
    except NotAcceptable:
        raise NotAcceptable(
            "not_acceptable",
            f"The response cannot be {PNG.media_types[0]}: {problem}. Accept {NPY.media_types[0]} too or instead.",
        ) from None


def _is_in_range(codec: Codec, name: str) -> bool:
    """Whether a media range with a wildcard includes a codec; one of all types does not ask for pictures."""
    return codec is not PNG if name in ("*", "*/*") else codec.media_types[0].startswith(name.rstrip("*"))
