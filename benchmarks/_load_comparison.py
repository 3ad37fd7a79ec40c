"""Servers under the same load in turns, after it is checked that they answer the same bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from _cases import RESPONSE_READERS, Case, Floats, describe_difference, expected_output
from _comparison import Comparison, Ratio, measure_alternating
from _harness import Connection, build_request
from _wrk import Post, requests_per_second


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and the form in which it is asked."""

    name: str
    port: int
    build_post: Callable[[Floats], Post]


def check_responses(servers: Sequence[Server], x: Floats) -> None:
    """Compares the answers of all servers with torch's own, bit for bit.

    Raises:
        RuntimeError: one differs, with the first element that does.
    """
    wanted = expected_output(x)
    for server in servers:
        post = server.build_post(x)
        connection = Connection(
            server.port, build_request(post.target, post.headers["Content-Type"], post.body, post.headers)
        )
        try:
            found = RESPONSE_READERS[server.build_post](connection.call())
        finally:
            connection.close()
        told = describe_difference(f"{server.name} ({server.build_post.__name__})", found, wanted)
        if told is not None:
            raise RuntimeError(told)


def compare_load(
    case: Case, servers: tuple[Server, Server], x: Floats, turns: int, seconds: int, goal: float | None
) -> Comparison:
    """The requests a second of ours and of the other, one turn of wrk after another."""
    # A second of large requests is a dozen, and one more or less would be a tenth.
    seconds = max(seconds, 3) if case.size == "large" else seconds
    posts = [server.build_post(x) for server in servers]

    def side(number: int) -> Callable[[], float]:
        return lambda: requests_per_second(servers[number].port, posts[number], case.connections, seconds)

    print(f"{case.name}, {turns} turns of {seconds} s each", flush=True)
    ours, theirs = measure_alternating([side(0), side(1)], turns)
    return Comparison(case.name, Ratio.RATE, ours, theirs, goal)
