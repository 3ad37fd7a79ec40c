"""Authorize requests by API key, from the headers alone, before the body is read.

The probes, the page, the documentation and the status page need no key: an orchestrator has none, and neither has a
browser that opens a page. The status page has no numbers; it sends a key with its requests for ``/metrics``. All other
paths need one. Unknown paths do too, so that a client without a key cannot find out which paths exist.
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

PUBLIC_PATHS: Final = frozenset(
    {"/", "/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/openapi.json", "/docs", "/status"}
)
# The files of the pages.
_PUBLIC_PREFIXES: Final = ("/docs/", "/page/", "/status/")
_BEARER: Final = b"bearer "
# RFC 6750 section 3: the challenge has an error only if the request had a key.
_CHALLENGE: Final = 'Bearer realm="poolhouse"'
_INVALID: Final = 'error="invalid_token", error_description="the key is unknown"'

_log = logging.getLogger("poolhouse.keys")


@dataclass(slots=True, eq=False)
class Grant:
    """The authorization of one request.

    Attributes:
        name: of its key.
        quota_state: of its key.
        charged_bytes: charged to the quota so far.
        is_admin: whether the key may change the running service.
    """

    name: str
    quota_state: QuotaState
    charged_bytes: int = 0
    is_admin: bool = False

    def charge(self, nbytes: int) -> None:
        """Charge bytes that were not announced to the quota, before the service works on them.

        Args:
            nbytes: of a part of the body, or of the response.

        Raises:
            QuotaExceeded: other requests with this key have used the quota up.
        """
        wait_s = self.quota_state.consume(nbytes, monotonic(), self)
        if wait_s > 0:
            raise _quota_exceeded(self.name, wait_s)
        self.charged_bytes += nbytes

    def charge_received(self, nbytes: int) -> None:
        """Charge the bytes of the body that exceed those charged so far.

        Args:
            nbytes: received so far.

        Raises:
            QuotaExceeded: as :meth:`charge` does.
        """
        if nbytes > self.charged_bytes:
            self.charge(nbytes - self.charged_bytes)


def _quota_exceeded(name: str, wait_s: float) -> QuotaExceeded:
    return QuotaExceeded(
        "quota_exceeded",
        f"The quota of the key {name} is used up; try again in {max(wait_s, 0.001):.3g} s.",
        retry_after_s=wait_s,
    )


class Authorization:
    """Authorizes requests by their key.

    Args:
        read: reads the keys; called now and by :meth:`reload`.

    Raises:
        ValueError: from ``read``.
    """

    def __init__(self, read: Callable[[], Keyring]) -> None:
        self._read = read
        self._keyring = read()
        self._quota_states: dict[str, QuotaState] = {}

    def reload(self) -> None:
        """Read the keys again. If that fails, log the reason and keep the old ones."""
        try:
            keyring = self._read()
        except ValueError as error:
            _log.error("API keys were not reloaded, the old ones stay in use: %s", error)
            return
        # A key whose quota is unchanged keeps its current state.
        quotas = {key.name: key.quota for key in keyring.keys}
        self._quota_states = {
            name: quota_state
            for name, quota_state in self._quota_states.items()
            if quotas.get(name) == quota_state.quota
        }
        self._keyring = keyring
        _log.info("API keys reloaded: %s", ", ".join(sorted(quotas)))

    def authorize(self, path: str, headers: Headers) -> Grant | None:
        """Authorize a request; None if its path needs no key.

        Args:
            path: without the root path.
            headers: of the request.

        Raises:
            Unauthorized: the key is missing or unknown.
            QuotaExceeded: the key's quota is used up; the detail and ``Retry-After`` say for how long.
        """
        if path in PUBLIC_PATHS or path.startswith(_PUBLIC_PREFIXES):
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
        grant = Grant(key.name, quota_state, announced, key.is_admin)
        wait_s = quota_state.admit(announced, now, grant)
        if wait_s > 0:
            raise _quota_exceeded(key.name, wait_s)
        return grant

    def settle(self, grant: Grant, nbytes: int) -> None:
        """Charge a finished request for the difference to its actual bytes.

        Args:
            grant: from :meth:`authorize`.
            nbytes: of the request body and the response body together.
        """
        grant.quota_state.settle(nbytes - grant.charged_bytes, monotonic(), grant)

    def _key_of(self, headers: Headers) -> Key:
        given = headers.get(b"authorization")
        if given is None or given[: len(_BEARER)].lower() != _BEARER:
            raise Unauthorized(
                "missing_key",
                "This service needs an API key: send the header Authorization: Bearer KEY.",
                headers={"WWW-Authenticate": _CHALLENGE},
            )
        key = self._keyring.find(given[len(_BEARER) :].strip())
        if key is None:
            raise Unauthorized(
                "wrong_key",
                "The API key is unknown. It may have been revoked; ask the operator of the service for another.",
                headers={"WWW-Authenticate": f"{_CHALLENGE}, {_INVALID}"},
            )
        return key


def authorization_of(settings: Settings) -> Authorization | None:
    """The authorization that the settings configure; None if they have no keys, so that no request needs one.

    Raises:
        ValueError: the keys cannot be read.
    """
    if keys_of(settings) is None:
        return None

    def read() -> Keyring:
        keyring = keys_of(settings)
        assert keyring is not None, "the settings have keys and do not change"
        return keyring

    return Authorization(read)
