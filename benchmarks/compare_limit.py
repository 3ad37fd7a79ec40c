"""Compare our service with a bare protocol that checks nothing (_bare_server.py), the limit of a Python event loop.

The goal is 0.6 of the bare protocol's requests per second.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from _bare_server import choose_pool_function
from _cases import RAW, input_array, v1_raw
from _comparison import Comparison, comparison_columns
from _harness import run_bare_server, run_poolhouse
from _load_comparison import Server, check_responses, compare_load
from _results import describe_machine, write_result

GOAL = 0.6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="turns of wrk for each server and case")
    parser.add_argument("--seconds", type=int, default=3, help="duration of each turn")
    parser.add_argument("--quick", action="store_true", help="two turns of one second")
    options = parser.parse_args()
    turns, seconds = (2, 1) if options.quick else (options.turns, options.seconds)
    machine = {**describe_machine(), "bare protocol": f"pools by {choose_pool_function()[0]}"}
    rows: list[Comparison] = []
    with run_poolhouse("--cpu-threads", "1") as our_port, run_bare_server() as bare_port:
        ours, peer = Server("poolhouse", our_port, v1_raw), Server("the bare protocol", bare_port, v1_raw)
        for case in RAW:
            x = input_array(case.size)
            check_responses((ours, peer), x)
            case = replace(case, goal=GOAL if case.goal else None)
            rows += compare_load({case: ours}, peer, x, turns, seconds)
    write_result(
        "limit",
        machine,
        comparison_columns("bare"),
        [row.table_row() for row in rows],
        {row.case: row.figures() for row in rows},
    )


if __name__ == "__main__":
    main()
