"""The view of windows shows each window as the service traces it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from poolhouse.operators.windows import SlidingWindow
from tests.rest.browser import needs_chromium
from tests.rest.live_server import LiveServer
from tests.rest.page.opened_page import OpenedPage
from tests.rest.page.windows_view import WindowsView, last_two, number_text, places, window_places

pytestmark = [pytest.mark.browser, needs_chromium]


def integers(*shape: int, seed: int = 1) -> Any:
    """Nested lists of small integers, in which values repeat."""
    return np.random.default_rng(seed).integers(0, 10, shape).tolist()


WINDOWS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "ceil mode that changes nothing": (
        "max_pool2d",
        integers(1, 1, 7, 7),
        {"kernel_size": 3, "stride": 2, "ceil_mode": True},
    ),
    "a hanging window": ("max_pool2d", integers(1, 1, 6, 6), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    "padding": ("max_pool2d", integers(1, 1, 5, 6), {"kernel_size": 3, "stride": 2, "padding": 1}),
    "dilation": ("avg_pool2d", integers(1, 1, 7, 8), {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2}),
    "one axis": ("min_pool1d", integers(1, 1, 12), {"kernel_size": 3, "stride": 2, "padding": 1}),
    "a volume": ("max_pool3d", integers(1, 1, 3, 4, 4), {"kernel_size": 2, "stride": 1}),
    "channels last": ("max_pool2d", integers(1, 4, 4, 1), {"kernel_size": 2, "layout": "channels_last"}),
    "adaptive": ("adaptive_max_pool2d", integers(1, 1, 7, 5), {"output_size": [3, 2]}),
    "passed over": ("max_pool2d", integers(1, 1, 5, 5), {"kernel_size": 3, "stride": 1, "ignore_value": 3}),
}


QUICK_WINDOWS = {"a hanging window", "dilation", "one axis", "a volume", "passed over"}
"""The others add a number of windows, and layouts that the trace has resolved."""


@pytest.fixture
def view(opened: OpenedPage, page_server: LiveServer) -> Iterator[WindowsView]:
    """The view on the shared page."""
    view = WindowsView(opened, page_server)
    opened.complaints.clear()
    yield view
    view.unmount()


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case in QUICK_WINDOWS else pytest.mark.slow) for case in WINDOWS]
)
def test_each_step_shows_the_window_that_the_service_traces(view: WindowsView, case: str) -> None:
    """The view computes windows, winners and sentences from the trace; a step that shows another window misleads."""
    operator, data, fields = WINDOWS[case]
    if "max" in operator or "min" in operator:
        fields = {**fields, "return_indices": True}

    trace = view.show(operator, data, fields)
    steps = view.steps(len(trace["elements"]))

    for number, (element, step) in enumerate(zip(trace["elements"], steps, strict=True)):
        spatial = trace["spatial_axes"]
        assert step["place"] == f"{number + 1} of {len(trace['elements'])}"
        assert places(step["output"]) == {last_two(spatial["output"], element["index"])}
        assert places(step["window"]) == window_places(trace, element, step["planes"][0] if step["planes"] else None)
        assert step["arithmetic"] == element["arithmetic"]
        assert step["title"].endswith(f" = {number_text(element['results']['output'])}")
        passed = [at for at, counts in zip(element["positions"], element["counted"], strict=True) if not counts]
        assert places(step["passed_over"]) == {last_two(spatial["input"], at) for at in passed}
        if element["winner"] is None:
            assert step["chosen"] is None
        else:
            assert step["label"] == f"#{element['results']['indices']}"
            assert f" {element['results']['indices']}" in step["chosen"]


def test_pointing_at_an_element_marks_all_outputs_whose_windows_have_it(view: WindowsView) -> None:
    """Overlapping windows are what stride and kernel are about."""
    data, fields = integers(1, 1, 6, 6), {"kernel_size": 3, "stride": 1, "padding": 1}
    trace = view.show("max_pool2d", data, fields)

    view.cell("input", 2, 3).hover()

    having = [element for element in trace["elements"] if [0, 0, 2, 3] in element["positions"]]
    state = view.state()
    assert places(state["linked"]) == {(element["index"][2], element["index"][3]) for element in having}
    assert len(having) == 9
    assert state["pointed"].startswith(f"Input at row 2, column 3 = {data[0][0][2][3]} is in 9 windows")
    view.cell("input", -1, -1).hover()
    assert places(view.state()["linked"]) == {(0, 0)}
    assert view.state()["pointed"].startswith("Padding at row −1, column −1 (−∞) is in 1 window")


def test_pointing_at_an_output_shows_its_window_until_the_pointer_leaves(view: WindowsView) -> None:
    """A look at another window should not lose the current one."""
    view.show("max_pool2d", integers(1, 1, 6, 6), {"kernel_size": 2})

    view.cell("output", 1, 2).hover()
    pointed = view.state()
    view.root.locator(".player .place").hover()
    left = view.state()
    view.cell("output", 2, 0).click()
    view.root.locator(".player .place").hover()

    assert places(pointed["window"]) == {(2, 4), (2, 5), (3, 4), (3, 5)}
    assert places(left["window"]) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert view.state()["place"] == "7 of 9"


def test_a_click_on_an_element_goes_to_the_next_window_that_has_it(view: WindowsView) -> None:
    """With this one goes through the outputs that a gradient of the element comes from."""
    view.show("max_pool1d", integers(1, 1, 6), {"kernel_size": 3, "stride": 1})
    cell = view.cell("input", 0, 2)

    shown = []
    for _ in range(4):
        cell.click()
        shown.append(view.state()["place"])

    assert shown == ["2 of 4", "3 of 4", "1 of 4", "2 of 4"]


@pytest.mark.parametrize(
    ("operator", "fields", "text"),
    [
        ("max_pool2d", {"padding": 1}, "−∞"),
        ("avg_pool2d", {"padding": 1}, "0"),
        ("avg_pool2d", {"padding": 1, "count_include_pad": False}, ""),
    ],
)
def test_padding_is_drawn_with_what_it_counts_as(
    view: WindowsView, operator: str, fields: dict[str, Any], text: str
) -> None:
    """Whether padding is 0, the least value or nothing at all is what people ask about padding."""
    view.show(operator, integers(1, 1, 4, 4), {"kernel_size": 2, "stride": 2, **fields})

    cells = view.cells("input")

    padding = {tuple(cell["place"]) for cell in cells if cell["kind"] == "padding"}
    assert padding == {(row, column) for row in range(-1, 5) for column in range(-1, 5) if {row, column} & {-1, 4}}
    assert {cell["text"] for cell in cells if cell["kind"] == "padding"} == {text}
    drawn = view.root.locator(".of-input .cell.padding").first.evaluate(
        "(cell) => ['.hatch', '.face'].map((part) => getComputedStyle(cell.querySelector(part)).fill)"
    )
    assert drawn[0] == "none"
    assert "/ 0.24" in drawn[1], "the first cell is in the window, and the colour of the page is behind it"


def test_what_hangs_over_the_edge_is_outside_of_the_padding(view: WindowsView) -> None:
    """In ceil mode the last window has positions that are not even padding."""
    view.show("avg_pool2d", integers(1, 1, 6, 6), {"kernel_size": 3, "stride": 3, "padding": 1, "ceil_mode": True})

    hanging = [tuple(cell["place"]) for cell in view.cells("input") if cell["kind"] == "hanging"]
    view.press("last")

    assert set(hanging) == {(row, 7) for row in range(-1, 8)} | {(7, column) for column in range(-1, 8)}
    assert "9 positions: 1 in the input, 3 in the padding (0) and 5 over the edge" in view.state()["where"]


@pytest.mark.parametrize("dilation", [1, 2])
def test_overlap_counts_are_numbers_of_windows(view: WindowsView, dilation: int) -> None:
    """An element in no window has no influence on the output."""
    view.show("max_pool2d", integers(1, 1, 6, 7), {"kernel_size": 3, "stride": 2, "dilation": dilation})
    expected = np.zeros((6, 7), int)
    span = 2 * dilation + 1
    for row in range(0, 6 - span + 1, 2):
        for column in range(0, 7 - span + 1, 2):
            expected[row : row + span : dilation, column : column + span : dilation] += 1

    view.root.locator(".toggle input").check()
    cells = view.cells("input")
    view.root.locator(".toggle input").uncheck()

    shown = np.zeros_like(expected)
    for cell in cells:
        shown[tuple(cell["place"])] = int(cell["text"])
    np.testing.assert_array_equal(shown, expected)
    assert {tuple(cell["place"]) for cell in cells if cell["is_uncovered"]} == set(
        zip(*(axis.tolist() for axis in np.nonzero(expected == 0)), strict=True)
    )


NOTHING_LEFT = "nothing is left over, so the number is the same with and without ceil mode."
SENTENCES: list[tuple[int, dict[str, Any], str, str]] = [
    (
        7,
        {"kernel_size": 3, "stride": 2, "ceil_mode": True},
        "Windows begin at positions 0, 2 and 4; the last ends at 6.",
        f"That is the last position, 6: {NOTHING_LEFT}",
    ),
    (
        6,
        {"kernel_size": 3, "stride": 2, "ceil_mode": True},
        "Windows begin at positions 0, 2 and 4; the last ends at 6.",
        (
            "Without ceil mode 1 position would be left over (5). Ceil mode rounds up to one more window. It begins "
            "at position 4, within the input, so it is kept. It hangs 1 position over the edge; what hangs over counts "
            "for nothing."
        ),
    ),
    (
        6,
        {"kernel_size": 3, "stride": 2},
        "Windows begin at positions 0 and 2; the last ends at 4.",
        (
            "1 position is left over (5). The next window would begin at position 4 and end at 6, 1 beyond the last "
            "position, 5: it is dropped. Ceil mode would keep it, and give 3."
        ),
    ),
    (
        3,
        {"kernel_size": 2, "padding": 1, "ceil_mode": True},
        "Windows begin at positions −1 and 1; the last ends at 2.",
        (
            "1 position is left over (3). Ceil mode rounds up, but the window that this adds would begin at position "
            "3, after the last element of the input (2), so it is left out."
        ),
    ),
    (
        4,
        {"kernel_size": 4},
        "The only window begins at position 0 and ends at 3.",
        f"That is the last position, 3: {NOTHING_LEFT}",
    ),
]


@pytest.mark.parametrize(("length", "fields", "begin", "end"), SENTENCES)
def test_the_sentences_say_why_the_last_window_exists(
    view: WindowsView, length: int, fields: dict[str, Any], begin: str, end: str
) -> None:
    """Why an output is 3 and not 2 is the question that brings most people."""
    view.show("max_pool2d", integers(1, 1, length, length), fields)

    assert view.sizes() == [begin, end]


_AXES = """(sizes, cases) => cases.map(({length, padding, stride, windows, ceil}) => {
  const elements = windows.map((window, place) => ({index: [place], window: [window], positions: []}));
  const model = {
    trace: {formula: []}, spec: {kernel_size: 1, stride, ceil_mode: ceil}, elements, spatial: [0], outputSpatial: [0],
    input: {shape: [length], isSpatial: true, planes: [], slices: [], rows: null, columns: 0},
    padding: {before: [padding], after: [padding]},
  };
  const [axis] = sizes.sizeAxes(model);
  const text = sizes.lastWindowSentences(axis).join(" ");
  return {isSliding: axis.isSliding, dropped: sizes.droppedWindow(axis), text};
})"""


def test_the_sentences_agree_with_the_rule_of_sliding_windows(opened: OpenedPage) -> None:
    """A window that the sentences keep or drop against the rule would teach the wrong rule."""
    grid = itertools.product(range(1, 8), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2), (False, True))
    axes = [
        (length, SlidingWindow(kernel, stride, padding, padding, dilation, ceil))
        for length, kernel, stride, padding, dilation, ceil in grid
        if SlidingWindow(kernel, stride, padding, padding, dilation).outputs(length) > 0
    ]
    cases = [
        {
            "length": length,
            "padding": axis.before,
            "ceil": axis.ceil_mode,
            "stride": axis.stride,
            "windows": [
                {"start": number * axis.stride - axis.before, "step": axis.dilation, "count": axis.kernel_size}
                for number in range(axis.outputs(length))
            ],
        }
        for length, axis in axes
    ]

    found = opened.run_module("size_formula.js", _AXES, cases)

    for (length, axis), shown in zip(axes, found, strict=True):
        whole = replace(axis, ceil_mode=False).outputs(length)
        rounded_up = replace(axis, ceil_mode=True).outputs(length)
        is_exact = (length + 2 * axis.before - axis.span) % axis.stride == 0
        assert shown["isSliding"], (length, axis)
        assert ("nothing is left over" in shown["text"]) == is_exact
        assert (shown["dropped"] is None) == (is_exact or (axis.ceil_mode and rounded_up > whole))
        assert ("Ceil mode would keep it" in shown["text"]) == (not axis.ceil_mode and rounded_up > whole)
        assert ("so it is kept" in shown["text"]) == (axis.ceil_mode and rounded_up > whole)


def test_numbers_fit_their_cells(opened: OpenedPage) -> None:
    """The whole number is in the tooltip."""
    numbers: dict[int | float | str | bool, tuple[str, str]] = {
        0: ("0", "0"),
        -3: ("−3", "−3"),
        99999: ("99999", "99999"),
        123456: ("1.2e5", "123456"),
        1.8888888: ("1.889", "1.8888888"),
        0.0625: ("0.0625", "0.0625"),
        -0.00012: ("−1.2e−4", "−0.00012"),
        1234.56: ("1235", "1234.56"),
        "NaN": ("NaN", "NaN"),
        "-Infinity": ("−∞", "−∞"),
        "9223372036854775807": ("9.2e18", "9223372036854775807"),
        "true": ("1", "true"),
    }
    both = "(numbers, values) => values.map((value) => [numbers.shortNumber(value), numbers.wholeNumber(value)])"

    shown = opened.run_module("cell_numbers.js", both, list(numbers))

    assert [tuple(texts) for texts in shown] == list(numbers.values())


def test_the_size_formula_is_the_one_of_the_service(view: WindowsView) -> None:
    """Rows and columns have formulas of their own where their numbers differ."""
    data, fields = integers(1, 1, 7, 9), {"kernel_size": [3, 2], "stride": 2}

    trace = view.show("max_pool2d", data, fields)

    assert view.root.locator(".sizes .inserted").all_inner_texts() == [each["text"] for each in trace["formula"]]
    assert view.root.locator(".sizes h4").all_inner_texts() == ["Rows: 7 → 3", "Columns: 9 → 4"]
    assert view.root.locator(".axis-diagram").nth(1).locator(".line.dropped").count() == 1


def test_the_planes_of_a_batch_can_be_chosen(view: WindowsView) -> None:
    """A tensor has more planes than fit the screen."""
    data, fields = integers(2, 3, 4, 4), {"kernel_size": 2}
    trace = view.show("max_pool2d", data, fields)

    view.root.get_by_label("Output: sample").select_option("1")
    view.root.get_by_label("Output: channel").select_option("2")
    steps = view.steps(4)

    elements = [element for element in trace["elements"] if element["index"][:2] == [1, 2]]
    assert [step["arithmetic"] for step in steps] == [element["arithmetic"] for element in elements]
    assert [step["place"] for step in steps] == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    shown = [cell["text"] for cell in view.cells("input")]
    assert shown == [str(value) for row in data[1][2] for value in row]


def test_a_focus_in_the_output_stays_where_it_is_while_slices_change(view: WindowsView) -> None:
    """The grid is drawn anew for another slice; the cell that has the focus then is no choice of the reader's."""
    view.show("max_pool3d", integers(1, 1, 3, 2, 2), {"kernel_size": [1, 2, 2]})
    view.cell("output", 0, 0).focus()

    places_shown = [step["place"] for step in view.steps(3)]

    assert places_shown == ["1 of 3", "2 of 3", "3 of 3"]
    assert view.cell("output", 0, 0).evaluate("(cell) => cell === document.activeElement")


