"""A page is rendered at a bounded rate, and never before its request. The clock is a fake."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from poolhouse.rest.observability.bounded_page import BoundedPage
from tests.hypothesis_profiles import scaled_examples

SHARE = 5
"""A rendering may take one of so many parts of the time."""


class ManualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock a test sets. It never waits while callbacks are ready."""

    now: float = 1000.0

    def time(self) -> float:
        return self.now

    async def advance(self, seconds: float) -> None:
        """Let time pass, and run what is due."""
        self.now += seconds
        for _ in range(5):
            await asyncio.sleep(0)


class SlowCollector(Collector):
    """Counts its renderings; each takes some time.

    Attributes:
        took_s: the time that a rendering takes.
        clock_s: the time spent in renderings.
        begun: when each rendering began, and the time that it took.
        error: raised by the next rendering.
    """

    def __init__(self) -> None:
        self.count = 0
        self.took_s = 2.0
        self.clock_s = 0.0
        self.begun: list[tuple[float, float]] = []
        self.error: Exception | None = None

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        self.clock_s += self.took_s
        self.begun.append((asyncio.get_running_loop().time(), self.took_s))
        if (error := self.error) is not None:
            self.error = None
            raise error
        self.count += 1
        yield GaugeMetricFamily("renderings", "m", value=self.count)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> SlowCollector:
    """The collector, whose time the page measures."""
    collector = SlowCollector()
    monkeypatch.setattr("poolhouse.rest.observability.bounded_page.perf_counter", lambda: collector.clock_s)
    return collector


def run(collector: SlowCollector, scenario: Callable[[ManualLoop, BoundedPage], Awaitable[None]]) -> None:
    """Run a scenario with a new page on a loop of its own."""
    registry = CollectorRegistry()
    registry.register(collector)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ManualLoop)
        await scenario(loop, BoundedPage(partial(generate_latest, registry)))

    with asyncio.Runner(loop_factory=ManualLoop) as runner:
        runner.run(main())


def number(page: bytes) -> int:
    """Which rendering a page is from."""
    return int(float(page.decode().split()[-1]))


def test_calls_during_the_pause_share_the_next_page(collector: SlowCollector) -> None:
    """Twenty clients that poll at once cost one rendering, which none of them finds outdated."""

    async def scenario(loop: ManualLoop, page: BoundedPage) -> None:
        assert number(await page.render()) == 1
        waiting = [asyncio.create_task(page.render()) for _ in range(3)]
        await loop.advance(SHARE * collector.took_s - 0.1)
        assert not any(task.done() for task in waiting)
        await loop.advance(0.1)
        assert [number(task.result()) for task in waiting] == [2, 2, 2]
        await loop.advance(SHARE * collector.took_s)
        assert number(await page.render()) == 3, "after the pause a page is rendered at once"

    run(collector, scenario)


@scaled_examples(50, HealthCheck.function_scoped_fixture)
@given(steps=st.lists(st.tuples(st.floats(0, 20), st.floats(0.01, 3)), max_size=30))
def test_renderings_take_a_bounded_share_and_follow_their_calls(
    collector: SlowCollector, steps: list[tuple[float, float]]
) -> None:
    """However often clients call, other requests get the rest of the event loop's time."""

    async def scenario(loop: ManualLoop, page: BoundedPage) -> None:
        waiting: list[tuple[int, asyncio.Task[bytes]]] = []
        collector.begun.clear()
        for gap_s, took_s in steps:
            await loop.advance(gap_s)
            collector.took_s = took_s
            waiting.append((collector.count, asyncio.create_task(page.render())))
            await loop.advance(0)
        await loop.advance(100)
        for (begun_at, took_s), (next_at, _) in pairwise(collector.begun):
            assert next_at - begun_at >= SHARE * took_s - 1e-6
        for rendered_before, task in waiting:
            assert number(task.result()) > rendered_before

    run(collector, scenario)


def test_a_client_that_disconnects_does_not_cancel_the_page_of_the_others(collector: SlowCollector) -> None:
    """They wait for the same page."""

    async def scenario(loop: ManualLoop, page: BoundedPage) -> None:
        await page.render()
        first, second = asyncio.create_task(page.render()), asyncio.create_task(page.render())
        await loop.advance(1)
        first.cancel()
        await loop.advance(100)
        assert first.cancelled()
        assert number(second.result()) == 2

    run(collector, scenario)


def test_a_failing_collector_fails_its_calls_only(collector: SlowCollector) -> None:
    """A request that waits for a page that never comes would hang, and so would all later ones."""

    async def scenario(loop: ManualLoop, page: BoundedPage) -> None:
        await page.render()
        waiting = [asyncio.create_task(page.render()) for _ in range(2)]
        await loop.advance(1)
        collector.error = RuntimeError("broken")
        await loop.advance(100)
        assert [str(task.exception()) for task in waiting] == ["broken", "broken"]
        assert number(await page.render()) == 2

    run(collector, scenario)
