"""An answer's body on its way to the memory that the request has for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from poolhouse.client.errors import ConnectionFailed, UnexpectedAnswer
from poolhouse.client.exchange import Headers, Request

MAX_DOCUMENT_BYTES: Final = 4 * 1024 * 1024
"""The largest document or refusal that is taken: ours have some kilobytes, and JSON unfolds to twenty times its
bytes."""


class ResponseBody:
    """The rooms of an answer while its body comes. Without rooms it is collected, and takes memory only as it comes.

    Raises:
        UnexpectedAnswer: the answer is compressed, or announced to be larger than what is taken; :meth:`write` says so
            of one that is.
    """

    def __init__(self, request: Request, status: int, headers: Headers) -> None:
        _check_content_encoding(status, headers.get("content-encoding", ""))
        self._status = status
        self._most_bytes = request.max_response_bytes
        self._buffer_index = 0
        self._offset = 0
        self.content_length = self._parse_length(headers)
        """What ``Content-Length`` says; something on the way may have taken it."""
        rooms = (
            None
            if request.allocate_body is None
            else request.allocate_body(status, headers, request.max_response_bytes)
        )
        self.buffers: Sequence[memoryview] = rooms or ()
        self.has_buffers = rooms is not None
        self._collected = bytearray()
        if rooms is None and self.content_length is not None and self.content_length > MAX_DOCUMENT_BYTES:
            raise UnexpectedAnswer(
                status,
                f"HTTP {status} with {self.content_length} bytes, more than a document has; "
                "is base_url a poolhouse server?",
            )

    def _parse_length(self, headers: Headers) -> int | None:
        text = headers.get("content-length")
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal()):
            raise UnexpectedAnswer(self._status, f"The answer has the length {text[:20]!r}.")
        # Digits are counted first: thousands of them are no number for Python.
        if len(text) > 18 or int(text) > self._most_bytes:
            raise too_large_error(self._status, f"{text[:20]} bytes", self._most_bytes)
        return int(text)

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Put the next bytes where they belong."""
        if not self.has_buffers:
            size = len(self._collected) + len(piece)
            if size > self._most_bytes:
                raise too_large_error(self._status, "more bytes", self._most_bytes)
            if size > MAX_DOCUMENT_BYTES:
                raise UnexpectedAnswer(
                    self._status,
                    f"HTTP {self._status} with more than {MAX_DOCUMENT_BYTES} bytes whose number is nowhere announced; "
                    "is base_url a poolhouse server?",
                )
            self._collected += piece
            return
        left = memoryview(piece)
        while len(left):
            if self._buffer_index == len(self.buffers):
                raise UnexpectedAnswer(self._status, "The answer is longer than its headers announce.")
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
        """Bytes of all rooms."""
        return sum(map(len, self.buffers))

    def unfilled_buffers(self) -> Sequence[memoryview]:
        """What is still to be filled, by whoever can write there without us; :meth:`mark_filled` says that it was."""
        self._skip_full_buffers()
        if self._buffer_index == len(self.buffers):
            return ()
        return [self.buffers[self._buffer_index][self._offset :], *self.buffers[self._buffer_index + 1 :]]

    def mark_filled(self) -> None:
        """All of :meth:`unfilled_buffers` has been written."""
        self._buffer_index, self._offset = len(self.buffers), 0

    def finish(self) -> Sequence[memoryview]:
        """The rooms, all of them full, or what was collected."""
        if not self.has_buffers:
            return (memoryview(self._collected),)
        self._skip_full_buffers()
        if self._buffer_index < len(self.buffers):
            raise ConnectionFailed("The connection closed before the whole answer had come.")
        return self.buffers


def too_large_error(status: int, size_text: str, max_response_bytes: int) -> UnexpectedAnswer:
    """What is raised for an answer of more bytes than the client takes."""
    return UnexpectedAnswer(
        status,
        f"The answer has {size_text}, and this client takes at most {max_response_bytes}; "
        "give the client a larger max_answer_bytes, or pool in smaller parts.",
    )


def _check_content_encoding(status: int, coding: str) -> None:
    # Before a byte of it is inflated: a few kilobytes can hold gigabytes.
    if coding.lower() not in ("", "identity"):
        raise UnexpectedAnswer(
            status,
            f"HTTP {status} with the Content-Encoding {coding[:40]!r}, which nobody asked for; what stands between "
            "here and the service must leave answers as they are.",
        )
