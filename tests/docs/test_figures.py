"""A measured figure stands once, in a file of benchmarks/results, and every document is written from there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import figures
import pytest
from figures import (
    FIGURES,
    README_FIGURES,
    RESULTS,
    DocumentWithFigures,
    figure_names,
    figure_text,
    load_run,
    run_report,
    simulated_devices_table,
)
from generate import documents_with_figures
from limits import LIMITS

from poolhouse.settings import Settings, parse_size
from tests.docs.pages import ROOT

FIXED: Mapping[str, tuple[str, ...]] = {
    "README.md": ("17 MB", "Python 3.11", "curl older than 7.82", "Apache-2.0"),
    "docs/batching.md": ("20 ms", "10 ms", "within 128 MiB"),
    "docs/deploying.md": ("H100 80GB", "75 s", "ingress-nginx is 1 MiB"),
    "docs/http.md": ("longer than 16 KiB", "may have 1 MiB", "may hold 1 MiB"),
    "docs/operating.md": ("3 GB more than", "75 s", "0.5 GB for itself", "more than 1 MiB in addition"),
    "docs/performance.md": ("300 kB", "0.8 MB", "25 MB", "ratio of at most 1.0", "goal of 0.9", "goal is 0.6"),
    "SECURITY.md": ("wait 100 ms", "hold 128 MiB more", "16 KiB", "1 MiB", "headers and 64 KiB", "together 32 MiB"),
    "docs/attacks.md": ("adds 100 ms",),
    "docs/settings.md": ("in 1,024s",),
    "docs/scaling.md": ("25 Gb/s", "20 ms", "by 0.7"),
    "docs/where-we-differ.md": ("more than 40 s",),
    "deploy/ray/README.md": ("16 kB",),
}
"""Numbers in prose that nobody measured: goals, versions, sizes of requests, thresholds, what a test holds."""

MEASURING = ("README.md", "docs/performance.md", "docs/scaling.md", "docs/batching.md")
"""Pages on which a number with a decimal point or a comma is a figure, also without a unit."""

_NOT_PROSE = (
    re.compile(r"<!-- generated:(\S+) -->.*?<!-- /generated:\1 -->", re.DOTALL),
    re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE),
    re.compile(r"<!-- figure:.*?<!-- /figure -->"),
    re.compile(r"`[^`\n]*`"),
)
_UNIT = r"(?:%|µs|ms|s|min|minutes|seconds|kB|MB|GB|TB|[KMGT]iB|[GT]b/s|[kMGT]B/s|requests a second|times)(?!\w)"
_MEASURED = re.compile(rf"(?<![\w.])\d[\d,.]*\s?{_UNIT}")
_PRECISE = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+|,\d{3})(?![\w.]*\d)")


def by_hand(page: str) -> Iterator[str]:
    """What looks measured in the prose of a page and comes from no results file."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for pattern in _NOT_PROSE:
        text = pattern.sub("", text)
    for phrase in FIXED.get(page, ()):
        text = text.replace(phrase, "")
    yield from (found.group() for found in _MEASURED.finditer(text))
    if page in MEASURING:
        yield from (found.group() for found in _PRECISE.finditer(text))


@pytest.mark.parametrize("page", documents_with_figures())
def test_no_figure_is_written_by_hand(page: str) -> None:
    """Two pages that are written by hand say two things after the next run."""
    found = list(by_hand(page))

    assert not found, f"record it in benchmarks/results and name it in scripts/figures.py, or add it to FIXED: {found}"


