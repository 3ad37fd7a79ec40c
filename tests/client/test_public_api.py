"""The package imports the client lazily, and has every public name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import poolhouse

ROOT = Path(__file__).resolve().parents[2]


def test_every_public_name_exists() -> None:
    """A missing name in ``__all__`` breaks ``from poolhouse import *``."""
    assert all(getattr(poolhouse, name) is not None for name in poolhouse.__all__)
    assert set(poolhouse.__all__) <= set(dir(poolhouse))


def test_a_misspelt_name_is_an_attribute_error() -> None:
    """As for any module."""
    with pytest.raises(AttributeError, match="Cleint"):
        poolhouse.Cleint  # type: ignore[attr-defined]  # noqa: B018, the access is the test


def test_the_client_imports_only_numpy_and_httpx() -> None:
    """The plain install has nothing else; and httpx is imported only when it is needed."""
    code = (
        "import sys, poolhouse\nassert 'httpx' not in sys.modules and 'numpy' not in sys.modules\n"
        "poolhouse.Client('http://localhost:1'), poolhouse.AsyncClient('http://localhost:1')\n"
        "assert 'httpx' not in sys.modules, 'plain http needs no httpx, which doubles the import time'\n"
        "poolhouse.Client('https://localhost:1'), poolhouse.AsyncClient('https://localhost:1')\n"
        "assert 'httpx' in sys.modules\n"
        "found = {'torch', 'fastapi', 'starlette', 'pydantic', 'orjson', 'uvicorn', 'ml_dtypes'} & set(sys.modules)\n"
        "assert not found, found"
    )

    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "service")}, check=True, timeout=60)


def test_a_local_client_without_the_server_extra_names_the_extra() -> None:
    """A ModuleNotFoundError that names only one library would mislead."""
    code = (
        "import sys\nsys.modules['fastapi'] = None\nimport poolhouse\n"
        "try:\n    poolhouse.Client.local()\n"
        "except ModuleNotFoundError as missing:\n    assert \"pip install 'poolhouse[server]'\" in str(missing)\n"
        "else:\n    sys.exit(1)"
    )

    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "service")}, check=True, timeout=60)
