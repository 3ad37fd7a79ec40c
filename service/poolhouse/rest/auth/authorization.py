"""Who may ask, decided from the headers alone, before a byte of the body is read.

Open to everybody are the probes and the pages: an orchestrator has no key, and neither has a browser that wants to read
the documentation. Everything else needs a key, paths that do not exist too, so that a stranger learns nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from poolhouse.errors import Malformed, QuotaExceeded, Unauthorized
from poolhouse.rest.auth.keys import Key, Keyring, keys_of
from poolhouse.rest.auth.quotas import QuotaState
from poolhouse.rest.http.headers import Headers, content_length
from poolhouse.settings import Settings

PUBLIC_PATHS: Final = frozenset({"/", "/livez", "/readyz", "/openapi.json", "/docs"})
_PUBLIC_PREFIX: Final = "/docs/"
_BEARER: Final = b"bearer "
# RFC 6750 section 3: an error is named only where a key came.
_CHALLENGE: Final = 'Bearer realm="poolhouse"'
_INVALID: Final = 'error="invalid_token", error_description="the key is not known here"'

_log = logging.getLogger("poolhouse.keys")


@dataclass(slots=True, eq=False)
class Grant:
    """A request that was let in: whose it is, and the bytes that its quota was charged for so far."""

    name: str
    quota_state: QuotaState
    charged_bytes: int = 0

    def charge(self, nbytes: int) -> None:
        """Charge the quota for bytes that were not announced, before they are of any use to the caller.

        Args:
            nbytes: of a piece of the body, or of the answer.

        Raises:
            QuotaExceeded: another request with this key has used up more than there was.
        """
        wait_s = self.quota_state.consume(nbytes, monotonic(), self)
        if wait_s > 0:
            raise _quota_exceeded(self.name, wait_s)
        self.charged_bytes += nbytes

    def charge_received(self, nbytes: int) -> None:
        """So many bytes of the body have come by now; those beyond what was charged are charged.

        Raises:
            QuotaExceeded: as :meth:`charge` does.
        """
        if nbytes > self.charged_bytes:
            self.charge(nbytes - self.charged_bytes)


def _quota_exceeded(name: str, wait_s: float) -> QuotaExceeded:
    return QuotaExceeded(
        "quota_exceeded",
        f"The quota of the key {name} is used up; ask again in {max(wait_s, 0.001):.3g} s.",
        retry_after_s=wait_s,
    )


class Authorization:
    """Lets requests in by their key.

    Args:
        read: reads the keys; called now, and again on :meth:`reload`.

    Raises:
        ValueError: as ``read`` does, the first time.
    """

    def __init__(self, read: Callable[[], Keyring]) -> None:
        self._read = read
        self._keyring = read()
        self._quota_states: dict[str, QuotaState] = {}

    def reload(self) -> None:
        """Read the keys again. Where that fails the old ones stay, and the log says why."""
        try:
            keyring = self._read()
        except ValueError as wrong:
            _log.error("API keys were not reloaded, the old ones stay: %s", wrong)
            return
        # Who has the same quota as before goes on with what is left of it.
        quotas = {key.name: key.quota for key in keyring.keys}
        self._quota_states = {
            name: quota_state
            for name, quota_state in self._quota_states.items()
            if quotas.get(name) == quota_state.quota
        }
        self._keyring = keyring
        _log.info("API keys reloaded: %s", ", ".join(sorted(quotas)))

    def authorize(self, path: str, headers: Headers) -> Grant | None:
        """Let a request in; None where its path is open to everybody.

        Args:
            path: without the root path.
            headers: of the request.

        Raises:
            Unauthorized: no key, though one is needed, or a key that is none of ours.
            QuotaExceeded: this key's quota is used up; the detail and ``Retry-After`` say until when.
        """
        if path in PUBLIC_PATHS or path.startswith(_PUBLIC_PREFIX):
            return None
        key = self._key_of(headers)
        now = monotonic()
        quota_state = self._quota_states.get(key.name)
        if quota_state is None:
            quota_state = self._quota_states[key.name] = QuotaState(key.quota, now)
        try:
            announced = content_length(headers) or 0
        except Malformed:
            announced = 0
        grant = Grant(key.name, quota_state, announced)
        wait_s = quota_state.admit(announced, now, grant)
        if wait_s > 0:
            raise _quota_exceeded(key.name, wait_s)
        return grant

    def settle(self, grant: Grant, nbytes: int) -> None:
        """A request is over: its body and its answer had this many bytes."""
        grant.quota_state.settle(nbytes - grant.charged_bytes, monotonic(), grant)

    def _key_of(self, headers: Headers) -> Key:
        given = headers.get(b"authorization")
        if given is None or given[: len(_BEARER)].lower() != _BEARER:
            raise Unauthorized(
                "missing_key",
                "This service asks for a key: send the header Authorization: Bearer KEY.",
                headers={"WWW-Authenticate": _CHALLENGE},
            )
        key = self._keyring.find(given[len(_BEARER) :].strip())
        if key is None:
            raise Unauthorized(
                "wrong_key",
                "This key is none of those that may call here. It may have been withdrawn; ask whoever gave it to you.",
                headers={"WWW-Authenticate": f"{_CHALLENGE}, {_INVALID}"},
            )
        return key


def authorization_of(settings: Settings) -> Authorization | None:
    """What the settings ask for; None where they name no keys, and everybody may call.

    Raises:
        ValueError: where the keys cannot be read.
    """
    if keys_of(settings) is None:
        return None

    def read() -> Keyring:
        keyring = keys_of(settings)
        assert keyring is not None, "what names keys goes on naming them"
        return keyring

    return Authorization(read)
