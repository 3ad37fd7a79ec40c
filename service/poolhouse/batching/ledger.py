"""Who holds how many bytes: admission by memory, not by count of requests. Pure.

A request takes a lease before its body is read, for what its headers tell; the lease is set to the exact sum of
input, output and workspace when the plan is known, and given back when the answer is written and no device looks
at its tensors any more, whichever is later.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """Bytes lent out of a fixed room.

    Attributes:
        room_bytes: how much may be held at once.
        held_bytes: how much is.
        leases: how many hold it.
    """

    room_bytes: int
    held_bytes: int = 0
    leases: int = 0

    def fits(self, nbytes: int) -> bool:
        """Whether that much more may be held. Who comes alone is always let in: the limits of one request
        are decided elsewhere, and a request larger than the room must not wait for ever."""
        return self.leases == 0 or self.held_bytes + nbytes <= self.room_bytes

    def lease(self, nbytes: int) -> Lease | None:
        """A lease, or None when there is no room."""
        if not self.fits(nbytes):
            return None
        self.held_bytes += nbytes
        self.leases += 1
        return Lease(self, nbytes)


@dataclass(slots=True, eq=False)
class Lease:
    """Bytes held until everyone who looks at them has let go."""

    _ledger: Ledger
    nbytes: int
    _holders: int = field(default=1)

    def resize(self, nbytes: int) -> bool:
        """Holds that much from now on; False, and nothing changed, when there is no room for more."""
        more = nbytes - self.nbytes
        alone = self._ledger.leases == 1
        if more > 0 and not alone and self._ledger.held_bytes + more > self._ledger.room_bytes:
            return False
        self._ledger.held_bytes += more
        self.nbytes = nbytes
        return True

    def share(self) -> None:
        """One more looks at the bytes."""
        assert self._holders > 0, "a lease that was given back"
        self._holders += 1

    def release(self) -> None:
        """One looks no more; the last one gives the bytes back."""
        assert self._holders > 0, "a lease that was given back"
        self._holders -= 1
        if self._holders == 0:
            self._ledger.held_bytes -= self.nbytes
            self._ledger.leases -= 1
