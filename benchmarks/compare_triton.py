"""Compare our service with NVIDIA Triton and its python backend, after a check that both return the same bits.

Rows: requests per second by wrk (our protocol beside Triton's, and Triton's beside itself, with the same bytes to both
servers), calls by the Python client of each, and a large call over loopback compared with torch in the same process.
Each pools with one thread.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final

import numpy as np
import torch

import _triton
from _cases import (
    JSON,
    RAW,
    SHAPES,
    V2_BINARY,
    V2_JSON,
    Case,
    Floats,
    describe_difference,
    expected_output,
    input_array,
    v1_json,
    v1_raw,
    v2_binary,
    v2_json,
)
from _chart import Panel, render_svg
from _comparison import Comparison, Ratio, comparison_columns, measure_alternating
from _harness import run_poolhouse
from _load_comparison import Server, check_responses, compare_load
from _results import describe_machine, write_result
from client import timed_calls
from poolhouse.client.clients import Client

IMAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "images" / "beside-triton.svg"
CLIENT_CASES: Final = (("tiny", 200, 2.0), ("medium", 50, 4.0), ("large", 5, 6.0))
"""A size, the calls of one turn, and the goal: our speed over that of Triton's client with Triton."""
IN_PROCESS_GOAL: Final = 0.4


def compare_load_rows(our_port: int, triton_port: int, turns: int, seconds: int) -> list[Comparison]:
    """The rows measured with wrk."""
    rows = []
    for cases, v2_cases, v1, v2 in ((RAW, V2_BINARY, v1_raw, v2_binary), (JSON, V2_JSON, v1_json, v2_json)):
        peer = Server("Triton", triton_port, v2)
        for case, v2_case in zip(cases, v2_cases, strict=True):
            x = input_array(case.size)
            ours = {case: Server("poolhouse", our_port, v1), v2_case: Server("poolhouse", our_port, v2)}
            check_responses((*ours.values(), peer), x)
            rows += compare_load(ours, peer, x, turns, seconds)
    # First all rows of our protocol.
    return sorted(rows, key=lambda row: " v2 " in row.case)


def compare_client_rows(
    client: Client, triton_client: _triton.TritonClient, triton_client_to_us: _triton.TritonClient, turns: int
) -> list[Comparison]:
    """The rows of our Python client, then those of Triton's client with our server, beside Triton's with Triton."""
    rows, v2_rows = [], []
    for size, count, goal in CLIENT_CASES:
        x = input_array(size)
        check_clients(client, triton_client, size)

        check_clients(client, triton_client_to_us, size)

        def their_turn(theirs: _triton.TritonClient, size: str = size, count: int = count) -> Callable[[], float]:
            return lambda: statistics.median(theirs.call(size, count).ms)

        print(f"{size} through the clients, {turns} turns of {count} calls each", flush=True)
        sides = [client_turn(client, x, count), their_turn(triton_client_to_us), their_turn(triton_client)]
        ours, by_triton, triton = measure_alternating(sides, turns)
        rows.append(Comparison(f"{size}, from Python", Ratio.SPEED, ours, triton, goal))
        # Without a goal: of a large tensor the client itself takes most of the time.
        v2_rows.append(Comparison(f"{size}, from Python by tritonclient", Ratio.SPEED, by_triton, triton))
    return [*rows, *v2_rows]


def check_clients(client: Client, triton_client: _triton.TritonClient, size: str) -> None:
    """Check that both clients return torch's bits.

    Raises:
        RuntimeError: one does not.
    """
    x = input_array(size)
    expected = expected_output(x)
    difference = describe_difference("our client", client.max_pool2d(x, 2).output, expected)
    if difference is None and triton_client.call(size, 1).sha256 != hashlib.sha256(expected.tobytes()).hexdigest():
        difference = "Triton's client returns other bits than torch"
    if difference is not None:
        raise RuntimeError(f"{size}: {difference}")


