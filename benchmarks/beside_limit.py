"""Our service beside a bare protocol that checks nothing (_bare.py): how far it is from what Python can do.

The goal is 0.6 of the bare protocol's requests a second.
"""

from __future__ import annotations

import argparse

from _bare import pool_function
from _beside import Comparison, heads
from _calling import bare, poolhouse
from _cases import RAW, array, v1_raw
from _loads import Server, check, compared
from _machine import machine, write

GOAL = 0.6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="of wrk, for each server and case")
    parser.add_argument("--seconds", type=int, default=3, help="of wrk, each turn")
    parser.add_argument("--quick", action="store_true", help="two turns of a second")
    asked = parser.parse_args()
    turns, seconds = (2, 1) if asked.quick else (asked.turns, asked.seconds)
    place = {**machine(), "bare protocol": f"pools by {pool_function()[0]}"}
    rows: list[Comparison] = []
    with poolhouse("--cpu-threads", "1") as our_port, bare() as bare_port:
        ours, peer = Server("poolhouse", our_port, v1_raw), Server("the bare protocol", bare_port, v1_raw)
        for case in RAW:
            x = array(case.size)
            check((ours, peer), x)
            rows.append(compared(case, (ours, peer), x, turns, seconds, GOAL if case.goal else None))
    write("limit", place, heads("bare"), [row.row() for row in rows], {row.case: row.figures() for row in rows})


if __name__ == "__main__":
    main()
