"""``POST /v1/plan/{operator}``: what pooling would give, from shapes alone. Computes nothing."""

from __future__ import annotations

from time import perf_counter

from starlette.types import Receive, Scope, Send

from poolhouse.batching.ledger import Lease
from poolhouse.errors import UnsupportedMediaType
from poolhouse.pooling import Pooling
from poolhouse.rest.answers import send_json
from poolhouse.rest.bodies import BodyRules, read_body
from poolhouse.rest.footprint import UNREAD_BYTES
from poolhouse.rest.headers import HEADERS_KEY, Headers, content_length, text
from poolhouse.rest.metrics import Metrics
from poolhouse.rest.request_head import deadline_of, inflater_of, query_of
from poolhouse.settings import Settings
from poolhouse.wire.codecs import answer_codec, codec_of
from poolhouse.wire.json_body import decode_plan

# A plan holds shapes and no data; a kilobyte is a long one.
_PLAN_BYTES = 64 * 1024


class PlanEndpoint:
    """The ASGI application of the plan route."""

    def __init__(self, pooling: Pooling, settings: Settings, metrics: Metrics) -> None:
        self._pooling = pooling
        self._metrics = metrics
        self._rules = BodyRules(
            min(_PLAN_BYTES, settings.max_json_bytes),
            settings.body_timeout_s,
            'A plan needs no data: give the input as {"shape": [...], "dtype": "..."}.',
            settings.min_body_bytes_per_s,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; refusals are raised, and the middleware writes them."""
        headers: Headers = scope[HEADERS_KEY]
        name: str = scope["path_params"]["operator"]
        self._pooling.catalogue.find(name)
        content_type = text(headers, b"content-type")
        codec = codec_of(content_type)
        if not codec.is_json:
            raise UnsupportedMediaType(
                "unsupported_media_type",
                f"A plan is asked for in application/json, not in {codec.media_types[0]}: it holds no data.",
                headers={"Accept-Post": "application/json"},
            )
        answer_codec(text(headers, b"accept"), codec, 1, among=(codec,))
        body = await self._read(headers, receive)
        begun = perf_counter()
        outlines, values, texts = decode_plan(body, query_of(scope), self._rules.limit_bytes)
        decoded = perf_counter()
        document = self._pooling.plan(name, outlines, values, texts)
        done = perf_counter()
        timing = self._metrics.timed("plan", decode=decoded - begun, compute=done - decoded)
        await send_json(scope, send, document, (("server-timing", timing),))

    async def _read(self, headers: Headers, receive: Receive) -> memoryview:
        """The body. One that is here at once holds nothing; what others hold is counted, since they may stay."""
        leases: list[Lease] = []

        def reserve(nbytes: int, beside_bytes: int) -> None:
            held_bytes = UNREAD_BYTES + nbytes + beside_bytes
            if leases:
                self._pooling.hold(leases[0], held_bytes)
            else:
                leases.append(self._pooling.lend(held_bytes))

        try:
            return await read_body(
                receive,
                self._rules,
                length=content_length(headers),
                inflater=inflater_of(headers, self._rules),
                deadline=deadline_of(headers),
                reserve=reserve,
            )
        finally:
            for lease in leases:
                lease.release()
