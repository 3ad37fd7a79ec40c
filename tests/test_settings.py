"""Environment, options, help and documentation are all derived from the fields of Settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from annotated_types import Ge, Le
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from poolhouse.client.endpoint import KEY_VARIABLE, URL_VARIABLE
from poolhouse.settings import (
    Setting,
    Settings,
    all_settings,
    error_lines,
    format_size,
    from_environment,
    parse_size,
)

FIELDS = list(Settings.model_fields)


@pytest.mark.parametrize("row", all_settings(), ids=lambda row: row.field)
def test_a_setting_has_a_description_and_accepted_values(row: Setting) -> None:
    """The help and the documentation are generated from these texts."""
    info = Settings.model_fields[row.field]

    assert row.description.endswith(".")
    assert row.accepts
    if isinstance(Settings.model_fields[row.field].default, bool):
        assert (row.accepts, row.default) == ("true or false", "false"), "otherwise it would be documented as text"
    if info.annotation in (int, float):
        assert "at least" in row.accepts or "more than" in row.accepts, "a number needs a bound"


@pytest.mark.parametrize("row", all_settings(), ids=lambda row: row.field)
def test_a_default_can_be_parsed(row: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user can type the default that the help shows."""
    monkeypatch.setenv(row.environment, row.default)

    assert Settings() == Settings.model_construct()


def test_the_variables_of_a_kubernetes_service_named_poolhouse_are_ignored() -> None:
    """Kubernetes sets them in every pod of the namespace, among them POOLHOUSE_PORT."""
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


def test_the_variables_of_the_client_are_ignored() -> None:
    """The same shell may run a client and start a service."""
    assert from_environment({URL_VARIABLE: "http://pool:8000", KEY_VARIABLE: "a key"}) == {}


def test_an_empty_variable_counts_as_unset() -> None:
    """Compose files and shells pass unset variables on as empty ones."""
    assert from_environment({"POOLHOUSE_PORT": "", "POOLHOUSE_NO_SUCH": ""}) == {}


def test_an_unknown_argument_is_refused() -> None:
    """A misspelt setting in a program must be reported."""
    with pytest.raises(ValidationError) as refused:
        Settings(max_wrk=1)  # type: ignore[call-arg]  # an invalid argument is tested

    assert error_lines(refused.value) == ["there is no setting max_wrk; did you mean max_work?"]


def test_settings_are_immutable() -> None:
    """Modules read them at different times."""
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
def test_an_invalid_value_is_refused(field: str, text: str) -> None:
    """An error must be reported at the start, not at the first request."""
    with pytest.raises(ValidationError):
        Settings.model_validate({field: text})


def test_lists_are_split_at_commas() -> None:
    """Environment variables have no list type."""
    settings = Settings.model_validate(
        {"device": "cuda:0, cuda:1", "cors_origins": "https://a.example,http://localhost:3000,"}
    )

    assert settings.device == ("cuda:0", "cuda:1")
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000")


@given(st.integers(min_value=0, max_value=2**60))
def test_a_formatted_size_can_be_parsed(count: int) -> None:
    """A user can type the default that the help shows."""
    assert parse_size(format_size(count)) == count


@given(
    st.integers(min_value=0, max_value=10**6),
    st.sampled_from([("", 1), ("k", 10**3), ("M", 10**6), ("G", 10**9), ("Ki", 2**10), ("Mi", 2**20), ("Ti", 2**40)]),
    st.sampled_from(["", "B", "b"]),
    st.sampled_from(["", " "]),
    st.booleans(),
)
def test_a_size_is_scaled_by_its_unit(count: int, unit: tuple[str, int], ending: str, gap: str, lower: bool) -> None:
    """As in Kubernetes, k is 1,000 and Ki is 1,024; case does not matter."""
    text = f"{count}{gap}{unit[0]}{ending}"

    assert parse_size(text.lower() if lower else text) == count * unit[1]


def test_a_documented_bound_is_the_enforced_bound() -> None:
    """The documentation and the validator must not differ."""
    bounds = {
        (row.field, bound.ge if isinstance(bound, Ge) else bound.le)
        for row in all_settings()
        for bound in Settings.model_fields[row.field].metadata
        if isinstance(bound, Ge | Le)
    }

    assert ("port", 65535) in bounds
    for row in all_settings():
        for field, bound in bounds:
            if field == row.field:
                assert f" {bound}" in f" {row.accepts}"


def test_a_dotenv_file_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory of a service must not change its configuration."""
    (tmp_path / ".env").write_text("POOLHOUSE_PORT=1")
    monkeypatch.chdir(tmp_path)

    assert Settings().port == 8000
