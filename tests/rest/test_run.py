"""Running the service: the line that announces it, and the end of logging however the start goes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from poolhouse.rest import run as module
from poolhouse.rest.observability import logs
from poolhouse.rest.run import run
from poolhouse.settings import Settings
from poolhouse.version import __version__


class Run:
    """What a run did, with a server and an application that do nothing.

    Attributes:
        steps: the calls in order.
        lines: written to standard output.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[str] = []
        self.lines: list[str] = []
        self.server: Any = SimpleNamespace(url="http://127.0.0.1:80", admin_port=None, grpc_port=None, run=self._serve)
        self._announce: Callable[[Any], None] | None = None
        devices = [{"name": "cuda:0"}, {"name": "cpu"}]
        status = SimpleNamespace(devices=lambda: devices)
        self.app: Any = SimpleNamespace(service=SimpleNamespace(pooling=SimpleNamespace(status=status)))
        output = SimpleNamespace(put=self.lines.append, close=lambda: self.steps.append("output closed"))
        monkeypatch.setattr(module, "fill_closed_streams", lambda: self.steps.append("streams filled"))
        monkeypatch.setattr(logs, "configure_logging", self._configure)
        monkeypatch.setattr(module, "LineWriter", lambda write: output)
        monkeypatch.setattr(module, "create_app", lambda settings, pooling: self.app)
        monkeypatch.setattr(module, "make_server", self._make)
        monkeypatch.setattr(sys, "setswitchinterval", lambda seconds: self.steps.append(f"switches after {seconds}"))

    def _configure(self, settings: Settings) -> Callable[[], None]:
        self.steps.append("logs opened")
        return lambda: self.steps.append("logs closed")

    def _make(self, settings: Settings, app: Any, announce: Callable[[Any], None], listeners: Any) -> Any:
        assert app is self.app
        self._announce = announce
        return self.server

    def _serve(self) -> None:
        assert self._announce is not None
        self._announce(self.server)
        self.steps.append("served")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that can be started."""
    return Run(monkeypatch)


def test_the_steps_of_a_run_are_in_order(started: Run) -> None:
    """Closed streams are filled before anything could open a file in their place; logs end after the last line."""
    run(Settings())

    assert started.steps == [
        "streams filled",
        "logs opened",
        "switches after 0.0005",
        "served",
        "logs closed",
        "output closed",
    ]


@pytest.mark.parametrize(
    ("url", "admin_port", "line"),
    [
        ("http://a:80", None, "is ready: http://a:80  docs: http://a:80/docs  device: cuda:0, cpu"),
        (
            "https://a:80",
            9000,
            "is ready: https://a:80  docs: https://a:80/docs  device: cuda:0, cpu  admin: port 9000",
        ),
        ("unix:/tmp/x", 0, "is ready: unix:/tmp/x  device: cuda:0, cpu  admin: port 0"),
    ],
)
def test_one_line_announces_where_the_service_is(started: Run, url: str, admin_port: int | None, line: str) -> None:
    """A browser can open no Unix socket, so there is no link for one."""
    started.server.url, started.server.admin_port = url, admin_port

    run(Settings())

    assert started.lines == [f"poolhouse {__version__} {line}"]


def test_with_json_logs_the_line_is_logged(started: Run, caplog: pytest.LogCaptureFixture) -> None:
    """A program that parses each line of the output would fail at one that is no JSON."""
    with caplog.at_level(logging.INFO, "poolhouse.server"):
        run(Settings.model_validate({"log_format": "json"}))

    assert started.lines == []
    assert [record.getMessage()[:9] for record in caplog.records] == ["poolhouse"]


@pytest.mark.parametrize("name", ["create_app", "make_server"])
def test_invalid_settings_end_the_start_with_their_reason(
    started: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In one sentence without a traceback, and with all of the log written."""

    def fail(*arguments: object) -> None:
        raise ValueError("the reason")

    monkeypatch.setattr(module, name, fail)

    with pytest.raises(SystemExit, match=r"^poolhouse cannot start: the reason$"):
        run(Settings())

    assert started.steps == ["streams filled", "logs opened", "logs closed", "output closed"]


def test_a_fault_of_the_server_keeps_its_traceback(started: Run) -> None:
    """Only a ValueError of the start is for the person who starts the service."""

    def fail() -> None:
        raise ValueError("a bug")

    started.server.run = fail

    with pytest.raises(ValueError, match="a bug"):
        run(Settings())

    assert started.steps[-2:] == ["logs closed", "output closed"]
