"""What the commands print of a server or of a file that means harm: words, and nothing that a terminal obeys."""

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

LINE = {"name": ESCAPES, "rank": 1, "summary": ESCAPES, "fields": [ESCAPES]}
CARD = {
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
PLANNED = ["plan", "max_pool1d", "--shape", "1,1", "--kernel-size", "1"]
SAID = {
    "the list": (["operators"], document_response({"operators": [LINE]})),
    "the list as JSON": (["operators", "--json"], document_response({"operators": [LINE]})),
    "no list": (["operators"], document_response({"operators": []})),
    "a card": (["operators", "x"], document_response(CARD)),
    "a card as JSON": (["operators", "x", "--json"], document_response(CARD)),
    "an empty card": (["operators", "x"], document_response({})),
    "a plan": (PLANNED, document_response(PLAN)),
    "a plan as JSON": ([*PLANNED, "--json"], document_response(PLAN)),
    "a refusal": (PLANNED, document_response(REFUSED, "422 No")),
    "another service": (PLANNED, document_response(ESCAPES.encode(), "500 No")),
}


def only_words(text: str) -> bool:
    """Whether a terminal obeys nothing of it but its line ends."""
    return text.replace("\n", "").isprintable()


@pytest.mark.parametrize(("words", "said"), SAID.values(), ids=list(SAID))
def test_a_server_does_not_command_the_terminal(
    words: list[str], said: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """It could clear the screen, rename the window, or make one word look like another."""
    with run_scripted_server(lambda _: said, hangs_up=True) as listener:
        code = run([*words, "--url", listener.url])

    out, err = capsys.readouterr()
    assert only_words(out)
    assert only_words(err)
    assert code == int(b" 200 " not in said)
    if "--json" in words:
        shown = json.loads(out)
        assert shown in ([ESCAPES], CARD, PLAN), "the value is the same"


def test_a_file_does_not_command_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The names in it are of whoever wrote it."""
    names = [f"{ESCAPES}{each}" for each in range(2)]
    save_file({name: np.zeros((1, 1), np.float32) for name in names}, tmp_path / "x.safetensors")

    code = run(["pool", "max_pool1d", str(tmp_path / "x.safetensors"), "-o", "y.npy", "--kernel-size", "1"])

    out, err = capsys.readouterr()
    assert code == 2
    assert "and no input" in err
    assert only_words(out + err)


def test_a_name_of_a_file_does_not_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """It may have come with an archive."""
    assert run(["pool", "max_pool1d", "\x1b[2J.npy", "-o", "y.npy", "--kernel-size", "1"]) == 1
    assert only_words(capsys.readouterr().err)
