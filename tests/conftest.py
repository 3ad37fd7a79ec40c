"""What every test stands on: no settings from outside, hypothesis without a clock, skips that say why."""

from __future__ import annotations

import os
import shutil
from functools import cache
from importlib import import_module

import pytest
from hypothesis import settings

# No deadline: a busy machine is not a failing law. A failure prints what to paste to see it again.
settings.register_profile("poolhouse", deadline=None, print_blob=True)
settings.load_profile("poolhouse")


def pytest_configure() -> None:
    """Forget the settings of whoever runs the tests; servers started by tests inherit this environment."""
    for name in [name for name in os.environ if name.upper().startswith("POOLHOUSE_")]:
        del os.environ[name]


def pytest_sessionstart() -> None:
    """Compiled loops pool in every test, as they do in a service that has started; what is compiled is kept on disk."""
    # Imported here, so that the settings are forgotten before.
    ahead = import_module("poolhouse.kernels.ahead")
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
