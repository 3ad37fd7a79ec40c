"""Several poolings in one call, of one input or of several: the request, its result, and the methods of both clients.

The inputs are sent as safetensors with the list of poolings in the metadata. The response is raw elements, whose header
``Tensor-Metadata`` arrives before the body, or safetensors where that header would be too long.
"""

# ruff: noqa: A002, since input is torch's name for it

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from poolhouse.client.arrays import Converted, Restore, SupportsDLPack, dtype_name, to_tensor
from poolhouse.client.calls import (
    JSON_HEADERS,
    allocate,
    output_entries,
    parse_server_timing,
    parse_strings,
    parse_tensor_metadata,
    read_document,
    request_target,
    size_or_none,
)
from poolhouse.client.errors import UnexpectedAnswer, parse_object
from poolhouse.client.exchange import Headers, Request, Response
from poolhouse.client.operators import COMPANIONS
from poolhouse.client.pictures import Picture
from poolhouse.client.plans import PlannedTensors, planned_metadata, read_plan_document
from poolhouse.client.poolings_text import Poolings, poolings_text, refused
from poolhouse.client.results import PlanMany, PooledMany
from poolhouse.client.transports.response_body import too_large_error
from poolhouse.dtypes import INT64
from poolhouse.errors import PoolhouseError, Unprocessable
from poolhouse.tensor_names import TENSOR_TYPES
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.quoting import escape_unprintable
from poolhouse.wire.safetensors import SAFETENSORS, read_tensors

Array = TypeVar("Array", bound=SupportsDLPack | Sequence[object] | Tensor)
"""The outputs have the type of the inputs: numpy for numpy, torch for torch, lists for lists."""
Numpy: TypeAlias = npt.NDArray[np.generic]

_POOL_PATH: Final = "/v1/pool"
_PLAN_PATH: Final = "/v1/plan"
_FIELD: Final = "poolhouse.poolings"
_RAW_TYPE: Final = "application/octet-stream"
_ACCEPT: Final = f"{_RAW_TYPE}, {SAFETENSORS.media_types[0]};q=0.9"
_MAX_OUTPUTS: Final = 1024
"""The most tensors of a response that are read."""


class PoolManyCall:
    """``POST /v1/pool``.

    Args:
        inputs: one array or picture, or arrays by name.
        poolings: the list.
        tensors: those beside the one input, by name; None for one that is not given.
    """

    def __init__(
        self, inputs: object, poolings: Poolings, tensors: Mapping[str, object] = MappingProxyType({})
    ) -> None:
        text = poolings_text(poolings)
        given = {name: each for name, each in tensors.items() if each is not None}
        self._outputs: dict[str, Tensor] | None = None
        self._restore: dict[str, Restore] = {}
        if isinstance(inputs, Picture):
            if given:
                raise refused(f"a picture is sent alone; send it as an array beside {', '.join(given)}")
            target = request_target(_POOL_PATH, {"poolings": text})
            self._set_request(target, inputs.media_type, (inputs.content,))
            self._default_restore: Restore = _to_numpy
            return
        converted = _convert(inputs, given)
        self._default_restore = next(iter(converted.values())).restore
        if isinstance(inputs, Mapping):
            self._restore = {name: each.restore for name, each in converted.items()}
        sent = {name: each.tensor for name, each in converted.items()}
        encoded = SAFETENSORS.encode(Message(sent, text_fields={_FIELD: text}))
        self._set_request(_POOL_PATH, encoded.media_type, encoded.chunks)

    def _set_request(self, target: str, media_type: str, chunks: tuple[bytes | memoryview, ...]) -> None:
        headers = (("Content-Type", media_type), ("Accept", _ACCEPT))
        self.request = Request("POST", target, headers, chunks, self._allocate_outputs)

    def _allocate_outputs(self, status: int, headers: Headers, max_response_bytes: int) -> Sequence[memoryview] | None:
        self._outputs = None
        if status != 200:
            return None
        if "tensor-metadata" in headers:
            entries = output_entries(headers, max_response_bytes)
            self._outputs = {entry.name: allocate(entry.metadata) for entry in entries}
            return [tensor.buffer for tensor in self._outputs.values()]
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal() and len(length) < 19):
            return None
        if int(length) > max_response_bytes:
            raise too_large_error(status, f"{length} bytes", max_response_bytes)
        return [memoryview(bytearray(int(length)))]

    def read_result(self, response: Response) -> PooledMany[object]:
        """Read the outputs, each of the same kind as its input."""
        found = self._outputs
        if found is None:
            found = _read_file(response)
        seeds = parse_object(response.headers.get("pool-seeds", "{}")) or {}
        return PooledMany(
            {name: self._restore_of(name)(tensor) for name, tensor in found.items()},
            parse_server_timing(response.headers.get("server-timing", "")),
            response.request_id,
            {name: seed for name, seed in seeds.items() if type(seed) is int},
            parse_strings(response.headers.get("pool-warning", "")),
        )

    def _restore_of(self, output: str) -> Restore:
        """The function for an output of several inputs: of the one whose name it begins with."""
        name = output
        while name and name not in self._restore:
            name = name.rpartition(".")[0]
        return self._restore.get(name, self._default_restore)


