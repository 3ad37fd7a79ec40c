"""The API key file: its format, and errors that do not reveal a key."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.auth.keys import Key, Keyring, key_digest, new_key, read_keys
from poolhouse.rest.auth.quotas import Quota

SECRET = "correct-horse-battery"


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def read(tmp_path: Path, text: str) -> Keyring:
    file = tmp_path / "keys.toml"
    file.write_text(text)
    ring = read_keys(file, "")
    assert ring is not None
    return ring


def test_a_file_gives_names_and_quotas(tmp_path: Path) -> None:
    """Each table is one key, with the entries that the documentation lists."""
    ring = read(
        tmp_path,
        f'[vision]\nkey = "{key_digest(SECRET)}"\nrequests_per_s = 5\nburst = 10\nbytes_per_s = "1MiB"\n'
        f'[audio]\nkey = "another-{SECRET}"\n',
    )

    assert ring.keys == (
        Key("vision", digest(SECRET), Quota(5, 10, 2**20)),
        Key("audio", digest(f"another-{SECRET}"), Quota()),
    )


def test_only_the_keys_that_say_so_are_those_of_admins(tmp_path: Path) -> None:
    """An admin changes the service for all clients; keys of the list have no such entry."""
    ring = read(tmp_path, f'[a]\nkey = "{SECRET}"\nadmin = true\n[b]\nkey = "{SECRET}-2"\nadmin = false\n')
    listed = read_keys(None, f"c={SECRET}")

    assert listed is not None
    assert {key.name: key.is_admin for key in (*ring.keys, *listed.keys)} == {"a": True, "b": False, "c": False}


def test_keys_of_the_list_and_of_the_file_are_joined(tmp_path: Path) -> None:
    """A small installation has one key in an environment variable."""
    file = tmp_path / "keys.toml"
    file.write_text(f'[vision]\nkey = "{SECRET}"\n')

    ring = read_keys(file, f"ci={SECRET}-2, ops={key_digest(SECRET + '-3')}")

    assert ring is not None
    assert sorted(key.name for key in ring.keys) == ["ci", "ops", "vision"]
    assert ring.find(f"{SECRET}-3".encode()) == Key("ops", digest(f"{SECRET}-3"))


def test_without_keys_there_is_no_keyring() -> None:
    """Then no request needs a key."""
    assert read_keys(None, " ") is None


@given(st.lists(st.text("abcdef", min_size=16), min_size=1, max_size=8, unique=True), st.binary(max_size=40))
def test_every_key_is_found_and_no_other(keys: list[str], other: bytes) -> None:
    """All keys are compared, and the right one must be found."""
    ring = Keyring(Key(f"k{at}", digest(key)) for at, key in enumerate(keys))

    for at, key in enumerate(keys):
        found = ring.find(key.encode())
        assert found is not None
        assert found.name == f"k{at}"
    if other.decode("latin-1") not in keys:
        assert ring.find(other) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a]\n", "poolhouse key a"),
        ('[a]\nkey = "short"\n', "at least 16"),
        ('[a]\nkey = "sha256:12"\n', "64 hexadecimal"),
        (f'[a]\nkey = "{SECRET}"\nkeyy = 1\n', "unknown keyy"),
        (f'[a]\nkey = "{SECRET}"\nadmin = "true"\n', "admin must be true or false, without quotes"),
        (f'[a]\nkey = "{SECRET}"\nadmin = 1\n', "admin must be true or false, without quotes"),
        (f'[a]\nkey = "{SECRET}"\nrequests_per_s = 0\n', "requests_per_s must be a number above 0"),
        (f'[a]\nkey = "{SECRET}"\nrequests_per_s = true\n', "requests_per_s must be a number above 0"),
        (f'[a]\nkey = "{SECRET}"\nbytes_per_s = "much"\n', "bytes_per_s must be above 0"),
        (f'[a]\nkey = "{SECRET}"\nburst = 3\n', "burst needs requests_per_s"),
        (f'a = "{SECRET}"\n', "expected a table, [a]"),
        (f'["a b"]\nkey = "{SECRET}"\n', "is not a valid name"),
        (f'[a]\nkey = "{SECRET}"\n[b]\nkey = "{key_digest(SECRET)}"\n', "the same key"),
        (f'[a]\nkey = "{SECRET}" {SECRET}\n', "is not valid TOML, at line 2"),
        ("", "no API key is set"),
        ("a = " + 5_000 * "[", "nested too deeply"),
        ("a = " + 5_000 * "{ a = ", "nested too deeply"),
        ("a = " + 5_000 * "9", "is not valid TOML"),
    ],
)
def test_errors_do_not_reveal_a_key(tmp_path: Path, text: str, says: str) -> None:
    """The messages go to a log that more people can read than the file."""
    with pytest.raises(ValueError, match="API key") as refused:
        read(tmp_path, text)

    assert says in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A failed mount is the usual cause."""
    with pytest.raises(ValueError, match=r"gone\.toml cannot be read: No such file"):
        read_keys(tmp_path / "gone.toml", "")


def test_two_keys_differ() -> None:
    """Keys must be random."""
    assert len({new_key() for _ in range(100)}) == 100
