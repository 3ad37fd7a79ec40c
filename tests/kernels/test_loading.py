"""Compiled loops are cached on disk, loaded before the service is ready, and never prevent a start."""

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
print([device['ready'] for device in pooling.status.devices()], loops_are_loaded())
"""


def start(cache: Path, kernels: str = "on") -> subprocess.CompletedProcess[str]:
    """Start a PoolingService in a separate process with this cache directory."""
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "XDG_CACHE_HOME": str(cache)}
    return subprocess.run(
        [sys.executable, "-c", START, kernels],
        env={**environment, "TMPDIR": str(cache / "tmp")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_written_file_can_be_read(tmp_path: Path) -> None:
    """A start reads the code that an earlier start compiled."""
    path = tmp_path / "deep" / "some.loops"

    code_cache.write_file(path, CODES)

    assert code_cache.read_file(path, trusted=False) == CODES
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("damage", [b"", b"x", b"\0" * 40])
def test_a_broken_file_is_not_read(tmp_path: Path, damage: bytes) -> None:
    """A full disk leaves half a file, and the code in it is executed."""
    path = tmp_path / "some.loops"
    code_cache.write_file(path, CODES)

    path.write_bytes(damage or path.read_bytes()[:-1])

    assert code_cache.read_file(path, trusted=True) is None
    assert code_cache.read_file(tmp_path / "absent.loops", trusted=True) is None


def test_code_that_other_users_can_write_is_not_executed(tmp_path: Path) -> None:
    """All users can write to /tmp, so a file with a predictable name may be an attack by another user."""
    path, shared = tmp_path / "some.loops", tmp_path / "shared"
    code_cache.write_file(path, CODES)
    link = tmp_path / "link.loops"
    link.symlink_to(path)
    path.chmod(0o666)
    shared.mkdir()
    shared.chmod(0o777)

    assert code_cache.read_file(path, trusted=False) is None
    assert code_cache.read_file(link, trusted=False) is None
    with pytest.raises(PermissionError, match="other users can write to"):
        code_cache.write_file(shared / "some.loops", CODES)


def test_each_source_and_processor_has_its_own_file() -> None:
    """Code of an older source, or for instructions that this processor lacks, must not be executed."""
    (module,) = {each.module for each in LOOPS.values() if each.module.endswith(".scatter")}

    names = {
        code_cache.file_name(module, target) for target in (Target("x86-64-v3"), Target("x86-64-v4"), Target("a", "+b"))
    }

    assert len(names) == 3
    assert code_cache.file_name(module, this_processor()) == code_cache.file_name(module, this_processor())


def test_a_user_without_a_home_has_a_cache_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image's user is a user ID without an account."""

    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", home)

    assert [path.name for path in code_cache.user_cache_dirs()] == [f"poolhouse-kernels-{os.getuid()}"]


def test_every_module_with_loops_is_compiled_ahead() -> None:
    """A read-only image would compile the loops of a missing module at each start."""
    code = (
        "import poolhouse.rest.app\nfrom poolhouse.operators.catalogue import discover\ndiscover()\n"
        "from poolhouse.kernels.registry import LOOPS\nprint(*{each.module for each in LOOPS.values()})"
    )

    service = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert set(service.stdout.split()) == set(compile_ahead.MODULES)
    assert loops_are_loaded()


def test_a_loop_that_may_raise_is_not_compiled() -> None:
    """Compiled code cannot raise an exception, so a failure would be lost."""
    failing = import_module("tests.kernels.failing_loop").failing
    del LOOPS[failing.name]

    with pytest.raises(loading.LoopsUnavailable, match="may raise or calls external code"):
        loading.build([failing], this_processor(), 1, lambda _, __: None)


def test_without_numba_the_service_pools_and_logs_a_warning() -> None:
    """numba supports new versions of Python late; the service must run on them before."""
    plain = run_plain(START, absent=("numba", "llvmlite"))

    assert plain.stdout == "[True] False\n", plain.stderr
    (warning,) = [line for line in plain.stderr.splitlines() if line.startswith("WARNING")]
    assert "without compiled kernels" in warning
    assert "llvmlite is not installed; install the extra 'server'" in warning


def test_kernels_off_compiles_no_loops(tmp_path: Path) -> None:
    """An operator of the service who suspects a loop can turn all of them off."""
    off = start(tmp_path, "off")

    assert off.stdout == "[True] False\n", off.stderr
    assert not list(tmp_path.iterdir())


def test_an_unwritable_cache_does_not_prevent_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's file system may be read-only. Each start then compiles, and reports why."""
    (tmp_path / "poolhouse").write_text("not a directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "poolhouse"))
    scatter = next(each for each in LOOPS.values() if each.module.endswith(".scatter"))
    monkeypatch.setattr(scatter, "entry", None)

    problems = loading.load_loops(1, lambda _, __: None)

    assert loops_are_loaded()
    assert len(problems) == 2


def test_a_loop_does_what_its_python_function_does() -> None:
    """A loop's function is Python, and runs uncompiled too, only slower."""
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
def test_the_target_has_only_instructions_of_the_processor(features: str, name: str) -> None:
    """An instruction that the processor does not have ends the process."""
    assert x86_level(dict.fromkeys(features.split(), True)) == Target(name)
