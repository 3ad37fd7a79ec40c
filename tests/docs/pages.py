"""A minimal Markdown parser for our pages: fenced code blocks, headings and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

RUN = ("bash", "sh", "python")
OUTPUT = ("json", "text")

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
_NOT_RUN = re.compile(r"<!-- not run: (?P<reason>[^>]+) -->\s*\Z")
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE_SPAN = re.compile(r"`[^`\n]+`")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        language: the word after the fence; empty for a diagram.
        code: the text between the fences.
        line: the line of the opening fence, counted from 1.
        not_run: the reason in a comment ``<!-- not run: REASON -->`` before the block.
    """

    language: str
    code: str
    line: int
    not_run: str | None


@dataclass(frozen=True)
class Step:
    """A block to run, and the block with its expected output."""

    block: Block
    output: Block | None


def pages() -> list[Path]:
    """Every page whose examples are run: the pages in the root, in docs and in examples."""
    found = [
        ROOT / "README.md",
        ROOT / "DESIGN.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "SECURITY.md",
    ]
    return found + sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "examples").rglob("*.md"))


def blocks(text: str) -> list[Block]:
    """The fenced code blocks of a page, in order."""
    found = []
    for match in _FENCE.finditer(text):
        mark = _NOT_RUN.search(text, 0, match.start())
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match["language"], match["code"], line, mark["reason"] if mark else None))
    return found


def steps(text: str) -> list[Step]:
    """The steps of a page, in order; a block of output belongs to the block directly before it.

    Raises:
        AssertionError: a block of output does not follow a block that is run.
    """
    found: list[Step] = []
    accepts_output = False
    for block in blocks(text):
        if block.language in RUN and block.not_run is None:
            found.append(Step(block, None))
            accepts_output = True
        elif block.language in OUTPUT:
            assert accepts_output, f"line {block.line}: output without a block that is run before it"
            found[-1] = Step(found[-1].block, block)
            accepts_output = False
        else:
            accepts_output = False
    return found


def links(text: str) -> list[str]:
    """The targets of links and images outside of code."""
    prose = _CODE_SPAN.sub("", _FENCE.sub("", text))
    return [match["target"] for match in _LINK.finditer(prose)]


def anchors(text: str) -> Iterator[str]:
    """The anchors of the headings, as GitHub makes them."""
    for match in _HEADING.finditer(_FENCE.sub("", text)):
        yield re.sub(r"[^\w\- ]", "", match["text"].lower()).replace(" ", "-")
