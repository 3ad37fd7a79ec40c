"""Compiled loops are kept on disk, loaded before the service is ready, and never in the way of a start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from poolhouse.kernels import code_cache, compile_ahead, loading
from poolhouse.kernels.linking import this_processor
from poolhouse.kernels.registry import LOOPS, loops_are_loaded
from poolhouse.kernels.targets import Target, x86_level
from tests.test_packaging import run_plain

CODES = {"one": b"code of one", "two": b"and of two\n\0"}

START = """
import asyncio, logging, sys
logging.basicConfig(format='%(levelname)s %(message)s', level='INFO')
from poolhouse.kernels.registry import loops_are_loaded
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
pooling = PoolingService.from_settings(Settings(device=('cpu',), kernels=sys.argv[1] if len(sys.argv) > 1 else 'on'))
asyncio.run(pooling.start())
print([device['ready'] for device in pooling.devices()], loops_are_loaded())
"""


def start(place: Path, kernels: str = "on") -> subprocess.CompletedProcess[str]:
    """Starts the service's core in a process of its own, with this directory for a cache."""
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "XDG_CACHE_HOME": str(place)}
    return subprocess.run(
        [sys.executable, "-c", START, kernels],
        env={**environment, "TMPDIR": str(place / "tmp")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """A start reads what another start compiled."""
    path = tmp_path / "deep" / "some.loops"

    code_cache.write_file(path, CODES)

    assert code_cache.read_file(path, trusted=False) == CODES
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("damage", [b"", b"x", b"\0" * 40])
def test_a_broken_file_counts_as_none(tmp_path: Path, damage: bytes) -> None:
    """A disk that was full leaves half a file, and what is read is run."""
    path = tmp_path / "some.loops"
    code_cache.write_file(path, CODES)

    path.write_bytes(damage or path.read_bytes()[:-1])

    assert code_cache.read_file(path, trusted=True) is None
    assert code_cache.read_file(tmp_path / "absent.loops", trusted=True) is None


def test_code_that_others_can_write_is_not_run(tmp_path: Path) -> None:
    """/tmp is everybody's: a file under a name that can be guessed may be another user's trap."""
    path, trap = tmp_path / "some.loops", tmp_path / "trap"
    code_cache.write_file(path, CODES)
    link = tmp_path / "link.loops"
    link.symlink_to(path)
    path.chmod(0o666)
    trap.mkdir()
    trap.chmod(0o777)

    assert code_cache.read_file(path, trusted=False) is None
    assert code_cache.read_file(link, trusted=False) is None
    with pytest.raises(PermissionError, match="other users can write to"):
        code_cache.write_file(trap / "some.loops", CODES)


def test_a_source_and_a_processor_have_files_of_their_own() -> None:
    """Code of yesterday's source, or for more than this processor knows, must not be run."""
    (module,) = {each.module for each in LOOPS.values() if each.module.endswith(".scatter")}

    names = {
        code_cache.file_name(module, target) for target in (Target("x86-64-v3"), Target("x86-64-v4"), Target("a", "+b"))
    }

    assert len(names) == 3
    assert code_cache.file_name(module, this_processor()) == code_cache.file_name(module, this_processor())


def test_a_user_without_a_home_has_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image's user is a number."""

    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", home)

    assert [place.name for place in code_cache.user_cache_dirs()] == [f"poolhouse-kernels-{os.getuid()}"]


def test_every_module_with_loops_is_compiled_ahead() -> None:
    """A module that is missing there would be compiled at the start of a read-only image, each time."""
    code = (
        "import poolhouse.rest.app\nfrom poolhouse.operators.catalogue import discover\ndiscover()\n"
        "from poolhouse.kernels.registry import LOOPS\nprint(*{each.module for each in LOOPS.values()})"
    )

    of_service = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert set(of_service.stdout.split()) == set(compile_ahead.MODULES)
    assert loops_are_loaded()


def test_a_loop_that_may_fail_is_not_compiled() -> None:
    """Compiled code has no interpreter to raise in: a failure would go unseen."""
    failing = import_module("tests.kernels.failing_loop").failing
    del LOOPS[failing.name]

    with pytest.raises(loading.LoopsUnavailable, match="may raise or calls external code"):
        loading.build([failing], this_processor(), 1, lambda _, __: None)


def test_without_numba_the_service_pools_and_says_so() -> None:
    """numba comes late to new versions of Python; nobody should have to wait for it."""
    plain = run_plain(START, absent=("numba", "llvmlite"))

    assert plain.stdout == "[True] False\n", plain.stderr
    (warning,) = [line for line in plain.stderr.splitlines() if line.startswith("WARNING")]
    assert "without compiled loops, and slower: llvmlite is not installed; the server extra brings" in warning


def test_kernels_off_leaves_the_loops_alone(tmp_path: Path) -> None:
    """Who doubts a loop turns all of them off, and nothing is compiled for it."""
    off = start(tmp_path, "off")

    assert off.stdout == "[True] False\n", off.stderr
    assert not list(tmp_path.iterdir())


def test_a_cache_that_cannot_be_written_stops_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's root may be read-only: then each start compiles, and says why."""
    (tmp_path / "poolhouse").write_text("not a directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "poolhouse"))
    known = next(each for each in LOOPS.values() if each.module.endswith(".scatter"))
    monkeypatch.setattr(known, "entry", None)

    problems = loading.load_loops(1, lambda _, __: None)

    assert loops_are_loaded()
    assert len(problems) == 2


def test_plain_python_is_what_loops_say() -> None:
    """A loop's function can be read, and run slowly, as what it is: Python."""
    scatter = LOOPS["poolhouse.kernels.scatter.scatter_planes_uint32"]
    x, indices, out = np.arange(4, dtype=np.uint32), np.array([3, 1, 9, 0]), np.ones(4, np.uint32)
    again = out.copy()

    assert scatter(x, indices, out, 4, 4, 0, 1) == scatter.function(x, indices, again, 4, 4, 0, 1) == 1
    assert out.tolist() == again.tolist() == [3, 1, 0, 0]


@pytest.mark.parametrize(
    ("features", "name"),
    [
        ("cx16 popcnt sse3 sse4.1 sse4.2 ssse3", "x86-64-v2"),
        ("cx16 popcnt sse3 sse4.1 sse4.2 ssse3 avx avx2 bmi bmi2 f16c fma lzcnt movbe", "x86-64-v3"),
        ("avx512f avx512bw avx512cd avx512dq avx512vl", "x86-64"),
    ],
)
def test_a_processor_gets_no_instruction_that_it_lacks(features: str, name: str) -> None:
    """An instruction that a processor does not know ends the process."""
    assert x86_level(dict.fromkeys(features.split(), True)) == Target(name)
