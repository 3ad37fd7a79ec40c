"""Output of the commands for texts of a malicious server or file: no control characters reach the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from poolhouse.commands.group import run
from tests.client.test_messages import ESCAPES
from tests.client.test_transports import run_scripted_server
from tests.client.test_untrusted_responses import document_response

SUMMARY = {"name": ESCAPES, "rank": 1, "summary": ESCAPES, "fields": [ESCAPES]}
DOCUMENT = {
    **dict.fromkeys(("name", "description", "shape", "source"), ESCAPES),
    "fields": [{**dict.fromkeys(("name", "accepts", "meaning", "default_from"), ESCAPES)}, {"default": ESCAPES}, 7],
    "element_types": {ESCAPES: ESCAPES},
}
PLAN = {
    "operator": ESCAPES,
    "spec": {ESCAPES: ESCAPES, "kernel_size": [ESCAPES]},
    "outputs": {ESCAPES: {"dtype": "int8", "shape": [1]}},
    "input_bytes": 1,
    "output_bytes": 1,
    "warnings": [ESCAPES],
    "cost": {"steps": ESCAPES, "workspace_bytes": ESCAPES},
}
REFUSED = {
    "code": "invalid_fields",
    "detail": ESCAPES,
    "errors": [{"pointer": ESCAPES, "code": "type", "message": "m"}],
}
PLAN_COMMAND = ["plan", "max_pool1d", "--shape", "1,1", "--kernel-size", "1"]
RESPONSES = {
    "the catalogue": (["operators"], document_response({"operators": [SUMMARY]})),
    "the catalogue as JSON": (["operators", "--json"], document_response({"operators": [SUMMARY]})),
    "an empty catalogue": (["operators"], document_response({"operators": []})),
    "an operator": (["operators", "x"], document_response(DOCUMENT)),
    "an operator as JSON": (["operators", "x", "--json"], document_response(DOCUMENT)),
    "an empty operator": (["operators", "x"], document_response({})),
    "a plan": (PLAN_COMMAND, document_response(PLAN)),
    "a plan as JSON": ([*PLAN_COMMAND, "--json"], document_response(PLAN)),
    "a refusal": (PLAN_COMMAND, document_response(REFUSED, "422 No")),
    "another service": (PLAN_COMMAND, document_response(ESCAPES.encode(), "500 No")),
}


def has_no_control_characters(text: str) -> bool:
    """Whether a text has no control characters except line ends."""
    return text.replace("\n", "").isprintable()


@pytest.mark.parametrize(("arguments", "response"), RESPONSES.values(), ids=list(RESPONSES))
def test_control_characters_of_a_server_are_escaped(
    arguments: list[str], response: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """It could clear the screen, rename the window, or make one word look like another."""
    with run_scripted_server(lambda _: response, closes=True) as server:
        code = run([*arguments, "--url", server.url])

    out, err = capsys.readouterr()
    assert has_no_control_characters(out)
    assert has_no_control_characters(err)
    assert code == int(b" 200 " not in response)
    if "--json" in arguments:
        assert json.loads(out) in ([ESCAPES], DOCUMENT, PLAN), "the value is unchanged"


def test_control_characters_in_a_file_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The names of its tensors may contain any characters."""
    names = [f"{ESCAPES}{each}" for each in range(2)]
    save_file({name: np.zeros((1, 1), np.float32) for name in names}, tmp_path / "x.safetensors")

    code = run(["pool", "max_pool1d", str(tmp_path / "x.safetensors"), "-o", "y.npy", "--kernel-size", "1"])

    out, err = capsys.readouterr()
    assert code == 2
    assert "but no input" in err
    assert has_no_control_characters(out + err)


def test_control_characters_in_a_file_name_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """It may come from an archive."""
    assert run(["pool", "max_pool1d", "\x1b[2J.npy", "-o", "y.npy", "--kernel-size", "1"]) == 1
    assert has_no_control_characters(capsys.readouterr().err)
