"""Each operation of the documentation page can be executed in a browser as it is prefilled.

Swagger UI prefills the examples of the document; an example in the wrong place once made every execution fail.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page

from poolhouse import describe
from poolhouse.operators.catalogue import discover
from poolhouse.operators.operator import Operator
from tests.rest.browser import browser_page, needs_chromium
from tests.rest.live_server import LiveServer
from tests.run_level import Level, level
from tests.served_document import served_document

pytestmark = [pytest.mark.browser, needs_chromium]

DOCUMENT = served_document()
PATHS = DOCUMENT["paths"]
assert isinstance(PATHS, dict)
OPERATIONS = {
    operation["operationId"]: operation["tags"][0] for methods in PATHS.values() for operation in methods.values()
}
OPERATORS = {member.name.replace(".", "_"): member for member in discover()}
REFUSED = {"load_model": "501", "unload_model": "501"} | dict.fromkeys(
    ("change_log_settings", "change_trace_settings", "change_model_trace_settings"), "403"
)
"""Operations of the Open Inference Protocol that a service with default settings refuses, and the statuses. Shared
memory, whose operations are those with regions, is off."""
QUICK_OPERATIONS = {"max_pool1d"}
"""One with a body; Swagger UI takes seconds for each, and CI tries out more."""
PLANNED = {"max_pool2d"}
"""All plans have the same form."""
TRIED_WITH_FILES = {"max_pool1d", "mode_pool2d", "pyramid_pool2d", "onnx.MaxPool"}
"""All operators have the same form for a file."""


@pytest.fixture(scope="module")
def page(live_server: LiveServer) -> Iterator[Page]:
    """The documentation page, in a browser that all tests of this file share."""
    with browser_page() as page:
        page.goto(f"{live_server.url}/docs")
        page.locator(".opblock-tag").first.wait_for()
        yield page


def show_families(page: Page, part: str) -> None:
    """Show the families whose name has this part, and wait until the page shows no others."""
    twentieth = page.locator(".opblock-tag").nth(19)
    page.locator(".operation-filter-input").fill("")
    twentieth.wait_for()
    page.locator(".operation-filter-input").fill(part)
    twentieth.wait_for(state="detached")


def execute(block: Locator) -> str:
    """Execute the operation, clear the result, and return its status."""
    block.locator(".execute").click()
    status = block.locator(".live-responses-table tr.response .response-col_status").inner_text()
    block.locator(".btn-clear").click()
    return status.split()[0]


def example_file(member: type[Operator]) -> tuple[str, str, bytes]:
    """The tensors of the example as a file: its media type, name and bytes."""
    request = describe.example(member)["request"]
    assert isinstance(request, dict)
    given = request["input"]
    array = np.array(given["data"] if isinstance(given, dict) else given, member.samples[0].dtype)
    file = io.BytesIO()
    if member.inputs == ("input",):
        np.save(file, array)
        return "application/x-npy", "input.npy", file.getvalue()
    np.savez(file, input=array, indices=np.array(request["indices"], np.int64))
    return "application/x-npz", "input.npz", file.getvalue()


def choose_file(block: Locator, member: type[Operator]) -> None:
    """Choose the example's tensors as a file, and fill in the fields in the form."""
    media_type, name, body = example_file(member)
    request = describe.example(member)["request"]
    assert isinstance(request, dict)
    block.locator(".opblock-section-request-body .content-type").select_option(media_type)
    block.locator("input[type=file]").set_input_files({"name": name, "mimeType": media_type, "buffer": body})
    for field in member.fields():
        value = request.get(field.name)
        if value is not None and not isinstance(value, bool):
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            control = block.locator(f"tr[data-param-name={field.name}][data-param-in=query]")
            if control.locator("select").count():
                control.locator("select").select_option(text)
            else:
                control.locator("input").fill(text)


def open_operation(page: Page, tag: str, operation: str) -> Locator:
    """Open an operation whose family is shown, ready to be executed."""
    family, block = page.locator(f"#operations-tag-{tag}"), page.locator(f"#operations-{tag}-{operation}")
    if family.get_attribute("data-is-open") == "false":
        family.click()
    block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").first.wait_for()
    # An operation that another test has opened is ready already.
    button = block.locator(".try-out__btn:not(.cancel):not(.reset)")
    if button.count():
        button.click()
    return block


def close_family(page: Page, tag: str) -> None:
    """Close a family: the page draws the operations of all open ones whenever the filter changes."""
    family = page.locator(f"#operations-tag-{tag}")
    family.click()
    page.locator(f"#operations-tag-{tag}[data-is-open=false]").wait_for()


def some(names: list[str], step: int) -> list[str]:
    """Every ``step``-th name; all in an exhaustive run, since each takes the page seconds."""
    return names if level() >= Level.EXHAUSTIVE else names[::step]


