"""Pool the tensors of a ``ModelInferRequest``: read the message, pool, write the response.

What the protocol says of a request, apart from the encoding of its tensors, is in :mod:`poolhouse.inference`, which
HTTP uses too. Memory is reserved before it is allocated, and steps that would block the event loop run in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import Final, NamedTuple

import numpy as np

from poolhouse.errors import TooLarge
from poolhouse.inference import InferCall, resolve, response_parameters
from poolhouse.models import VERSION
from poolhouse.operators.plan import Plan
from poolhouse.poolings.plan import PoolingsPlan
from poolhouse.poolings.run import plan_listed, prepare_any, run_any, run_any_inline
from poolhouse.rest.dependencies import Service
from poolhouse.rest.observability.request_record import Stages
from poolhouse.rest.routes.bounded_cache import BoundedCache
from poolhouse.rest.routes.pool.memory_footprint import retained_bytes
from poolhouse.rpc.exchange import Exchange
from poolhouse.rpc.request_message import PARSE_FACTOR, RequestMessage, parse_head, split_message
from poolhouse.rpc.response_message import (
    HEAD_BYTES,
    Chunk,
    classified_outputs,
    head_of,
    id_field,
    output_entries,
    raw_chunks,
)
from poolhouse.service import PoolResult
from poolhouse.shared_memory.regions import RegionWriter
from poolhouse.tensors import Tensor
from poolhouse.wire.elements import tensor_from_bytes
from poolhouse.wire.open_inference.classification import max_class_bytes
from poolhouse.wire.open_inference.pictures import PictureRequest, read_picture_request
from poolhouse.wire.open_inference.request import FILE_DATATYPE, MAX_ID_CHARS, InferRequest, field_error

FINAL_RESPONSE: Final = "triton_final_response"
_ASKS_FOR_FINAL: Final = "triton_enable_empty_final_response"
"""Triton's clients may send it with the messages of a stream, all of whose responses say that they are final."""
_FILE_DATATYPE: Final = FILE_DATATYPE.encode()
_NO_FILE: Final = memoryview(b"")
_CACHED_CALLS: Final = 512
_LONGEST_CACHED_HEAD: Final = 1024
_LONGEST_NAME: Final = 64
_PARSE_ON_LOOP_BYTES: Final = 16 * 1024
_COPY_ON_LOOP_BYTES: Final = 256 * 1024


class _ResolvedCall(NamedTuple):
    """A resolved request.

    Attributes:
        call: the request.
        typed: for each input its elements, if they are in the head.
        static: the head of the response; None if it differs between requests.
        region_bytes: the bytes of inputs in shared memory.
        encoded_bytes: the most bytes of elements that encoding the response makes.
        picture: the file that is the input; None if the inputs are tensors.
    """

    call: InferCall
    typed: tuple[bytes | None, ...]
    static: bytes | None
    region_bytes: int
    encoded_bytes: int
    picture: PictureRequest | None = None


