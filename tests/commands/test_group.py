"""The execution of a command line: exit codes, error lines, and the help."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import click
import pytest

from poolhouse.commands.group import run
from poolhouse.commands.registry import COMMANDS
from poolhouse.commands.session import CommandFailed


def set_command(monkeypatch: pytest.MonkeyPatch, callback: Callable[..., object], *params: click.Parameter) -> None:
    """Let ``poolhouse plan`` call this function."""
    command = click.Command("plan", callback=callback, params=list(params))
    monkeypatch.setattr("poolhouse.commands.group.import_module", lambda name: SimpleNamespace(command=command))


def _raise(error: BaseException) -> Callable[[], object]:
    def callback() -> object:
        raise error

    return callback


@pytest.mark.parametrize(
    ("callback", "code"),
    [
        (lambda: None, 0),
        (lambda: "a result", 0),
        (lambda: 3, 3),
        (lambda: click.get_current_context().exit(5), 5),
        (_raise(CommandFailed("refused")), 1),
        (_raise(click.UsageError("wrong")), 2),
        (_raise(click.Abort()), 130),
        (_raise(KeyboardInterrupt()), 130),
    ],
    ids=["nothing", "an object", "a code", "an exit", "a refusal", "an invalid line", "an abort", "an interrupt"],
)
def test_the_exit_code_tells_the_outcome(
    monkeypatch: pytest.MonkeyPatch, callback: Callable[[], object], code: int
) -> None:
    """A script distinguishes a refusal, an invalid command line and an interrupt."""
    set_command(monkeypatch, callback)

    assert run(["plan"]) == code


def test_a_failure_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exit code alone would hide a bug."""
    set_command(monkeypatch, _raise(ZeroDivisionError()))

    with pytest.raises(ZeroDivisionError):
        run(["plan"])


def test_each_line_of_an_error_has_the_prefix_and_the_last_one_names_the_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several invalid settings are reported together, one a line."""
    set_command(monkeypatch, lambda: _raise(click.UsageError("one\ntwo", click.get_current_context()))())

    run(["plan"])

    assert capsys.readouterr().err == "poolhouse: one\npoolhouse: two (see poolhouse plan --help)\n"


@pytest.mark.parametrize(
    ("option", "hint"),
    [("--pool-size", "Did you mean '--kernel-size'?"), ("--kernel_size", "Did you mean '--kernel-size'?")],
)
def test_an_option_of_another_library_suggests_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str, hint: str
) -> None:
    """click alone compares letters, and would suggest nothing."""
    set_command(monkeypatch, lambda kernel_size: None, click.Option(["--kernel-size"]))

    code = run(["plan", option, "2"])

    assert code == 2
    assert hint in capsys.readouterr().err


def test_the_help_lists_each_command_and_imports_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Importing torch would take seconds, and needs the server extra."""
    monkeypatch.setattr("poolhouse.commands.group.import_module", lambda name: pytest.fail(f"{name} was imported"))
    monkeypatch.setenv("COLUMNS", "200")

    code = run(["--help"])

    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert code == 0
    for name, each in COMMANDS.items():
        assert each.summary in lines[name]
        assert ("Needs the server extra." in lines[name]) == (each.extra == "server")


def test_without_arguments_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """With the list of commands."""
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_an_unknown_command_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With the likely one; click would print its usage too."""
    code = run(["pol", "max_pool2d"])

    assert code == 2
    assert capsys.readouterr().err == "poolhouse: pol is not a command; did you mean pool? (see poolhouse --help)\n"
