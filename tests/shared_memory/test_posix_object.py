"""Shared memory objects as files: keys, kinds of files, short reads and writes, and the end of the descriptor."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from poolhouse.errors import PoolhouseError, Unavailable, Unprocessable
from poolhouse.shared_memory.posix_object import DIRECTORY, RESERVED_PREFIXES, PosixObject, check_key
from tests.shared_memory.shared_object import SharedObject, shared_object

BYTES = bytes(range(256))
BAD_KEYS = [
    *("", "/", "//", "///", ".", "/.", "..", "/..", "a/b", "/a/b", "a/../b", "/a/../b", "../a", "//a", "a/"),
    *("a\0b", "\0", "a\nb", "\x1b[0m", "\ud800", "x" * 256, "é" * 128),
    *(f"{prefix}x" for prefix in RESERVED_PREFIXES),
    *(f"/{prefix}x" for prefix in RESERVED_PREFIXES),
]


@pytest.fixture
def client_object() -> Iterator[SharedObject]:
    """An object of 256 different bytes."""
    with shared_object(len(BYTES)) as made:
        made.write(BYTES)
        yield made


@pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: repr(key[:20]))
def test_a_key_that_names_no_object_of_a_client_is_refused(key: str, tmp_path: Path) -> None:
    """A key must not lead out of the directory, or to an object that holds no tensor of a client."""
    for each in ("x", "a", "b", *(f"{prefix}x" for prefix in RESERVED_PREFIXES)):
        (tmp_path / each).touch()

    with pytest.raises(Unprocessable, match="cannot be used"):
        PosixObject(key, tmp_path)


@pytest.mark.parametrize("name", ["a", "pool_input", "..a", "a..b", "psm_1f2e3d4c", "with space", "é" * 127, "x" * 255])
def test_every_other_key_is_accepted_with_and_without_its_slash(name: str) -> None:
    """Python's own multiprocessing names objects without the slash, and shm_open takes both."""
    assert check_key(name) == check_key(f"/{name}") == name.encode()


def _symlink(path: Path) -> None:
    (path.parent / "secret").write_bytes(BYTES)
    path.symlink_to("secret")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _nothing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize("make", [_symlink, _pipe, Path.mkdir, _nothing])
