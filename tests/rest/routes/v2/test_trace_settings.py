"""Which requests are traced: for all models and for one, changed by admins alone."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.rest.routes.v2.administered import Administered

ALL, ONE, OTHER = "/v2/trace/setting", "/v2/models/max_pool2d/trace/setting", "/v2/models/avg_pool2d/trace/setting"
FIXED = {"trace_count": "-1", "log_frequency": "0", "trace_file": "", "trace_mode": "opentelemetry"}


def card(level: str, rate: int = 1) -> dict[str, object]:
    """Settings with these values."""
    return {"trace_level": [level], "trace_rate": str(rate), **FIXED}


@pytest.fixture
def traced(administered: Administered, monkeypatch: pytest.MonkeyPatch) -> Iterator[Administered]:
    """A service that exports traces; afterwards all settings are as at first."""
    monkeypatch.setattr(administered.app.service.trace_control, "is_available", True)
    yield administered
    for path in (ONE, OTHER, ALL):
        administered.admin.post(path, json={"trace_level": None, "trace_rate": None})


def test_without_a_collector_tracing_is_off_and_stays_off(administered: Administered) -> None:
    """The error says how to start the service with one."""
    response = administered.admin.post(ALL, json={"trace_level": ["TIMESTAMPS"]})

    assert administered.user.get(ALL).json() == administered.user.get(ONE).json() == card("OFF")
    assert (response.status_code, response.json()["code"]) == (501, "unsupported")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in response.json()["error"]
    assert administered.admin.post(ALL, json={"trace_level": ["OFF"]}).json() == card("OFF")


def test_a_model_has_settings_of_its_own_until_they_are_cleared(traced: Administered) -> None:
    """One model is looked at without the load of tracing the others."""
    assert traced.admin.post(ALL, json={"trace_rate": "100"}).json() == card("OFF", 100)
    assert traced.admin.post(ONE, json={"trace_level": ["TIMESTAMPS"], "trace_rate": "5"}).json() == card(
        "TIMESTAMPS", 5
    )

    assert [traced.user.get(path).json() for path in (ALL, ONE, OTHER)] == [
        card("OFF", 100),
        card("TIMESTAMPS", 5),
        card("OFF", 100),
    ]
    assert traced.admin.post(ONE, json={"trace_rate": None}).json() == card("TIMESTAMPS", 100)
    assert traced.admin.post(ALL, json={"trace_rate": None}).json() == card("OFF", 1)
    assert traced.user.get(ONE).json() == card("TIMESTAMPS", 1)


def test_what_the_get_returns_can_be_sent_back(traced: Administered) -> None:
    """Tools read the settings, change one, and send all of them."""
    found = traced.user.get(ALL).json()

    assert traced.admin.post(ALL, json=found).json() == found


@pytest.mark.parametrize("level", ["TIMESTAMPS", ["TIMESTAMPS"]])
@pytest.mark.parametrize("rate", [7, "7", "007"])
def test_values_are_accepted_as_clients_send_them(traced: Administered, level: object, rate: object) -> None:
    """Triton's clients send strings as well as numbers and lists."""
    assert traced.admin.post(ONE, json={"trace_level": level, "trace_rate": rate}).json() == card("TIMESTAMPS", 7)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"trace_file": "/tmp/x"}, 501),
        ({"trace_count": "5"}, 501),
        ({"log_frequency": 5}, 501),
        ({"trace_mode": "triton"}, 501),
        ({"trace_levels": ["OFF"]}, 400),
        ({"trace_level": ["TENSORS"]}, 400),
        ({"trace_level": ["OFF", "TIMESTAMPS"]}, 400),
        ({"trace_level": []}, 400),
        ({"trace_level": 1}, 400),
        ({"trace_rate": "0"}, 400),
        ({"trace_rate": "-1"}, 400),
        ({"trace_rate": "٣"}, 400),
        ({"trace_rate": True}, 400),
        ({"trace_rate": 1.5}, 400),
        ({"trace_rate": "9" * 5_000}, 400),
        ({"trace_rate": str(2**31)}, 400),
        ({"trace_level": ["TIMESTAMPS"], "trace_rate": "x"}, 400),
    ],
)
def test_a_wrong_change_changes_nothing(traced: Administered, change: dict[str, object], status: int) -> None:
    """A client must not choose where the service writes, and half a change would surprise."""
    response = traced.admin.post(ONE, json=change)

    assert response.status_code == status, response.text
    assert traced.user.get(ONE).json() == card("OFF")


@pytest.mark.parametrize("path", [ALL, ONE])
def test_only_an_admin_changes_them(administered: Administered, client: httpx.Client, path: str) -> None:
    """Traces of all requests cost time, which is for the operator of the service to decide."""
    refused = [administered.user.post(path, json={}), client.post(path, json={})]

    assert [(each.status_code, each.json()["code"]) for each in refused] == 2 * [(403, "key_not_allowed")]
    assert administered.nobody.post(path, json={}).status_code == 401


def test_an_unknown_model_has_no_settings(administered: Administered) -> None:
    """Its settings would stay for ever, and any number of them."""
    path = "/v2/models/max_pol2d/trace/setting"

    assert administered.user.get(path).json()["code"] == "unknown_model"
    assert administered.admin.post(path, json={}).json()["code"] == "unknown_model"
