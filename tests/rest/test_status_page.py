"""The status page in a browser: its numbers are those of ``/metrics``, and it says when it has none."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Route
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from poolhouse.rest.observability.metric_families import DEVICE_STATES, STATES
from poolhouse.settings import Settings
from tests.rest.browser import browser_page, needs_chromium
from tests.rest.live_server import IMAGE, POOL, LiveServer, run_live_server

pytestmark = [pytest.mark.browser, needs_chromium]

KEY: Final = "correct-horse-battery"
HOSTILE: Final = (
    "",
    '"',
    "\\",
    "\\\\n",
    "\n",
    "\\n",
    '\\"',
    "a\r\nb",
    '"} 7\nfake{x="',
    "a,b={c}",
    "# HELP",
    "\u2028\u0085\x00",
    "<script>alert(1)</script>",
    "漢字 🌊",
)
"""Values of labels that a careless parser or page takes for something else."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that all tests of this file share."""
    with browser_page() as page:
        browser = page.context.browser
        assert browser is not None
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that has nothing in common with those of other tests; an error in it fails the test."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="module")
def modules(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """The page, for tests of its modules."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{live_server.url}/status")
    yield page
    context.close()


def call(page: Page, module: str, body: str, argument: object = None) -> Any:
    """What a function body returns that uses a module of the page as ``m``, and ``argument``."""
    return page.evaluate(
        f"async (argument) => {{ const m = await import('./status/{module}.js'); {body} }}",
        argument,
    )


# ---- the modules


def parsed_by_the_page(page: Page, text: str) -> tuple[list[tuple[str, dict[str, str], str]], int]:
    """The samples as the page's parser reads them, and the number of lines that it could not read."""
    body = """
      const { samples, unreadLines } = m.parsePrometheusText(argument);
      const rows = [...samples].flatMap(([name, all]) =>
        all.map(({ labels, value }) => [name, [...labels], String(value)]));
      return [rows, unreadLines];
    """
    rows, unread_lines = call(page, "prometheus_text", body, text)
    return [(name, dict(labels), value) for name, labels, value in rows], unread_lines


def parsed_by_prometheus(text: str) -> list[tuple[str, dict[str, str], float]]:
    """The same by Prometheus's own parser."""
    families = text_string_to_metric_families(text)
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


def sorted_samples(samples: list[tuple[str, dict[str, str], Any]]) -> list[tuple[str, list[tuple[str, str]], float]]:
    """Samples with numbers as numbers, in an order that does not depend on the parser."""
    return sorted((name, sorted(labels.items()), float(value)) for name, labels, value in samples)


def test_the_parser_reads_what_prometheus_reads(modules: Page, live_server: LiveServer) -> None:
    """The page must not show another number than the alerts use."""
    with live_server.client() as client:
        client.post(POOL, json={"input": IMAGE, "kernel_size": 2})
        text = client.get("/metrics").text

    samples, unread_lines = parsed_by_the_page(modules, text)

    assert unread_lines == 0
    assert sorted_samples(samples) == sorted_samples(parsed_by_prometheus(text))


def test_hostile_label_values_are_values(modules: Page) -> None:
    """A key's name or a device's could forge a sample, or hide one."""
    registry = CollectorRegistry()
    gauge = Gauge("g", "help", ["a", "constructor"], registry=registry)
    for number, value in enumerate(HOSTILE):
        gauge.labels(value, HOSTILE[-number]).set(number)
    text = generate_latest(registry).decode()

    samples, unread_lines = parsed_by_the_page(modules, text)

    assert unread_lines == 0
    assert {(labels["a"], labels["constructor"]): float(value) for _, labels, value in samples} == {
        (value, HOSTILE[-number]): number for number, value in enumerate(HOSTILE)
    }


def test_the_parser_reads_all_forms_and_counts_what_is_of_none(modules: Page) -> None:
    """The rest of a page is right even if a line is not."""
    good = (
        '# comment\n\n  a 1\nb{} -2.5e-3 1700000000\nc { x = "1" , y="2", } +Inf\nd NaN\ne -Inf\nf{__proto__="1"} .5\n'
    )
    bad = 'g\nh{x=1} 2\ni{x="1" 2\nj{x="1"}\nk one\nl 0x10\nm 1 2 3\n{x="1"} 2\n9 9\nn{x="\\\n'

    samples, unread_lines = parsed_by_the_page(modules, good + bad)

    assert samples == [
        ("a", {}, "1"),
        ("b", {}, "-0.0025"),
        ("c", {"x": "1", "y": "2"}, "Infinity"),
        ("d", {}, "NaN"),
        ("e", {}, "-Infinity"),
        ("f", {"__proto__": "1"}, "0.5"),
    ]
    assert unread_lines == bad.count("\n")


READING: Final = """
  const { parsePrometheusText } = await import('./status/prometheus_text.js');
  const reading = ([text, atMs, serverMs]) => ({ ...parsePrometheusText(text), atMs, serverMs });
"""


def counted(value: float, start_s: float, more: str = "") -> str:
    """A page with a counter of a process that was started at a time."""
    return f'c{{x="1"}} {value}\n{more}process_start_time_seconds {start_s}\n'


@pytest.mark.parametrize(
    ("before", "after", "server_ms", "expected"),
    [
        pytest.param(counted(5, 9), counted(8, 9), 20_000, 3, id="grows"),
        pytest.param(counted(5, 9), counted(2, 9), 20_000, 2, id="is smaller, so it began again"),
        pytest.param(counted(5, 9), counted(7, 25), 20_000, 7, id="a restart, although it is larger"),
        pytest.param(counted(5, 9), counted(7, 25), None, 7, id="a restart of a server without Date"),
        pytest.param(counted(5, 9), counted(8, 9, 'c{x="2"} 4\n'), 20_000, 7, id="a new series began at 0"),
        pytest.param("", counted(8, 9), 20_000, 8, id="a new metric began at 0"),
        pytest.param(counted(5, 9), "process_start_time_seconds 9\n", 20_000, None, id="a metric that is gone"),
        pytest.param(counted(5, 9), counted(7, 8), 20_000, "other", id="an older process is another instance"),
        pytest.param(counted(5, 9), counted(7, 12), 20_000, "other", id="one that ran already is another instance"),
    ],
)
def test_increases_survive_restarts(
    modules: Page, before: str, after: str, server_ms: int | None, expected: object
) -> None:
    """A restarted service would show a negative rate, or one of millions."""
    body = f"""{READING}
      const increases = m.increasesBetween(reading(argument[0]), reading(argument[1]), ['c']);
      return increases === null ? 'other' : m.sumOfIncreases(increases, 'c');
    """
    readings = [[before, 0, server_ms], [after, 2000, server_ms and server_ms + 2000]]

    assert call(modules, "increases", body, readings) == expected


def prometheus_quantile(q: float, buckets: Mapping[float, float]) -> float | None:
    """``histogram_quantile`` of Prometheus, promql/quantile.go: bucketQuantile."""
    bounds = sorted(buckets)
    counts = [buckets[bound] for bound in bounds]
    if len(bounds) < 2 or counts[-1] == 0:
        return None
    rank = q * counts[-1]
    found = next(index for index, count in enumerate(counts) if count >= rank)
    if found == len(bounds) - 1:
        return bounds[-2]
    start, below = (bounds[found - 1], counts[found - 1]) if found else (0.0, 0.0)
    return start + (bounds[found] - start) * (rank - below) / (counts[found] - below)


def test_quantiles_are_those_of_prometheus(modules: Page) -> None:
    """The page and the dashboard show the same estimate."""
    chance = random.Random(18)
    cases = []
    for _ in range(200):
        counts = [chance.choice((0, 0, 1, 3, 50)) for _ in range(6)]
        bounds = [*sorted(chance.sample(range(1, 1000), 5)), float("inf")]
        cumulative = {bound: float(sum(counts[: index + 1])) for index, bound in enumerate(bounds)}
        cases.append((chance.uniform(0.01, 1), cumulative))

    found = call(
        modules,
        "quantiles",
        "return argument.map(([q, buckets]) => m.estimateQuantile(q, new Map(buckets)));",
        [(q, list(buckets.items())) for q, buckets in cases],
    )

    assert found == [pytest.approx(prometheus_quantile(q, buckets)) for q, buckets in cases]


def test_failures_are_tried_again_later_and_later(modules: Page) -> None:
    """A service that is overloaded is not helped by pages that ask more often."""
    body = """return [
      ...[0, 1, 2, 3, 4, 5, 1000].map((failures) => m.waitBeforeNext(failures)),
      ...['20', '1', '9999', 'Sun, 06 Nov', null].map((asked) => m.waitBeforeNext(1, asked)),
    ];"""

    waits = call(modules, "poll_schedule", body)

    assert waits == [2000, 4000, 8000, 16000, 30000, 30000, 30000, 20000, 4000, 300000, 4000, 4000]


@pytest.mark.parametrize(
    ("function", "values", "texts"),
    [
        (
            "formatNumber",
            [0, 0.123456, 12.3456, 999.6, 123456.7, None],
            ["0", "0.123", "12.3", "1,000", "123,457", "–"],
        ),
        ("formatSeconds", [0, 1.5e-5, 0.0123, 2.5, None], ["0 s", "15 µs", "12.3 ms", "2.5 s", "–"]),
        ("formatBytes", [0, 999, 1000, 1 << 20, 4 << 30], ["0 B", "999 B", "0.977 KiB", "1 MiB", "4 GiB"]),
        ("formatUptime", [0, 59, 3661, 90061, None], ["0 s", "59 s", "1 h 1 min", "1 d 1 h", "–"]),
        ("formatShare", [0, 0.0123, 1], ["0 %", "1.23 %", "100 %"]),
    ],
)
def test_numbers_have_three_digits_and_a_unit(
    modules: Page, function: str, values: list[object], texts: list[str]
) -> None:
    """Seven digits that change every two seconds cannot be read."""
    assert call(modules, "format", f"return argument.map(m.{function});", values) == texts


def test_a_line_is_interrupted_where_values_are_missing(modules: Page) -> None:
    """A line drawn through a gap would show values that nobody measured."""
    body = """
      const points = argument.map(([atMs, value]) => ({ atMs, value }));
      const range = { fromMs: 0, toMs: 300, top: 10 };
      const segments = m.segmentsOf(points, 60);
      return [m.linePath(segments, range), m.areaPath(segments, range), m.niceTop([0, null, 9.9]), m.niceTop([]),
              m.niceTop([3 << 20], 1024)];
    """
    points = [[0, 0], [50, 10], [100, None], [150, 5], [250, 99], [300, 0]]

    line, area, top, empty_top, byte_top = call(modules, "sparkline", body, points)

    assert line == "M0 58L50 2M150 30h0M250 2L300 58"
    assert area == "M0 58L50 2L50 58L0 58ZM250 2L300 58L300 58L250 58Z"
    assert (top, empty_top, byte_top) == (20, 1, 5 << 20)


def test_a_window_covers_ten_seconds_and_neither_a_restart_nor_a_hidden_page(modules: Page) -> None:
    """A rate over minutes in which nothing was read would hide what happens now."""
    body = f"""{READING}
      const history = new m.History();
      return argument.map(([value, startS, atMs]) => {{
        const counter = `poolhouse_requests_total{{route="/v1",status="200"}} ${{value}}`;
        const text = `${{counter}}\nprocess_start_time_seconds ${{startS}}`;
        history.add({{ ...reading([text, atMs, 1000 * startS]), wallMs: atMs }});
        return [history.points.at(-1).values.get('requests'), history.points.length];
      }});
    """
    readings = [
        (0, 9, 0),
        (20, 9, 2_000),
        *((20, 9, at_ms) for at_ms in (4_000, 6_000, 8_000, 10_000, 12_000)),
        (50, 20, 14_000),
        (650, 20, 314_000),
        (658, 20, 316_000),
    ]

    rates, counts = zip(*call(modules, "history", body, readings), strict=True)

    assert rates[:7] == (None, 10, 5, pytest.approx(20 / 6), 2.5, 2, 0)
    assert rates[7:] == (25, 2, 4)
    assert counts[-2:] == (2, 2)


def test_devices_have_their_own_load(modules: Page) -> None:
    """A lost device is found among others by its row."""
    body = f"""{READING}
      const before = reading(['', 0, null]);
      const after = reading([argument, 4000, null]);
      const increases = (await import('./status/increases.js')).increasesBetween(before, after, [
        'poolhouse_compute_seconds_sum', 'poolhouse_batch_requests_count', 'poolhouse_batch_requests_sum']);
      return [m.deviceRows(after, increases), m.deviceRows(after, null).map(({{ cells }}) => cells)];
    """
    text = """
poolhouse_device_state{device="cuda:0",state="ready"} 1
poolhouse_device_state{device="cuda:0",state="lost"} 0
poolhouse_device_state{device="cuda:1",state="ready"} 0
poolhouse_device_state{device="cuda:1",state="lost"} 1
poolhouse_compute_seconds_sum{operator="a",device="cuda:0"} 1
poolhouse_compute_seconds_sum{operator="b",device="cuda:0"} 1
poolhouse_batch_requests_count{device="cuda:0",reason="idle"} 8
poolhouse_batch_requests_sum{device="cuda:0",reason="idle"} 20
"""

    rows, first = call(modules, "tables", body, text)

    assert rows == [
        {"cells": ["cuda:0", "Ready", "50 %", "2/s", "2.5"], "state": "ready"},
        {"cells": ["cuda:1", "Lost", "0 %", "0/s", "–"], "state": "lost"},
    ]
    assert first[0] == ["cuda:0", "Ready", "–", "–", "–"]


# ---- the page


def metrics_text(requests: int = 0, device: str = "cpu", state: str = "ready", start_s: float = 1000.0) -> str:
    """A page of metrics after some requests, each of which took between 1 and 3 ms."""
    device = device.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    lines = [
        f'poolhouse_requests_total{{operator="max_pool2d",route="/v1/pool/{{operator}}",status="200"}} {requests}',
        f'poolhouse_requests_total{{operator="",route="/livez",status="200"}} {7 * requests}',
        *(
            f'poolhouse_request_seconds_bucket{{call="pool",le="{le}"}} {count}'
            for le, count in (("0.001", 0), ("0.003", requests), ("0.01", requests), ("+Inf", requests))
        ),
        *(f'poolhouse_state{{state="{each}"}} {float(each == state)}' for each in STATES),
        *(
            f'poolhouse_device_state{{device="{device}",state="{each}"}} {float(each == "lost")}'
            for each in DEVICE_STATES
        ),
        'poolhouse_build_info{python="3.13.1",torch="2.9",version="1.2.3"} 1.0',
        f"process_start_time_seconds {start_s}",
    ]
    return "\n".join(lines) + "\n"


class Source:
    """Answers the page's requests for ``/metrics``, whose clock stands still until the test moves it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.asked = 0
        self.text = metrics_text()
        self.status = 200
        page.clock.install(time=2000)
        page.clock.pause_at(2001)
        page.route("**/metrics", self._answer)
        page.goto(f"{url}/status")
        self.wait_for_attempt(1)

    def wait_for_attempt(self, count: int) -> None:
        """Wait until the page has shown the outcome of this attempt to read."""
        self.page.locator(f'body[data-attempts="{count}"]').wait_for(state="attached")

    def _answer(self, route: Route) -> None:
        self.asked += 1
        date = {"Date": "Thu, 01 Jan 1970 00:33:20 GMT"}
        route.fulfill(status=self.status, body=self.text, headers=date, content_type="text/plain")

    def read(self, text: str, status: int = 200, wait_ms: int = 2000) -> None:
        """Let the time pass after which the page reads again, and give it this."""
        self.text, self.status = text, status
        count = self.asked + 1
        self.page.clock.run_for(wait_ms)
        self.wait_for_attempt(count)


@pytest.fixture
def source(page: Page, live_server: LiveServer) -> Source:
    """The page, whose metrics are the test's."""
    return Source(page, live_server.url)


def card(page: Page, title: str) -> str:
    """The text of a card in one line."""
    return " ".join(
        page.locator("article", has=page.get_by_role("heading", name=title, exact=True)).inner_text().split()
    )


def test_rates_and_quantiles_are_those_of_the_time_between_two_readings(source: Source) -> None:
    """Sums since the start would hide what happens now. Probes are not counted."""
    source.read(metrics_text(40))

    requests = card(source.page, "Requests")
    latency = card(source.page, "Latency")
    chart = source.page.get_by_role("img", name="Requests, up to five minutes. answered: now 20/s, least 20/s")

    assert requests.startswith(
        "Requests 20/s 50/s answered 2xx, 3xx 20/s refused 4xx 0/s failed 5xx 0/s client gone 0/s"
    )
    assert latency.startswith("Latency 2 ms median estimate 5 ms median 2 ms p95 2.9 ms p99 2.98 ms From")
    assert chart.count() == 1
    assert source.page.locator("#state").inner_text() == "Ready"
    assert source.page.locator("#version").inner_text() == "1.2.3"
    assert source.page.locator("#uptime").inner_text() == "16 min 40 s"


def test_text_of_the_service_is_text(source: Source) -> None:
    """A name of a device, an operator or a code is never markup."""
    device = '<img src=x onerror="document.title=1">\n\\'
    source.read(metrics_text(1, device=device))

    cells = source.page.locator("#devices tbody tr").locator("th, td").all_text_contents()

    assert cells[:2] == [device, "Lost"]
    assert source.page.locator("#devices img").count() == 0
    assert source.page.title() == "Ready – poolhouse status"


def test_metrics_that_are_missing_are_shown_as_missing(source: Source) -> None:
    """An older service, or a proxy's page, has other metrics."""
    for text in ("", "not { metrics\n", "poolhouse_jobs NaN\npoolhouse_held_bytes +Inf\n"):
        source.read(metrics_text(1))
        source.read(text)

        assert "–" in card(source.page, "Requests")
        assert source.page.locator("#state").inner_text() == "State unknown"
        assert "no metrics of poolhouse" in source.page.locator("#notice").inner_text()


def test_a_failure_is_said_and_tried_again_later(source: Source) -> None:
    """Old numbers that look like new ones mislead."""
    trouble = source.page.get_by_role("alert")
    source.read("", 503)
    first = trouble.inner_text()
    asked = source.asked
    source.page.clock.run_for(3500)
    asked_early = source.asked - asked
    source.read("", 503, wait_ms=500)
    second = trouble.inner_text()
    source.read(metrics_text(), wait_ms=8000)

    assert "503; the next try is in 4 s. The numbers are those of" in first
    assert asked_early == 0
    assert "the next try is in 8 s" in second
    assert not trouble.is_visible()
    assert source.page.locator("#state").inner_text() == "Ready"


def test_nothing_is_read_while_the_page_is_hidden_or_paused(source: Source) -> None:
    """A forgotten tab should cost the service nothing."""
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
    hide += "document.dispatchEvent(new Event('visibilitychange')); }"
    source.read(metrics_text())
    before = source.asked

    source.page.evaluate(hide, True)
    source.page.clock.run_for(20_000)
    while_hidden = source.asked - before
    source.page.evaluate(hide, False)
    source.wait_for_attempt(before + 1)
    pause = source.page.get_by_role("button", name="Pause")
    pause.press("Enter")
    before = source.asked
    source.page.clock.run_for(20_000)
    while_paused = source.asked - before
    source.page.get_by_role("button", name="Resume").press("Space")
    source.wait_for_attempt(before + 1)

    assert (while_hidden, while_paused) == (0, 0)


def test_the_keyboard_looks_back(source: Source) -> None:
    """Not everybody has a pointer that can hover over a chart."""
    source.read(metrics_text(10))
    source.read(metrics_text(210))
    look_back, shown = source.page.get_by_label("Look back"), source.page.locator("#shown")
    after = card(source.page, "Requests")

    source.page.get_by_role("button", name="Pause").focus()
    source.page.keyboard.press("Tab")
    source.page.keyboard.press("ArrowLeft")
    source.page.clock.run_for(50)
    before, text, spoken = card(source.page, "Requests"), shown.inner_text(), look_back.get_attribute("aria-valuetext")
    source.page.keyboard.press("Tab")
    source.page.keyboard.press("Enter")
    source.page.clock.run_for(50)

    assert text.endswith("2 s before")
    assert spoken == "2 seconds ago"
    assert before != after == card(source.page, "Requests")
    assert shown.inner_text().startswith("Now")


def test_several_instances_at_one_address_are_noticed(source: Source) -> None:
    """Behind a balancer each reading is of another process, and their difference means nothing."""
    source.read(metrics_text(5000, start_s=900.0))

    assert "Several instances" in source.page.locator("#notice").inner_text()
    assert "–" in card(source.page, "Requests")


@pytest.fixture(scope="module")
def keyed() -> Iterator[LiveServer]:
    """A server with a key, below a prefix."""
    settings = Settings.model_validate({"port": 0, "api_keys": f"ops={KEY}", "root_path": "/pooling"})
    with run_live_server(settings) as server:
        yield server


def test_a_key_is_asked_for_and_kept_in_memory_alone(page: Page, keyed: LiveServer) -> None:
    """A key that a browser stores can be read by the next person at that browser. The page is below a prefix here."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{keyed.url}/pooling/status")
    field, reason = page.get_by_label("API key"), page.locator("#key-reason")
    field.fill("not-the-key")
    field.press("Enter")
    reason.filter(has_text="does not know this key").wait_for()
    field.fill("schlüssel 鍵")
    field.press("Enter")
    field.fill(KEY)
    field.press("Enter")
    page.locator("#state", has_text="Ready").wait_for()

    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    markup = page.content()
    width = page.evaluate("document.documentElement.scrollWidth")
    page.reload()
    field.wait_for()

    assert KEY not in stored
    assert KEY not in markup
    assert all(url.startswith(f"{keyed.url}/pooling/") and KEY not in url for url in asked)
    assert width == 360
