"""The descriptions of the operators: whole, by name, and not computed anew for each request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from poolhouse import describe
from poolhouse.operators.catalogue import discover
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.rest.app import create_app
from poolhouse.settings import Settings
from tests.rest.live_server import POOL


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """A client of a running application."""
    with TestClient(create_app(Settings.model_validate({"device": "cpu"}))) as found:
        yield found


@pytest.mark.parametrize("name", discover().names)
def test_models_declare_every_key_of_the_cards(client: TestClient, name: str) -> None:
    """A model silently drops keys that it does not declare."""
    member = discover().find(name)

    card = client.get(f"/v1/operators/{name}").json()

    assert card == describe.operator_card(member)
    assert list(card) == list(describe.operator_card(member))


def test_examples_are_not_computed_for_each_request(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some examples take tens of milliseconds of the event loop to compute, and any client may request an
    operator's card a thousand times a second."""

    def again(member: type[PlaneOperator]) -> None:
        pytest.fail(f"the example of {member.name} is worked out again")

    for member in discover():
        describe.example(member)
    monkeypatch.setattr(describe, "_make_example", again)

    for name in discover().names:
        assert client.get(f"/v1/operators/{name}").json()["example"]["path"] == f"{POOL.rpartition('/')[0]}/{name}"


def test_the_list_model_declares_every_key(client: TestClient) -> None:
    """The same for the list of operators."""
    assert client.get("/v1/operators").json() == {"operators": describe.catalogue_card(discover())}


def test_the_example_of_a_card_has_the_answer_that_it_shows(client: TestClient) -> None:
    """People copy it as their first request."""
    example = client.get("/v1/operators/max_pool2d").json()["example"]

    assert client.post(example["path"], json=example["request"]).json() == example["answer"]


def test_an_unknown_operator_is_not_found_with_a_suggestion(client: TestClient) -> None:
    """Most are misspelt."""
    response = client.get("/v1/operators/max_pol2d")

    assert (response.status_code, response.json()["code"]) == (404, "unknown_operator")
    assert "max_pool2d" in response.json()["detail"]
