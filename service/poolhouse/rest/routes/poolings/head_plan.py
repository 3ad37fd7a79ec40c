"""Plan the heads of requests with several poolings, before their bodies are read."""

from __future__ import annotations

from dataclasses import dataclass

from poolhouse.models import GENERIC
from poolhouse.poolings.entries import POOLINGS, read_poolings
from poolhouse.poolings.message import refuse_other_fields
from poolhouse.poolings.run import plan_with
from poolhouse.poolings.tensors import GivenTensors
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.headers import content_length
from poolhouse.rest.routes.pool.head_plan import HeadPlan
from poolhouse.rest.routes.pool.head_planner import HEADER_NAMES, read_transfer
from poolhouse.rest.routes.request_limits import body_limits
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.wire.elements import check_nbytes
from poolhouse.wire.multipart.codec import MultipartCodec
from poolhouse.wire.query import parse_query
from poolhouse.wire.raw import RAW


@dataclass(frozen=True, slots=True)
class PoolingsHeadPlan(HeadPlan):
    """Everything that a head determines.

    A body is decoded and its poolings are planned in a thread: up to 256 plans take a hundred milliseconds.
    """

    def __post_init__(self) -> None:
        HeadPlan.__post_init__(self)
        # guard: poolings-are-planned-off-loop
        object.__setattr__(self, "decode_on_loop_bytes", -1)

    @property
    def may_copy_on_loop(self) -> bool:
        """Never."""
        return False

    @property
    def holds_gil(self) -> bool:
        """Whether decoding holds the GIL; JSON with several inputs is cut into pieces by Python code."""
        return self.codec.is_json


class PoolingsHeadPlanner:
    """Plans heads.

    Args:
        pooling: plans the operators.
        settings: the limits of bodies.
    """

    def __init__(self, pooling: PoolingService, settings: Settings) -> None:
        self._pooling = pooling
        self._body_limits = body_limits(settings)

    def plan_of(self, head: Head) -> PoolingsHeadPlan:
        """The plan of a head. A list in the query string is checked now; of raw elements the whole request is.

        Raises:
            PoolhouseError: no body could make this a valid request.
        """
        length = content_length(head.headers)
        transfer = read_transfer({name: head.headers.get(name) for name in HEADER_NAMES}, length, self._body_limits)
        codec, query = transfer.codec, parse_query(head.query)
        texts = query
        if codec is RAW:
            metadata, texts = RAW.metadata_from_query(query)
            if length is not None and not transfer.is_inflated:
                check_nbytes(length, metadata, "input")
        if not isinstance(codec, MultipartCodec):
            # A form may have the shape of raw elements among its fields or in the query string.
            refuse_other_fields(texts)
        if POOLINGS in texts:
            # guard: listed-poolings-are-checked-before-body
            poolings = read_poolings(texts[POOLINGS], self._pooling.catalogue)
            if codec is RAW:
                plan_with(self._pooling, poolings, GivenTensors({"input": metadata}, {}, has_one_input=True))
        return PoolingsHeadPlan(
            GENERIC,
            codec,
            transfer.accept,
            transfer.compression,
            query,
            None,
            transfer.limits,
            length,
            transfer.is_inflated,
        )
