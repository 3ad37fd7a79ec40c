"""The numbers that the page shows are those of the API, for every operator."""

from __future__ import annotations

import numpy as np
import pytest

from poolhouse import describe
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Operator
from poolhouse.operators.region_operator import RegionOperator
from tests.operator_selection import covered_operators
from tests.rest.browser import needs_chromium
from tests.rest.live_server import LiveServer
from tests.rest.page.opened_page import OpenedPage, answer_array, as_array

pytestmark = [pytest.mark.browser, needs_chromium]

MEMBERS = covered_operators(discover())
ONE_OF = 6
"""The quick run shows every sixth family, and all operators on regions, which have tensors of their own."""


QUICK = {
    member.name for member in (*MEMBERS[::ONE_OF], *(each for each in MEMBERS if issubclass(each, RegionOperator)))
}


@pytest.mark.parametrize(
    "member",
    [pytest.param(each, id=each.name, marks=() if each.name in QUICK else pytest.mark.slow) for each in MEMBERS],
)
def test_the_example_of_every_operator_is_shown_as_the_service_answers_it(
    opened: OpenedPage, page_server: LiveServer, member: type[Operator]
) -> None:
    """The page reads and writes tensors by code of its own."""
    with page_server.client() as client:
        answer = client.post(f"/v1/pool/{member.name}", json=describe.example(member)["request"]).json()

    opened.show(member.name)
    shown = opened.outputs()

    assert opened.name == member.name
    assert list(shown) == list(answer)
    for name, entry in answer.items():
        np.testing.assert_array_equal(as_array(shown[name], entry["dtype"], entry["shape"]), answer_array(entry))


@pytest.mark.parametrize("dtype", ELEMENT_TYPES)
def test_every_element_type_is_shown_exactly(opened: OpenedPage, dtype: str) -> None:
    """JavaScript has one type of number, which does not represent all of them."""
    opened.show("max_pool2d", {"kernel_size": "1"}, dtype=dtype, shape="2,3,5", kind="ramp")

    shown = as_array(opened.outputs()["output"], dtype, (2, 3, 5))

    expected = np.arange(30) % 2 == 1 if dtype == "bool" else np.arange(1, 31)
    np.testing.assert_array_equal(shown.reshape(-1), expected)
    assert opened.captions()["output"] == f"output {dtype} (2, 3, 5)"


def test_random_numbers_are_those_of_their_seed(opened: OpenedPage) -> None:
    """A link with a seed shows everybody the same numbers."""
    shown = []
    for seed in ("7", "8", "7"):
        opened.show("max_pool2d", {"kernel_size": "1"}, shape="1,4,4", seed=seed, kind="random")
        shown.append(opened.outputs()["output"])

    assert shown[0] == shown[2] != shown[1]


def test_large_integers_keep_their_digits(opened: OpenedPage) -> None:
    """2^63 - 1 as a number of JavaScript is 2^63."""
    opened.show(
        "max_pool1d", {"kernel_size": "1"}, dtype="int64", x="9223372036854775807 -9007199254740993", kind="matrix"
    )

    assert opened.outputs()["output"] == [[["9223372036854775807", "-9007199254740993"]]]


def test_special_values_are_read_and_shown(opened: OpenedPage) -> None:
    """Readers come with the question what NaN does."""
    opened.show("max_pool1d", {"kernel_size": "1"}, x="nan inf -inf -0.0 0.1 1e-45", kind="matrix")

    assert opened.outputs()["output"] == [[["NaN", "Infinity", "-Infinity", "-0", "0.1", "1e-45"]]]


def test_a_picture_is_pooled_as_bytes(opened: OpenedPage) -> None:
    """The photograph of the page is the one of the examples, so its average is known."""
    photo = np.load("examples/photo.npy")

    opened.show("global_max_pool2d", dtype="uint8", kind="photo")

    shown = as_array(opened.outputs()["output"], "uint8", (3,))
    np.testing.assert_array_equal(shown, photo.max((0, 2, 3)))


def test_a_large_request_is_pooled_when_the_reader_says_so(opened: OpenedPage) -> None:
    """A slip in a shape must not send a hundred megabytes."""
    opened.show("global_max_pool1d", shape="1,1100000", dtype="float32", kind="ramp")

    before = opened.outputs()
    opened.page.get_by_role("button", name="Pool it").click()
    opened.page.locator("#outputs table").wait_for()

    assert before == {}
    assert opened.outputs()["output"] == [[["1100000"]]]


def test_a_picture_stays_the_input_of_the_next_operator(opened: OpenedPage) -> None:
    """Readers compare operators on one picture."""
    photo = np.load("examples/photo.npy")
    opened.show("global_avg_pool2d", kind="photo", dtype="uint8")

    opened.page.locator("#result").evaluate("(node) => node.setAttribute('aria-busy', 'true')")
    opened.page.locator("input[name=operator][value=global_min_pool2d]").check(force=True)
    opened.wait()

    assert opened.name == "global_min_pool2d"
    shown = as_array(opened.outputs()["output"], "uint8", (3,))
    np.testing.assert_array_equal(shown, photo.min((0, 2, 3)))
