"""Run the examples of a page in order, in a temporary folder, against a live server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from poolhouse.kernels.code_cache import user_cache_dirs
from tests.docs.pages import ROOT, Block, Step
from tests.forked_process import run_python

DOCUMENTED_ADDRESS = "localhost:8000"
"""The address in the pages; it is replaced by that of the live server."""

STEP_TIMEOUT_S = 120

# curl writes the status of each response to stderr: a page must show each refusal that its examples get.
CURLRC = 'no-progress-meter\nnoproxy = "*"\nwrite-out = "%{stderr}status %{http_code}\\n"\n'
_STATUS = re.compile(r"^status (\d{3})$", re.MULTILINE)

OPTIONAL = ("jq", "node", "java", "cc")
"""Programs that may not be installed; their steps are then left out, and the test is reported as skipped."""


@dataclass(frozen=True)
class PageRunner:
    """Runs the examples of a page.

    Attributes:
        folder: the working directory, with ``examples`` and ``docs/images`` like the root of the repository.
        address: host and port of the live server.
    """

    folder: Path
    address: str

    @classmethod
    def create(cls, folder: Path, address: str) -> PageRunner:
        """Fill the folder, and replace the address in the examples."""
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "docs" / "images", folder / "docs" / "images")
        for path in (folder / "examples").iterdir():
            if path.suffix != ".npy":
                path.write_text(path.read_text(encoding="utf-8").replace(DOCUMENTED_ADDRESS, address), encoding="utf-8")
        (folder / ".curlrc").write_text(CURLRC)
        return cls(folder, address)

    def run_step(self, step: Step) -> None:
        """Run one step, and compare its output with the page.

        Raises:
            AssertionError: the step failed, or its output differs.
        """
        expected = step.output
        completed = self._run(step)
        details = f"line {step.block.line}:\n{completed.stdout}{completed.stderr}"
        assert completed.returncode == 0, f"the command failed with {completed.returncode}, {details}"
        statuses = [int(status) for status in _STATUS.findall(completed.stderr)]
        # If a step makes several calls, the page shows the last response.
        if expected is not None and statuses and shows_refusal(expected, statuses[-1]):
            statuses.pop()
        assert all(200 <= status < 300 for status in statuses), f"a refusal that the page does not show, {details}"
        if expected is None:
            return
        if expected.language == "json":
            assert comparable(completed.stdout) == comparable(expected.code), f"different output, {details}"
        else:
            assert completed.stdout.strip() == expected.code.strip(), f"different output, {details}"

    def _run(self, step: Step) -> subprocess.CompletedProcess[str]:
        code = step.block.code.replace(DOCUMENTED_ADDRESS, self.address)
        environment = {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
            "PYTHONPATH": str(ROOT / "service"),
            "CURL_HOME": str(self.folder),
            "HOME": str(self.folder),
            # Else the first command would compile all loops.
            "XDG_CACHE_HOME": str(user_cache_dirs()[0].parent.parent),
            "no_proxy": "*",
            "LC_ALL": "C.UTF-8",
        }
        if step.block.language == "python":
            return run_python(code, environment, self.folder)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_TIMEOUT_S,
        )


def shows_refusal(block: Block, status: int) -> bool:
    """Whether an output is a refusal with this status: a problem document, or an error of ``/v2``, which has none."""
    document: object = json.loads(block.code) if block.language == "json" else None
    return isinstance(document, dict) and ("error" in document or document.get("status") == status)


def comparable(text: str) -> object:
    """A JSON response without the request id, which differs each time."""
    document: object = json.loads(text)
    if isinstance(document, dict):
        document.pop("request_id", None)
    return document


def missing_optional_program(step: Step) -> str | None:
    """The first optional program that this step calls and that is not installed."""
    for program in OPTIONAL:
        if re.search(rf"(^|\| *){program} ", step.block.code, re.MULTILINE) and shutil.which(program) is None:
            return program
    return None