def test_only_regular_files_are_opened(make: Callable[[Path], None], tmp_path: Path) -> None:
    """A link could lead to any file of the service, and opening a pipe could wait for ever."""
    make(tmp_path / "object")

    with pytest.raises(Unprocessable) as raised:
        PosixObject("/object", tmp_path)

    assert str(tmp_path) not in str(raised.value), "clients must not learn the service's paths"
    assert not SharedObject(tmp_path / "object").descriptors


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EACCES, Unprocessable),
        (errno.EPERM, Unprocessable),
        (errno.EMFILE, Unavailable),
        (errno.ENFILE, Unavailable),
        (errno.ENOMEM, Unavailable),
    ],
)
def test_a_failing_open_is_no_internal_error(
    number: int, expected: type[PoolhouseError], client_object: SharedObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the client did, and what the system lacks, are told apart by the status."""
    monkeypatch.setattr(os, "open", _failing(number))

    with pytest.raises(expected) as raised:
        PosixObject(client_object.key)

    assert str(client_object.path) not in str(raised.value)


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, Unavailable), (errno.EFBIG, Unprocessable), (errno.EIO, Unprocessable)]
)
def test_a_failing_transfer_is_no_internal_error(
    number: int, expected: type[PoolhouseError], client_object: SharedObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shared memory of the system can be used up, by others than the client."""
    opened = PosixObject(client_object.key)
    monkeypatch.setattr(os, "preadv", _failing(number))
    monkeypatch.setattr(os, "pwritev", _failing(number))

    with pytest.raises(expected):
        opened.read(0, 4)
    with pytest.raises(expected):
        opened.write(0, memoryview(b"abcd"))


def _failing(number: int) -> Callable[..., int]:
    def fail(*_given: object) -> int:
        raise OSError(number, os.strerror(number), "/dev/shm/hidden")

    return fail


@pytest.mark.parametrize(("offset", "nbytes"), [(0, 256), (0, 0), (256, 0), (1, 7), (255, 1)])
def test_ranges_are_read_and_written(offset: int, nbytes: int, client_object: SharedObject) -> None:
    """No byte beside the range may change or be seen."""
    opened = PosixObject(client_object.key)
    stop = offset + nbytes

    assert bytes(opened.read(offset, nbytes)) == BYTES[offset:stop]
    opened.write(offset, memoryview(b"\xff" * nbytes))
    assert client_object.read() == BYTES[:offset] + b"\xff" * nbytes + BYTES[stop:]


def test_offsets_have_64_bits() -> None:
    """An offset that is cut to 32 bits would read other bytes of the region."""
    with shared_object(2**33) as large:
        large.write(b"far", 2**32 + 5)
        opened = PosixObject(large.key)

        assert bytes(opened.read(2**32 + 5, 3)) == b"far"
        opened.write(2**32 + 5, memoryview(b"off"))
        assert large.read(2**32 + 5, 3) == b"off"
        assert bytes(opened.read(5, 3)) == bytes(3)


def test_partial_transfers_are_continued(client_object: SharedObject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux transfers at most 2 GiB at once."""
    preadv, pwritev = os.preadv, os.pwritev
    monkeypatch.setattr(os, "preadv", lambda file, buffers, at: preadv(file, [buffers[0][:7]], at))
    monkeypatch.setattr(os, "pwritev", lambda file, buffers, at: pwritev(file, [buffers[0][:7]], at))
    opened = PosixObject(client_object.key)

    assert bytes(opened.read(1, 100)) == BYTES[1:101]
    opened.write(1, memoryview(BYTES[101:201]))
    assert client_object.read(1, 100) == BYTES[101:201]


@pytest.mark.parametrize("left", [0, 63, 64, 127])
def test_reading_an_object_that_was_made_shorter_is_refused(left: int, client_object: SharedObject) -> None:
    """Bytes of an earlier request would be pooled; with a mapping, SIGBUS would end the service."""
    opened = PosixObject(client_object.key)
    client_object.truncate(left)

    with pytest.raises(Unprocessable, match=f"now has {left} bytes"):
        opened.read(64, 64)


@pytest.mark.parametrize("left", [0, 64, 127])
def test_writing_does_not_make_an_object_longer(left: int, client_object: SharedObject) -> None:
    """The added memory would be counted to the service, and a client could have it grow without end."""
    opened = PosixObject(client_object.key)
    client_object.truncate(left)

    with pytest.raises(Unprocessable, match=f"now has {left} bytes"):
        opened.write(64, memoryview(bytes(64)))

    assert client_object.path.stat().st_size == left


def test_what_was_read_does_not_change(client_object: SharedObject) -> None:
    """Indices are checked after they were read; a client that changes them then must have no effect."""
    opened = PosixObject(client_object.key)
    found = opened.read(0, 256)

    client_object.write(b"\xff" * 256)

    assert bytes(found) == BYTES


def test_an_object_is_closed_with_its_last_reference() -> None:
    """An open descriptor keeps the memory of an object that was unlinked."""
    with shared_object(4) as made:
        first = PosixObject(made.key)
        second = first
        made.unlink()
        del first
        assert made.descriptors == 1

        del second

        assert made.descriptors == 0


def test_a_descriptor_is_not_inherited(client_object: SharedObject) -> None:
    """A program that the service starts must not get the tensors of clients."""
    opened = PosixObject(client_object.key)
    descriptors = {each for each in os.listdir("/proc/self/fd") if _points_to(each, client_object.path)}

    assert [os.get_inheritable(int(each)) for each in descriptors] == [False]
    assert opened.nbytes == len(BYTES)


def _points_to(descriptor: str, path: Path) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}") == str(path)
    except FileNotFoundError:
        return False


def test_objects_are_those_of_shm_open() -> None:
    """The directory is where Linux keeps the objects of shm_open; see shm_overview(7)."""
    assert Path("/dev/shm") == DIRECTORY
