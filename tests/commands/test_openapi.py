"""``poolhouse openapi`` prints the document."""

from __future__ import annotations

import json

import pytest

from poolhouse.commands import group
from poolhouse.rest.app import openapi_document


def test_the_openapi_command_prints_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    """A client generator can read the document without a running service."""
    code = group.run(["openapi"])

    assert code == 0
    assert json.loads(capsys.readouterr().out) == openapi_document()
