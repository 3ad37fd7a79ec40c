"""wrk's report gives a figure only if every request succeeded."""

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


def test_the_rate_is_parsed() -> None:
    """And not the rounded rate of each thread, which is in the same report."""
    assert parse_rate(report()) == 2351.2


@pytest.mark.parametrize(
    "more",
    [
        "  Non-2xx or 3xx responses: 1\n",
        "  Socket errors: connect 0, read 0, write 0, timeout 2\n",
    ],
)
def test_a_failed_request_invalidates_the_rate(more: str) -> None:
    """Refusals are fast, so a server that refuses everything would win."""
    with pytest.raises(RuntimeError, match="wrk reports failed requests"):
        parse_rate(report(more=more))


@pytest.mark.parametrize(
    "text", ["", "unable to connect to 127.0.0.1:1 Connection refused", report("-nan"), report("0.00")]
)
def test_a_report_without_a_rate_is_quoted(text: str) -> None:
    """It explains the problem, and a rate of zero would not."""
    with pytest.raises(RuntimeError, match=r"(?s)wrk reports failed requests, or none at all:\n" + text[:20]):
        parse_rate(text)


def test_the_lua_script_escapes_strings() -> None:
    """A quote that ended a Lua string would change the request."""
    script = lua_script(Post("/x", {"X-Test": 'a "quoted" \\ word'}, b""), Path("/a folder/body"))

    assert 'io.open("/a folder/body", "rb")' in script
    assert 'wrk.headers["X-Test"] = "a \\"quoted\\" \\\\ word"\n' in script
    assert 'wrk.method = "POST"' in script
