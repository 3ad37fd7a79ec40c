"""The hand-read form of our Markdown: fenced blocks with what stands before them, headings, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

RUN = ("bash", "sh", "python")
ANSWERS = ("json", "text")

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
_NOT_RUN = re.compile(r"<!-- not run: (?P<reason>[^>]+) -->\s*\Z")
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE_SPAN = re.compile(r"`[^`\n]+`")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        language: the word behind the fence; empty for a drawing.
        code: its lines.
        line: where the fence stands, counted from 1.
        not_run: why it is not run, where a comment before it says so.
    """

    language: str
    code: str
    line: int
    not_run: str | None


@dataclass(frozen=True)
class Step:
    """One block that is run, and what the page says that it answers."""

    block: Block
    answer: Block | None


def pages() -> list[Path]:
    """Every page whose examples are run: the front pages, docs, and the examples' own."""
    found = [
        ROOT / "README.md",
        ROOT / "DESIGN.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "SECURITY.md",
    ]
    return found + sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "examples").rglob("*.md"))


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for match in _FENCE.finditer(text):
        mark = _NOT_RUN.search(text, 0, match.start())
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match["language"], match["code"], line, mark["reason"] if mark else None))
    return found


def steps(text: str) -> list[Step]:
    """What a reader who follows the page does, in order, and sees.

    An answer belongs to the block before it. One that follows nothing that runs is a fault of the page.
    """
    found: list[Step] = []
    open_for_answer = False
    for block in blocks(text):
        if block.language in RUN and block.not_run is None:
            found.append(Step(block, None))
            open_for_answer = True
        elif block.language in ANSWERS:
            assert open_for_answer, f"line {block.line}: an answer to nothing"
            found[-1] = Step(found[-1].block, block)
            open_for_answer = False
        else:
            open_for_answer = False
    return found


def links(text: str) -> list[str]:
    """Where the links and pictures of a page lead, code left out."""
    prose = _CODE_SPAN.sub("", _FENCE.sub("", text))
    return [match["target"] for match in _LINK.finditer(prose)]


def anchors(text: str) -> Iterator[str]:
    """The names of a page's headings in links, as the usual renderers make them."""
    for match in _HEADING.finditer(_FENCE.sub("", text)):
        yield re.sub(r"[^\w\- ]", "", match["text"].lower()).replace(" ", "-")
