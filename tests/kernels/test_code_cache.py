"""Cache files of compiled code: what was written is read, and nothing else, because the code is executed."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest

from poolhouse.kernels import code_cache
from poolhouse.kernels.linking import this_processor
from poolhouse.kernels.registry import LOOPS
from poolhouse.kernels.targets import Target

CODES = {"one": b"code of one", "two": b"and of two\n\0"}


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


def test_a_changed_byte_makes_a_file_unreadable(tmp_path: Path) -> None:
    """Whatever byte a disk loses, names, sizes and code must not be mixed up."""
    path = tmp_path / "some.loops"
    code_cache.write_file(path, CODES)
    content = path.read_bytes()

    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])

        assert code_cache.read_file(path, trusted=True) is None, place


def test_a_failed_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk must not fill up further with the temporary files of each start."""

    def replace(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", replace)

    with pytest.raises(OSError, match="No space left"):
        code_cache.write_file(tmp_path / "some.loops", CODES)

    assert not list(tmp_path.iterdir())


def test_a_source_change_in_an_imported_module_changes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Helpers are compiled into the loops of other modules, so their old code must not be loaded."""
    module, helpers = "poolhouse.kernels.windows", import_module("poolhouse.kernels.joins")
    before = code_cache.file_name(module, Target("x86-64-v3"))
    assert helpers.__file__ is not None
    changed = tmp_path / "joins.py"
    changed.write_bytes(Path(helpers.__file__).read_bytes() + b"# changed\n")

    monkeypatch.setattr(helpers, "__file__", str(changed))

    assert code_cache.file_name(module, Target("x86-64-v3")) != before


def test_modules_are_listed_once() -> None:
    """One file holds all loops of a module."""
    modules = code_cache.modules_of(LOOPS.values())

    assert modules == sorted(set(modules))
    assert {each.module for each in LOOPS.values()} == set(modules)
