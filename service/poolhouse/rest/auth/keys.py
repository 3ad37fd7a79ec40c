"""API keys: who may call, read from a file or from one setting, and found in constant time.

What is kept of a key is its SHA-256: enough to know it again, and of no use to who reads our memory, or the file.
A key is a random text of at least 16 characters, so a slow hash for passwords would gain nothing.
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
_ENTRY: Final = ("key", "requests_per_s", "burst", "bytes_per_s")


@dataclass(frozen=True, slots=True)
class Key:
    """One caller's key: the name that logs and metrics use, the SHA-256 of the key, and what it may use up."""

    name: str
    digest: bytes
    quota: Quota = field(default_factory=Quota)


class Keyring:
    """All keys of the service.

    Args:
        keys: their names are unlike each other, and so are their digests.

    Raises:
        ValueError: where two keys have one name or one digest.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        for what in ("name", "digest"):
            if len({getattr(key, what) for key in self.keys}) < len(self.keys):
                raise ValueError(f"two API keys have the same {'name' if what == 'name' else 'key'}")

    def find(self, presented: bytes) -> Key | None:
        """The key that this is, or None. Every key is compared, wherever it stands, in time that tells nothing."""
        digest = hashlib.sha256(presented).digest()
        found: Key | None = None
        for key in self.keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def new_key() -> str:
    """A key that nobody can guess: 256 random bits, in characters that need no quoting anywhere."""
    return secrets.token_urlsafe(32)


def key_digest(key: str) -> str:
    """What the file holds of a key: ``sha256:`` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def keys_of(settings: Settings) -> Keyring | None:
    """The keys that the settings name; None where they name none.

    Raises:
        ValueError: as :func:`read_keys` does.
    """
    file = None if settings.api_keys_file is None else Path(settings.api_keys_file)
    return read_keys(file, settings.api_keys.get_secret_value())


def read_keys(file: Path | None, key_list: str) -> Keyring | None:
    """The keys of the file and of the list together; None where neither is set.

    Args:
        file: TOML, one table a key: its name, ``key``, and at will ``requests_per_s``, ``burst`` and ``bytes_per_s``.
        listed: ``name=key`` with commas between; a key is itself or its stored form.

    Raises:
        ValueError: what is wrong, with the name of the entry and never with its key.
    """
    if file is None and not key_list.strip():
        return None
    keys = [*_parse_list(key_list)]
    if file is not None:
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as absent:
            raise ValueError(f"the file of API keys {file} cannot be read: {absent.strerror}") from None
        except RecursionError:
            raise ValueError(f"the file of API keys {file} has brackets too deep to be read") from None
        except ValueError as broken:  # tomllib's own is one, and what Python says of text and of long numbers
            # Its text may hold a key, so only where it broke is told.
            _, told, place = str(broken).removesuffix(")").rpartition("(at ")
            raise ValueError(f"the file of API keys {file} is not TOML{f', at {place}' if told else ''}") from None
        keys += [_parse_table(name, table) for name, table in tables.items()]
    if not keys:
        raise ValueError("no API key is set, so nobody could call; unset the file to let everybody call")
    return Keyring(keys)


def _parse_list(listed: str) -> Iterable[Key]:
    for entry in filter(None, (part.strip() for part in listed.split(","))):
        name, equals, key = entry.partition("=")
        if not equals:
            raise ValueError("the list of API keys takes name=key, with commas between; an entry has no '='")
        yield Key(_name(name.strip()), _digest(name.strip(), key.strip()))


def _parse_table(name: str, table: object) -> Key:
    _name(name)
    if not isinstance(table, Mapping):
        raise ValueError(f'API key {name}: expected a table, [{name}], with key = "…" in it')
    if unknown := table.keys() - set(_ENTRY):
        raise ValueError(f"API key {name}: unknown {', '.join(sorted(unknown))}; there are {', '.join(_ENTRY)}")
    requests_per_s, burst = (_number(name, entry, table.get(entry)) for entry in ("requests_per_s", "burst"))
    if burst is not None and requests_per_s is None:
        raise ValueError(f"API key {name}: burst needs requests_per_s beside it")
    try:
        bytes_per_s = _number(name, "bytes_per_s", parse_size(table.get("bytes_per_s")))
    except ValueError:
        raise ValueError(f'API key {name}: bytes_per_s takes bytes above 0, such as 52428800 or "50MiB"') from None
    return Key(name, _digest(name, table.get("key")), Quota(requests_per_s, burst, bytes_per_s))


def _name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name[:64]!r} is no name for an API key: letters, digits, '_' and '-', at most 64")
    return name


def _digest(name: str, key: object) -> bytes:
    if not isinstance(key, str) or not key:
        raise ValueError(f"API key {name}: key is missing; `poolhouse key {name}` makes one")
    if (kept := _DIGEST.fullmatch(key)) is not None:
        return bytes.fromhex(kept[1])
    if key.startswith("sha256:"):
        raise ValueError(f"API key {name}: after sha256: come 64 hexadecimal digits in lower case")
    if len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(
            f"API key {name}: a key has at least {SHORTEST_KEY} printable ASCII characters and no space; "
            f"`poolhouse key {name}` makes one"
        )
    return hashlib.sha256(key.encode()).digest()


def _number(name: str, entry: str, given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < float("inf"):
        raise ValueError(f"API key {name}: {entry} takes a number above 0")
    return float(given)
