"""Each measured figure is recorded once, in benchmarks/results, and inserted into the pages from there."""

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
    "docs/operating.md": (
        "after 4 s, 8 s, and so on up to 30 s",
        "3 GB more than",
        "75 s",
        "0.5 GB for itself",
        "more than 1 MiB in addition",
    ),
    "docs/page.md": ("have at most 4 MiB",),
    "docs/performance.md": ("300 kB", "0.8 MB", "25 MB", "ratio of at most 1.0", "goal of 0.9", "goal is 0.6"),
    "SECURITY.md": (
        "wait 100 ms",
        "hold 128 MiB more",
        "16 KiB",
        "1 MiB",
        "headers and 64 KiB",
        "together 32 MiB",
        "4 KiB",
    ),
    "docs/pictures.md": ("4 KiB",),
    "docs/attacks.md": ("adds 100 ms",),
    "docs/open_inference.md": ("by 1 MiB",),
    "docs/settings.md": ("in 1,024s",),
    "docs/scaling.md": ("25 Gb/s", "20 ms", "by 0.7"),
    "docs/where-we-differ.md": ("more than 40 s",),
    "deploy/ray/README.md": ("16 kB",),
}
"""Numbers in prose that are not measured: goals, versions, sizes of requests, thresholds, limits that tests check."""

MEASURING = ("README.md", "docs/performance.md", "docs/scaling.md", "docs/batching.md")
"""Pages on which a number with a decimal point or a comma counts as a figure even without a unit."""

_NOT_PROSE = (
    re.compile(r"<!-- generated:(\S+) -->.*?<!-- /generated:\1 -->", re.DOTALL),
    re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE),
    re.compile(r"<!-- figure:.*?<!-- /figure -->"),
    re.compile(r"`[^`\n]*`"),
)
_UNIT = r"(?:%|µs|ms|s|min|minutes|seconds|kB|MB|GB|TB|[KMGT]iB|[GT]b/s|[kMGT]B/s|requests a second|times)(?!\w)"
_MEASURED = re.compile(rf"(?<![\w.])\d[\d,.]*\s?{_UNIT}")
_PRECISE = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+|,\d{3})(?![\w.]*\d)")


def unrecorded_figures(page: str) -> Iterator[str]:
    """Numbers in the prose of a page that look measured and are not inserted from a results file."""
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
    """Otherwise pages contradict each other after the next benchmark."""
    found = list(unrecorded_figures(page))

    assert not found, f"record it in benchmarks/results and name it in scripts/figures.py, or add it to FIXED: {found}"


def test_a_figure_written_by_hand_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Otherwise the test above proves nothing."""
    page = tmp_path / "README.md"
    page.write_text("At 67,312 a second it takes 12 ms, <!-- figure:a/b -->5 ms<!-- /figure -->, `7 ms`, 0.97 of it.\n")
    monkeypatch.setattr("tests.docs.test_figures.ROOT", tmp_path)

    assert list(unrecorded_figures("README.md")) == ["12 ms", "67,312", "0.97"]


def test_every_figure_is_used_in_a_page() -> None:
    """An error in an unused figure would not be noticed."""
    shown = {
        name for page in documents_with_figures() for name in figure_names((ROOT / page).read_text(encoding="utf-8"))
    }
    shown |= {name for _, name, _ in README_FIGURES} | {
        name for what, _, _ in README_FIGURES for name in re.findall(r"\{(.+?)\}", what)
    }

    assert shown == {*FIGURES, *LIMITS}


@pytest.mark.parametrize("path", sorted(RESULTS.iterdir()), ids=lambda path: path.name)
def test_every_result_has_its_command_date_and_machine(path: Path) -> None:
    """They are needed to repeat the measurement."""
    recorded = load_run(path.stem)

    assert path.suffix == ".json"
    assert recorded["command"].startswith("scripts/")
    assert (ROOT / recorded["command"].split()[0]).is_file()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", recorded["date"])
    assert recorded["machine"]
    assert recorded["figures"]


def test_both_reports_of_the_simulation_have_the_same_rates() -> None:
    """They once had 67,312 and 5,275 timely responses per second for one GPU."""
    in_table = re.findall(r"^\| \d+ \| ([\d,]+) \|", simulated_devices_table(), re.MULTILINE)

    in_report = re.findall(
        r"^\| 64 shapes, 1,000,000/s, GPUs: \d+ \| \S+ / \S+ / (\S+) \|", run_report("simulate"), re.M
    )

    assert len(in_table) == 4
    assert in_table == in_report


def test_a_figure_in_prose_equals_the_one_in_the_report() -> None:
    """They once were 0.97 and 0.95."""
    assert f"| **{figure_text('peers/tiny-json')}** |" in next(
        line for line in run_report("peers").splitlines() if line.startswith("| tiny JSON")
    )


def test_a_limit_is_formatted_without_rounding() -> None:
    """The formatted limit must be exact."""
    assert parse_size(figure_text("limits/body").replace(" ", "")) == Settings.model_fields["max_body_bytes"].default
    assert figure_text("limits/body") == "1 GiB"


class TestMarks:
    def test_a_figure_is_inserted_between_its_marks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A new benchmark only changes its results file; the pages are regenerated."""
        page = DocumentWithFigures("page.md")
        text = "It takes <!-- figure:soak/growth -->?<!-- /figure -->, <!-- figure:soak/wrong --><!-- /figure -->.\n"
        monkeypatch.setattr(figures, "load_run", lambda name: {"figures": {"growth_mib": 1.25, "wrong": 3}})

        regenerated = page.regenerate(text)

        assert regenerated == text.replace("?", "+1.2 MiB").replace("wrong --><", "wrong -->3<")
        assert page.regenerate(regenerated) == regenerated

    def test_an_unknown_figure_is_reported_with_the_nearest_name(self) -> None:
        """Otherwise a misspelt name would never be updated."""
        with pytest.raises(SystemExit, match=r"no figure 'soak/grow' .* did you mean soak/growth"):
            DocumentWithFigures("page.md").regenerate("a <!-- figure:soak/grow -->1<!-- /figure -->")

    @pytest.mark.parametrize("before", ["", "words\n", "- ", "  "])
    def test_a_mark_at_the_start_of_a_line_is_reported(self, before: str) -> None:
        """Markdown reads the whole line as HTML, and does not format it."""
        with pytest.raises(SystemExit, match=r"page\.md: a line begins with <!-- figure:NAME -->"):
            DocumentWithFigures("page.md").regenerate(f"{before}<!-- figure:soak/growth -->1<!-- /figure --> more\n")

    @pytest.mark.parametrize(
        "text", ["a <!-- figure:soak/growth -->1", "a <!-- figure:soak/growth -->1\n<!-- /figure -->"]
    )
    def test_a_mark_that_is_not_closed_is_reported(self, text: str) -> None:
        """Otherwise it would be ignored."""
        with pytest.raises(SystemExit, match=r"page\.md: a <!-- figure:NAME --> has no <!-- /figure -->"):
            DocumentWithFigures("page.md").regenerate(text)
