"""The console script reports a missing library with the command that installs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from poolhouse.cli import main
from poolhouse.commands.registry import COMMANDS


def make_absent(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Let the import of the commands fail, as in an install without this module."""

    def fail(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr("poolhouse.cli.import_module", fail)


@pytest.mark.parametrize("code", [0, 1, 2, 130])
def test_arguments_and_exit_code_are_passed_on(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """A script must get the code of the command, and the command the arguments of the process."""
    given: list[Sequence[str]] = []

    def run(arguments: Sequence[str]) -> int:
        given.append(arguments)
        return code

    monkeypatch.setattr("poolhouse.cli.import_module", lambda name: SimpleNamespace(run=run))
    monkeypatch.setattr(sys, "argv", ["poolhouse", "plan", "--help"])

    assert main() == main(("plan", "--help")) == code
    assert given == [["plan", "--help"]] * 2


@pytest.mark.parametrize(
    ("arguments", "module", "message"),
    [
        (["serve"], "fastapi", "fastapi is not installed; poolhouse serve needs the server extra: {server}"),
        (["pool", "max_pool2d"], "click", "click is not installed; poolhouse pool needs the cli extra: {cli}"),
        (["--verbose", "plan"], "click", "click is not installed; poolhouse plan needs the cli extra: {cli}"),
        (["serve"], "torch.nn", "torch is not installed; poolhouse serve needs the server extra: {server}"),
        (["pool", "x.png"], "PIL.Image", "PIL is not installed; images need the images extra: {images}"),
        (["serve"], "numpy", "numpy is not installed, and every command needs it: pip install numpy"),
        (["operators"], "httpcore._sync", "httpcore is not installed, and every command needs it: {plain} httpcore"),
        (["pol"], "click", "pol is not a command; did you mean pool? (see poolhouse --help)"),
    ],
)
def test_a_missing_library_is_one_line_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    module: str,
    message: str,
) -> None:
    """The wrong extra would install gigabytes of torch, or not help at all."""
    make_absent(monkeypatch, module)
    extras = {extra: f"pip install 'poolhouse[{extra}]'" for extra in ("cli", "server", "images")}

    code = main(arguments)

    assert code == 2
    assert capsys.readouterr() == ("", f"poolhouse: {message.format(plain='pip install', **extras)}\n")


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["-h"], 0), ([], 2), (["--quiet"], 2)])
def test_without_click_the_help_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    """Requested help is output, which a pager reads; help for an invalid command line is an error message."""
    make_absent(monkeypatch, "click")

    exit_code = main(arguments)

    shown, hidden = capsys.readouterr() if code == 0 else reversed(capsys.readouterr())
    assert (exit_code, hidden) == (code, "")
    assert [name for name in COMMANDS if name not in shown] == []


def test_a_missing_module_of_ours_is_not_reported_as_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such an install is broken, and its traceback is needed."""
    make_absent(monkeypatch, "poolhouse.rest")

    with pytest.raises(ModuleNotFoundError, match=r"poolhouse\.rest"):
        main(["serve"])