class Inference:
    """Pools requests.

    Args:
        service: the objects of the service.
    """

    def __init__(self, service: Service) -> None:
        self._pooling = service.pooling
        self._models = service.models
        self._shared_memory = service.shared_memory
        self._metrics = service.metrics
        self._max_body_bytes = service.settings.max_body_bytes
        self._max_head_bytes = service.settings.max_json_bytes
        self._calls = BoundedCache[tuple[bytes, tuple[int, ...]], _ResolvedCall](_CACHED_CALLS)

    async def infer(self, message: bytes, exchange: Exchange, join: Callable[[Sequence[Chunk]], bytes]) -> bytes:
        """Pool a request, and return the response.

        Args:
            message: of the request; the caller keeps no reference to it, so that it is freed when it was copied.
            exchange: of the request; its lease is resized to what the request holds.
            join: makes one message of the parts of the response; thread-safe.

        Raises:
            PoolhouseError: the request is refused, or failed.
        """
        record = exchange.record
        read_at = record.read_at = perf_counter()
        exchange.reserve(len(message))
        parts = split_message(memoryview(message))
        request_id = parts.id
        if len(request_id) > MAX_ID_CHARS:
            raise field_error("/id", f"id has {len(request_id)} characters; write at most {MAX_ID_CHARS}.", "length")
        exchange.message_id = request_id
        record.operator = record.model = parts.model[:_LONGEST_NAME]
        self._check_sizes(parts)
        resolved = await self._resolved(parts, len(message), exchange)
        call = resolved.call
        exchange.limit_time(call.controls.timeout_s)
        if record.grant is not None:
            record.grant.charge(call.plan.output_bytes)
        writers = {
            name: self._shared_memory.writer(target, call.plan.outputs[name].nbytes)
            for name, target in call.regions.items()
        }
        self._shared_memory.check_inputs(call.request.inputs)
        if resolved.picture is not None:
            copied = resolved.picture.decoding_bytes
        else:
            copied = resolved.region_bytes + _copied_bytes(call, parts.raw)
        exchange.reserve(len(message) + copied + sum(len(each or b"") for each in resolved.typed))
        read = partial(self._read_tensors, resolved, parts)
        if copied <= _COPY_ON_LOOP_BYTES:
            tensors = read()
        else:
            tensors = await self._pooling.run_in_thread(
                read, exchange.admitted, "the tensors were read", exchange.deadline
            )
        extra_bytes = retained_bytes(tensors, memoryview(message)) + resolved.encoded_bytes + 2 * len(request_id)
        del read, parts, message
        prepared = prepare_any(self._pooling, call.plan, tensors, extra_bytes)
        plan = prepared.plan
        exchange.limit_time(None)
        decoded_at = perf_counter()
        result = run_any_inline(self._pooling, prepared, exchange.admitted)
        if result is None:
            result = await run_any(self._pooling, prepared, exchange.admitted, exchange.deadline, call.model)
        pooled_at = perf_counter()
        del prepared, tensors
        encode = partial(_encode, resolved, plan, result, writers, request_id, join)
        if not writers and plan.output_bytes <= _COPY_ON_LOOP_BYTES:
            response = encode()
        else:
            response = await self._pooling.run_in_thread(
                encode, exchange.admitted, "the response was encoded", exchange.deadline
            )
        encoded_at = perf_counter()
        if record.started_at:
            record.stages = Stages(read_at, decoded_at, result.queue_s, result.compute_s, pooled_at, encoded_at)
        decode_s, encode_s = decoded_at - read_at, encoded_at - pooled_at
        self._metrics.record_pool_stages(decode_s, result.queue_s, result.compute_s, encode_s)
        self._metrics.models.record_success(
            call.model, plan, encoded_at - read_at, decode_s, result.queue_s, result.compute_s, encode_s, result.share
        )
        del encode, result
        # gRPC copies the message to send it.
        exchange.reserve(2 * len(response))
        return response

    def _check_sizes(self, parts: RequestMessage) -> None:
        if parts.raw_bytes > self._max_body_bytes:
            raise TooLarge(
                "body_too_large",
                f"The request has {parts.raw_bytes} bytes of elements, over the limit of {self._max_body_bytes}. Send "
                "fewer rows in each request: pooling never mixes rows, so the joined responses are the same result.",
                limit_bytes=self._max_body_bytes,
            )
        # guard: parsed-head-has-limit
        if len(parts.head) > self._max_head_bytes:
            raise TooLarge(
                "body_too_large",
                f"The request has {len(parts.head)} bytes beside its raw_input_contents, over the limit of "
                f"{self._max_head_bytes}. Send the elements in raw_input_contents.",
                limit_bytes=self._max_head_bytes,
            )

    async def _resolved(self, parts: RequestMessage, nbytes: int, exchange: Exchange) -> _ResolvedCall:
        """The resolved request of a head, remembered by the head and the sizes of the raw contents."""
        head = parts.head
        sizes = tuple(map(len, parts.raw))
        # The shape of a picture is in the file, so its call is not remembered.
        file = parts.raw[0] if parts.raw and _FILE_DATATYPE in head else _NO_FILE
        if len(head) <= _LONGEST_CACHED_HEAD and not file:
            found = self._calls.get((head, sizes))
            if found is None:
                found = self._resolve(head, sizes)
                if not any(found.typed):
                    self._calls.put((head, sizes), found)
            return found
        # guard: parsed-head-is-charged
        exchange.reserve(nbytes + PARSE_FACTOR * len(head))
        if len(head) <= _PARSE_ON_LOOP_BYTES:
            return self._resolve(head, sizes, file)
        work = partial(self._resolve, head, sizes, file)
        return await self._pooling.run_in_thread(
            work, exchange.admitted, "the request was parsed", exchange.deadline, holds_gil=True
        )

    def _resolve(self, head: bytes, sizes: tuple[int, ...], file: memoryview = _NO_FILE) -> _ResolvedCall:
        parsed = parse_head(head, sizes)
        model = self._models.find(parsed.model, parsed.version)
        parameters = {name: value for name, value in parsed.request.parameters.items() if name != _ASKS_FOR_FINAL}
        request = InferRequest(parsed.request.id, parameters, parsed.request.inputs, parsed.request.outputs)
        if parsed.typed and parsed.typed[0] is not None:
            file = memoryview(parsed.typed[0])
        picture = read_picture_request(request, file, self._max_body_bytes)
        if picture is not None:
            request = picture.request
        plan_list = partial(plan_listed, self._pooling)
        call = resolve(self._models, model, request, self._pooling.plan_from_metadata, plan_list=plan_list)
        plan = call.plan
        static = None
        # A random operator without a seed draws another one for each request.
        if not call.controls.shows_stats and not any(form.classes for form in call.forms) and plan.with_seed() is plan:
            parameters = response_parameters(call, plan)
            static = head_of(call.model, VERSION, parameters, output_entries(call.forms, plan.outputs))
        encoded_bytes = HEAD_BYTES
        for form in call.forms:
            if form.classes:
                encoded_bytes += 2 * max_class_bytes(plan.outputs[form.name], form.classes)
            elif not form.is_written:
                # The elements are joined to one message, and gRPC copies that to send it.
                encoded_bytes += 2 * plan.outputs[form.name].nbytes
        region_bytes = sum(each.region.nbytes for each in call.request.inputs if each.region is not None)
        return _ResolvedCall(call, parsed.typed, static, region_bytes, encoded_bytes, picture)

    def _read_tensors(self, resolved: _ResolvedCall, parts: RequestMessage) -> Mapping[str, Tensor]:
        """The inputs; thread-safe."""
        if resolved.picture is not None:
            return resolved.picture.decode()
        raw = iter(parts.raw)
        tensors: dict[str, Tensor] = {}
        for each, typed in zip(resolved.call.request.inputs, resolved.typed, strict=True):
            if each.region is not None:
                # A copy, which the client cannot change while it is checked and pooled.
                elements = self._shared_memory.read(each.region)
            else:
                elements = memoryview(typed) if typed is not None else next(raw)
            tensors[each.name] = tensor_from_bytes(elements, each.dtype, each.shape, each.name)
        return tensors


