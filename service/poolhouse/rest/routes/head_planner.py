"""What the head of a pooling asks for: worked out once for all heads that ask the same, before a byte of a body."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from poolhouse.operators.operator import Plan
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.headers import content_length, header_text
from poolhouse.rest.http.response import header_lines
from poolhouse.rest.routes.head_plan import HeadPlan, RawBodyPlan, body_limits
from poolhouse.rest.routes.memory_footprint import ResponseFormat, response_format
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.wire.codec import Codec
from poolhouse.wire.codecs import choose_response_codec, codec_for_content_type
from poolhouse.wire.content_encoding import Compression, Inflater, choose_encoding
from poolhouse.wire.elements import check_nbytes, touched_bytes
from poolhouse.wire.query import parse_query
from poolhouse.wire.raw import RAW, tensor_metadata_header

COMPRESS_FROM_BYTES: Final = 1024
"""One packet is one packet, compressed or not."""
# Heads whose meaning is remembered, and how long the words may be that it follows from.
_CACHED_PLANS: Final = 512
_LONGEST_KEY: Final = 512


class HeadPlanner:
    """Plans heads, and remembers some.

    Args:
        pooling: knows the operators.
        settings: limits of bodies and answers.
    """

    def __init__(self, pooling: PoolingService, settings: Settings) -> None:
        self._pooling = pooling
        self._limits, self._json_limits = body_limits(settings)
        self._answer_limit = settings.max_output_bytes
        self._cached_plan = lru_cache(maxsize=_CACHED_PLANS)(self._plan)

    def plan_of(self, head: Head, operator: str) -> HeadPlan:
        """What follows from a head. Only the words that it follows from are looked at, and none is a secret.

        Raises:
            PoolhouseError: no body can be right behind it.
        """
        # Only a head that repeats an earlier one byte for byte has it.
        if isinstance(head.memo, HeadPlan):
            return head.memo
        headers = head.headers
        words = (
            headers.get(b"content-type"),
            headers.get(b"content-encoding"),
            headers.get(b"accept"),
            headers.get(b"accept-encoding"),
        )
        length = content_length(headers)
        # guard: only-short-heads-are-cached
        is_long = len(operator) + len(head.query) + sum(map(len, filter(None, words))) > _LONGEST_KEY
        plan = (self._plan if is_long else self._cached_plan)(operator, head.query, words, length)
        head.memo = plan
        return plan

    def response_format(
        self, accept: str | None, codec: Codec, compression: Compression | None, plan: Plan, encoding: str
    ) -> ResponseFormat:
        """How an answer is written; see :func:`.footprint.response_format`.

        Args:
            accept: the value of ``Accept``, where it says anything.
            codec: of the request.
            compression: of the answer.
            plan: of the pooling.
            encoding: ``list`` or ``base64``.
        """
        writer = choose_response_codec(accept, codec, len(plan.outputs))
        return response_format(writer, plan, encoding, self._answer_limit, is_compressed=compression is not None)

    def _plan(self, name: str, query: bytes, words: tuple[bytes | None, ...], length: int | None) -> HeadPlan:
        given = dict(zip((b"content-type", b"content-encoding", b"accept", b"accept-encoding"), words, strict=True))
        headers = {word: value for word, value in given.items() if value is not None}
        self._pooling.catalogue.find(name)
        codec = codec_for_content_type(header_text(headers, b"content-type"))
        limits = self._json_limits if codec.is_json else self._limits
        limits.check_length(length)
        # What curl and most libraries send says nothing.
        accept = None if headers.get(b"accept") == b"*/*" else header_text(headers, b"accept")
        if accept is not None:
            choose_response_codec(accept, codec, 1)
        encoding = header_text(headers, b"content-encoding")
        is_inflated = encoding is not None and not Inflater(encoding, limits.limit_bytes).is_identity
        compression = choose_encoding(header_text(headers, b"accept-encoding"))
        raw = None
        if codec is RAW:
            # guard: raw-body-is-planned-from-query
            raw = self._plan_raw(name, query, None if is_inflated else length, accept, compression)
        fields = parse_query(query) if raw is None else {}
        return HeadPlan(name, codec, accept, compression, fields, raw, limits, length, is_inflated)

    def _plan_raw(
        self, name: str, query: bytes, nbytes: int | None, accept: str | None, compression: Compression | None
    ) -> RawBodyPlan:
        """What the query tells of raw elements, which is all, so many bytes where that is known; or the refusal."""
        metadata, texts = RAW.metadata_from_query(parse_query(query))
        if nbytes is not None:
            check_nbytes(nbytes, metadata, "input")
        plan = self._pooling.plan_from_metadata(name, {"input": metadata}, texts)
        how = self.response_format(accept, RAW, compression, plan, "list")
        prepared = self._pooling.prepare_planned(plan, {})
        lines = None
        if (
            prepared.plan is plan
            and how.codec is RAW
            and (compression is None or plan.output_bytes < COMPRESS_FROM_BYTES)
        ):
            named = (("Tensor-Metadata", tensor_metadata_header(plan.outputs)), *prepared.headers.items())
            lines = response_header_lines(RAW.media_types[0], plan.output_bytes, named)
        return RawBodyPlan(metadata, plan, how, touched_bytes(metadata, 0) == 0, lines)


def response_header_lines(media_type: str, nbytes: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """The headers of an answer, as HTTP/1.1 writes them.

    Args:
        media_type: of its body.
        nbytes: of its body.
        headers: further ones.
    """
    return header_lines(
        [
            (b"content-type", media_type.encode("latin-1")),
            (b"content-length", b"%d" % nbytes),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers),
        ]
    )
