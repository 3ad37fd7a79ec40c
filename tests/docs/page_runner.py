"""Following a page step by step, as its reader would: in a folder of its own, against a live server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT, Block, Step

DOCUMENTED_ADDRESS = "localhost:8000"
"""The address that the pages write; the server of a test listens elsewhere."""

STEP_S = 120
"""How long one step may take; reached only when something is broken."""

# curl tells on stderr which status each answer had: a page must not meet a refusal that it does not show.
CURLRC = 'no-progress-meter\nnoproxy = "*"\nwrite-out = "%{stderr}status %{http_code}\\n"\n'
_STATUS = re.compile(r"^status (\d{3})$", re.MULTILINE)

OPTIONAL = ("jq", "node", "java", "cc")
"""Programs that a machine may lack; steps that call them are then left out, and the test says so."""


@dataclass(frozen=True)
class PageRunner:
    """Where a page is followed.

    Attributes:
        folder: a stand-in for the clone's root, with ``examples`` and ``docs/images`` in it.
        address: host and port of the live server.
    """

    folder: Path
    address: str

    @classmethod
    def create(cls, folder: Path, address: str) -> PageRunner:
        """The folder filled, with the live server's address in the examples."""
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "docs" / "images", folder / "docs" / "images")
        for path in (folder / "examples").iterdir():
            if path.suffix != ".npy":
                path.write_text(path.read_text(encoding="utf-8").replace(DOCUMENTED_ADDRESS, address), encoding="utf-8")
        (folder / ".curlrc").write_text(CURLRC)
        return cls(folder, address)

    def run_step(self, step: Step) -> None:
        """Do one step, and hold what comes against what the page says.

        Raises:
            AssertionError: it failed, or answered something else.
        """
        shown = step.answer
        ran = self._run(step)
        said = f"line {step.block.line}:\n{ran.stdout}{ran.stderr}"
        assert ran.returncode == 0, f"the command failed with {ran.returncode}, {said}"
        statuses = [int(status) for status in _STATUS.findall(ran.stderr)]
        # Of several calls in one step, the page shows the last one's answer.
        if shown is not None and statuses and statuses[-1] == problem_status(shown):
            statuses.pop()
        assert all(200 <= status < 300 for status in statuses), f"a refusal that the page does not show, {said}"
        if shown is None:
            return
        if shown.language == "json":
            assert comparable(ran.stdout) == comparable(shown.code), f"another answer, {said}"
        else:
            assert ran.stdout.strip() == shown.code.strip(), f"another answer, {said}"

    def _run(self, step: Step) -> subprocess.CompletedProcess[str]:
        in_python = step.block.language == "python"
        program = [sys.executable, "-W", "error", "-c"] if in_python else ["bash", "-euo", "pipefail", "-c"]
        code = step.block.code.replace(DOCUMENTED_ADDRESS, self.address)
        environment = {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
            "PYTHONPATH": str(ROOT / "service"),
            "CURL_HOME": str(self.folder),
            "HOME": str(self.folder),
            "no_proxy": "*",
            "LC_ALL": "C.UTF-8",
        }
        return subprocess.run(
            [*program, code],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_S,
        )


def problem_status(shown: Block) -> int | None:
    """The status of the problem document that a page shows, or None where it shows no refusal."""
    document: object = json.loads(shown.code) if shown.language == "json" else None
    status = document.get("status") if isinstance(document, dict) else None
    return status if isinstance(status, int) else None


def comparable(text: str) -> object:
    """A JSON answer without what differs each time: the name of the request."""
    document: object = json.loads(text)
    if isinstance(document, dict):
        document.pop("request_id", None)
    return document


def missing_optional_program(step: Step) -> str | None:
    """An optional program that this step calls and that is not here."""
    for program in OPTIONAL:
        if re.search(rf"(^|\| *){program} ", step.block.code, re.MULTILINE) and shutil.which(program) is None:
            return program
    return None
