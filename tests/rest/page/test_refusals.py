"""Refusals are shown in the service's words, beside what they are about."""

from __future__ import annotations

import pytest

from tests.rest.browser import needs_chromium
from tests.rest.live_server import LiveServer
from tests.rest.page.opened_page import OpenedPage

pytestmark = [pytest.mark.browser, needs_chromium]


def test_a_faulty_field_is_refused_beside_it(opened: OpenedPage, page_server: LiveServer) -> None:
    """Ten fields and one message at the bottom leave the reader searching."""
    body = {"input": {"shape": [1, 1, 4, 4]}, "kernel_size": "x", "stride": 0}
    with page_server.client() as client:
        problem = client.post("/v1/plan/max_pool2d", json=body).json()
    words = {each["pointer"]: each["message"] for each in problem["errors"]}

    opened.show("max_pool2d", {"kernel_size": "x", "stride": "0"})

    assert opened.problem("kernel_size") == words["/kernel_size"]
    assert opened.problem("stride") == words["/stride"]
    assert opened.problem("padding") == ""
    assert opened.control("stride").get_attribute("aria-invalid") == "true"
    assert "field-stride-problem" in (opened.control("stride").get_attribute("aria-describedby") or "")
    assert opened.status.startswith("Refused: ")
    assert opened.outputs() == {}


def test_a_corrected_field_is_refused_no_longer(opened: OpenedPage) -> None:
    """A message that stays after its cause is gone is wrong."""
    opened.show("max_pool2d", {"kernel_size": "0"})
    opened.fill(opened.control("kernel_size"), "2")

    assert opened.problem("kernel_size") == ""
    assert opened.control("kernel_size").get_attribute("aria-invalid") is None
    assert opened.page.locator("#refusal").is_hidden()
    assert opened.outputs()["output"] == [[["6", "8"], ["14", "16"]]]


def test_fields_and_input_that_disagree_are_refused_above_the_fields(opened: OpenedPage) -> None:
    """The size of a window is no fault of one field."""
    opened.show("max_pool2d", {"kernel_size": "9"})

    assert "no window fits on axis H" in opened.page.locator("#fields-problem").inner_text()
    assert "no window fits on axis H" in opened.page.locator("#refusal").inner_text()


@pytest.mark.parametrize(("shape", "words"), [("1,1,1,4,4", "dimensions"), ("1,0,4", "empty")])
def test_a_shape_that_cannot_be_pooled_is_refused_beside_the_input(opened: OpenedPage, shape: str, words: str) -> None:
    """No field would mend it."""
    opened.show("max_pool2d", {"kernel_size": "1"}, shape=shape, kind="ramp")

    assert words in opened.page.locator("#input-problem").inner_text()
    assert words in opened.page.locator("#refusal").inner_text()
    assert opened.page.locator("#fields-problem").is_hidden()


def test_an_element_beyond_its_type_is_refused_beside_the_input(opened: OpenedPage) -> None:
    """The service says which element."""
    opened.show("max_pool2d", {"kernel_size": "1"}, x="1 2\n3 300", dtype="uint8", kind="matrix")

    assert "300" in opened.page.locator("#input-problem").inner_text()
    assert "uint8 goes from 0 to 255" in opened.page.locator("#input-problem").inner_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2\n3", "Row 2 has 1 numbers, and the first row has 2."),
        ("1 2\n3 four", "four is no number."),
        ("[[1, 2], [3]]", "The lists differ in length"),
        ("", "There is no number yet"),
    ],
)
def test_a_matrix_that_cannot_be_read_says_why(opened: OpenedPage, text: str, words: str) -> None:
    """The reader finds the row."""
    opened.show("max_pool2d", {"kernel_size": "1"}, x=text, kind="matrix")

    assert words in opened.page.locator("#input-problem").inner_text()


def test_a_tensor_beside_the_input_is_refused_beside_it(opened: OpenedPage) -> None:
    """Boxes and indices have rules of their own."""
    opened.show("max_unpool2d")
    opened.fill(opened.page.locator("#tensor-indices"), "[[[[1, 2")

    assert "A closing bracket ] is missing." in opened.page.locator("#tensor-indices-problem").inner_text()


def test_warnings_of_the_plan_are_shown(opened: OpenedPage) -> None:
    """A request may be valid and still seldom intended."""
    opened.show("adaptive_max_pool2d", {"output_size": "9"})

    assert "windows repeat elements" in opened.page.locator(".warnings").inner_text()
    assert opened.status.endswith(" 2 warnings.")
