"""Compare servers under the same load in turns, after a check that they return the same bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from _cases import RESPONSE_READERS, Case, Floats, describe_difference, expected_output
from _comparison import Comparison, Ratio, measure_alternating
from _harness import Connection, build_request
from _wrk import Post, requests_per_second


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and the form of its requests."""

    name: str
    port: int
    build_post: Callable[[Floats], Post]


def check_responses(servers: Sequence[Server], x: Floats) -> None:
    """Check that all servers return torch's result, bit for bit.

    Raises:
        RuntimeError: a response differs; names the first differing element.
    """
    expected = expected_output(x)
    for server in servers:
        post = server.build_post(x)
        connection = Connection(
            server.port, build_request(post.target, post.headers["Content-Type"], post.body, post.headers)
        )
        try:
            actual = RESPONSE_READERS[server.build_post](connection.call())
        finally:
            connection.close()
        difference = describe_difference(f"{server.name} ({server.build_post.__name__})", actual, expected)
        if difference is not None:
            raise RuntimeError(difference)


def compare_load(
    case: Case, servers: tuple[Server, Server], x: Floats, turns: int, seconds: int, goal: float | None
) -> Comparison:
    """Measure the requests per second of both servers, in alternating turns of wrk."""
    # In a second there are only about twelve large requests, so one more or less would be a tenth.
    seconds = max(seconds, 3) if case.size == "large" else seconds
    posts = [server.build_post(x) for server in servers]

    def side(number: int) -> Callable[[], float]:
        return lambda: requests_per_second(servers[number].port, posts[number], case.connections, seconds)

    print(f"{case.name}, {turns} turns of {seconds} s each", flush=True)
    ours, theirs = measure_alternating([side(0), side(1)], turns)
    return Comparison(case.name, Ratio.RATE, ours, theirs, goal)
