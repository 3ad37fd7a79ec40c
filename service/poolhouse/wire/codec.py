"""What every codec offers, and what it hands out: bytes of a body to a Message and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from poolhouse.tensors import Message, TensorMetadata

Query = dict[str, str]


class EncodedBody(NamedTuple):
    """A body ready to send.

    Attributes:
        media_type: the value of ``Content-Type``.
        chunks: flat bytes, in order; views of the tensors where that saves a copy.
        headers: further headers that belong to this body.
        owns_memory: whether no chunk is a view of a tensor.
    """

    media_type: str
    chunks: tuple[bytes | memoryview, ...]
    headers: tuple[tuple[str, str], ...] = ()
    owns_memory: bool = False

    @property
    def nbytes(self) -> int:
        """The length of the whole body."""
        return sum(map(len, self.chunks))


class Codec(Protocol):
    """One format: its names, and the two ways through it."""

    @property
    def name(self) -> str:
        """Our short name: ``json``, ``npy``, ``npz``, ``safetensors``, ``raw``."""
        ...

    @property
    def media_types(self) -> tuple[str, ...]:
        """The types it is asked for by; the first is the one that answers carry."""
        ...

    @property
    def is_json(self) -> bool:
        """Whether the smaller limit of JSON bodies holds."""
        ...

    @property
    def holds_gil(self) -> bool:
        """Whether no other thread goes on while much is decoded or encoded, so that more threads do no more."""
        ...

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The message in a whole body.

        Args:
            body: flat bytes; the tensors may be views of it.
            query: the fields of the query string; those that the format does not use become ``texts``.
            limit_bytes: what a body may take once inflated.

        Raises:
            Malformed: the bytes are not what the type says.
            Unprocessable: they are, and hold what cannot be pooled.
            TooLarge: they would unfold beyond the limit.
        """
        ...

    def decode_extra_bytes(self, body: memoryview) -> int:
        """Bytes that :meth:`decode` takes beside the body at most, or looks through one by one; from its head alone.

        Raises:
            Malformed, Unprocessable: as :meth:`decode` would.
        """
        ...

    def encode(self, message: Message) -> EncodedBody:
        """The body that holds this message."""
        ...

    def encode_extra_bytes(self, outputs: Mapping[str, TensorMetadata], json_encoding: str) -> int:
        """Bytes that :meth:`encode` takes beside the tensors at most; 0 where it sends them as they lie.

        Args:
            outputs: the tensors' metadata_by_name by name.
            json_encoding: of the message: ``list`` or ``base64``.
        """
        ...

    def accepts_outputs(self, count: int) -> bool:
        """Whether one body of this format can hold so many outputs."""
        ...
