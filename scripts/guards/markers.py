"""Find the marked statements in source code, and the tests by their names.

A marker is the comment ``# guard: ID``, or ``# guard: ID, ID`` where one statement holds several guards. It stands on
a line of its own above the statement, or at the end of the statement's first line. It may mark an ``except`` clause.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from guards.removals import MarkedNode, Removal

_MARKER_COMMENT: Final = re.compile(r"# guard: (.+)")
_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TEST_DEFINITION: Final = re.compile(r"^(?:(?:async )?def (test_\w+)|class (Test\w+)|(Test\w+) = )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Marker:
    """One id of one marker.

    Attributes:
        id: the id of the guard.
        line: the line of the comment, counted from 1.
        statement_line: the line on which the marked statement begins.
    """

    id: str
    line: int
    statement_line: int


# Cached, since the guards of a file are removed one at a time from the same text.
@lru_cache(maxsize=64)
def read_markers(text: str) -> Sequence[Marker]:
    """The markers of a source text, in order.

    Raises:
        ValueError: a marker contains an invalid id.
    """
    if "# guard: " not in text:
        return ()
    lines = text.split("\n")
    found: list[Marker] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT or not (match := _MARKER_COMMENT.match(token.string)):
            continue
        line = statement_line = token.start[0]
        while statement_line < len(lines) and lines[statement_line - 1].strip()[:1] in ("", "#"):
            statement_line += 1
        for each in match[1].split(", "):
            if not _ID.fullmatch(each):
                raise ValueError(f"line {line}: {each!r} is no id of a guard; expected lowercase-words-with-hyphens")
            found.append(Marker(each, line, statement_line))
    return tuple(found)


def find_markers(package: Path) -> Iterator[tuple[Path, Marker]]:
    """Every marker below this folder, with its file."""
    for file in sorted(package.rglob("*.py")):
        for marker in read_markers(file.read_text(encoding="utf-8")):
            yield file, marker


def find_marked_statement(text: str, marker: Marker) -> MarkedNode:
    """The statement or ``except`` clause that the marker marks.

    Raises:
        ValueError: no statement begins on that line.
    """
    statement = _statements_by_line(text).get(marker.statement_line)
    if statement is None:
        raise ValueError(f"{marker.id}: no statement begins on line {marker.statement_line}")
    return statement


@lru_cache(maxsize=64)
def _statements_by_line(text: str) -> Mapping[int, MarkedNode]:
    """The first statement or ``except`` clause that begins on each line."""
    found: dict[int, MarkedNode] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt | ast.ExceptHandler):
            found.setdefault(node.lineno, node)
    return found


def remove_guard(text: str, guard_id: str, removal: Removal) -> str:
    """The source text without this guard; only the text of the marked statement differs.

    Raises:
        ValueError: there is not exactly one marker with this id, or the removal does not fit the statement.
        SyntaxError: the result is no valid Python.
    """
    markers = [marker for marker in read_markers(text) if marker.id == guard_id]
    if len(markers) != 1:
        raise ValueError(f"{guard_id}: expected one marker, found {len(markers)}")
    statement = find_marked_statement(text, markers[0])
    try:
        changed = removal.apply(statement)
    except LookupError as error:
        raise ValueError(f"{guard_id}: {removal} does not fit `{ast.unparse(statement)}`: {error}") from error
    lines = text.encode().split(b"\n")
    assert statement.end_lineno is not None
    first, last = statement.lineno - 1, statement.end_lineno - 1
    indent = lines[first][: statement.col_offset].decode()
    body = f"\n{indent}".join(changed.strip("\n").split("\n"))
    end = lines[last][statement.end_col_offset :]
    lines[first : last + 1] = [lines[first][: statement.col_offset] + body.encode() + end]
    without = b"\n".join(lines).decode()
    compile(without, guard_id, "exec", dont_inherit=True)
    return without


def find_tests(tests: Path) -> dict[str, list[Path]]:
    """The files that define each test function or class, by its name."""
    found: dict[str, list[Path]] = {}
    for file in sorted(tests.rglob("test_*.py")):
        for match in _TEST_DEFINITION.finditer(file.read_text(encoding="utf-8")):
            found.setdefault(match[match.lastindex or 0], []).append(file)
    return found