def compare_with_in_process_torch(client: Client, turns: int) -> Comparison:
    """The row that compares our client with torch in the same process."""
    size, count, _ = CLIENT_CASES[-1]
    x = input_array(size)
    tensor = torch.from_numpy(x)

    def torch_turn() -> float:
        return median_ms(lambda: torch.nn.functional.max_pool2d(tensor, 2), count)

    print(f"{size} through our client and by torch, {turns} turns of {count} calls each", flush=True)
    ours, torchs = measure_alternating([client_turn(client, x, count), torch_turn], turns)
    return Comparison(f"{size}, from Python, beside torch in process", Ratio.TIME, ours, torchs, IN_PROCESS_GOAL)


def client_turn(client: Client, x: Floats, count: int) -> Callable[[], float]:
    """One turn of our client: the median of its calls, from array to array."""
    return lambda: median_ms(lambda: client.max_pool2d(x, 2).output, count)


def median_ms(call: Callable[[], object], count: int) -> float:
    """The median of ``count`` calls."""
    return statistics.median(timed_calls(call)(count))


def plot(load_rows: list[Comparison], client_rows: list[Comparison]) -> str:
    """Plot requests per second over the bytes of the input: raw, JSON, and from Python."""
    by_case = {row.case: row for row in load_rows}

    def panel(title: str, points: list[tuple[str, Comparison]]) -> Panel:
        nbytes = {size: 4.0 * math.prod(shape) for size, shape in SHAPES.items()}
        lines = {
            name: [(nbytes[size], row.requests_per_second[side]) for size, row in points]
            for side, name in enumerate(("poolhouse", "NVIDIA Triton"))
        }
        return Panel(title, "bytes of input", "requests/s", lines)

    def of(cases: tuple[Case, ...]) -> list[tuple[str, Comparison]]:
        return [(case.size, by_case[case.name]) for case in cases if case.connections > 1]

    from_python = [(size, row) for (size, _, _), row in zip(CLIENT_CASES, client_rows, strict=False)]
    panels = [panel("raw, 2 to 16 connections", of(RAW)), panel("JSON, 8 to 16 connections", of(JSON))]
    return render_svg([*panels, panel("from Python, one at a time", from_python)])


def exit_on_sigterm(number: int, frame: FrameType | None) -> None:
    """End this process by an exception, so that the servers are stopped."""
    sys.exit("terminated")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="turns for each side and case")
    parser.add_argument("--seconds", type=int, default=3, help="duration of each turn of wrk")
    parser.add_argument("--quick", action="store_true", help="two turns of one second; takes about two minutes")
    options = parser.parse_args()
    turns, seconds = (2, 1) if options.quick else (options.turns, options.seconds)
    signal.signal(signal.SIGTERM, exit_on_sigterm)
    torch.set_num_threads(1)
    machine = describe_machine()
    with ExitStack() as stack:
        inputs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for size, _, _ in CLIENT_CASES:
            np.save(inputs / f"{size}.npy", input_array(size))
        our_port = stack.enter_context(run_poolhouse("--cpu-threads", "1"))
        triton_port = stack.enter_context(_triton.run_server())
        theirs = stack.enter_context(_triton.run_client(triton_port, inputs))
        theirs_to_us = stack.enter_context(_triton.run_client(our_port, inputs))
        machine |= {"triton": _triton.server_version(triton_port), "tritonclient": theirs.version}
        client = stack.enter_context(Client(f"http://127.0.0.1:{our_port}"))
        load_rows = compare_load_rows(our_port, triton_port, turns, seconds)
        client_rows = compare_client_rows(client, theirs, theirs_to_us, turns)
        rows = [*load_rows, *client_rows, compare_with_in_process_torch(client, turns)]
    IMAGE.write_text(plot(load_rows, client_rows), encoding="utf-8")
    write_result(
        "triton",
        machine,
        comparison_columns("Triton"),
        [row.table_row() for row in rows],
        {row.case: row.figures() for row in rows},
    )


if __name__ == "__main__":
    main()
