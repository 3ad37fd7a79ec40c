"""An answer's body on its way to the memory that the request has for it."""

from __future__ import annotations

from collections.abc import Sequence

from poolhouse.client.errors import ConnectionFailed, UnexpectedAnswer
from poolhouse.client.exchange import Headers, Request


class Filling:
    """The rooms of an answer while its body comes."""

    def __init__(self, request: Request, status: int, headers: Headers) -> None:
        length = headers.get("content-length")
        self._status = status
        self._grown: bytearray | None = None
        self.rooms: Sequence[memoryview] = ()
        if length is None or not length.isdecimal():
            # Something on the way, or the catalogue's compression, has taken the length: collect what comes.
            self._grown = bytearray()
        elif request.rooms is None:
            self.rooms = (memoryview(bytearray(int(length))),)
        else:
            self.rooms = request.rooms(status, headers)
        self._request = request
        self._headers = headers
        self._room = 0
        self._at = 0

    def add(self, piece: bytes | bytearray | memoryview) -> None:
        """Put the next bytes where they belong."""
        if self._grown is not None:
            self._grown += piece
            return
        left = memoryview(piece)
        while len(left):
            if self._room == len(self.rooms):
                raise UnexpectedAnswer(self._status, "The answer is longer than its Content-Length.")
            room = self.rooms[self._room]
            count = min(len(room) - self._at, len(left))
            room[self._at : self._at + count] = left[:count]
            left = left[count:]
            self._at += count
            self._turn()

    def _turn(self) -> None:
        while self._room < len(self.rooms) and self._at == len(self.rooms[self._room]):
            self._room += 1
            self._at = 0

    @property
    def wanted(self) -> int:
        """Bytes of all rooms."""
        return sum(map(len, self.rooms))

    def open_rooms(self) -> Sequence[memoryview]:
        """What is still to be filled, by whoever can write there without us; :meth:`filled` says that it was."""
        self._turn()
        if self._room == len(self.rooms):
            return ()
        return [self.rooms[self._room][self._at :], *self.rooms[self._room + 1 :]]

    def filled(self) -> None:
        """All of :meth:`open_rooms` has been written."""
        self._room, self._at = len(self.rooms), 0

    def whole(self) -> Sequence[memoryview]:
        """The rooms, all of them full."""
        if self._grown is not None:
            return self._settled(self._grown)
        self._turn()
        if self._room < len(self.rooms):
            raise ConnectionFailed("The connection closed before the whole answer had come.")
        return self.rooms

    def _settled(self, grown: bytearray) -> Sequence[memoryview]:
        # Now the length is known, the rooms can be asked for; this one time the body is there twice.
        self._grown = None
        headers = {**self._headers, "content-length": str(len(grown))}
        rooms = self._request.rooms
        self.rooms = (memoryview(grown),) if rooms is None else rooms(self._status, headers)
        if rooms is not None:
            self.add(grown)
        return self.whole() if rooms is not None else self.rooms
