"""Compiling declared loops to object code, in a separate process."""

from __future__ import annotations

from importlib import import_module

import pytest

from poolhouse.kernels import loading
from poolhouse.kernels.linking import this_processor
from poolhouse.kernels.registry import LOOPS


def test_a_loop_that_may_raise_is_not_compiled() -> None:
    """Compiled code cannot raise an exception, so a failure would be lost."""
    failing = import_module("tests.kernels.failing_loop").failing
    del LOOPS[failing.name]

    with pytest.raises(loading.LoopsUnavailable, match="may raise or calls external code"):
        loading.build([failing], this_processor(), 1, lambda _, __: None)