def test_a_figure_by_hand_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The test above shows something only if it sees what it looks for."""
    page = tmp_path / "README.md"
    page.write_text("At 67,312 a second it takes 12 ms, <!-- figure:a/b -->5 ms<!-- /figure -->, `7 ms`, 0.97 of it.\n")
    monkeypatch.setattr("tests.docs.test_figures.ROOT", tmp_path)

    assert list(by_hand("README.md")) == ["12 ms", "67,312", "0.97"]


def test_every_figure_has_a_reader() -> None:
    """One that no page names is a number that nobody sees go wrong."""
    shown = {
        name for page in documents_with_figures() for name in figure_names((ROOT / page).read_text(encoding="utf-8"))
    }
    shown |= {name for _, name, _ in README_FIGURES} | {
        name for what, _, _ in README_FIGURES for name in re.findall(r"\{(.+?)\}", what)
    }

    assert shown == {*FIGURES, *LIMITS}


@pytest.mark.parametrize("path", sorted(RESULTS.iterdir()), ids=lambda path: path.name)
def test_every_result_says_where_it_is_from(path: Path) -> None:
    """A figure without a command and a date cannot be measured again."""
    recorded = load_run(path.stem)

    assert path.suffix == ".json"
    assert recorded["command"].startswith("scripts/")
    assert (ROOT / recorded["command"].split()[0]).is_file()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", recorded["date"])
    assert recorded["machine"]
    assert recorded["figures"]


def test_the_two_pages_of_the_simulation_agree() -> None:
    """One said that a GPU gives 67,312 good replies a second, and the other 5,275."""
    goods = re.findall(r"^\| \d+ \| ([\d,]+) \|", simulated_devices_table(), re.MULTILINE)

    rows = re.findall(r"^\| 64 shapes, 1,000,000/s, GPUs: \d+ \| \S+ / \S+ / (\S+) \|", run_report("simulate"), re.M)

    assert len(goods) == 4
    assert goods == rows


def test_the_first_page_and_the_table_agree() -> None:
    """One said 0.97 and the other 0.95."""
    assert f"| **{figure_text('peers/tiny-json')}** |" in next(
        line for line in run_report("peers").splitlines() if line.startswith("| tiny JSON")
    )


def test_a_limit_is_written_as_people_write_it_and_keeps_its_value() -> None:
    """A limit that is rounded on its way into a page is another limit."""
    assert parse_size(figure_text("limits/body").replace(" ", "")) == Settings.model_fields["max_body_bytes"].default
    assert figure_text("limits/body") == "1 GiB"


class TestMarks:
    def test_a_figure_is_written_between_its_marks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A new run changes its results file alone; the documents follow."""
        page = DocumentWithFigures("page.md")
        text = "It takes <!-- figure:soak/growth -->?<!-- /figure -->, <!-- figure:soak/wrong --><!-- /figure -->.\n"
        monkeypatch.setattr(figures, "load_run", lambda name: {"figures": {"growth_mib": 1.25, "wrong": 3}})

        renewed = page.regenerate(text)

        assert renewed == text.replace("?", "+1.2 MiB").replace("wrong --><", "wrong -->3<")
        assert page.regenerate(renewed) == renewed

    def test_a_figure_that_is_not_there_is_named_with_its_nearest(self) -> None:
        """A misspelt name would else keep its old number for good."""
        with pytest.raises(SystemExit, match=r"no figure 'soak/grow' .* did you mean soak/growth"):
            DocumentWithFigures("page.md").regenerate("a <!-- figure:soak/grow -->1<!-- /figure -->")

    @pytest.mark.parametrize("before", ["", "words\n", "- ", "  "])
    def test_a_mark_that_begins_a_line_is_said(self, before: str) -> None:
        """A renderer takes the whole line for HTML: the paragraph is cut, and the words have no form."""
        with pytest.raises(SystemExit, match=r"page\.md: a line begins with <!-- figure:NAME -->"):
            DocumentWithFigures("page.md").regenerate(f"{before}<!-- figure:soak/growth -->1<!-- /figure --> more\n")

    @pytest.mark.parametrize(
        "text", ["a <!-- figure:soak/growth -->1", "a <!-- figure:soak/growth -->1\n<!-- /figure -->"]
    )
    def test_a_mark_that_is_not_closed_is_said(self, text: str) -> None:
        """It would else be passed over."""
        with pytest.raises(SystemExit, match=r"page\.md: a <!-- figure:NAME --> has no <!-- /figure -->"):
            DocumentWithFigures("page.md").regenerate(text)
