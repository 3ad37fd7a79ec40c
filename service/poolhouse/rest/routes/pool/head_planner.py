"""Plan a pooling request from its head, and cache the plans of repeated heads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from poolhouse.operators.plan import Plan
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.headers import content_length, header_text
from poolhouse.rest.http.response import header_lines
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.routes.pool.head_plan import HeadPlan, RawBodyPlan
from poolhouse.rest.routes.pool.response_format import ResponseFormat, response_format
from poolhouse.rest.routes.request_limits import body_limits
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.wire.codec import Codec
from poolhouse.wire.codecs import choose_codec_for_outputs, choose_response_codec, codec_for_content_type
from poolhouse.wire.content_coding import Compression, choose_encoding
from poolhouse.wire.elements import check_nbytes, touched_bytes
from poolhouse.wire.inflate import Inflater
from poolhouse.wire.query import parse_query
from poolhouse.wire.raw import RAW, tensor_metadata_header

COMPRESS_FROM_BYTES: Final = 1024
"""Smaller responses fit into one packet even uncompressed."""
HEADER_NAMES: Final = (b"content-type", b"content-encoding", b"accept", b"accept-encoding")
"""The headers that a plan depends on."""
_CACHED_PLANS: Final = 512
# Bytes of a cache key: longer ones are planned anew, so the cache holds at most some hundred kilobytes of keys.
_LONGEST_KEY: Final = 512


class HeadPlanner:
    """Plans heads and caches the plans.

    Args:
        pooling: plans the operators.
        settings: the limits of bodies and responses.
    """

    def __init__(self, pooling: PoolingService, settings: Settings) -> None:
        self._pooling = pooling
        self._body_limits = body_limits(settings)
        self._max_response_bytes = settings.max_output_bytes
        self._cached_plan = lru_cache(maxsize=_CACHED_PLANS)(self._plan)

    def plan_of(self, head: Head, operator: str) -> HeadPlan:
        """The plan of a head. The cache key holds only what the plan depends on, and no credentials.

        Raises:
            PoolhouseError: no body could make this a valid request.
        """
        # Set if the head is byte for byte the same as an earlier one.
        if isinstance(head.memo, HeadPlan):
            return head.memo
        headers = head.headers
        header_values = tuple([headers.get(name) for name in HEADER_NAMES])
        length = content_length(headers)
        # guard: only-short-heads-are-cached
        is_long = _is_long(operator, head.query, header_values)
        plan = (self._plan if is_long else self._cached_plan)(operator, head.query, header_values, length)
        head.memo = plan
        return plan

    def response_format(
        self, accept: str | None, codec: Codec, compression: Compression | None, plan: Plan, encoding: str
    ) -> ResponseFormat:
        """The format of a response; see :func:`.response_format.response_format`.

        Args:
            accept: the value of ``Accept``; None if it allows everything.
            codec: of the request.
            compression: of the response.
            plan: of the pooling.
            encoding: ``list`` or ``base64``.
        """
        response_codec = choose_codec_for_outputs(accept, codec, plan.outputs)
        return response_format(
            response_codec, plan, encoding, self._max_response_bytes, is_compressed=compression is not None
        )

    def _plan(
        self, operator: str, query: bytes, header_values: tuple[bytes | None, ...], length: int | None
    ) -> HeadPlan:
        self._pooling.catalogue.find(operator)
        by_name = dict(zip(HEADER_NAMES, header_values, strict=True))
        codec, limits, accept, is_inflated, compression = read_transfer(by_name, length, self._body_limits)
        raw = None
        if codec is RAW:
            # guard: raw-body-is-planned-from-query
            raw = self._plan_raw(operator, query, None if is_inflated else length, accept, compression)
        fields = parse_query(query) if raw is None else {}
        key = None if _is_long(operator, query, header_values) else (operator, query, header_values)
        return HeadPlan(operator, codec, accept, compression, fields, raw, limits, length, is_inflated, key)

    def _plan_raw(
        self, operator: str, query: bytes, nbytes: int | None, accept: str | None, compression: Compression | None
    ) -> RawBodyPlan:
        """Plan a raw body of ``nbytes`` (None if unknown); its query gives shape, element type and all fields."""
        metadata, texts = RAW.metadata_from_query(parse_query(query))
        if nbytes is not None:
            check_nbytes(nbytes, metadata, "input")
        plan = self._pooling.plan_from_metadata(operator, {"input": metadata}, texts)
        chosen_format = self.response_format(accept, RAW, compression, plan, "list")
        prepared = self._pooling.prepare_planned(plan, {})
        lines = None
        if (
            prepared.plan is plan
            and chosen_format.codec is RAW
            and (compression is None or plan.output_bytes < COMPRESS_FROM_BYTES)
        ):
            headers = (("Tensor-Metadata", tensor_metadata_header(plan.outputs)), *prepared.headers.items())
            lines = response_header_lines(RAW.media_types[0], plan.output_bytes, headers)
        return RawBodyPlan(metadata, plan, chosen_format, touched_bytes(metadata, 0) == 0, lines)


def _is_long(operator: str, query: bytes, header_values: tuple[bytes | None, ...]) -> bool:
    return len(operator) + len(query) + sum(map(len, filter(None, header_values))) > _LONGEST_KEY


class Transfer(NamedTuple):
    """How a request and its response are transferred, by the headers of the request.

    Attributes:
        codec: decodes the body.
        limits: of the body.
        accept: the value of ``Accept``; None if it is absent or ``*/*``.
        is_inflated: whether the body has a content coding.
        compression: of the response.
    """

    codec: Codec
    limits: TransferLimits
    accept: str | None
    is_inflated: bool
    compression: Compression | None


def read_transfer(
    header_values: Mapping[bytes, bytes | None], length: int | None, limits: tuple[TransferLimits, TransferLimits]
) -> Transfer:
    """Read the headers :data:`HEADER_NAMES`.

    Args:
        header_values: by name; None for an absent one.
        length: of the body; None if unknown.
        limits: of binary bodies, and of JSON bodies.

    Raises:
        PoolhouseError: no body could make this a valid request.
    """
    headers = {name: value for name, value in header_values.items() if value is not None}
    codec = codec_for_content_type(header_text(headers, b"content-type"))
    limits_of_body = limits[codec.is_json]
    limits_of_body.check_length(length)
    # curl and most libraries send */*, which allows everything.
    accept = None if headers.get(b"accept") == b"*/*" else header_text(headers, b"accept")
    if accept is not None:
        choose_response_codec(accept, codec, 1)
    encoding = header_text(headers, b"content-encoding")
    is_inflated = encoding is not None and not Inflater(encoding, limits_of_body.limit_bytes).is_identity
    compression = choose_encoding(header_text(headers, b"accept-encoding"))
    return Transfer(codec, limits_of_body, accept, is_inflated, compression)


def response_header_lines(media_type: str, nbytes: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """The headers of a response in HTTP/1.1 syntax.

    Args:
        media_type: of the body.
        nbytes: of the body.
        headers: in addition to Content-Type and Content-Length.
    """
    # Of a codec of ours, so no check is needed.
    lines = b"content-type: %b\r\ncontent-length: %d\r\n" % (media_type.encode("latin-1"), nbytes)
    more = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return lines + header_lines(more) if more else lines
