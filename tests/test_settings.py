"""Settings are said once: environment, options, help and docs all follow from the fields."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from annotated_types import Ge, Le
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from poolhouse.client.endpoint import KEY_VARIABLE, URL_VARIABLE
from poolhouse.commands import group as commands
from poolhouse.commands import openapi, serve
from poolhouse.rest.listening import Listeners
from poolhouse.settings import (
    Setting,
    Settings,
    bytes_text,
    environment_name,
    error_lines,
    from_environment,
    option_name,
    parse_size,
    table,
)

FIELDS = list(Settings.model_fields)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings with which ``poolhouse serve`` started its server; nothing listens."""
    seen: list[Settings] = []

    class Server:
        @staticmethod
        def run(settings: Settings, listeners: Listeners) -> None:
            seen.append(settings)

    whole = importlib.import_module

    def instead(name: str) -> object:
        return Server if name == "poolhouse.rest.run" else whole(name)

    monkeypatch.setattr(serve, "import_module", instead)
    monkeypatch.setattr(serve, "open_listeners", lambda settings: Listeners((), (), None))
    return seen


@pytest.mark.parametrize("row", table(), ids=lambda row: row.field)
def test_a_setting_says_what_it_does_and_what_it_takes(row: Setting) -> None:
    """The help and the docs are made from these words alone."""
    info = Settings.model_fields[row.field]

    assert row.description.endswith(".")
    assert row.takes
    if isinstance(Settings.model_fields[row.field].default, bool):
        assert (row.takes, row.default) == ("true or false", "false"), "text would be taken for any text"
    if info.annotation in (int, float):
        assert "at least" in row.takes or "more than" in row.takes, "a number needs a bound"


@pytest.mark.parametrize("row", table(), ids=lambda row: row.field)
def test_a_default_read_back_is_the_default(row: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """What help shows as the default can be typed, and means the same."""
    monkeypatch.setenv(row.environment, row.default)

    assert Settings() == Settings.model_construct()


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_an_option_in_the_help(field: str) -> None:
    """A setting that cannot be found is not there."""
    shown = CliRunner().invoke(commands.poolhouse, ["serve", "--help"], terminal_width=200).output

    assert f"{option_name(field)} " in shown
    assert environment_name(field) in shown


def test_an_option_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch, started: list[Settings]
) -> None:
    """This order is what everybody expects of a service."""
    monkeypatch.setenv("POOLHOUSE_PORT", "1111")
    monkeypatch.setenv("POOLHOUSE_MAX_WORK", "7")

    code = commands.run(["serve", "--port", "2222"])

    assert code == 0
    (settings,) = started
    assert (settings.port, settings.max_work, settings.host) == (2222, 7, "127.0.0.1")


def test_a_wrong_value_stops_the_start_and_names_both_spellings(
    capsys: pytest.CaptureFixture[str], started: list[Settings]
) -> None:
    """A typo must not become a running service with another limit."""
    code = commands.run(["serve", "--port", "70000", "--device", "cpu,gpu"])

    said = capsys.readouterr().err
    assert code == 2
    assert not started
    assert "--port (POOLHOUSE_PORT): given '70000', takes at least 0, at most 65535" in said
    assert "--device (POOLHOUSE_DEVICE): given 'gpu'" in said
    assert "Traceback" not in said


def test_a_misspelt_variable_stops_the_start_with_the_nearest_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, started: list[Settings]
) -> None:
    """A limit that was set and is not in force is the worst kind of surprise."""
    monkeypatch.setenv("POOLHOUSE_MAX_BODY_BYTE", "1")

    code = commands.run(["serve"])

    assert code == 2
    assert not started
    assert "there is no setting POOLHOUSE_MAX_BODY_BYTE; did you mean POOLHOUSE_MAX_BODY_BYTES?" in capsys.readouterr().err


def test_the_variables_of_a_kubernetes_service_called_poolhouse_are_passed_over() -> None:
    """Kubernetes sets them in every pod beside that Service, and POOLHOUSE_PORT is one of them."""
    links = {
        "POOLHOUSE_PORT": "tcp://10.0.0.1:8000",
        "POOLHOUSE_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "POOLHOUSE_PORT_8000_TCP_ADDR": "10.0.0.1",
        "POOLHOUSE_SERVICE_HOST": "10.0.0.1",
        "POOLHOUSE_SERVICE_PORT": "8000",
        "POOLHOUSE_SERVICE_PORT_HTTP": "8000",
    }

    assert from_environment(links) == {}
    assert from_environment({"POOLHOUSE_PORT": "9000"}) == {"port": "9000"}


