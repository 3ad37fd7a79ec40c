"""Loops read short bodies too here, as they read long ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from poolhouse.wire.json import codec


@pytest.fixture(autouse=True, scope="package")
def by_loops() -> Iterator[None]:
    """Else most of what these tests read would be read without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "_PYTHON_READER_MAX_BYTES", 0)
        yield
