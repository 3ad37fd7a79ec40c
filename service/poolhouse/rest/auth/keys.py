"""Read API keys from a file or from a setting, and find a key in constant time.

Only the SHA-256 of a key is kept, so that neither a memory dump nor the file reveals it. A key is random and has at
least 16 characters, so a slow password hash would not be safer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from poolhouse.rest.auth.quotas import Quota
from poolhouse.settings import Settings, parse_size

SHORTEST_KEY: Final = 16
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
_ENTRY: Final = ("key", "requests_per_s", "burst", "bytes_per_s", "admin")


@dataclass(frozen=True, slots=True)
class Key:
    """One API key: its name in logs and metrics, its SHA-256, its quota, and whether it may change the service."""

    name: str
    digest: bytes
    quota: Quota = field(default_factory=Quota)
    is_admin: bool = False


class Keyring:
    """All keys of the service.

    Raises:
        ValueError: two keys have the same name or the same digest.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        for attribute, word in (("name", "name"), ("digest", "key")):
            if len({getattr(key, attribute) for key in self.keys}) < len(self.keys):
                raise ValueError(f"two API keys have the same {word}")

    def find(self, presented: bytes) -> Key | None:
        """The key with this text, or None. Every key is compared, in constant time."""
        digest = hashlib.sha256(presented).digest()
        found: Key | None = None
        for key in self.keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def new_key() -> str:
    """A new key of 256 random bits, in characters that need no quoting in a shell, a URL or a header."""
    return secrets.token_urlsafe(32)


def key_digest(key: str) -> str:
    """The form in which the file stores a key: ``sha256:`` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def keys_of(settings: Settings) -> Keyring | None:
    """The keys that the settings configure; None if there are none.

    Raises:
        ValueError: as :func:`read_keys` does.
    """
    file = None if settings.api_keys_file is None else Path(settings.api_keys_file)
    return read_keys(file, settings.api_keys.get_secret_value())


def read_keys(file: Path | None, key_list: str) -> Keyring | None:
    """The keys of the file and of the list together; None if neither is set.

    Args:
        file: TOML with a table for each key, named like it: ``key``, and optionally ``requests_per_s``, ``burst``,
            ``bytes_per_s`` and ``admin``.
        key_list: ``name=key`` separated by commas; a key is plain or in the form of :func:`key_digest`.

    Raises:
        ValueError: the message has the name of the faulty entry and never its key.
    """
    if file is None and not key_list.strip():
        return None
    keys = [*_parse_list(key_list)]
    if file is not None:
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"the API key file {file} cannot be read: {error.strerror}") from None
        except RecursionError:
            raise ValueError(f"the API key file {file} has brackets nested too deeply") from None
        except ValueError as error:  # TOMLDecodeError, and Python's errors for encodings and for long numbers
            # Its message may quote a key, so only the position is passed on.
            _, has_position, position = str(error).removesuffix(")").rpartition("(at ")
            where = f", at {position}" if has_position else ""
            raise ValueError(f"the API key file {file} is not valid TOML{where}") from None
        keys += [_parse_table(name, table) for name, table in tables.items()]
    if not keys:
        raise ValueError("no API key is set, so every request would be refused; unset the file to need no key")
    return Keyring(keys)


def _parse_list(key_list: str) -> Iterable[Key]:
    for entry in filter(None, (part.strip() for part in key_list.split(","))):
        name, equals, key = entry.partition("=")
        if not equals:
            raise ValueError("the list of API keys must be name=key, separated by commas; an entry has no '='")
        yield Key(_name(name.strip()), _digest(name.strip(), key.strip()))


def _parse_table(name: str, table: object) -> Key:
    _name(name)
    if not isinstance(table, Mapping):
        raise ValueError(f'API key {name}: expected a table, [{name}], with key = "…" in it')
    if unknown := table.keys() - set(_ENTRY):
        raise ValueError(f"API key {name}: unknown {', '.join(sorted(unknown))}; use {', '.join(_ENTRY)}")
    requests_per_s, burst = (_number(name, entry, table.get(entry)) for entry in ("requests_per_s", "burst"))
    if burst is not None and requests_per_s is None:
        raise ValueError(f"API key {name}: burst needs requests_per_s")
    try:
        bytes_per_s = _number(name, "bytes_per_s", parse_size(table.get("bytes_per_s")))
    except ValueError:
        raise ValueError(f'API key {name}: bytes_per_s must be above 0, such as 52428800 or "50MiB"') from None
    is_admin = table.get("admin", False)
    if not isinstance(is_admin, bool):
        raise ValueError(f"API key {name}: admin must be true or false, without quotes")
    return Key(name, _digest(name, table.get("key")), Quota(requests_per_s, burst, bytes_per_s), is_admin)


def _name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name[:64]!r} is not a valid name of an API key: use at most 64 letters, digits, '_' and '-', "
            "starting with a letter or a digit"
        )
    return name


def _digest(name: str, key: object) -> bytes:
    if not isinstance(key, str) or not key:
        raise ValueError(f"API key {name}: key is missing; `poolhouse key {name}` makes one")
    if (digest := _DIGEST.fullmatch(key)) is not None:
        return bytes.fromhex(digest[1])
    if key.startswith("sha256:"):
        raise ValueError(f"API key {name}: sha256: must be followed by 64 hexadecimal digits in lower case")
    if len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(
            f"API key {name}: a key must have at least {SHORTEST_KEY} printable ASCII characters and no space; "
            f"`poolhouse key {name}` makes one"
        )
    return hashlib.sha256(key.encode()).digest()


def _number(name: str, entry: str, given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < float("inf"):
        raise ValueError(f"API key {name}: {entry} must be a number above 0")
    return float(given)
