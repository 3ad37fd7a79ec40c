"""Generate load with wrk: repeat one POST over a number of connections, and read the rate from wrk's report."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HANG_TIMEOUT_S: Final = 60.0
"""wrk is killed if it has not ended this long after its planned time."""


@dataclass(frozen=True, slots=True)
class Post:
    """A POST request for the load generator.

    Attributes:
        target: path and query.
        headers: all but Host and Content-Length, which wrk adds.
        body: its bytes.
    """

    target: str
    headers: Mapping[str, str]
    body: bytes


def parse_rate(report: str) -> float:
    """The requests per second of a report.

    Raises:
        RuntimeError: a request failed or was refused, or there was no response, so the rate is meaningless.
    """
    rate = re.search(r"^Requests/sec:\s*([0-9.]+)$", report, re.MULTILINE)
    if rate is None or not float(rate[1]) or "Non-2xx" in report or "Socket errors" in report:
        raise RuntimeError(f"wrk reports failed requests, or none at all:\n{report}")
    return float(rate[1])


def lua_script(post: Post, body: Path) -> str:
    """The Lua script that makes wrk send this request, with the body from a file.

    A JSON string of printable ASCII is a valid Lua string.
    """
    headers = "".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(text)}\n" for name, text in post.headers.items())
    return (
        f'local file = assert(io.open({json.dumps(str(body))}, "rb"))\n'
        f'wrk.body = file:read("*a")\nfile:close()\nwrk.method = "POST"\n{headers}'
    )


def requests_per_second(port: int, post: Post, connections: int, seconds: int, core: int | None = None) -> float:
    """Measure with one thread of wrk, which can be pinned to a core."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed; on Debian and Ubuntu: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        body, lua = Path(folder, "body"), Path(folder, "post.lua")
        body.write_bytes(post.body)
        lua.write_text(lua_script(post, body), encoding="utf-8")
        command = [wrk, "--timeout", "30s", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(lua)]
        command.append(f"http://127.0.0.1:{port}{post.target}")
        if core is not None:
            command = ["taskset", "--cpu-list", str(core), *command]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + _HANG_TIMEOUT_S)
    return parse_rate(done.stdout)