def test_the_clients_own_variables_are_passed_over() -> None:
    """A shell that names a service to call can start one too, and run one in process for a test."""
    assert from_environment({URL_VARIABLE: "http://pool:8000", KEY_VARIABLE: "a key"}) == {}


def test_an_empty_variable_counts_as_unset() -> None:
    """Compose files and shells pass on variables that nobody set as empty ones."""
    assert from_environment({"POOLHOUSE_PORT": "", "POOLHOUSE_NO_SUCH": ""}) == {}


def test_an_unknown_argument_is_refused() -> None:
    """A test or a program that misspells a setting should hear of it."""
    with pytest.raises(ValidationError) as refused:
        Settings(max_wrk=1)  # type: ignore[call-arg]  # the fault is the point

    assert error_lines(refused.value) == ["there is no setting max_wrk; did you mean max_work?"]


def test_settings_do_not_change_once_made() -> None:
    """Every room reads them at its own time."""
    settings = Settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("device", "cuda:x"),
        ("device", ","),
        ("device", "cpu cuda"),
        ("cors_origins", "example.org"),
        ("cors_origins", "https://example.org/path"),
        ("uds_mode", "rw"),
        ("uds_mode", "0o600"),
        ("uds_mode", "1777"),
        ("uds_mode", "608"),
        ("root_path", "pool"),
        ("root_path", "/pool/"),
        ("root_path", "//pool"),
        ("root_path", "/p%20l"),
        ("root_path", "/pöl"),
        ("max_body_bytes", "-1"),
        ("max_body_bytes", "0"),
        ("max_body_bytes", "1 PB"),
        ("max_body_bytes", "1e3"),
        ("header_timeout_s", "0"),
        ("header_timeout_s", "nan"),
        ("body_timeout_s", "inf"),
        ("log_level", "loud"),
    ],
)
def test_a_value_without_meaning_is_refused(field: str, text: str) -> None:
    """What is wrong shows at the start, not at the first request."""
    with pytest.raises(ValidationError):
        Settings.model_validate({field: text})


def test_lists_are_split_at_commas() -> None:
    """Environments have no lists."""
    settings = Settings.model_validate(
        {"device": "cuda:0, cuda:1", "cors_origins": "https://a.example,http://localhost:3000,"}
    )

    assert settings.device == ("cuda:0", "cuda:1")
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000")


@given(st.integers(min_value=0, max_value=2**60))
def test_a_size_written_out_reads_back(count: int) -> None:
    """The default that the help shows can be typed."""
    assert parse_size(bytes_text(count)) == count


@given(
    st.integers(min_value=0, max_value=10**6),
    st.sampled_from([("", 1), ("k", 10**3), ("M", 10**6), ("G", 10**9), ("Ki", 2**10), ("Mi", 2**20), ("Ti", 2**40)]),
    st.sampled_from(["", "B", "b"]),
    st.sampled_from(["", " "]),
    st.booleans(),
)
def test_a_size_means_what_its_unit_says(count: int, unit: tuple[str, int], ending: str, gap: str, lower: bool) -> None:
    """k is a thousand and Ki is 1,024, as in Kubernetes, whatever the case."""
    text = f"{count}{gap}{unit[0]}{ending}"

    assert parse_size(text.lower() if lower else text) == count * unit[1]


def test_a_bound_in_words_is_the_bound_in_force() -> None:
    """The words and the validator read the same annotation; this holds them together."""
    bounds = {
        (row.field, bound.ge if isinstance(bound, Ge) else bound.le)
        for row in table()
        for bound in Settings.model_fields[row.field].metadata
        if isinstance(bound, Ge | Le)
    }

    assert ("port", 65535) in bounds
    for row in table():
        for field, bound in bounds:
            if field == row.field:
                assert f" {bound}" in f" {row.takes}"


def test_the_openapi_command_prints_the_document(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller's generator reads the document without starting a service."""

    class Document:
        @staticmethod
        def document() -> dict[str, object]:
            return {"openapi": "3.1.0"}

    monkeypatch.setattr(openapi, "import_module", lambda name: Document)

    code = commands.run(["openapi"])

    assert code == 0
    assert capsys.readouterr().out == '{\n  "openapi": "3.1.0"\n}\n'


def test_a_dotenv_file_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the folder where a service happens to start is not its configuration."""
    (tmp_path / ".env").write_text("POOLHOUSE_PORT=1")
    monkeypatch.chdir(tmp_path)

    assert Settings().port == 8000
