"""Compare servers under the same load in turns, after a check that they return the same bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def compare_load(ours: Mapping[Case, Server], peer: Server, x: Floats, turns: int, seconds: int) -> list[Comparison]:
    """Measure the requests per second of all servers, in alternating turns of wrk.

    Args:
        ours: a server of ours for each row; the cases differ only in the form of the requests.
        peer: the server that each of them is compared with.
        x: the input.
        turns: for each server.
        seconds: the duration of a turn.
    """
    first = next(iter(ours))
    # In a second there are only about twelve large requests, so one more or less would be a tenth.
    seconds = max(seconds, 3) if first.size == "large" else seconds
    servers = [*ours.values(), peer]
    posts = [server.build_post(x) for server in servers]

    def side(number: int) -> Callable[[], float]:
        return lambda: requests_per_second(servers[number].port, posts[number], first.connections, seconds)

    print(f"{' and '.join(case.name for case in ours)}, {turns} turns of {seconds} s each", flush=True)
    *figures, theirs = measure_alternating([side(number) for number in range(len(servers))], turns)
    return [
        Comparison(case.name, Ratio.RATE, rates, theirs, case.goal) for case, rates in zip(ours, figures, strict=True)
    ]