def plan_many_request(
    shape: Sequence[int] | Mapping[str, Sequence[int]],
    poolings: Poolings,
    dtype: object | Mapping[str, object],
    tensors: PlannedTensors | None = None,
) -> Request:
    """``POST /v1/plan``.

    Args:
        shape: of the input, or of several by name.
        poolings: the list.
        dtype: of all inputs, or of each by name.
        tensors: those beside the one input; ``indices`` have its shape if they are not given.
    """
    text = poolings_text(poolings)
    document: dict[str, object] = {"poolings": json.loads(text)}

    def metadata(sizes: Sequence[int], element_type: object) -> dict[str, object]:
        return {"shape": [int(size) for size in sizes], "dtype": dtype_name(element_type)}

    if isinstance(shape, Mapping):
        types = dtype if isinstance(dtype, Mapping) else dict.fromkeys(shape, dtype)
        document["inputs"] = {name: metadata(sizes, types.get(name, "float32")) for name, sizes in shape.items()}
    else:
        document["input"] = metadata(shape, dtype)
        needs_indices = any(_takes_indices(each) and "of" not in each for each in json.loads(text))
        planned: PlannedTensors = {"indices": shape} if needs_indices else {}
        for name, each in {**planned, **(tensors or {})}.items():
            document[name] = planned_metadata(name, each)
    return Request("POST", _PLAN_PATH, JSON_HEADERS, (json.dumps(document).encode(),))


def read_plan_many(response: Response) -> PlanMany:
    """Read the plan in a response."""
    document = read_document(response)
    outputs, poolings, warnings = (document.get(name) for name in ("outputs", "poolings", "warnings"))
    input_bytes, output_bytes, held_bytes = (
        size_or_none(document.get(name)) for name in ("input_bytes", "output_bytes", "held_bytes")
    )
    found = {name: parse_tensor_metadata(each) for name, each in outputs.items()} if isinstance(outputs, dict) else {}
    metadata = {name: each for name, each in found.items() if each is not None}
    rows = [row for row in poolings if isinstance(row, dict)] if isinstance(poolings, list) else []
    if (
        not metadata
        or len(metadata) < len(found)
        or not isinstance(warnings, list)
        or input_bytes is None
        or output_bytes is None
        or held_bytes is None
    ):
        raise UnexpectedAnswer(
            response.status, "The response is not a plan that this client understands; the server may be newer."
        )
    return PlanMany(
        tuple(read_plan_document(response, row) for row in rows),
        metadata,
        input_bytes,
        output_bytes,
        held_bytes,
        tuple(escape_unprintable(str(each)) for each in warnings),
        document,
    )


class PoolsMany:
    """The methods of the blocking client; it implements ``_call``."""

    def _call(self, request: Request) -> Response:
        raise NotImplementedError

    @overload
    def pool_many(
        self, input: Mapping[str, Array], poolings: Poolings, *, indices: None = None, tensors: None = None
    ) -> PooledMany[Array]: ...

    @overload
    def pool_many(
        self, input: Picture, poolings: Poolings, *, indices: None = None, tensors: None = None
    ) -> PooledMany[Numpy]: ...

    @overload
    def pool_many(
        self,
        input: Array,
        poolings: Poolings,
        *,
        indices: object = None,
        tensors: Mapping[str, object] | None = None,
    ) -> PooledMany[Array]: ...

    def pool_many(
        self,
        input: object,
        poolings: Poolings,
        *,
        indices: object = None,
        tensors: Mapping[str, object] | None = None,
    ) -> PooledMany[object]:
        """Pool one input, or several, by several operators in one call.

        Args:
            input: an array as for :meth:`pool` or a :class:`Picture`, whose outputs are numpy arrays; or arrays by
                name, of any shapes, each of which is pooled by every pooling.
            poolings: a list such as ``[{"operator": "max_pool2d", "name": "peaks", "kernel_size": 2}]``, or the same
                by name: ``{"peaks": {"operator": "max_pool2d", "kernel_size": 2}}``. With ``"of": "peaks"`` a pooling
                takes an earlier output as its input, and with ``"returned": False`` its outputs are not returned.
            indices: of the one input, for unpooling.
            tensors: others beside the one input, such as ``{"spans": spans, "mask": mask}``. Each goes to every pooling
                whose operator takes it; with ``"mask": None`` a pooling does without.

        Returns:
            the outputs by name, such as ``peaks`` and ``peaks.indices``; of several inputs ``image.peaks``.

        Raises:
            PoolhouseError: the server's refusal, which refuses all poolings, or :class:`ConnectionFailed`.
        """
        call = PoolManyCall(input, poolings, {"indices": indices, **(tensors or {})})
        return call.read_result(self._call(call.request))

    def plan_many(
        self,
        shape: Sequence[int] | Mapping[str, Sequence[int]],
        poolings: Poolings,
        dtype: object | Mapping[str, object] = "float32",
        *,
        tensors: PlannedTensors | None = None,
    ) -> PlanMany:
        """Plan several poolings: output shapes and costs, without data.

        Args:
            shape: of the input, ``(N, C, *spatial)``, or of several inputs by name.
            poolings: as for :meth:`pool_many`.
            dtype: of all inputs, or of each by name.
            tensors: the shape of each tensor beside the one input, or a pair of its shape and its element type.

        Raises:
            PoolhouseError: the refusal that pooling would raise.
        """
        return read_plan_many(self._call(plan_many_request(shape, poolings, dtype, tensors)))


