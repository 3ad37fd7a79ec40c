"""The interface of a codec, which decodes a body to a Message and encodes a Message as a body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from poolhouse.tensors import Message, TensorMetadata

Query = dict[str, str]


class EncodedBody(NamedTuple):
    """An encoded body.

    Attributes:
        media_type: the value of ``Content-Type``.
        chunks: flat bytes, in order; views of the tensors where that saves a copy.
        headers: further headers of this body.
        owns_memory: whether no chunk is a view of a tensor.
    """

    media_type: str
    chunks: tuple[bytes | memoryview, ...]
    headers: tuple[tuple[str, str], ...] = ()
    owns_memory: bool = False

    @property
    def nbytes(self) -> int:
        """The length of the whole body in bytes."""
        return sum(map(len, self.chunks))


class Codec(Protocol):
    """One body format: its names, and how to decode and encode it."""

    @property
    def name(self) -> str:
        """The short name: ``json``, ``npy``, ``npz``, ``safetensors`` or ``raw``."""
        ...

    @property
    def media_types(self) -> tuple[str, ...]:
        """The media types that select it; responses carry the first."""
        ...

    @property
    def is_json(self) -> bool:
        """Whether the smaller body limit for JSON applies."""
        ...

    @property
    def holds_gil(self) -> bool:
        """Whether decoding and encoding hold the GIL, so that more threads do not make them faster."""
        ...

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """Decode a complete body.

        Args:
            body: flat bytes; the tensors may be views of it.
            query: the fields of the query string; those that the format does not use become ``text_fields``.
            limit_bytes: the limit of the inflated body.

        Raises:
            Malformed: the bytes are not of this format.
            Unprocessable: the body is valid and holds something that cannot be pooled.
            TooLarge: the inflated body would pass the limit.
        """
        ...

    def decode_extra_bytes(self, body: memoryview) -> int:
        """Bytes that :meth:`decode` allocates at most beside the body, or scans; read from the format's header alone.

        Raises:
            Malformed, Unprocessable: the errors of :meth:`decode`.
        """
        ...

    def encode(self, message: Message) -> EncodedBody:
        """Encode a message as a body."""
        ...

    def encode_extra_bytes(self, outputs: Mapping[str, TensorMetadata], json_encoding: str) -> int:
        """Bytes that :meth:`encode` allocates at most beside the tensors; 0 where the body is views of them.

        Args:
            outputs: the metadata of the tensors by name.
            json_encoding: ``list`` or ``base64``, as the message asks.
        """
        ...

    def accepts_outputs(self, count: int) -> bool:
        """Whether one body of this format can hold ``count`` outputs."""
        ...
