"""wrk's report becomes figures only where every request was answered well."""

from __future__ import annotations

from pathlib import Path

import pytest

from _wrk import Post, lua_script, parse_rate

REPORT = """Running 1s test @ http://127.0.0.1:8000/v1/pool/max_pool2d
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     6.89ms    2.60ms  31.16ms   91.86%
    Req/Sec     2.36k   199.00     2.61k    80.00%
  2354 requests in 1.00s, 765.44KB read
{more}Requests/sec:   {rate}
Transfer/sec:    764.53KB
"""


def report(rate: str = "2351.20", more: str = "") -> str:
    return REPORT.format(rate=rate, more=more)


def test_the_rate_is_read() -> None:
    """The rate of each thread stands in the same report, rounded."""
    assert parse_rate(report()) == 2351.2


@pytest.mark.parametrize(
    "more",
    [
        "  Non-2xx or 3xx responses: 1\n",
        "  Socket errors: connect 0, read 0, write 0, timeout 2\n",
    ],
)
def test_a_failed_request_makes_the_rate_void(more: str) -> None:
    """Refusals are fast: a server that refuses everything would win."""
    with pytest.raises(RuntimeError, match="not one of answered requests alone"):
        parse_rate(report(more=more))


@pytest.mark.parametrize(
    "text", ["", "unable to connect to 127.0.0.1:1 Connection refused", report("-nan"), report("0.00")]
)
def test_a_report_without_figures_is_shown(text: str) -> None:
    """The reader wants wrk's own words, and no figure of zero."""
    with pytest.raises(RuntimeError, match=r"(?s)not one of answered requests alone:\n" + text[:20]):
        parse_rate(text)


def test_the_script_says_what_is_sent() -> None:
    """A name or a text that ended the Lua string would change the request."""
    written = lua_script(Post("/x", {"X-Test": 'a "quoted" \\ word'}, b""), Path("/a folder/body"))

    assert 'io.open("/a folder/body", "rb")' in written
    assert 'wrk.headers["X-Test"] = "a \\"quoted\\" \\\\ word"\n' in written
    assert 'wrk.method = "POST"' in written
