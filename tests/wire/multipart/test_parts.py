"""Splitting a form: any contents come back as they are, and each limit is exact."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from poolhouse.errors import Malformed
from poolhouse.wire.multipart.parts import MAX_PARTS, Part, malformed_form_error, read_boundary, split_parts
from tests.hostile.picture_files import field, file_part, form

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)
DISPOSITION = 'Content-Disposition: form-data; name="a"'


def quoted(name: str) -> str:
    """A name as browsers write it: the HTML Standard has no backslash for quotes."""
    return name.replace("\\", "\\\\").replace('"', "%22")


def parts_of(body: bytes, boundary: bytes = b"limit") -> list[Part]:
    return split_parts(memoryview(body), boundary)


def part_of(head: str, content: bytes = b"x") -> Part:
    [part] = parts_of(form((head, content)))
    return part


def refusal_of(body: bytes) -> str:
    """The reason for which a body is no form."""
    with pytest.raises(Malformed) as refused:
        parts_of(body)
    assert refused.value.code == "malformed_body"
    return refused.value.detail


@given(st.lists(st.tuples(NAMES, st.binary(max_size=60)), max_size=6))
def test_names_and_contents_come_back(given_parts: list[tuple[str, bytes]]) -> None:
    """A file may hold any bytes but the boundary's line; names may have any character."""
    assume(not any(b"\r\n--limit" in b"\r\n" + content for _, content in given_parts))
    assume(not any(word in name for name, _ in given_parts for word in ("%22", "%0D", "%0A")))
    body = form(*[(f'Content-Disposition: form-data; name="{quoted(name)}"', each) for name, each in given_parts])

    found = parts_of(body) if given_parts else []

    assert [(part.name, bytes(part.content)) for part in found] == given_parts


def test_contents_are_views_of_the_body() -> None:
    """A file is not copied."""
    body = bytearray(form(file_part(b"before")))
    [part] = split_parts(memoryview(body), b"limit")

    body[:] = body.replace(b"before", b"behind")

    assert bytes(part.content) == b"behind"


@pytest.mark.parametrize("content", [b"", b"\r\n", b"x--limit", b"\r\n--limi", b"\n--limit", b"\r\n\r\n"])
def test_only_the_line_of_the_boundary_ends_a_part(content: bytes) -> None:
    """Also of an empty part, whose headers end with the line end before the boundary."""
    assert bytes(part_of(DISPOSITION, content).content) == content


def test_a_part_tells_what_its_headers_say() -> None:
    """Their names, types and order do not matter, nor do parameters of the type."""
    assert part_of(DISPOSITION) == Part("a", None, "", memoryview(b"x"))
    assert part_of(f"content-type:  IMAGE/Png ; q=1\r\nX: y\r\n{DISPOSITION}; filename=f").media_type == "image/png"
    assert part_of('CONTENT-DISPOSITION: Form-Data;NAME=a ; FileName="b c"').file_name == "b c"
    assert part_of(f"{DISPOSITION}; filename=").file_name is None
    assert part_of(f'{DISPOSITION}; filename=""').file_name == ""
    assert part_of(f"{DISPOSITION}; filename*=UTF-8''f.png").file_name == "UTF-8''f.png"
    assert part_of(f'{DISPOSITION}; name="second"').name == "a"
    assert part_of(r'Content-Disposition: form-data; name="a\"b\\c%22%0D%0A"').name == 'a"b\\c"\r\n'
    assert part_of(f"{DISPOSITION}\r\nContent-Transfer-Encoding: Binary").name == "a"


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("no colon", "has the header line"),
        (f"{DISPOSITION}\r\n{DISPOSITION.lower()}", "has it twice"),
        ('Content-Disposition: attachment; name="a"', "no Content-Disposition: form-data"),
        ("Content-Type: text/plain", "no Content-Disposition: form-data"),
        (f"{DISPOSITION}\r\nContent-Transfer-Encoding: base64", "Content-Transfer-Encoding"),
        ('Content-Disposition: form-data; name=""', "has no name"),
        ('Content-Disposition: form-data; name="' + "a" * 1025 + '"', "has no name"),
    ],
)
def test_a_part_of_other_headers_is_malformed(head: str, says: str) -> None:
    """With the part of the form that is at fault."""
    assert says in refusal_of(form((head, b"x")))


def test_the_limits_are_exact() -> None:
    """Of parts, of the headers of one, and of their length with the empty line."""
    assert len(parts_of(form(*[field("a")] * MAX_PARTS))) == MAX_PARTS
    assert "more than 65 parts" in refusal_of(form(*[field("a")] * (MAX_PARTS + 1)))

    lines = [DISPOSITION, *(f"h{number}: x" for number in range(16))]
    assert part_of("\r\n".join(lines[:16])).name == "a"
    assert "more than 16 headers" in refusal_of(form(("\r\n".join(lines), b"x")))

    # The line end behind the boundary, and the two that end the headers, are six bytes of the 4096.
    padded = f"{DISPOSITION}\r\nX: ".ljust(4090, "x")
    assert part_of(padded).name == "a"
    assert "do not end within 4096 bytes" in refusal_of(form((padded + "x", b"x")))


def test_nothing_stands_around_the_parts() -> None:
    """Otherwise two readers might see different forms."""
    whole = form(field("a"))

    assert len(parts_of(whole)) == len(parts_of(whole.removesuffix(b"\r\n"))) == 1
    assert "bytes follow its last boundary" in refusal_of(whole + b"\r\n")
    assert "does not begin with the boundary" in refusal_of(b"\r\n" + whole)
    assert "not followed by a line end" in refusal_of(form(field("a"), end=b"x"))
    assert "do not end within" in refusal_of(form(field("a"), end=b"\r\n"))
    assert "does not end with the boundary" in refusal_of(whole[:-12])
    # A content that begins with the boundary is none: the line end before it is that of the headers.
    refusal_of(form((DISPOSITION, b"--limit")))


@pytest.mark.parametrize("given_boundary", ["", "x" * 71, "a ", "ä", "a\x7f", '"'])
def test_other_boundaries_are_refused(given_boundary: str) -> None:
    """The standard allows 1 to 70 characters, of which a space is not the last."""
    with pytest.raises(Malformed, match="without a boundary of 1 to 70 characters") as refused:
        read_boundary(f'multipart/form-data; boundary="{given_boundary}"')
    assert refused.value.code == "malformed_header"


def test_the_refusal_says_how_to_send_a_form() -> None:
    """Most are written by hand."""
    assert "as curl does with -F" in malformed_form_error("why").detail
