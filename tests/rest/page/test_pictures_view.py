"""The view of pictures shows what the service makes of them, and their differences in numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Locator

from tests.rest.browser import needs_chromium
from tests.rest.live_server import LiveServer
from tests.rest.page.opened_page import OpenedPage, answer_array

pytestmark = [pytest.mark.browser, needs_chromium]

_SHOW = """async (pictures, {picture, current}) => {
  const {makeApi} = await import(new URL("page/api.js", document.baseURI));
  const api = makeApi(async () => null);
  const {operators} = await api.get("v1/operators");
  let container = document.getElementById("mounted");
  if (container === null) {
    container = document.createElement("div");
    container.id = "mounted";
    document.querySelector("main").before(container);
  }
  container.mounted?.destroy();
  const pixels = new Uint8ClampedArray(picture.pixels);
  container.mounted = pictures.mountPictures(container, {api, operators, picture: {...picture, pixels}, current});
}"""
_PIXELS = """(canvas) => {
  const {width, height} = canvas;
  const {data} = canvas.getContext("2d", {willReadFrequently: true}).getImageData(0, 0, width, height);
  return [[height, width, 4], [...data]];
}"""
PICTURE = np.random.default_rng(2).integers(0, 256, (12, 16, 3), np.uint8)


class PicturesView:
    """The view, in a place of its own on an opened page."""

    def __init__(self, opened: OpenedPage) -> None:
        """Use this page."""
        self.opened = opened
        self.root = opened.page.locator("#mounted .pictures-view")

    def show(self, operator: str, fields: dict[str, Any], picture: npt.NDArray[np.uint8] = PICTURE) -> None:
        """Show a picture of ``(H, W, C)`` beside the outputs of this operator and of others."""
        height, width, channels = picture.shape
        pixels = picture.reshape(-1).tolist()
        given = {"name": "p.png", "height": height, "width": width, "channels": channels, "pixels": pixels}
        current = {"operator": operator, "fields": fields}
        self.opened.run_module("pictures.js", _SHOW, {"picture": given, "current": current})
        self.wait()

    def wait(self) -> None:
        """Wait until all outputs are shown."""
        self.opened.page.locator("#mounted .pictures-view[aria-busy=false]").wait_for()

    def titles(self) -> list[str]:
        """The titles of the pictures."""
        return self.root.locator("figure figcaption strong").all_inner_texts()

    def figure(self, title: str) -> Locator:
        """The picture of this title."""
        strong = self.opened.page.locator("strong", has_text=title)
        return self.root.locator("figure").filter(has=strong)

    def pixels(self, canvas: Locator) -> npt.NDArray[np.int64]:
        """The pixels of a canvas, ``(H, W, 4)``."""
        shape, data = canvas.evaluate(_PIXELS)
        return np.array(data).reshape(shape)

    def number(self, name: str) -> float:
        """A number of the difference, with all its digits."""
        text = self.root.locator(f"dd.{name}").get_attribute("title") or ""
        return float(text.replace("−", "-").removesuffix(" %"))


@pytest.fixture
def view(opened: OpenedPage) -> Iterator[PicturesView]:
    """The view on the shared page."""
    opened.complaints.clear()
    yield PicturesView(opened)
    opened.page.evaluate("() => document.getElementById('mounted')?.remove()")


def pooled(server: LiveServer, operator: str, **fields: object) -> npt.NDArray[np.float64]:
    """What an operator makes of the picture, as ``(C, H, W)``."""
    planes = PICTURE.transpose(2, 0, 1)[None].tolist()
    with server.client() as client:
        answer = client.post(f"/v1/pool/{operator}", json={"input": planes, **fields}).json()
    found: npt.NDArray[np.float64] = answer_array(answer["output"])[0].astype(np.float64)
    return found


def test_the_current_operator_and_others_are_shown_beside_the_picture(
    view: PicturesView, page_server: LiveServer
) -> None:
    """Side by side the eye sees what each of them loses."""
    view.show("max_pool2d", {"kernel_size": 3, "stride": 2, "return_indices": True})

    assert view.titles() == ["Input", "max_pool2d", "avg_pool2d", "median_pool2d", "min_pool2d", "blur_pool2d"]
    np.testing.assert_array_equal(view.pixels(view.figure("Input").locator("canvas"))[..., :3], PICTURE)
    for operator in ("max_pool2d", "avg_pool2d", "min_pool2d"):
        expected = pooled(page_server, operator, kernel_size=3, stride=2).transpose(1, 2, 0)
        shown = view.pixels(view.figure(operator).locator("canvas"))[..., :3]
        assert shown.shape == (5, 7, 3)
        np.testing.assert_allclose(shown, expected, atol=0.5 + 1e-6)
    caption = view.figure("avg_pool2d").locator("figcaption").inner_text()
    assert "kernel_size 3, stride 2" in caption
    assert "(1, 3, 5, 7)" in caption
    sizes = [view.figure(title).locator("canvas").bounding_box() for title in ("Input", "max_pool2d", "blur_pool2d")]
    assert len({(round(box["width"]), round(box["height"])) for box in sizes if box}) == 1
    assert view.opened.complaints == []


def test_the_difference_of_two_outputs_has_their_numbers(view: PicturesView, page_server: LiveServer) -> None:
    """Eyes do not see a difference of one, and models do."""
    view.show("max_pool2d", {"kernel_size": 2})
    lists = view.root.locator(".difference select")
    lists.nth(0).select_option("min_pool2d")
    lists.nth(1).select_option("avg_pool2d")

    expected = pooled(page_server, "min_pool2d", kernel_size=2) - pooled(page_server, "avg_pool2d", kernel_size=2)

    assert math.isclose(view.number("largest"), np.abs(expected).max())
    assert math.isclose(view.number("mean-absolute"), np.abs(expected).mean())
    assert math.isclose(view.number("mean"), expected.mean())
    channel, row, column = np.unravel_index(np.abs(expected).argmax(), expected.shape)
    assert view.root.locator(".where").inner_text() == f"channel {channel}, row {row}, column {column}"


def test_a_difference_is_blue_below_zero_and_orange_above(view: PicturesView, page_server: LiveServer) -> None:
    """Red and green are one colour to many people; the absolute difference goes from dark to light."""
    view.show("max_pool2d", {"kernel_size": 2})
    lists = view.root.locator(".difference select")
    canvas = view.root.locator(".map canvas").first
    shown = []
    for one, other in (("min_pool2d", "max_pool2d"), ("max_pool2d", "min_pool2d"), ("max_pool2d", "max_pool2d")):
        lists.nth(0).select_option(one)
        lists.nth(1).select_option(other)
        shown.append(view.pixels(canvas)[..., :3])
    lists.nth(1).select_option("min_pool2d")
    view.root.get_by_label("absolute").check()
    absolute = view.pixels(canvas)[..., :3].sum(-1)

    below, above, equal = shown
    largest = np.abs(
        pooled(page_server, "max_pool2d", kernel_size=2) - pooled(page_server, "min_pool2d", kernel_size=2)
    ).max(0)
    assert (below[..., 2] >= below[..., 0]).all()
    assert (above[..., 0] >= above[..., 2]).all()
    assert np.unique(equal.reshape(-1, 3), axis=0).tolist() == [[246, 246, 244]]
    # Lightness follows the difference, up to the rounding of a colour's channels.
    assert (np.diff(absolute.reshape(-1)[largest.reshape(-1).argsort()]) >= -3).all()


def test_outputs_of_different_shapes_are_not_compared(view: PicturesView) -> None:
    """Only elements at the same place have a difference."""
    view.show("max_pool2d", {"kernel_size": 2})

    view.root.locator(".difference select").nth(1).select_option("Input")

    assert "Their shapes differ: (1, 3, 6, 8) and (1, 3, 12, 16)." in view.root.locator(".difference").inner_text()
    assert not view.root.locator(".drawing").is_visible()


def test_operators_can_be_chosen(view: PicturesView) -> None:
    """The list has the operators whose windows are sized by the same fields."""
    view.show("adaptive_avg_pool2d", {"output_size": 4})
    first = view.titles()
    names = view.root.locator(".choices input").evaluate_all("(boxes) => boxes.map(({value}) => value)")
    view.root.locator(".chooser summary").click()

    view.root.get_by_role("checkbox", name="adaptive_std_pool2d").check()
    view.wait()
    added = view.titles()
    view.root.get_by_role("checkbox", name="adaptive_std_pool2d").uncheck()
    view.wait()

    assert first == ["Input", *(f"adaptive_{each}_pool2d" for each in ("avg", "max", "median", "min"))]
    assert {name.partition("_")[0] for name in names} == {"adaptive", "fractional"}
    assert added == [*first, "adaptive_std_pool2d"]
    assert view.titles() == first


def test_values_beyond_those_of_pictures_are_drawn_in_their_own_range(view: PicturesView) -> None:
    """A sum of four bytes is no byte."""
    view.show("sum_pool2d", {"kernel_size": 2})

    caption = view.figure("sum_pool2d").locator("figcaption").inner_text()
    pixels = view.pixels(view.figure("sum_pool2d").locator("canvas"))[..., :3]

    assert "drawn in this range" in caption
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_a_refusal_is_shown_in_place_of_the_picture(view: PicturesView, page_server: LiveServer) -> None:
    """The other operators' outputs are still there."""
    view.show("max_pool2d", {"kernel_size": 50})

    refusals = view.root.locator("figure .problem").all_inner_texts()

    assert len(refusals) >= 4
    with page_server.client() as client:
        refused = client.post(
            "/v1/plan/max_pool2d", json={"input": {"shape": [1, 3, 12, 16], "dtype": "float32"}, "kernel_size": 50}
        )
    assert refusals[0] == refused.json()["detail"]
    assert view.figure("Input").locator("canvas").count() == 1


