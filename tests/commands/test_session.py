"""What commands print and how they fail: single lines without control characters, with the remedy."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.client.clients import Client
from poolhouse.commands import session
from poolhouse.commands.session import CommandFailed, connect, print_message, print_text, report_errors
from poolhouse.errors import FieldProblem, PoolhouseError, Unprocessable
from tests.hypothesis_profiles import scaled_examples

ANY_TEXT = st.text(st.characters() | st.sampled_from("\x1b\r\n\t\x00\u202e\u2028 "))


@scaled_examples(200)
@given(ANY_TEXT)
def test_a_message_is_one_printable_line(message: str) -> None:
    """A server's text could otherwise control the terminal, or look like several messages."""
    printed = io.StringIO()
    with redirect_stderr(printed):
        print_message(message)

    line = printed.getvalue()
    assert line.startswith("poolhouse: ")
    assert line.endswith("\n")
    assert line[:-1].isprintable()


def test_line_breaks_in_a_message_become_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    """Escaped ones would be hard to read."""
    print_message("one\n  two\tthree\n")

    assert capsys.readouterr().err == "poolhouse: one two three\n"


@scaled_examples(200)
@given(st.lists(ANY_TEXT))
def test_json_keeps_its_value_when_it_is_printed(value: list[str]) -> None:
    """Control characters are escaped as JSON does, so a script reads what the server sent."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        print_text(json.dumps(value, ensure_ascii=False, indent=2))

    assert printed.getvalue().replace("\n", "").isprintable()
    assert json.loads(printed.getvalue()) == value


FIELDS = [FieldProblem("/stride", "range", "must be positive"), FieldProblem("?padding", "type", "is no number")]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Unprocessable("wrong_rank", "the rank is 7"), "the rank is 7"),
        (Unprocessable("invalid_fields", "wrong", problems=FIELDS[:1]), "wrong stride: must be positive"),
        (
            Unprocessable("invalid_fields", "stride must be positive", problems=FIELDS),
            "stride must be positive padding: is no number",
        ),
        (FileNotFoundError(2, "No such file", "x.npy"), "x.npy: No such file"),
        (OSError("cannot be mapped"), "file: cannot be mapped"),
    ],
)
def test_an_expected_error_fails_the_command_with_its_message(error: PoolhouseError | OSError, message: str) -> None:
    """Each fact is told once: most details repeat the messages of their fields."""
    with pytest.raises(CommandFailed) as failed, report_errors():
        raise error

    assert failed.value.message == message
    assert failed.value.exit_code == 1


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), ZeroDivisionError()])
def test_another_error_is_raised_as_it_is(error: Exception) -> None:
    """click ends the process on a closed pipe; a bug needs its traceback."""
    with pytest.raises(type(error)), report_errors():
        raise error


class TestConnect:
    @pytest.mark.parametrize(
        ("url", "api_key", "timeout", "message"),
        [
            ("gopher://x", None, 1.0, "--url is"),
            ("http://x", "a key", 1.0, "API key"),
            ("http://x", None, float("nan"), "timeout is nan"),
        ],
    )
    def test_an_invalid_option_is_named(self, url: str, api_key: str | None, timeout: float, message: str) -> None:
        """The user gave an option, not the client's argument."""
        with pytest.raises(click.UsageError, match=message), connect(url, api_key, timeout):
            pytest.fail("the block must not run")

    def test_errors_in_the_block_are_reported(self) -> None:
        """A refusal is raised by the call, not by the connection."""
        with pytest.raises(CommandFailed, match="too wide"), connect("http://127.0.0.1:1", None, 1.0):
            raise Unprocessable("wrong_rank", "too wide")

    def test_without_the_server_extra_both_remedies_are_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The extra, or the address of a service."""
        fail_local(monkeypatch, ModuleNotFoundError("No module named 'torch'", name="torch"))

        with pytest.raises(click.UsageError) as refused, connect(None, None, 1.0):
            pytest.fail("the block must not run")

        assert "torch is not installed" in refused.value.message
        assert "pip install 'poolhouse[server]'" in refused.value.message
        assert "--url http://host:8000" in refused.value.message

    def test_a_missing_module_of_ours_is_raised_as_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An extra would not repair the install."""
        fail_local(monkeypatch, ModuleNotFoundError("No module named 'poolhouse.rest'", name="poolhouse.rest"))

        with pytest.raises(ModuleNotFoundError), connect(None, None, 1.0):
            pytest.fail("the block must not run")

    def test_invalid_settings_of_the_environment_are_listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A service in this process reads the same variables as a server."""
        monkeypatch.setenv("POOLHOUSE_MAX_WORKS", "7")

        with pytest.raises(click.UsageError, match=r"did you mean POOLHOUSE_MAX_WORK\?"), connect(None, None, 1.0):
            pytest.fail("the block must not run")


def fail_local(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the start of a service in this process fail."""

    def local(timeout: float) -> Client:
        raise error

    monkeypatch.setattr(Client, "local", local)


class TestProgressLine:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
        """The time, which a test sets; standard error is a terminal."""
        clock = SimpleNamespace(now=1000.0)
        monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=lambda: clock.now))
        monkeypatch.setattr(session, "_is_interactive", lambda: True)
        return clock

    def test_a_long_transfer_is_shown_ten_times_a_second_and_then_erased(
        self, clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Writing a line for each chunk would slow the transfer down."""
        shown = []
        with session._ProgressLine(2_000_000) as line:
            for tenths in range(10):
                clock.now = 1000.05 + tenths / 20
                line.on_transfer("sent", tenths * 100_000)
                shown.append(capsys.readouterr().err)

        # The first 0.3 s show nothing; then each second call comes too early. click removes colours and the like from
        # what is not a terminal.
        assert [bool(text) for text in shown[:6]] == [False] * 6
        assert 1 <= sum(map(bool, shown[6:])) <= 2
        assert shown[6] == "\rsent 0.6 of 2.0 MB … "
        assert capsys.readouterr().err == "\r"

    def test_the_size_of_a_response_is_not_known(
        self, clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The size of the request would be the wrong total."""
        with session._ProgressLine(2_000_000) as line:
            clock.now += 1
            line.on_transfer("received", 5_000_000)

        assert "received 5.0 MB" in capsys.readouterr().err

    def test_a_short_transfer_shows_nothing(self, clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
        """A line that flashes only distracts."""
        with session._ProgressLine(10) as line:
            clock.now += 0.2
            line.on_transfer("sent", 10)

        assert capsys.readouterr().err == ""

    def test_without_a_terminal_nothing_is_shown(
        self, clock: SimpleNamespace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A log file must not get control sequences."""
        monkeypatch.setattr(session, "_is_interactive", lambda: False)

        with session._ProgressLine(10) as line:
            line.show("starting")
            clock.now += 9
            line.on_transfer("sent", 10)

        assert capsys.readouterr().err == ""
