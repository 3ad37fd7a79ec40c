"""``poolhouse serve``: settings from options and the environment, and what prevents a start."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from poolhouse.commands import group as commands
from poolhouse.commands import serve
from poolhouse.rest.listening import Listeners
from poolhouse.settings import Settings, environment_name, option_name

FIELDS = list(Settings.model_fields)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings with which ``poolhouse serve`` started its server; the server is a fake."""
    started_with: list[Settings] = []

    class Server:
        @staticmethod
        def run(settings: Settings, listeners: Listeners) -> None:
            started_with.append(settings)

    original = importlib.import_module

    def fake_import(name: str) -> object:
        return Server if name == "poolhouse.rest.run" else original(name)

    monkeypatch.setattr(serve, "import_module", fake_import)
    monkeypatch.setattr(serve, "open_listeners", lambda settings: Listeners((), (), None))
    return started_with


@pytest.mark.parametrize("field", FIELDS)
def test_the_help_lists_every_field(field: str) -> None:
    """Users find settings in the help."""
    output = CliRunner().invoke(commands.poolhouse, ["serve", "--help"], terminal_width=200).output

    assert f"{option_name(field)} " in output
    assert environment_name(field) in output


def test_an_option_overrides_the_environment_and_that_the_default(
    monkeypatch: pytest.MonkeyPatch, started: list[Settings]
) -> None:
    """Users expect this order of precedence."""
    monkeypatch.setenv("POOLHOUSE_PORT", "1111")
    monkeypatch.setenv("POOLHOUSE_MAX_WORK", "7")

    code = commands.run(["serve", "--port", "2222"])

    assert code == 0
    (settings,) = started
    assert (settings.port, settings.max_work, settings.host) == (2222, 7, "127.0.0.1")


def test_an_invalid_value_prevents_the_start_and_names_option_and_variable(
    capsys: pytest.CaptureFixture[str], started: list[Settings]
) -> None:
    """A typo must not result in a running service with another limit."""
    code = commands.run(["serve", "--port", "70000", "--device", "cpu,gpu"])

    printed = capsys.readouterr().err
    assert code == 2
    assert not started
    assert "--port (POOLHOUSE_PORT): given '70000', takes at least 0, at most 65535" in printed
    assert "--device (POOLHOUSE_DEVICE): given 'gpu'" in printed
    assert "Traceback" not in printed


def test_a_misspelt_variable_prevents_the_start_and_suggests_a_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, started: list[Settings]
) -> None:
    """A limit that was set must not be ignored silently."""
    monkeypatch.setenv("POOLHOUSE_MAX_BODY_BYTE", "1")

    code = commands.run(["serve"])

    assert code == 2
    assert not started
    assert (
        "there is no setting POOLHOUSE_MAX_BODY_BYTE; did you mean POOLHOUSE_MAX_BODY_BYTES?" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--api-keys-file", "/nowhere/keys.toml"], "the API key file /nowhere/keys.toml cannot be read"),
        (["--api-keys", "vision=short"], "a key must have at least 16"),
        (["--tls-certificate", "/nowhere/cert.pem", "--tls-key", "/nowhere/key.pem"], "/nowhere/"),
    ],
)
def test_a_wrong_file_or_key_prevents_the_start(started: list[Settings], options: list[str], message: str) -> None:
    """It is reported before the import of torch, which takes seconds."""
    with pytest.raises(SystemExit) as ended:
        commands.run(["serve", *options])

    assert str(ended.value.code).startswith("poolhouse cannot start: ")
    assert message in str(ended.value.code)
    assert not started


def test_the_listeners_are_closed_when_the_server_fails(
    monkeypatch: pytest.MonkeyPatch, started: list[Settings]
) -> None:
    """The path of a Unix socket would remain otherwise."""
    closed: list[bool] = []

    class FakeListeners:
        def close(self) -> None:
            closed.append(True)

    def fail(settings: Settings, listeners: Listeners) -> None:
        raise RuntimeError("no device")

    monkeypatch.setattr(serve, "open_listeners", lambda settings: FakeListeners())
    monkeypatch.setattr(serve, "import_module", lambda name: SimpleNamespace(run=fail))

    with pytest.raises(RuntimeError, match="no device"):
        commands.run(["serve"])

    assert closed == [True]
