"""A proof script that gets SIGTERM ends all its child processes, and theirs."""

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
def running(arguments: list[str | Path]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process; at the end it and its child processes are killed."""
    with subprocess.Popen(arguments, cwd=SCRIPTS) as process:
        try:
            yield process
        finally:
            with suppress(psutil.NoSuchProcess):
                top = psutil.Process(process.pid)
                for each in (*top.children(recursive=True), top):
                    each.kill()


def descendants(process: subprocess.Popen[bytes], count: int) -> list[psutil.Process]:
    """Wait until the process has this many descendants, and return them."""
    top = psutil.Process(process.pid)
    assert becomes_true(lambda: len(top.children(recursive=True)) == count)
    found: list[psutil.Process] = top.children(recursive=True)
    return found


def test_a_terminated_proof_ends_its_child_processes(tmp_path: Path) -> None:
    """A service that keeps running would occupy its port, its memory and a core."""
    finished = tmp_path / "finished"
    with running([sys.executable, "-c", PROOF, finished]) as process:
        started = descendants(process, 2)

        process.send_signal(signal.SIGTERM)

        assert process.wait(WAIT_TIMEOUT_S) == 1
        ended, left = psutil.wait_procs(started, timeout=WAIT_TIMEOUT_S)
        for each in left:
            each.kill()
    assert (len(ended), left) == (2, [])
    assert finished.exists()


def test_a_terminated_script_ends_its_child_process() -> None:
    """bash itself ends at once on a signal, and its child process would keep running."""
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
def test_a_script_returns_the_exit_code_of_its_child_process(code: int) -> None:
    """A failed proof must not be reported as passed."""
    script = f'set -euo pipefail; source _venv.sh; trap stop_child EXIT; run_child "{sys.executable}" -c "$1"; exit 0'

    assert subprocess.run(["bash", "-c", script, "bash", f"exit({code})"], cwd=SCRIPTS, check=False).returncode == code


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_each_proof_ends_its_child_processes(proof: Path) -> None:
    """Proofs without child processes are exempt, and that of Ray, whose processes are not its children."""
    text = proof.read_text(encoding="utf-8")
    main = text.partition('if __name__ == "__main__":\n')[2]

    if "subprocess" in text:
        assert main.startswith("    terminate_children_on_sigterm()\n")
    caller = (SCRIPTS / ("prove_kubernetes" if proof.stem == "prove_helm" else proof.stem)).read_text(encoding="utf-8")
    (line, *_) = re.findall(rf"^.*{re.escape(proof.name)}.*$", caller, re.MULTILINE)
    assert re.match(r"(PYTHONPATH=\S+ )?(exec|run_child) ", line), line