def test_an_operator_that_pools_no_picture_gives_way_to_others(view: PicturesView) -> None:
    """The playground's operator may take lines, volumes or other tensors."""
    view.show("max_pool1d", {"kernel_size": 2})

    assert view.titles()[0] == "Input"
    assert "max_pool1d pools no picture" in view.root.locator(".note").inner_text()
    assert view.titles()[1:] == ["max_pool2d", "avg_pool2d", "median_pool2d", "min_pool2d"]


def test_all_pictures_say_their_elements_at_one_place(view: PicturesView, page_server: LiveServer) -> None:
    """A place is chosen by the pointer, or by the arrow keys."""
    view.show("max_pool2d", {"kernel_size": 2})
    view.figure("Input").locator("canvas").focus()
    view.opened.page.keyboard.press("ArrowRight")

    expected = pooled(page_server, "max_pool2d", kernel_size=2)[:, 3, 4]

    values = ", ".join(str(value) for value in PICTURE[6, 9])
    assert view.figure("Input").locator(".readout").inner_text() == f"row 6, column 9: {values}"
    values = ", ".join(f"{value:g}" for value in expected)
    assert view.figure("max_pool2d").locator(".readout").inner_text() == f"row 3, column 4: {values}"


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_pictures_and_pictures_with_alpha_are_pooled_by_their_colours(view: PicturesView, channels: int) -> None:
    """Alpha is no brightness."""
    picture = np.random.default_rng(3).integers(0, 256, (6, 6, channels), np.uint8)

    view.show("max_pool2d", {"kernel_size": 2}, picture)

    colours = 1 if channels == 1 else 3
    assert f"(1, {colours}, 3, 3)" in view.figure("max_pool2d").inner_text()
    shown = view.pixels(view.figure("Input").locator("canvas"))[..., :3]
    np.testing.assert_array_equal(shown, np.broadcast_to(picture[..., :colours], (6, 6, 3)))


def test_the_photograph_is_compared_on_the_page(opened: OpenedPage) -> None:
    """The page has a picture for those who bring none."""
    opened.show("max_pool2d", {"kernel_size": "8"}, **{"in": "photo"})
    shown = opened.page.locator("#pictures-view .pictures-view")

    opened.page.locator("#pictures-view .pictures-view[aria-busy=false]").wait_for()

    assert shown.locator("figure").count() == 6
    assert shown.locator("figcaption").nth(1).inner_text().splitlines()[1:3] == ["kernel_size 8", "(1, 3, 32, 32)"]
    assert all(url.startswith((opened.url, "blob:", "data:")) for url in opened.requested)
