"""The bundled descriptions of the operators are those of the service."""

from __future__ import annotations

import json

from poolhouse.client.clients import Client
from poolhouse.commands.catalogue import bundled_operators


def test_the_bundled_catalogue_equals_the_service_s() -> None:
    """The command prints the same with a URL and without."""
    with Client.local() as client:
        summaries = client.operators()
        documents = {each.name: client.operator(each.name) for each in summaries}

    assert list(bundled_operators()) == [each.name for each in summaries]
    assert json.loads(json.dumps(bundled_operators())) == documents