def _copied_bytes(call: InferCall, raw: Sequence[memoryview]) -> int:
    """The bytes of raw contents that reading the tensors copies or scans."""
    total = 0
    inputs = [each for each in call.request.inputs if each.region is None]
    for each, elements in zip(inputs, raw, strict=False):
        address = np.frombuffer(elements, np.uint8).ctypes.data if len(elements) else 0
        if address % each.dtype.itemsize or each.dtype.kind == "boolean":
            total += len(elements)
    return total


def _encode(
    resolved: _ResolvedCall,
    plan: Plan | PoolingsPlan,
    result: PoolResult,
    writers: Mapping[str, RegionWriter],
    request_id: str,
    join: Callable[[Sequence[Chunk]], bytes],
) -> bytes:
    """Encode a response; thread-safe."""
    call = resolved.call
    for name, writer in writers.items():
        writer.write(result.tensors[name].buffer)
    entries, elements = classified_outputs(call.forms, result.tensors)
    head = resolved.static
    if head is None:
        parameters = response_parameters(call, plan)
        if call.controls.shows_stats:
            parameters |= {"queue_us": round(1e6 * result.queue_s), "compute_us": round(1e6 * result.compute_s)}
        head = head_of(call.model, VERSION, parameters, entries)
    return join([head, id_field(request_id), *raw_chunks(elements)])