def test_a_volume_is_shown_slice_by_slice(view: WindowsView) -> None:
    """The steps change to the slice that the element is chosen in; another one can be chosen."""
    data = integers(1, 1, 3, 4, 4)
    view.show("max_pool3d", data, {"kernel_size": 2, "stride": 1})
    view.press("last")
    slices = view.root.get_by_label("Input: slice")

    slices.select_option("0")
    outside = view.state()["window"]
    slices.select_option("1")
    cells = [cell["text"] for cell in view.cells("input")]

    assert outside == []
    assert cells == [str(value) for row in data[0][0][1] for value in row]
    assert view.state()["planes"] == [1, 1]
    assert places(view.state()["window"]) == {(2, 2), (2, 3), (3, 2), (3, 3)}


@pytest.mark.parametrize(
    ("operator", "data", "fields", "companions"),
    [
        ("token_pool", integers(1, 4, 3), {"modes": "max"}, {}),
        ("segment_pool", integers(5, 3), {"reduce": "max"}, {"segments": [0, 0, 1, 1, 1]}),
        ("max_unpool2d", integers(1, 1, 2, 2), {"kernel_size": 2}, {"indices": [[[[0, 3], [9, 15]]]]}),
        ("roi_align", integers(1, 1, 6, 6), {"output_size": 2, "sampling_ratio": 2}, {"boxes": [[0, 0, 0, 4, 5]]}),
    ],
)
def test_operators_without_windows_mark_the_elements_that_they_use(
    view: WindowsView,
    page_server: LiveServer,
    operator: str,
    data: Any,
    fields: dict[str, Any],
    companions: dict[str, Any],
) -> None:
    """Regions, tokens and unpooling have positions, but no window of an axis."""
    trace = view.show(operator, data, fields, **companions)
    steps = view.steps(len(trace["elements"]))

    for element, step in zip(trace["elements"], steps, strict=True):
        assert places(step["window"]) == {tuple(position[-2:]) for position in element["positions"]}
        assert step["arithmetic"] == element["arithmetic"]


