"""Where compiled loops are kept, and that the service runs without a compiler."""

from __future__ import annotations

import os
from pathlib import Path

from poolhouse.kernels.compiling import place_for_cache
from tests.test_packaging import run_plain


def test_what_an_image_brings_is_copied_to_where_it_can_be_written(tmp_path: Path) -> None:
    """An image's root is read-only, and numba refuses a cache that it cannot write to."""
    built, temporary = tmp_path / "built", tmp_path / "tmp"
    built.mkdir()
    temporary.mkdir()
    (built / "loop.nbc").write_bytes(b"code")

    places = [place_for_cache(built, temporary) for _ in range(2)]

    assert places[0] is not None
    assert places[0] == places[1]
    assert (places[0] / "loop.nbc").read_bytes() == b"code"
    assert list(temporary.iterdir()) == [places[0]]


def test_code_that_others_can_write_is_not_run(tmp_path: Path) -> None:
    """/tmp is everybody's: a directory under a name that can be guessed may be another user's trap."""
    built = tmp_path / "built"
    built.mkdir()
    trap = tmp_path / f"poolhouse-kernels-{os.getuid()}"
    trap.mkdir()
    trap.chmod(0o777)

    assert place_for_cache(built, tmp_path) is None


def test_without_a_build_numba_chooses(tmp_path: Path) -> None:
    """A checkout and a plain install keep the loops where numba always does."""
    assert place_for_cache(tmp_path / "absent", tmp_path) is None


def test_the_service_pools_without_numba_and_says_so() -> None:
    """numba comes late to new versions of Python; nobody should have to wait for it."""
    plain = run_plain(
        "import asyncio, logging\n"
        "logging.basicConfig(format='%(message)s', level='DEBUG')\n"
        "import numpy as np\n"
        "from poolhouse.pooling import Pooling\n"
        "from poolhouse.settings import Settings\n"
        "pooling = Pooling.from_settings(Settings(device=('cpu',)))\n"
        "asyncio.run(pooling.start())\n"
        "print([device['ready'] for device in pooling.devices()])\n",
        absent=("numba",),
    )

    assert plain.stdout == "[True]\n", plain.stderr
    assert "numba is not installed" in plain.stderr