class AsyncPoolsMany:
    """The methods of the asyncio client; it implements ``_call``."""

    async def _call(self, request: Request) -> Response:
        raise NotImplementedError

    @overload
    async def pool_many(
        self, input: Mapping[str, Array], poolings: Poolings, *, indices: None = None, tensors: None = None
    ) -> PooledMany[Array]: ...

    @overload
    async def pool_many(
        self, input: Picture, poolings: Poolings, *, indices: None = None, tensors: None = None
    ) -> PooledMany[Numpy]: ...

    @overload
    async def pool_many(
        self,
        input: Array,
        poolings: Poolings,
        *,
        indices: object = None,
        tensors: Mapping[str, object] | None = None,
    ) -> PooledMany[Array]: ...

    async def pool_many(
        self,
        input: object,
        poolings: Poolings,
        *,
        indices: object = None,
        tensors: Mapping[str, object] | None = None,
    ) -> PooledMany[object]:
        """Pool one input, or several, by several operators in one call.

        Args:
            input: an array as for :meth:`pool` or a :class:`Picture`, whose outputs are numpy arrays; or arrays by
                name, of any shapes, each of which is pooled by every pooling.
            poolings: a list such as ``[{"operator": "max_pool2d", "name": "peaks", "kernel_size": 2}]``, or the same
                by name: ``{"peaks": {"operator": "max_pool2d", "kernel_size": 2}}``. With ``"of": "peaks"`` a pooling
                takes an earlier output as its input, and with ``"returned": False`` its outputs are not returned.
            indices: of the one input, for unpooling.
            tensors: others beside the one input, such as ``{"spans": spans, "mask": mask}``. Each goes to every pooling
                whose operator takes it; with ``"mask": None`` a pooling does without.

        Returns:
            the outputs by name, such as ``peaks`` and ``peaks.indices``; of several inputs ``image.peaks``.

        Raises:
            PoolhouseError: the server's refusal, which refuses all poolings, or :class:`ConnectionFailed`.
        """
        call = PoolManyCall(input, poolings, {"indices": indices, **(tensors or {})})
        return call.read_result(await self._call(call.request))

    async def plan_many(
        self,
        shape: Sequence[int] | Mapping[str, Sequence[int]],
        poolings: Poolings,
        dtype: object | Mapping[str, object] = "float32",
        *,
        tensors: PlannedTensors | None = None,
    ) -> PlanMany:
        """Plan several poolings: output shapes and costs, without data.

        Args:
            shape: of the input, ``(N, C, *spatial)``, or of several inputs by name.
            poolings: as for :meth:`pool_many`.
            dtype: of all inputs, or of each by name.
            tensors: the shape of each tensor beside the one input, or a pair of its shape and its element type.

        Raises:
            PoolhouseError: the refusal that pooling would raise.
        """
        return read_plan_many(await self._call(plan_many_request(shape, poolings, dtype, tensors)))


def _convert(inputs: object, tensors: Mapping[str, object]) -> dict[str, Converted]:
    if not isinstance(inputs, Mapping):
        for name in tensors:
            if name == "input" or name not in TENSOR_TYPES:
                known = ", ".join(each for each in TENSOR_TYPES if each != "input")
                raise refused(f"there is no tensor {name!r} beside an input; there are {known}")
        beside = {name: to_tensor(each, keep_integers=TENSOR_TYPES[name] is INT64) for name, each in tensors.items()}
        return {"input": to_tensor(inputs), **beside}
    if tensors:
        raise refused(
            f"{', '.join(tensors)} go with one input; give that alone, or poolings that take an earlier output"
        )
    if not inputs:
        raise Unprocessable("missing_tensor", "there is no input; give at least one array.")
    if "input" in inputs:
        raise refused("one of several inputs cannot be called 'input', the name of a single one; give it another name")
    return {str(name): to_tensor(each) for name, each in inputs.items()}


def _takes_indices(pooling: Mapping[str, object]) -> bool:
    return "indices" in COMPANIONS.get(str(pooling.get("operator")), {})


def _read_file(response: Response) -> dict[str, Tensor]:
    body = response.body[0] if len(response.body) == 1 else memoryview(b"".join(response.body))
    try:
        found, _ = read_tensors(body, max_tensors=_MAX_OUTPUTS)
    except PoolhouseError as error:
        raise UnexpectedAnswer(
            response.status, f"The response holds no outputs; check that base_url is a poolhouse server. {error.detail}"
        ) from None
    if not found:
        raise UnexpectedAnswer(response.status, "The response has no output.")
    return found


def _to_numpy(tensor: Tensor) -> object:
    return tensor.array