def test_weights_are_written_in_the_cells(view: WindowsView) -> None:
    """A blur is a weighted mean, and its padding reflects the input."""
    view.show("blur_pool2d", integers(1, 1, 4, 4), {"filter_size": 3})

    written = view.root.locator(".of-input .rings .weight").all_text_contents()

    assert written == [
        f"×{weight}" for weight in ("0.0625", "0.125", "0.0625", "0.125", "0.25", "0.125", "0.0625", "0.125", "0.0625")
    ]


def test_the_keyboard_alone_goes_through_the_windows(view: WindowsView) -> None:
    """Not everyone has a pointer."""
    view.show("max_pool2d", integers(1, 1, 6, 6), {"kernel_size": 2})
    page = view.opened.page

    view.cell("output", 0, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    by_arrows = view.state()
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowLeft")
    at_the_edge = view.state()["place"]
    view.cell("input", 0, 0).focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    linked = view.state()["linked"]
    page.keyboard.press("Enter")
    entered = view.state()["place"]
    view.root.locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    by_slider = view.state()["place"]

    assert by_arrows["place"] == "5 of 9"
    assert places(by_arrows["window"]) == {(2, 2), (2, 3), (3, 2), (3, 3)}
    assert at_the_edge == "1 of 9"
    assert places(linked) == {(0, 2)}
    assert entered == "3 of 9"
    assert by_slider == "5 of 9"
    assert view.root.locator("[role=gridcell][tabindex='0']").count() == 2


def test_playing_goes_to_the_end_and_can_be_paused(view: WindowsView) -> None:
    """The output fills up while the window moves; screen readers are not interrupted by each step."""
    view.show("max_pool2d", integers(1, 1, 6, 6), {"kernel_size": 2})
    page = view.opened.page
    explanation = view.root.locator(".explanation")
    view.root.get_by_label("Speed").select_option("12")

    view.cell("output", 0, 0).focus()
    page.keyboard.press("Space")
    expect(view.root.locator(".go.play")).to_have_attribute("aria-label", "Pause")
    while_playing = explanation.get_attribute("aria-live")
    ahead = view.root.locator(".of-output .cell.ahead").count()
    page.keyboard.press("Space")
    paused = view.state()["place"]
    view.press("play")
    expect(view.root.locator(".player .place")).to_have_text("9 of 9")
    expect(view.root.locator(".go.play")).to_have_attribute("aria-label", "Play")

    assert while_playing == "off"
    assert ahead > 0
    assert paused != "9 of 9"
    assert explanation.get_attribute("aria-live") == "polite"
    assert view.root.locator(".of-output .cell.ahead").count() == 0


def test_the_window_jumps_where_less_motion_is_asked_for(view: WindowsView) -> None:
    """Moving shapes make some people ill."""
    data = integers(1, 1, 4, 4)
    trace = view.show("max_pool2d", data, {"kernel_size": 2})
    durations = []

    for reduced in (False, True):
        view.mount(trace, data, reduced_motion=reduced)
        frame = view.root.locator(".of-input .frame")
        durations.append(frame.evaluate("(frame) => getComputedStyle(frame).transitionDuration"))

    assert durations == ["0.16s", "0s"]


def test_a_plane_that_is_too_large_says_so(view: WindowsView) -> None:
    """Cells that nobody can see would only take time."""
    view.show("max_unpool1d", [[list(range(20))]], {"kernel_size": 2}, indices=[[list(range(0, 40, 2))]])

    assert "windows are drawn up to 32 × 32" in view.root.locator(".notice").inner_text()
    assert not view.root.locator(".body").is_visible()


def test_the_page_is_no_wider_than_a_phone(view: WindowsView) -> None:
    """Grids shrink with their column."""
    page = view.opened.page
    size = page.viewport_size
    assert size is not None
    view.show("max_pool2d", integers(1, 1, 3, 32), {"kernel_size": 3, "stride": 1, "padding": 1})

    page.set_viewport_size({"width": 360, "height": 740})
    width = page.evaluate("() => document.documentElement.scrollWidth")
    expect(view.root.locator(".of-input svg.grid")).to_have_class("grid dense")
    page.set_viewport_size(size)

    assert width == 360


def test_the_cells_are_an_aria_grid(view: WindowsView) -> None:
    """Screen readers say rows, columns and names of cells."""
    view.show("max_pool2d", [[[[1, 2], [3, 4.5]]]], {"kernel_size": 2, "padding": 1})

    grid = view.root.get_by_role("grid", name="Input")

    assert grid.get_by_role("row").count() == 4
    assert grid.get_by_role("gridcell").count() == 16
    assert grid.get_by_role("gridcell", name="row −1, column −1: padding, −∞; in 1 window", exact=True).count() == 1
    assert grid.get_by_role("gridcell", name="row 1, column 1: 4.5; in 1 window", exact=True).count() == 1
    assert view.root.get_by_role("gridcell", selected=True).count() == 4 + 1
    assert view.opened.complaints == []


def test_the_page_shows_the_windows_of_what_it_pools(opened: OpenedPage) -> None:
    """The numbers are those that the reader typed, also where no window has them."""
    opened.complaints.clear()
    opened.show(
        "max_pool2d", {"kernel_size": "3", "stride": "2"}, x="1 2 3 4\n5 6 7 8\n9 1 2 3\n4 5 6 7.25", **{"in": "matrix"}
    )
    shown = opened.page.locator("#windows-view .windows-view")

    cells = shown.locator(".of-input .cell .value").all_text_contents()
    opened.page.locator("#field-ceil_mode").check()
    opened.wait()

    assert cells == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "1", "2", "3", "4", "5", "6", "7.25"]
    assert shown.locator(".of-output h3").inner_text() == "Output 2 × 2"
    assert "it hangs 1 position over the edge" in shown.locator(".sizes").inner_text().lower()
    assert opened.complaints == []
