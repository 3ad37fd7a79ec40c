"""Configuration of pytest: no settings from the environment, hypothesis profiles, slow tests on request only."""

from __future__ import annotations

import gc
import logging
import os
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

from tests.hypothesis_profiles import PROFILES
from tests.run_level import Level, level, set_level

# Until all tests are collected: their million objects live as long as the process, and each collection visits them all.
gc.disable()

# No deadline: a busy machine must not fail a test. A failure prints the decorator that reproduces it.
for _profile, _examples in PROFILES.items():
    settings.register_profile(
        _profile,
        deadline=None,
        print_blob=True,
        max_examples=_examples,
        # CI must not fail on one run and pass on the next; the other profiles search further each time.
        derandomize=_profile == "thorough",
    )
# The option --hypothesis-profile chooses another one.
settings.load_profile("quick")

SLOW_FILES: Final = {"test_fuzzing.py"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options ``--slow`` and ``--exhaustive``."""
    parser.addoption("--slow", action="store_true", help="run the tests with the mark slow, too, and more operators")
    parser.addoption(
        "--exhaustive", action="store_true", help="run the tests of all operators at every rank with every element type"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Remove the settings from the environment, which the servers under test inherit, and deselect slow tests."""
    for name in [name for name in os.environ if name.upper().startswith("POOLHOUSE_")]:
        del os.environ[name]
    config.option.markexpr = without_slow(config.option.markexpr, include_slow=config.option.slow)
    set_level(Level.EXHAUSTIVE if config.option.exhaustive else Level.SLOW if config.option.slow else Level.QUICK)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say whether slow tests run, and the number of hypothesis examples."""
    run = "run too" if config.option.slow else "left out; --slow runs them"
    operators = "all" if config.option.exhaustive else "some ranks and element types; --exhaustive takes all"
    return [f"slow tests: {run}. hypothesis: {settings().max_examples} examples a test", f"operators: {operators}"]


def without_slow(expression: str, *, include_slow: bool) -> str:
    """The expression of ``-m``, extended to exclude slow tests unless the run or the expression includes them."""
    if include_slow or "slow" in expression:
        return expression
    return f"({expression}) and not slow" if expression else "not slow"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: compressed ones contain the time, and all processes must collect the same names."""
    return argname if isinstance(val, bytes) else None


def pytest_sessionstart() -> None:
    """Load the compiled loops, so that all tests use them as a started service does; a cache on disk keeps them."""
    # Imported here, after the settings have been removed.
    ahead = import_module("poolhouse.kernels.compile_ahead")
    for problem in ahead.load_all():
        raise RuntimeError(f"compiled loops cannot be kept, and each test process would compile them: {problem}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files of slow tests that take seconds to import, unless the command names them."""
    is_named = any(collection_path.name in argument for argument in config.args)
    return True if level() is Level.QUICK and collection_path.name in SLOW_FILES and not is_named else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cover fewer operators; see ``tests/operator_selection.py``."""
    # By name, so that a run of tests without torch does not import it.
    if "torch" in sys.modules:
        selection = import_module("tests.operator_selection")
        config.hook.pytest_deselected(items=selection.deselect(items))


def pytest_collection_finish() -> None:
    """Exclude all objects made so far from garbage collections, and let the loggers of torch propagate.

    pytest attaches three handlers in each test to every logger that does not propagate.
    """
    gc.freeze()
    gc.enable()
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("torch") and isinstance(logger, logging.Logger):
            logger.propagate = True


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests that need an absent device."""
    if item.get_closest_marker("gpu") and not _has_cuda():
        pytest.skip("needs a CUDA device, and torch finds none")


@cache
def _has_cuda() -> bool:
    # By name, so that only runs with such a test import torch.
    found: bool = import_module("torch").cuda.is_available()
    return found
