"""What the proof of the wheel says of imports, without a wheel."""

from __future__ import annotations

import pytest
from prove_wheel import IMPORTED, prove_import

CLIENT, PEERS = IMPORTED.values()


@pytest.mark.parametrize("slowness", [1.0, 20.0])
def test_a_slow_machine_does_not_make_the_client_slow_to_import(slowness: float) -> None:
    """On a machine with other work a fixed time fails the proof, and says nothing of the client."""
    prove_import(lambda imported: slowness * {CLIENT: 0.13, PEERS: 0.19}[imported])


def test_one_slow_moment_is_no_matter() -> None:
    """The first import writes the bytecode."""
    moments = iter([9.0, 0.2, 0.1, *[0.3] * 7])

    prove_import(lambda _: next(moments))


def test_a_client_that_imports_too_much_is_found() -> None:
    """With a library of the server in it everyone would wait at each start of a script."""
    with pytest.raises(AssertionError, match=r"the client 0\.80 s, numpy and httpx 0\.19 s"):
        prove_import({CLIENT: 0.8, PEERS: 0.19}.__getitem__)