def tried_operations() -> list[str]:
    """Some of the operations that are no operator's, and a few of operators."""
    others = [each for each in OPERATIONS if each.removeprefix("plan_") not in OPERATORS]
    plans = [f"plan_{name}" for name in PLANNED]
    return [*(name for name, member in OPERATORS.items() if member.name in TRIED_WITH_FILES), *plans, *some(others, 4)]


@pytest.mark.parametrize(
    "operation",
    [pytest.param(name, marks=() if name in QUICK_OPERATIONS else pytest.mark.slow) for name in tried_operations()],
)
def test_every_operation_succeeds_as_it_is_prefilled(page: Page, operation: str) -> None:
    """Visitors press Execute first; and an operator accepts an array from a file, too."""
    tag = OPERATIONS[operation]
    # The fewer operations are shown, the faster is each of them.
    show_families(page, tag)
    block = open_operation(page, tag, operation)

    statuses = [execute(block)]
    if operation in OPERATORS:
        choose_file(block, OPERATORS[operation])
        statuses.append(execute(block))
    block.locator(".opblock-summary-control").click()
    close_family(page, tag)

    assert set(statuses) == {REFUSED.get(operation, "501" if "region" in operation else "200")}


@pytest.mark.slow
@pytest.mark.parametrize("tag", some(sorted({OPERATIONS[operation] for operation in OPERATORS}), 10))
def test_every_operator_of_a_family_succeeds_as_it_is_prefilled(page: Page, tag: str) -> None:
    """Each operator has an example of its own, which could be wrong."""
    show_families(page, tag)
    statuses = {}
    for operation in OPERATORS:
        if OPERATIONS[operation] == tag:
            block = open_operation(page, tag, operation)
            statuses[operation] = execute(block)
            block.locator(".opblock-summary-control").click()
    close_family(page, tag)

    assert set(statuses.values()) == {"200"}, statuses


def test_every_family_is_shown_with_its_sentence(page: Page) -> None:
    """A list of names alone tells a newcomer nothing."""
    show_families(page, "unpool")
    page.locator(".operation-filter-input").fill("")
    page.locator(".opblock-tag").nth(19).wait_for()
    shown = page.locator(".opblock-tag").all_inner_texts()
    tags = DOCUMENT["tags"]
    assert isinstance(tags, list)

    assert len(shown) == len(tags)
    for text, tag in zip(shown, tags, strict=True):
        name, sentence = text.split("\n\n")
        assert name == tag["name"]
        # Marks of Markdown are not shown.
        assert sentence == tag["description"].replace("`", "")
        assert sentence.endswith(".")


def test_the_page_fits_a_narrow_screen_and_a_dark_one(page: Page) -> None:
    """Swagger UI's own style lets a narrow page grow to thirty thousand pixels, a letter in each line."""
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size({"width": 360, "height": 800})
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("innerWidth === 360 && matchMedia('(prefers-color-scheme: dark)').matches")
    width = page.evaluate("document.documentElement.scrollWidth")
    tallest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.opblock-tag')].map((each) => each.clientHeight))"
    )
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(before)

    assert width == 360
    assert tallest < 200
    assert background == "rgb(28, 32, 34)"


def test_the_page_leads_to_the_others(page: Page) -> None:
    """The links are relative, so they work below a prefix."""
    links = {link.inner_text(): link.get_attribute("href") for link in page.locator("nav a").all()}

    assert links == {"Playground": "./", "API": "docs", "OpenAPI document": "openapi.json"}


def test_an_operation_is_resolved_from_its_own_part_of_the_document(page: Page) -> None:
    """Swagger UI parses what it resolves from: the whole document takes it seconds for each operation. A reference
    without its target would be an error on the page."""
    found = page.evaluate(
        """async () => {
          const whole = await (await fetch('openapi.json')).json();
          const missing = [];
          let largest = 0;
          for (const [path, methods] of Object.entries(whole.paths)) {
            for (const method of Object.keys(methods)) {
              const part = partFor(whole, ['paths', path, method]);
              largest = Math.max(largest, JSON.stringify(part.paths).length + JSON.stringify(part.components).length);
              if (part.paths[path][method] !== methods[method]) missing.push([path, method]);
              for (const keys of [...referencesOf(part.paths), ...referencesOf(part.components)]) {
                if (keys.reduce((parent, key) => parent?.[key], part) === undefined) missing.push(keys);
              }
            }
          }
          return [missing, largest, JSON.stringify(whole).length];
        }"""
    )

    missing, largest, whole = found
    assert missing == []
    assert largest < whole / 20


def test_the_filter_finds_a_family(page: Page) -> None:
    """The page lists some three hundred operations."""
    field = page.locator(".operation-filter-input")

    field.fill("")
    page.locator("#operations-tag-max_pool").wait_for()
    field.fill("adaptive_max")
    page.locator("#operations-tag-max_pool").wait_for(state="detached")
    found = [tag.get_attribute("data-tag") for tag in page.locator(".opblock-tag").all()]

    assert found == ["adaptive_max_pool"]
