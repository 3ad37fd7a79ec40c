"""Split a ``multipart/form-data`` body into its parts, which are views of the body.

The whole body is in memory when it is read, so its boundaries are found by a search, and no part is copied. A parser
for streams, as web frameworks use, would copy the file.
Source: RFC 7578, and RFC 2046, section 5.1; the escapes in names are those of the HTML Standard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from poolhouse.errors import Malformed
from poolhouse.wire.quoting import quote_clipped

MAX_PARTS: Final = 65
"""One file and as many fields as a query string can have."""
_MAX_HEADER_BYTES: Final = 4096
_MAX_HEADER_LINES: Final = 16
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_PARAMETER = re.compile(r';\s*([A-Za-z*-]{1,32})\s*=\s*(?:"((?:[^"\\]|\\.){0,1024})"|([^\s;"]{1,1024}))\s*')
_ESCAPED = re.compile(r"\\(.)")
_PLAIN_ENCODINGS: Final = ("", "binary", "8bit", "7bit")


class Part(NamedTuple):
    """One part of a form.

    Attributes:
        name: of the field.
        file_name: None for a part that is no file.
        media_type: in lower case, without parameters; empty if there is none.
        content: a view of the body.
    """

    name: str
    file_name: str | None
    media_type: str
    content: memoryview


def malformed_form_error(why: str) -> Malformed:
    """The error for a body that is no form."""
    return Malformed(
        "malformed_body",
        f"The body is no multipart/form-data: {why}. Send it as a library writes it, or as curl does with -F "
        "input=@FILE.",
    )


def read_boundary(content_type: str) -> bytes:
    """The boundary that ``Content-Type`` names.

    Raises:
        Malformed: there is none, or it is longer than 70 characters or has others than RFC 2046 allows.
    """
    boundary = _read_parameters(content_type).get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise Malformed(
            "malformed_header",
            "Content-Type is multipart/form-data without a boundary of 1 to 70 characters; leave Content-Type to the "
            "library or to curl -F, which write the boundary into it.",
        )
    return boundary.encode("ascii")


def split_parts(body: memoryview, boundary: bytes) -> list[Part]:
    """The parts in order.

    Raises:
        Malformed: a part has no name, a header is too long, there are more than 65 parts, or the end is missing.
    """
    if bytes(body[: len(boundary) + 2]) != b"--" + boundary:
        raise malformed_form_error("it does not begin with the boundary that Content-Type names")
    delimiter = re.compile(re.escape(b"\r\n--" + boundary))
    parts: list[Part] = []
    at = len(boundary) + 2
    while True:
        after = bytes(body[at : at + 2])
        if after == b"--":
            if bytes(body[at + 2 : at + 5]) not in (b"", b"\r\n"):
                raise malformed_form_error("bytes follow its last boundary")
            return parts
        if after != b"\r\n":
            raise malformed_form_error("a boundary is not followed by a line end")
        # guard: form-has-part-limit
        if len(parts) >= MAX_PARTS:
            raise malformed_form_error(f"it has more than {MAX_PARTS} parts")
        # Headers first: the boundary that ends a part can only come after them.
        head = bytes(body[at : at + _MAX_HEADER_BYTES])
        length = head.find(b"\r\n\r\n")
        if length < 0:
            raise malformed_form_error(f"the headers of a part do not end within {_MAX_HEADER_BYTES} bytes")
        # The line end before the boundary may be the one that ends the headers, if the part is empty.
        start = at + length + 4
        end = delimiter.search(body, start - 2)
        if end is None:
            raise malformed_form_error("a part does not end with the boundary")
        parts.append(_read_part(head[2:length], body[start : max(start, end.start())]))
        at = end.end()


def _read_part(head: bytes, content: memoryview) -> Part:
    lines = head.split(b"\r\n", _MAX_HEADER_LINES)
    if len(lines) > _MAX_HEADER_LINES:
        raise malformed_form_error(f"a part has more than {_MAX_HEADER_LINES} headers")
    try:
        texts = [line.decode("utf-8") for line in lines]
    except UnicodeDecodeError:
        raise malformed_form_error("the headers of a part are not UTF-8") from None
    headers: dict[str, str] = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or name.lower() in headers:
            raise malformed_form_error(f"a part has the header line {quote_clipped(text)}, or has it twice")
        headers[name.lower()] = value.strip()
    disposition = headers.get("content-disposition", "")
    if disposition.partition(";")[0].strip().lower() != "form-data":
        raise malformed_form_error("a part has no Content-Disposition: form-data")
    if headers.get("content-transfer-encoding", "").lower() not in _PLAIN_ENCODINGS:
        raise malformed_form_error("a part has a Content-Transfer-Encoding; send its bytes as they are")
    parameters = _read_parameters(disposition)
    if not parameters.get("name"):
        raise malformed_form_error("a part has no name")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    file_name = parameters.get("filename", parameters.get("filename*"))
    return Part(parameters["name"], file_name, media_type, content)


def _read_parameters(text: str) -> Mapping[str, str]:
    """The parameters of a header by name in lower case, the first of equal names; nothing from the first broken one."""
    found: dict[str, str] = {}
    at = len(text.partition(";")[0])
    while (match := _PARAMETER.match(text, at)) is not None:
        name, quoted, plain = match.groups()
        value = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
        found.setdefault(name.lower(), value.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n"))
        at = match.end()
    return found
