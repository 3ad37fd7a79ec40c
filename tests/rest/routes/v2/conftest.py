"""The server with keys that the tests of administration share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rest.routes.v2.administered import Administered, run_administered_server


@pytest.fixture(scope="package")
def administered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    """One server for all modules of this folder."""
    with run_administered_server(tmp_path_factory.mktemp("keys")) as running:
        yield running
