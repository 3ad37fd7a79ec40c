"""The bodies of inference requests and responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final, NamedTuple

from poolhouse.errors import Malformed, TooLarge, Unprocessable
from poolhouse.inference import InferCall, resolve, response_parameters
from poolhouse.models import VERSION, Models
from poolhouse.operators.plan import Plan
from poolhouse.poolings.plan import PoolingsPlan
from poolhouse.poolings.run import plan_listed, prepare_any
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.headers import Headers, content_length, header_text
from poolhouse.rest.routes.bounded_cache import BoundedCache
from poolhouse.rest.routes.infer.head_plan import InferHeadPlan
from poolhouse.rest.routes.pool.body_format import Decoded, NeedsMemory, StaticResponse
from poolhouse.rest.routes.pool.head_planner import response_header_lines
from poolhouse.rest.routes.pool.memory_footprint import retained_bytes
from poolhouse.rest.routes.request_limits import body_limits
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.shared_memory.regions import RegionWriter, SharedMemory
from poolhouse.tensors import Tensor
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.compress import compress_extra_bytes
from poolhouse.wire.content_coding import choose_inference_encoding
from poolhouse.wire.elements import tensor_from_bytes
from poolhouse.wire.inflate import Inflater
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.tensors import NumberList
from poolhouse.wire.open_inference.body import (
    HEADER_LENGTH,
    check_binary_length,
    read_tensors,
    read_text,
    split_body,
)
from poolhouse.wire.open_inference.pictures import PictureRequest, read_picture_request
from poolhouse.wire.open_inference.request import FILE_DATATYPE, InferInput, InferRequest, RegionRange, field_error
from poolhouse.wire.open_inference.response import (
    BINARY_TYPE,
    ResponseHead,
    encode_response,
    max_response_text_bytes,
    static_text,
)
from poolhouse.wire.query import parse_query
from poolhouse.wire.quoting import quote_clipped

PARAMETERS_HEADER: Final = "Pool-Parameters"
"""Request header with fields of the operator in the syntax of a query string, for clients that send no parameters."""
VERSION_PATH: Final = "/versions/"

_ENCODE_ON_LOOP_BYTES: Final = 256 * 1024
_CACHED_PLANS: Final = 512
_CACHED_CALLS: Final = 256
_LONGEST_KEY: Final = 512
_LONGEST_CACHED_TEXT: Final = 1024
"""JSON parts up to this length are remembered with their plan: clients repeat them byte for byte. So all of them
together take at most some megabytes."""
_HEADER_NAMES: Final = (
    HEADER_LENGTH.lower().encode(),
    b"content-encoding",
    b"accept-encoding",
    PARAMETERS_HEADER.lower().encode(),
)
_FILE_DATATYPE: Final = f'"{FILE_DATATYPE}"'.encode()
_NO_LISTS: Final[Mapping[int, NumberList]] = MappingProxyType({})
_VARY: Final = ("Vary", "Accept-Encoding")


class _ResolvedCall(NamedTuple):
    """A resolved request, and what its plan and its forms determine of the response.

    Attributes:
        call: the request.
        text_bytes: the most bytes of text and of copies that encoding makes.
        static: the JSON part and the headers of the response; None if they differ between requests.
        region_bytes: the bytes of inputs in shared memory.
        holds_gil: whether encoding holds the GIL, as it does for classifications.
    """

    call: InferCall
    text_bytes: int
    static: StaticResponse | None
    region_bytes: int
    holds_gil: bool

    def encode_static(self, tensors: Mapping[str, Tensor], queue_s: float, compute_s: float) -> EncodedBody:
        """Encode a response whose JSON part is known."""
        assert self.static is not None, "the caller checks it"
        prefix = self.static.prefix
        chunks: tuple[bytes | memoryview, ...] = (prefix, *[each.buffer for each in tensors.values()])
        return EncodedBody(BINARY_TYPE, chunks, ((HEADER_LENGTH, str(len(prefix))), _VARY))


class InferFormat:
    """Plans, decodes and encodes inference requests; a :class:`..pool.body_format.BodyFormat`.

    Args:
        pooling: plans the operators.
        models: by name.
        shared_memory: the registered regions.
        settings: the limits of bodies and responses.
    """

    def __init__(
        self, pooling: PoolingService, models: Models, shared_memory: SharedMemory, settings: Settings
    ) -> None:
        self._pooling = pooling
        self._models = models
        self._shared_memory = shared_memory
        self._limits, self._json_limits = body_limits(settings)
        self._max_response_bytes = settings.max_output_bytes
        self._plan_list = partial(plan_listed, pooling)
        self._cached_plan = lru_cache(maxsize=_CACHED_PLANS)(self._plan)
        self._calls = BoundedCache[tuple[str, bytes], _ResolvedCall](_CACHED_CALLS)

    # ---- the head

    def plan_of(self, head: Head, name: str) -> InferHeadPlan:
        """See :meth:`..pool.body_format.BodyFormat.plan_of`.

        Args:
            head: of the request.
            name: of the model; with another version than the current one, ``{model}/versions/{version}``.
        """
        # Set if the head is byte for byte the same as an earlier one.
        if isinstance(head.memo, InferHeadPlan):
            return head.memo
        headers = head.headers
        values = tuple([headers.get(each) for each in _HEADER_NAMES])
        is_long = len(name) + sum(map(len, filter(None, values))) > _LONGEST_KEY
        plan = (self._plan if is_long else self._cached_plan)(name, values, content_length(headers))
        head.memo = plan
        return plan

    def _plan(self, name: str, values: tuple[bytes | None, ...], length: int | None) -> InferHeadPlan:
        headers = {each: value for each, value in zip(_HEADER_NAMES, values, strict=True) if value is not None}
        model_name, _, version = name.partition(VERSION_PATH)
        model = self._models.find(model_name, version)
        header_length = read_header_length(headers)
        # Without binary tensors the whole body is JSON.
        limits = self._json_limits if header_length is None else self._limits
        limits.check_length(length)
        if header_length is not None and header_length > self._json_limits.limit_bytes:
            limit = self._json_limits.limit_bytes
            raise TooLarge(
                "body_too_large",
                f"{HEADER_LENGTH} is {header_length}, over the limit of {limit} bytes; send the tensors as binary "
                "data.",
                limit_bytes=limit,
            )
        encoding = header_text(headers, b"content-encoding")
        is_inflated = encoding is not None and not Inflater(encoding, limits.limit_bytes).is_identity
        if not is_inflated and length is not None:
            if header_length is not None and header_length > length:
                split_body(memoryview(b""), header_length)
            if not length:
                split_body(memoryview(b""), None)
        compression = choose_inference_encoding(header_text(headers, b"accept-encoding"))
        defaults = _read_defaults(headers.get(_HEADER_NAMES[-1], b""))
        return InferHeadPlan(model, header_length, defaults, compression, limits, length, is_inflated)

    # ---- the body

    def decode(self, plan: InferHeadPlan, body: memoryview, reserved_bytes: int) -> Decoded:
        """See :meth:`..pool.body_format.BodyFormat.decode`."""
        text, binary = split_body(body, plan.header_length)
        picture = self._read_picture(plan, text, binary)
        if picture is None:
            resolved, lists = self._resolved(plan, text)
        else:
            resolved, lists = self._resolve(plan.model.name, picture.request, plan.defaults), _NO_LISTS
        call = resolved.call
        # guard: binary-length-is-checked
        check_binary_length(call.request, len(binary))
        # Before memory is reserved: a wrong range is the client's fault, and a full memory budget is not.
        writers = {
            name: self._shared_memory.writer(target, call.plan.outputs[name].nbytes)
            for name, target in call.regions.items()
        }
        needed_bytes = resolved.region_bytes if picture is None else picture.decoding_bytes
        if needed_bytes > reserved_bytes:
            self._shared_memory.check_inputs(call.request.inputs)
            raise NeedsMemory(needed_bytes)
        if picture is None:
            tensors: Mapping[str, Tensor] = read_tensors(call.request, lists, binary, self._read_region)
        else:
            tensors = picture.decode()
        text_bytes = resolved.text_bytes
        extra_bytes = retained_bytes(tensors, body) + text_bytes
        if plan.compression is not None:
            extra_bytes += compress_extra_bytes(text_bytes + call.plan.output_bytes)
        prepared = prepare_any(self._pooling, call.plan, tensors, extra_bytes)
        encode: Callable[[Mapping[str, Tensor], float, float], EncodedBody]
        encode = (
            resolved.encode_static if resolved.static is not None else partial(_encode, call, prepared.plan, writers)
        )
        return Decoded(
            prepared,
            encode,
            text_bytes,
            _ENCODE_ON_LOOP_BYTES if text_bytes else None,
            resolved.holds_gil or not compiled_reader.is_ready(),
            None if plan.compression is not None else resolved.static,
            call.controls.timeout_s,
        )

    def _read_picture(self, plan: InferHeadPlan, text: memoryview, binary: memoryview) -> PictureRequest | None:
        """The picture that is the input; None for tensors, which almost all requests have."""
        if plan.header_length is None or len(text) > _LONGEST_CACHED_TEXT or _FILE_DATATYPE not in bytes(text):
            return None
        return read_picture_request(read_text(text).parse(), binary, self._limits.limit_bytes)

    def _resolved(self, plan: InferHeadPlan, text: memoryview) -> tuple[_ResolvedCall, Mapping[int, NumberList]]:
        """The resolved request of a JSON part, remembered by all of it but the elements of its lists."""
        model = plan.model.name
        if plan.defaults:
            parsed = read_text(text)
            return self._resolve(model, parsed.parse(), plan.defaults), parsed.lists
        if plan.header_length is not None and len(text) <= _LONGEST_CACHED_TEXT:
            whole = bytes(text)
            # Without lists, the key is the text itself; escapes may hide the name of a list.
            if b'"data"' not in whole and b"\\" not in whole:
                resolved = self._calls.get((model, whole))
                if resolved is None:
                    resolved = self._resolve(model, read_text(text).parse(), {})
                    self._calls.put((model, whole), resolved)
                return resolved, _NO_LISTS
        parsed = read_text(text)
        if parsed.key is None or len(parsed.key) > _LONGEST_CACHED_TEXT:
            return self._resolve(model, parsed.parse(), {}), parsed.lists
        resolved = self._calls.get((model, parsed.key))
        if resolved is None:
            resolved = self._resolve(model, parsed.parse(), {})
            self._calls.put((model, parsed.key), resolved)
        return resolved, parsed.lists

    def _resolve(self, model: str, request: InferRequest, defaults: Mapping[str, str]) -> _ResolvedCall:
        if any(each.is_file for each in request.inputs):
            message = (
                f"A request with a picture has a JSON part of at most {_LONGEST_CACHED_TEXT} bytes, without escapes."
            )
            raise field_error("/inputs/0/datatype", message)
        call = resolve(
            self._models, self._models.find(model), request, self._pooling.plan_from_metadata, defaults, self._plan_list
        )
        head = ResponseHead(call.model, VERSION, call.request.id, response_parameters(call, call.plan))
        outputs = call.plan.outputs
        text_bytes = max_response_text_bytes(head, call.forms, outputs)
        # guard: inference-text-has-limit
        if text_bytes > self._max_response_bytes:
            raise Unprocessable(
                "output_too_large",
                f"The response may take {text_bytes} bytes as JSON; the limit is {self._max_response_bytes}. Ask for "
                "the outputs with binary_data, or send fewer planes.",
                limit_bytes=self._max_response_bytes,
            )
        text_bytes += sum(outputs[form.name].nbytes for form in call.forms if form.is_written)
        static = None
        is_static = [form.name for form in call.forms] == [*outputs] and all(
            form.is_binary and not form.classes and outputs[form.name].nbytes for form in call.forms
        )
        # A random operator without a seed draws another one for each request.
        if is_static and not call.controls.shows_stats and call.plan.with_seed() is call.plan:
            prefix = static_text(head, call.forms, outputs)
            text_bytes = 0
            plan_headers = prepare_any(self._pooling, call.plan, {}).headers
            headers = ((HEADER_LENGTH, str(len(prefix))), _VARY, *plan_headers.items())
            nbytes = len(prefix) + call.plan.output_bytes
            static = StaticResponse(response_header_lines(BINARY_TYPE, nbytes, headers), prefix)
        region_bytes = sum(each.region.nbytes for each in call.request.inputs if each.region is not None)
        return _ResolvedCall(call, text_bytes, static, region_bytes, any(form.classes for form in call.forms))

    def _read_region(self, given: InferInput, source: RegionRange) -> Tensor:
        # A copy, which the client cannot change while it is checked and pooled.
        return tensor_from_bytes(self._shared_memory.read(source), given.dtype, given.shape, given.name)


def model_of_path(parameters: Mapping[str, str]) -> str:
    """The model that a path names, with its version unless that is the current one."""
    version = parameters.get("version", VERSION)
    return parameters["model"] + ("" if version == VERSION else f"{VERSION_PATH}{version}")


def read_header_length(headers: Headers) -> int | None:
    """The value of ``Inference-Header-Content-Length``; None if the header is absent.

    Raises:
        Malformed: it is no decimal number from 1 to 2^63-1.
    """
    name = _HEADER_NAMES[0]
    if name not in headers:
        return None
    text = headers[name].strip()
    if not text.isdigit() or len(text) > 19 or not int(text):
        advice = "a body without JSON part is not supported" if text == b"0" else "it has only digits"
        raise Malformed(
            "malformed_header",
            f"{HEADER_LENGTH} is {quote_clipped(text.decode('latin-1'))}; write the number of bytes of the JSON part, "
            f"before compression: {advice}.",
        )
    return int(text)


def _read_defaults(text: bytes) -> Mapping[str, str]:
    try:
        return parse_query(text)
    except Malformed as error:
        raise Malformed(error.code, f"{PARAMETERS_HEADER} is read like a query string. {error.detail}") from None


def _encode(
    call: InferCall,
    plan: Plan | PoolingsPlan,
    writers: Mapping[str, RegionWriter],
    tensors: Mapping[str, Tensor],
    queue_s: float,
    compute_s: float,
) -> EncodedBody:
    parameters = response_parameters(call, plan)
    if call.controls.shows_stats:
        parameters |= {"queue_us": round(1e6 * queue_s), "compute_us": round(1e6 * compute_s)}
    for name, writer in writers.items():
        writer.write(tensors[name].buffer)
    head = ResponseHead(call.model, VERSION, call.request.id, parameters)
    encoded = encode_response(head, call.forms, tensors)
    return EncodedBody(encoded.media_type, encoded.chunks, (*encoded.headers, _VARY), encoded.owns_memory)
