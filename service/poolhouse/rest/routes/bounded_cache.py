"""Remember the results for recent keys, up to a number of them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class BoundedCache(Generic[Key, Value]):
    """A dict that forgets its oldest entry when it is full; thread-safe, as each step is one operation of a dict.

    ``functools.lru_cache`` would not do: there the key has to be all that the result is computed from.

    Args:
        size: the most entries.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """The value of a key; None if it is not remembered."""
        return self._entries.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Remember the value of a key."""
        while len(self._entries) >= self._size:
            try:
                del self._entries[next(iter(self._entries))]
            except (KeyError, RuntimeError, StopIteration):
                # Another thread has changed the dict meanwhile.
                continue
        self._entries[key] = value
