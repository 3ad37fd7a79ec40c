"""The body of a response, written to the memory that the request provides for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from poolhouse.client.errors import ConnectionFailed, UnexpectedAnswer
from poolhouse.client.exchange import Headers, Request

MAX_DOCUMENT_BYTES: Final = 4 * 1024 * 1024
"""The largest document or refusal that is accepted: ours have some kilobytes, and parsed JSON takes about twenty times
its bytes."""


class ResponseBody:
    """The buffers of a response while its body arrives. Without buffers the body is collected, and takes memory only
    as it arrives.

    Raises:
        UnexpectedAnswer: the response is compressed, or announces more bytes than are accepted; :meth:`write` raises
            it for a body that turns out to be longer.
    """

    def __init__(self, request: Request, status: int, headers: Headers) -> None:
        _check_content_encoding(status, headers.get("content-encoding", ""))
        self._status = status
        self._max_bytes = request.max_response_bytes
        self._buffer_index = 0
        self._offset = 0
        self.content_length = self._parse_length(headers)
        """The value of ``Content-Length``; None where a proxy has removed it."""
        buffers = (
            None
            if request.allocate_body is None
            else request.allocate_body(status, headers, request.max_response_bytes)
        )
        self.buffers: Sequence[memoryview] = buffers or ()
        self.has_buffers = buffers is not None
        self._collected = bytearray()
        if buffers is None and self.content_length is not None and self.content_length > MAX_DOCUMENT_BYTES:
            raise UnexpectedAnswer(
                status,
                f"HTTP {status} with {self.content_length} bytes, and a document has at most {MAX_DOCUMENT_BYTES}; "
                "check that base_url is a poolhouse server.",
            )

    def _parse_length(self, headers: Headers) -> int | None:
        text = headers.get("content-length")
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal()):
            raise UnexpectedAnswer(self._status, f"The Content-Length of the response is {text[:20]!r}, not a number.")
        # The digits are counted first, since int() refuses thousands of them.
        if len(text) > 18 or int(text) > self._max_bytes:
            raise too_large_error(self._status, f"{text[:20]} bytes", self._max_bytes)
        return int(text)

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Write the next bytes of the body."""
        if not self.has_buffers:
            size = len(self._collected) + len(piece)
            if size > self._max_bytes:
                raise too_large_error(self._status, "more bytes", self._max_bytes)
            if size > MAX_DOCUMENT_BYTES:
                raise UnexpectedAnswer(
                    self._status,
                    f"HTTP {self._status} without a length and with more than {MAX_DOCUMENT_BYTES} bytes; "
                    "check that base_url is a poolhouse server.",
                )
            self._collected += piece
            return
        left = memoryview(piece)
        while len(left):
            if self._buffer_index == len(self.buffers):
                raise UnexpectedAnswer(self._status, "The response is longer than its headers announce.")
            buffer = self.buffers[self._buffer_index]
            count = min(len(buffer) - self._offset, len(left))
            buffer[self._offset : self._offset + count] = left[:count]
            left = left[count:]
            self._offset += count
            self._skip_full_buffers()

    def _skip_full_buffers(self) -> None:
        while self._buffer_index < len(self.buffers) and self._offset == len(self.buffers[self._buffer_index]):
            self._buffer_index += 1
            self._offset = 0

    @property
    def buffer_bytes(self) -> int:
        """The size of all buffers together."""
        return sum(map(len, self.buffers))

    def unfilled_buffers(self) -> Sequence[memoryview]:
        """The memory that is still to be filled. A caller that fills it directly calls :meth:`mark_filled` then."""
        self._skip_full_buffers()
        if self._buffer_index == len(self.buffers):
            return ()
        return [self.buffers[self._buffer_index][self._offset :], *self.buffers[self._buffer_index + 1 :]]

    def mark_filled(self) -> None:
        """Record that all of :meth:`unfilled_buffers` was written."""
        self._buffer_index, self._offset = len(self.buffers), 0

    def finish(self) -> Sequence[memoryview]:
        """Return the buffers, all of them full, or what was collected.

        Raises:
            ConnectionFailed: the body ended before the buffers were full.
        """
        if not self.has_buffers:
            return (memoryview(self._collected),)
        self._skip_full_buffers()
        if self._buffer_index < len(self.buffers):
            raise incomplete_error()
        return self.buffers


def incomplete_error() -> ConnectionFailed:
    """The error for a connection that ended in the middle of a response."""
    return ConnectionFailed("The server closed the connection before it had sent the whole response.")


def too_large_error(status: int, size_text: str, max_response_bytes: int) -> UnexpectedAnswer:
    """The error for a response of more bytes than the client accepts."""
    return UnexpectedAnswer(
        status,
        f"The response has {size_text}, and this client accepts at most {max_response_bytes}; "
        "give the client a larger max_answer_bytes, or pool in smaller parts.",
    )


def _check_content_encoding(status: int, coding: str) -> None:
    # Refused before anything is inflated: a few kilobytes can contain gigabytes.
    if coding.lower() not in ("", "identity"):
        raise UnexpectedAnswer(
            status,
            f"HTTP {status} with the Content-Encoding {coding[:40]!r}, which the client does not accept; "
            "a proxy between it and the service must not compress responses.",
        )
