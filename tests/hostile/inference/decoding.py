"""Plan and decode an inference request as the handler does, without a server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from poolhouse.models import Models
from poolhouse.rest.http.head import Head
from poolhouse.rest.routes.infer.format import InferFormat
from poolhouse.rest.routes.pool.body_format import Decoded
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.shared_memory.regions import SharedMemory
from poolhouse.wire.inflate import Inflater
from tests.hostile.hostile_bodies import LIMIT_BYTES

_CHUNK_BYTES = 64 * 1024


@cache
def infer_format() -> InferFormat:
    """The format, with the limits of :mod:`tests.hostile.hostile_bodies`."""
    settings = Settings.model_validate(
        {
            "device": "cpu",
            "max_body_bytes": LIMIT_BYTES,
            "max_json_bytes": LIMIT_BYTES,
            "max_output_bytes": 64 * LIMIT_BYTES,
        }
    )
    pooling = PoolingService.from_settings(settings)
    shared_memory = SharedMemory(enabled=True, max_input_bytes=LIMIT_BYTES)
    return InferFormat(pooling, Models(pooling.catalogue), shared_memory, settings)


def decode_inference(
    model: str, headers: Mapping[str, str], body: bytes, body_format: InferFormat | None = None
) -> Decoded:
    """Decode a request.

    Args:
        model: of the path.
        headers: of the request.
        body: as it is sent.
        body_format: None for a shared one.

    Raises:
        PoolhouseError: the request is refused.
    """
    decoder = body_format or infer_format()
    given = {name.lower().encode(): value.encode("latin-1") for name, value in headers.items()}
    given[b"content-length"] = b"%d" % len(body)
    head = Head.of_scope({"method": "POST", "path": "/", "query_string": b"", "headers": []}, given)
    plan = decoder.plan_of(head, model)
    inflater = Inflater(headers.get("Content-Encoding", ""), plan.limits.limit_bytes)
    whole = bytearray()
    for start in range(0, len(body), _CHUNK_BYTES):
        for piece in inflater.feed(memoryview(body)[start : start + _CHUNK_BYTES]):
            whole += piece
    inflater.finish()
    return decoder.decode(plan, memoryview(whole), LIMIT_BYTES)
