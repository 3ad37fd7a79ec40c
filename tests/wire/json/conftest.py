"""Make these tests use the compiled loops for short bodies, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from poolhouse.wire.json import codec


@pytest.fixture(autouse=True, scope="package")
def by_loops() -> Iterator[None]:
    """Without this the Python reader would parse most bodies of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "_PYTHON_READER_MAX_BYTES", 0)
        yield
