"""The gRPC server is loaded only if it has a port, and the error for a missing extra names the extra."""

from __future__ import annotations

import sys

import pytest

from poolhouse.rest.grpc_port import load_grpc
from poolhouse.settings import Settings


def test_without_a_port_nothing_is_loaded() -> None:
    """The extra is optional."""
    assert load_grpc(Settings()) is None


@pytest.mark.parametrize("missing", ["grpc", "google.protobuf"])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """The person who starts the service must learn what to install."""
    for name in [name for name in sys.modules if name.startswith("poolhouse.rpc")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ValueError, match=r"pip install 'poolhouse\[server,grpc\]'"):
        load_grpc(Settings(grpc_port=0))
