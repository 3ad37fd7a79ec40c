"""Parse the query string: percent-decoding is strict, and each name may occur once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

from poolhouse.errors import FieldProblem, Malformed, Unprocessable
from poolhouse.wire.quoting import quote_clipped

MAX_FIELDS = 64
_ENTRY = re.compile("[0-9.]{1,20}|null|None")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def duplicate_field_error(name: str, pointer: str, locations: str, advice: str = "") -> Unprocessable:
    """The error for a field that is given more than once."""
    message = f"{quote_clipped(name)} is given {locations}; give it once{advice}."
    return Unprocessable("invalid_fields", message, problems=(FieldProblem(pointer, "duplicate", message),))


def parse_query(raw: bytes) -> dict[str, str]:
    """The fields of a raw query string, ``+`` and percent escapes decoded, as UTF-8.

    Raises:
        Malformed: a broken escape, bytes that are not UTF-8, more than 64 fields.
        Unprocessable: a name given twice.
    """
    if not raw:
        return {}
    if raw.count(b"&") >= MAX_FIELDS:
        raise Malformed("malformed_request", f"The query string holds more than {MAX_FIELDS} fields; send fewer.")
    broken = _BROKEN_ESCAPE.search(raw)
    if broken:
        raise Malformed(
            "malformed_request",
            f"The query string has a bare % at byte {broken.start()}; write a percent sign as %25.",
        )
    given: dict[str, list[str]] = {}
    # Most query strings have nothing to unescape.
    unescape = unquote_to_bytes if b"%" in raw else bytes
    for part in raw.replace(b"+", b" ").split(b"&"):
        if not part:
            continue
        name_bytes, _, text_bytes = part.partition(b"=")
        try:
            name = unescape(name_bytes).decode()
            text = unescape(text_bytes).decode()
        except UnicodeDecodeError:
            raise Malformed(
                "malformed_request", "The query string is not UTF-8; percent-encode the UTF-8 bytes."
            ) from None
        given.setdefault(name, []).append(text)
    for name, texts in given.items():
        if len(texts) > 1:
            # Many libraries repeat the name for a list, some with [] behind it.
            listed = f"{name.removesuffix('[]')}={','.join(texts)}"
            how = f", as {quote_clipped(listed)}" if all(map(_ENTRY.fullmatch, texts)) else ""
            times = "twice" if len(texts) == 2 else f"{len(texts)} times"
            raise duplicate_field_error(name, f"?{name[:80]}", f"{times} in the query string", how)
    return {name: texts[0] for name, texts in given.items()}


def refuse_repeated_fields(query: Mapping[str, str], body_fields: Iterable[str], location: str) -> None:
    """Check that no field is both in the query string and in another part of the request.

    Raises:
        Unprocessable: one is.
    """
    for name in body_fields:
        if name in query:
            raise duplicate_field_error(name, f"?{name[:80]}", f"in the query string and in {location}")
