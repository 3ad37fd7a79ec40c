"""A proof that is told to stop leaves nothing running: neither what it has started, nor what that has."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.rest.gated_service import becomes_true
from tests.rest.live_server import WAIT_TIMEOUT_S

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
PROOFS = sorted(SCRIPTS.glob("prove_*.py"))
RUN_FOREVER = "import subprocess; subprocess.run(['sleep', '1000'])"
PROOF = f"""
import subprocess, sys
from pathlib import Path
from _termination import terminate_children_on_sigterm

terminate_children_on_sigterm()
try:
    subprocess.run([sys.executable, "-c", {RUN_FOREVER!r}])
finally:
    Path(sys.argv[1]).touch()
"""


@contextmanager
def running(words: list[str | Path]) -> Iterator[subprocess.Popen[bytes]]:
    """A process; whatever is left of it is killed at the end."""
    with subprocess.Popen(words, cwd=SCRIPTS) as process:
        try:
            yield process
        finally:
            with suppress(psutil.NoSuchProcess):
                top = psutil.Process(process.pid)
                for each in (*top.children(recursive=True), top):
                    each.kill()


def descendants(process: subprocess.Popen[bytes], count: int) -> list[psutil.Process]:
    """What it has started, and what that has, once there are so many."""
    top = psutil.Process(process.pid)
    assert becomes_true(lambda: len(top.children(recursive=True)) == count)
    found: list[psutil.Process] = top.children(recursive=True)
    return found


def test_a_proof_that_is_told_to_stop_ends_all_that_runs_for_it(tmp_path: Path) -> None:
    """A service that is left behind keeps its port, its memory and a core of the machine."""
    tidied = tmp_path / "tidied"
    with running([sys.executable, "-c", PROOF, tidied]) as process:
        started = descendants(process, 2)

        process.send_signal(signal.SIGTERM)

        assert process.wait(WAIT_TIMEOUT_S) == 1
        gone, left = psutil.wait_procs(started, timeout=WAIT_TIMEOUT_S)
        for each in left:
            each.kill()
    assert (len(gone), left) == (2, [])
    assert tidied.exists()


def test_a_script_that_is_told_to_stop_ends_what_it_waits_for() -> None:
    """bash goes at once, and leaves what it runs to itself."""
    script = f'set -euo pipefail; source _venv.sh; trap stop_child EXIT; run_child "{sys.executable}" -c "$1"'
    with running(["bash", "-c", script, "bash", "import time; time.sleep(1000)"]) as process:
        started = descendants(process, 1)

        process.send_signal(signal.SIGTERM)

        assert process.wait(WAIT_TIMEOUT_S) == -signal.SIGTERM
        _, left = psutil.wait_procs(started, timeout=WAIT_TIMEOUT_S)
        for each in left:
            each.kill()
    assert left == []


@pytest.mark.parametrize("code", [0, 3])
def test_a_script_ends_as_what_it_waits_for_does(code: int) -> None:
    """A proof that fails must not look like one that passes."""
    script = f'set -euo pipefail; source _venv.sh; trap stop_child EXIT; run_child "{sys.executable}" -c "$1"; exit 0'

    assert subprocess.run(["bash", "-c", script, "bash", f"exit({code})"], cwd=SCRIPTS, check=False).returncode == code


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_each_proof_does_so(proof: Path) -> None:
    """Those that start nothing need not; Ray's has its own way, since its processes are nobody's children."""
    text = proof.read_text(encoding="utf-8")
    main = text.partition('if __name__ == "__main__":\n')[2]

    if "subprocess" in text:
        assert main.startswith("    terminate_children_on_sigterm()\n")
    caller = (SCRIPTS / ("prove_kubernetes" if proof.stem == "prove_helm" else proof.stem)).read_text(encoding="utf-8")
    (line, *_) = re.findall(rf"^.*{re.escape(proof.name)}.*$", caller, re.MULTILINE)
    assert re.match(r"(PYTHONPATH=\S+ )?(exec|run_child) ", line), line
