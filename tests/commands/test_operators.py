"""``poolhouse operators`` without a service: the bundled catalogue as text and as JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from poolhouse.commands.catalogue import bundled_operators
from poolhouse.commands.operators import command

NAMES = list(bundled_operators())


def run(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(command, arguments)


def test_the_list_has_two_lines_for_each_operator() -> None:
    """Its sentence, and its fields, which a user types as options."""
    lines = run().output.splitlines()

    assert [line.split()[0] for line in lines[::2]] == NAMES
    for line, fields, document in zip(lines[::2], lines[1::2], bundled_operators().values(), strict=True):
        assert line.endswith(f"  {document['summary']}")
        assert fields.strip() == ", ".join(field["name"] for field in document["fields"])
        assert len(fields) - len(fields.lstrip()) == line.index(document["summary"]) or not document["fields"]


def test_a_script_gets_the_names_and_whole_documents() -> None:
    """The same JSON as from a service."""
    assert json.loads(run("--json").output) == NAMES
    assert json.loads(run("avg_pool3d", "--json").output) == bundled_operators()["avg_pool3d"]


@pytest.mark.parametrize("name", NAMES)
def test_a_description_has_every_field_with_its_default(name: str) -> None:
    """Without the marks of code spans, which a terminal does not render."""
    text = run(name).output

    lines = text.splitlines()
    assert lines[0] == name
    assert "``" not in text
    for field in bundled_operators()[name]["fields"]:
        line = next(line for line in lines if line.startswith(f"  {field['name']}: "))
        assert ("; required" in line) + ("; default: " in line) == 1


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("max_pool1d", "  kernel_size: integer ≥ 1; required"),
        ("max_pool1d", "  stride: integer ≥ 1; default: kernel_size"),
        ("max_pool1d", "  ceil_mode: true or false; default: false"),
    ],
)
def test_a_default_is_written_as_in_json(name: str, line: str) -> None:
    """A reader can copy it into a request."""
    assert line in run(name).output.splitlines()


def test_a_description_has_every_tensor_beside_the_input() -> None:
    """With its element types, and whether a request needs it."""
    lines = run("span_pool").output.splitlines()

    assert "  tensor spans: int64; required" in lines
    (mask,) = [line for line in lines if line.startswith("  tensor mask: ")]
    assert {"int64", "uint8", "bool"} <= set(mask.partition(";")[0].split())
    assert mask.endswith("; optional")
    for each in bundled_operators()["span_pool"]["companions"]:
        assert f"      {each['meaning']}" in lines


def test_an_unknown_operator_gets_a_suggestion() -> None:
    """In place of a whole list."""
    done = run("maxpool2d")

    assert done.exit_code == 2
    assert "maxpool2d is not an operator; did you mean max_pool2d?" in done.output
