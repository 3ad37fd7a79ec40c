"""Loops read short bodies too here, as they read long ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from poolhouse.wire.json import body


@pytest.fixture(autouse=True, scope="package")
def by_loops() -> Iterator[None]:
    """Else most of what these tests read would be read without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body, "_FEW_BYTES", 0)
        yield
