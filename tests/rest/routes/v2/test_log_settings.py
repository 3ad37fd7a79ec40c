"""The logging of the running service: read by everybody, and changed by admins alone."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from poolhouse.rest.observability.log_control import LogControl, find_log_control
from poolhouse.rest.observability.logs import configure_logging
from poolhouse.settings import Settings
from tests.rest.gated_service import becomes_true
from tests.rest.routes.v2.administered import Administered

PATH = "/v2/logging"
AT_FIRST = {
    "log_file": "",
    "log_info": True,
    "log_warning": True,
    "log_error": True,
    "log_verbose_level": 0,
    "log_format": "default",
}
AT_FIRST_CHANGES = {name: value for name, value in AT_FIRST.items() if name != "log_file"}
OFF = {"log_info": False, "log_warning": False, "log_error": False}
Logged = Callable[[], str]


@pytest.fixture
def logged(request: pytest.FixtureRequest) -> Iterator[Logged]:
    """What is logged while the process has the logging of a service; the parameter is the setting log_format."""
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn.error")
    handlers, level, filters, uvicorn_level = root.handlers[:], root.level, uvicorn.filters[:], uvicorn.level
    stream = io.StringIO()
    close = configure_logging(Settings.model_validate({"log_format": getattr(request, "param", "text")}), stream)
    yield stream.getvalue
    close()
    root.handlers[:] = handlers
    root.setLevel(level)
    uvicorn.filters[:] = filters
    uvicorn.setLevel(uvicorn_level)
    logging.captureWarnings(False)


def lines_of_all_levels(logged: Logged) -> set[str]:
    """The levels whose lines are logged."""
    log = logging.getLogger("poolhouse.test")
    before = len(logged())
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(log, level)("a line of %s", level)
    log.critical("the last one")
    assert becomes_true(lambda: "the last one" in logged()[before:])
    return set(re.findall("a line of ([a-z]+)", logged()[before:]))


@pytest.mark.usefixtures("logged")
def test_everybody_with_a_key_reads_the_settings(administered: Administered) -> None:
    """They are no secret of the admin."""
    assert administered.user.get(PATH).json() == administered.admin.get(PATH).json() == AT_FIRST
    assert administered.nobody.get(PATH).status_code == 401


@pytest.mark.parametrize(
    ("change", "levels"),
    [
        ({}, {"info", "warning", "error", "critical"}),
        ({"log_info": False}, {"warning", "error", "critical"}),
        ({"log_warning": False}, {"info", "error", "critical"}),
        ({"log_verbose_level": 1}, {"debug", "info", "warning", "error", "critical"}),
        ({"log_verbose_level": 7, **OFF}, {"debug", "critical"}),
        (OFF, {"critical"}),
    ],
)
def test_a_change_takes_effect_at_once(
    administered: Administered, logged: Logged, change: dict[str, object], levels: set[str]
) -> None:
    """An operator looks for a fault in the running service, and a restart would end it."""
    response = administered.admin.post(PATH, json=change)

    assert (response.status_code, response.json()) == (200, AT_FIRST | change)
    assert administered.user.get(PATH).json() == AT_FIRST | change
    assert lines_of_all_levels(logged) == levels
    assert administered.admin.post(PATH, json=AT_FIRST_CHANGES).json() == AT_FIRST
    assert lines_of_all_levels(logged) == {"info", "warning", "error", "critical"}


def test_a_change_is_logged_with_the_name_of_the_key(administered: Administered, logged: Logged) -> None:
    """Somebody who hides something in the log leaves a line behind."""
    administered.admin.post(PATH, json=OFF)

    assert becomes_true(lambda: "the key ops changes the logging: log_info=False" in logged())


def test_times_are_those_of_the_format(administered: Administered, logged: Logged) -> None:
    """ISO 8601 in UTC for readers in several zones."""
    administered.admin.post(PATH, json={"log_format": "ISO8601"})
    lines_of_all_levels(logged)

    assert re.search(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z INFO poolhouse.test: a line", logged(), re.MULTILINE)


@pytest.mark.parametrize("logged", ["json"], indirect=True)
def test_the_format_of_json_lines_cannot_change(administered: Administered, logged: Logged) -> None:
    """Their reader is a program, which the setting has chosen."""
    response = administered.admin.post(PATH, json={"log_format": "default"})

    assert administered.user.get(PATH).json()["log_format"] == "ISO8601"
    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, "conflict")
    assert administered.admin.post(PATH, json={"log_format": "ISO8601", "log_info": False}).status_code == 200
    lines_of_all_levels(logged)
    assert '"message":"a line of error"' in logged()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"log_file": "/tmp/x"}, 501),
        ({"log_file": ""}, 501),
        ({"log_infos": True}, 400),
        ({"log_info": 1}, 400),
        ({"log_info": None}, 400),
        ({"log_verbose_level": -1}, 400),
        ({"log_verbose_level": True}, 400),
        ({"log_verbose_level": 1.0}, 400),
        ({"log_verbose_level": 2**31}, 400),
        ({"log_format": "short"}, 400),
        ({"log_format": ["default"]}, 400),
        ({"log_info": False, "log_error": "no"}, 400),
    ],
)
@pytest.mark.usefixtures("logged")
def test_a_wrong_change_changes_nothing(administered: Administered, change: dict[str, object], status: int) -> None:
    """A client must not choose where the service writes, and half a change would surprise."""
    response = administered.admin.post(PATH, json=change)

    assert response.status_code == status, response.text
    assert administered.user.get(PATH).json() == AT_FIRST


@pytest.mark.usefixtures("logged")
def test_a_key_without_the_right_is_refused(administered: Administered) -> None:
    """Any client could hide its requests from the log; the text says how to get the right."""
    response = administered.user.post(PATH, content=b"[" * 100_000)

    assert (response.status_code, response.json()["code"]) == (403, "key_not_allowed")
    assert "the key user may not; use one with admin = true" in response.json()["error"]
    assert administered.nobody.post(PATH, json={}).status_code == 401


def test_without_keys_nobody_may_change(client: httpx.Client) -> None:
    """Otherwise everybody could; the text says how to configure a key."""
    response = client.post(PATH, json={"log_info": False})

    assert (response.status_code, response.json()["code"]) == (403, "key_not_allowed")
    assert "POOLHOUSE_API_KEYS_FILE" in response.json()["error"]


def test_the_logging_of_another_application_is_left_alone(administered: Administered) -> None:
    """A service that is part of an application does not change the application's logging."""
    assert find_log_control() is None
    level = logging.getLogger("poolhouse").getEffectiveLevel()

    response = administered.admin.post(PATH, json={"log_verbose_level": 1})

    assert (response.status_code, response.json()["code"]) == (501, "unsupported")
    assert logging.getLogger("poolhouse").getEffectiveLevel() == level
    assert administered.user.get(PATH).json()["log_info"] == (level <= logging.INFO)


def test_the_control_of_the_process_is_found(logged: Logged) -> None:
    """The routes change the settings of the handler that really writes."""
    assert isinstance(find_log_control(), LogControl)
    assert logged() == ""
