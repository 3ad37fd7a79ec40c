"""What every test stands on: no settings from outside, hypothesis without a clock, no slow test unasked."""

from __future__ import annotations

import os
import shutil
from functools import cache
from importlib import import_module

import pytest
from hypothesis import settings

from tests.hypothesis_profiles import PROFILES

# No deadline: a busy machine is not a failing law. A failure prints what to paste to see it again.
for _profile, _examples in PROFILES.items():
    settings.register_profile(_profile, deadline=None, print_blob=True, max_examples=_examples)
# Another one is chosen with hypothesis' own option, --hypothesis-profile.
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The choice between the tests of every change and all of them."""
    parser.addoption("--slow", action="store_true", help="run the tests with the mark slow, too")


def pytest_configure(config: pytest.Config) -> None:
    """Forget the settings of whoever runs the tests, and leave slow tests out unless they are asked for.

    Servers that tests start inherit this environment.
    """
    for name in [name for name in os.environ if name.upper().startswith("POOLHOUSE_")]:
        del os.environ[name]
    config.option.markexpr = without_slow(config.option.markexpr, asked_for=config.option.slow)


def pytest_report_header(config: pytest.Config) -> str:
    """Say what this run leaves out."""
    run = "run too" if config.option.slow else "left out; --slow runs them"
    return f"slow tests: {run}. hypothesis: {settings().max_examples} examples a test"


def without_slow(expression: str, *, asked_for: bool) -> str:
    """The expression of ``-m`` that leaves slow tests out, unless they are asked for or the expression names them."""
    if asked_for or "slow" in expression:
        return expression
    return f"({expression}) and not slow" if expression else "not slow"


def pytest_sessionstart() -> None:
    """Compiled loops pool in every test, as they do in a service that has started; what is compiled is kept on disk."""
    # Imported here, so that the settings are forgotten before.
    ahead = import_module("poolhouse.kernels.compile_ahead")
    for problem in ahead.load_all():
        raise RuntimeError(f"compiled loops cannot be kept, and each test process would compile them: {problem}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a device that is not here."""
    if item.get_closest_marker("gpu") and not _cuda_is_here():
        pytest.skip("needs a CUDA device, and torch finds none")


@cache
def _cuda_is_here() -> bool:
    # By name, so that only a run with such a test waits for torch.
    found: bool = import_module("torch").cuda.is_available()
    return found


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; tests with the mark ``browser`` ask for it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("needs Chromium, and none is installed (Debian: apt-get install chromium)")
