"""``poolhouse key``: the key for the client, and the entry for the service's file."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from poolhouse.commands import group
from poolhouse.rest.auth.keys import read_keys


def test_a_key_of_the_command_matches_its_line_for_the_file(tmp_path: Path) -> None:
    """The line for the file and the key for the client belong together."""
    file = tmp_path / "keys.toml"
    made = [CliRunner().invoke(group.poolhouse, ["key", name]) for name in ("vision", "audio_2")]
    shown = [each.stderr.split()[-1] for each in made]
    file.write_text("".join(each.stdout for each in made))

    ring = read_keys(file, "")

    assert ring is not None
    found = [ring.find(key.encode()) for key in shown]
    assert [None if key is None else key.name for key in found] == ["vision", "audio_2"]
    assert [key for key in shown if key in file.read_text()] == []


@pytest.mark.parametrize("name", ["a b", "", "-a=b", "a,b", "ü", "a" * 65])
def test_the_command_refuses_an_invalid_name(name: str) -> None:
    """The error appears at once instead of at the next start."""
    made = CliRunner().invoke(group.poolhouse, ["key", "--", name])

    assert (made.exit_code, made.stdout) == (2, "")
    assert "Traceback" not in made.stderr
