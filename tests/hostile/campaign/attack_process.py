"""Run an attack in a process of its own, with the lowest priority."""

from __future__ import annotations

import os
import signal
import sys
from threading import Event, Thread

from tests.hostile.campaign.inference_attacks import INFERENCE_ATTACKS
from tests.hostile.campaign.mutated_requests import mutate
from tests.hostile.campaign.targeted_attacks import TARGETED_ATTACKS


def main() -> None:
    """``attack_process.py NAME PORT SEED``: attack until standard input is closed."""
    name, port, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.nice(19)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = Event()
    if name == "mutated exchanges":
        attack = Thread(target=mutate, args=(port, seed, stop), daemon=True)
    else:
        found = next(aimed for aimed in (*TARGETED_ATTACKS, *INFERENCE_ATTACKS) if aimed.name == name)
        attack = Thread(target=found.run, args=(port, stop), daemon=True)
    attack.start()
    sys.stdin.read()
    stop.set()
    attack.join(8)


if __name__ == "__main__":
    main()
