"""Fixtures for the tests of batching."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture
def quiet_engine(caplog: pytest.LogCaptureFixture) -> None:
    """Hide what the engine logs about faults that the tests cause."""
    caplog.set_level(logging.CRITICAL, "poolhouse.batching")
