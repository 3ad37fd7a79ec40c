"""Loading the kernels: what the administrator is told, and whether the service may use them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from poolhouse.backend import kernel_loading
from poolhouse.backend.cores import available_cores
from poolhouse.kernels.loading import LoopsUnavailable, ProgressCallback


class FakeLoading:
    """Reports progress at these times, and then ends as a test configures."""

    def __init__(self) -> None:
        self.now_s = 500.0
        self.progress: Sequence[tuple[float, int, int]] = ()
        self.problems: list[str] = []
        self.error: Exception | None = None
        self.workers = 0

    def __call__(self, workers: int, report: ProgressCallback) -> list[str]:
        self.workers = workers
        for now_s, done, of in self.progress:
            self.now_s = now_s
            report(done, of)
        if self.error is not None:
            raise self.error
        return self.problems


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> FakeLoading:
    fake = FakeLoading()
    monkeypatch.setattr(kernel_loading, "load_loops", fake)
    monkeypatch.setattr(kernel_loading, "monotonic", lambda: fake.now_s)
    caplog.set_level(logging.INFO, "poolhouse.kernels")
    return fake


def test_kernels_from_the_cache_are_loaded_silently(loading: FakeLoading, caplog: pytest.LogCaptureFixture) -> None:
    """Every start but the first one."""
    assert kernel_loading.load_kernels()

    assert not caplog.records
    assert loading.workers == available_cores()


def test_a_service_without_kernels_starts_and_says_how_to_get_them(
    loading: FakeLoading, caplog: pytest.LogCaptureFixture
) -> None:
    """Torch pools everything, so it is slower but not broken."""
    loading.error = LoopsUnavailable("numba is not installed")

    assert not kernel_loading.load_kernels()

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "numba is not installed; install the extra 'server'" in record.getMessage()


def test_kernels_that_cannot_be_saved_are_used(loading: FakeLoading, caplog: pytest.LogCaptureFixture) -> None:
    """Each start compiles them again, which an administrator can mend for the named folders."""
    loading.problems = ["/one: read-only", "/two: full"]

    assert kernel_loading.load_kernels()

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("each start compiles them: /one: read-only; /two: full")


def test_any_other_error_is_not_hidden(loading: FakeLoading) -> None:
    """It is a fault of the service, and a slower service would hide it."""
    loading.error = ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        kernel_loading.load_kernels()


def test_compiling_logs_its_begin_its_end_and_a_line_every_few_seconds(
    loading: FakeLoading, caplog: pytest.LogCaptureFixture
) -> None:
    """A first start that logs nothing for a minute looks as if it hung; a line for each of many loops hides others."""
    loading.progress = [(500, 0, 9), (501, 1, 9), (502, 2, 9), (502.5, 3, 9), (503, 4, 9), (505, 5, 9), (505.1, 9, 9)]

    kernel_loading.load_kernels()

    assert [record.getMessage().partition("first start: ")[2] for record in caplog.records] == [
        "0 of 9 after 0 s",
        "3 of 9 after 2 s",
        "5 of 9 after 5 s",
        "9 of 9 after 5 s",
    ]
