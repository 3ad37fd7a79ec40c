"""What each command says where the extra that it needs is not installed, and what works without."""

from __future__ import annotations

import json
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement

from poolhouse.client.clients import Client
from poolhouse.commands.catalogue import bundled_operators
from poolhouse.commands.registry import COMMANDS
from tests.test_packaging import ROOT, SERVER_LIBRARIES, run_plain

WITH_CLI = tuple(name for name in SERVER_LIBRARIES if name != "click")
"""What is absent where the cli extra alone is installed."""


def command_line(*words: str, absent: tuple[str, ...] = SERVER_LIBRARIES) -> subprocess.CompletedProcess[str]:
    """A command line where these libraries are absent."""
    return run_plain(f"import poolhouse.cli\nsys.exit(poolhouse.cli.main({list(words)!r}))", absent)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("further", [[], ["--help"]], ids=["bare", "help"])
def test_in_the_plain_install_each_command_names_the_extra_that_it_needs(name: str, further: list[str]) -> None:
    """A traceback says nothing, and the wrong extra installs gigabytes of torch for a client."""
    plain = command_line(name, *further)

    assert (plain.returncode, plain.stdout) == (2, "")
    assert plain.stderr == (
        f"poolhouse: click is not installed; poolhouse {name} needs the {COMMANDS[name].extra} extra: "
        f"pip install 'poolhouse[{COMMANDS[name].extra}]'\n"
    )


@pytest.mark.parametrize("words", [["--help"], ["-h"], []], ids=" ".join)
def test_in_the_plain_install_the_help_tells_each_command_with_its_extra(words: list[str]) -> None:
    """It asked for the server, where most commands need click alone."""
    plain = command_line(*words)

    told = plain.stdout if words else plain.stderr
    assert plain.returncode == (0 if words else 2)
    cli, server = told.split("pip install 'poolhouse[cli]':")[1], told.split("pip install 'poolhouse[cli]':")[0]
    assert [name for name, each in COMMANDS.items() if f"  {name} " in cli and each.extra != "cli"] == []
    assert [name for name, each in COMMANDS.items() if f"  {name} " in server and each.extra != "server"] == []
    assert all(f"  {name} " in told and each.summary in told for name, each in COMMANDS.items())


def test_in_the_plain_install_a_misspelt_command_is_told_its_nearest() -> None:
    """No extra mends a typo."""
    plain = command_line("pol", "max_pool2d")

    assert plain.returncode == 2
    assert plain.stderr == "poolhouse: pol is no command; did you mean pool? (poolhouse --help tells more)\n"


@pytest.mark.parametrize("name", [name for name, each in COMMANDS.items() if each.extra == "cli"])
def test_a_command_that_asks_a_service_starts_with_the_cli_extra(name: str) -> None:
    """Its help is the first thing that it is asked for."""
    done = command_line(name, "--help", absent=WITH_CLI)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: poolhouse {name}")


@pytest.mark.parametrize("name", [name for name, each in COMMANDS.items() if each.extra == "server"])
def test_a_command_of_the_service_names_the_server_extra(name: str) -> None:
    """With click alone it starts, and fails at the next import."""
    words = [name, "vision"] if name == "key" else [name]

    done = command_line(*words, absent=WITH_CLI)

    assert done.returncode == 2
    assert done.stderr.endswith(
        f" is not installed; poolhouse {name} needs the server extra: pip install 'poolhouse[server]'\n"
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words", [["plan", "max_pool1d", "--shape", "1,4", "--kernel-size", "2"], ["pool", "max_pool1d", "x.npy"]]
)
def test_work_in_this_process_without_the_server_extra_names_both_ways_out(words: list[str]) -> None:
    """The cli extra is enough for the command, and a service elsewhere for the work."""
    prelude = (
        "import os, tempfile; os.chdir(tempfile.mkdtemp())\nimport numpy; numpy.save('x.npy', numpy.zeros((1, 4)))\n"
    )
    words = [*words, "--kernel-size", "2", "-o", "y.npy"] if words[0] == "pool" else words

    done = run_plain(f"{prelude}import poolhouse.cli\nsys.exit(poolhouse.cli.main({words!r}))", WITH_CLI)

    assert done.returncode == 2
    assert "without --url the work is done in this process" in done.stderr
    assert "pip install 'poolhouse[server]'" in done.stderr
    assert "--url http://host:8000" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_library_that_every_install_has_is_not_blamed_on_an_extra() -> None:
    """It sent the owner of a broken install for torch."""
    done = command_line("operators", absent=("numpy",))

    assert done.returncode == 2
    assert done.stderr == "poolhouse: numpy is not installed, and poolhouse needs it always: pip install numpy\n"


def test_the_server_extra_has_what_the_cli_extra_has() -> None:
    """The table names one extra for a command, and the server's commands stand on click too."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    assert {Requirement(line).name for line in extras["cli"]} <= {Requirement(line).name for line in extras["server"]}


class TestOperators:
    @pytest.mark.parametrize("words", [[], ["max_pool2d"], ["--json"], ["lp_pool1d", "--json"]], ids=" ".join)
    def test_the_operators_are_told_with_the_cli_extra_alone(self, words: list[str]) -> None:
        """The client knows them all; it failed for want of a service, or waited seconds for torch."""
        done = command_line("operators", *words, absent=WITH_CLI)

        assert (done.returncode, done.stderr) == (0, "")
        assert (words or ["max_pool2d"])[0].removeprefix("--json") in done.stdout

    def test_they_are_told_without_waiting_for_torch(self) -> None:
        """Also where the server extra is installed."""
        code = (
            "import poolhouse.cli\nassert poolhouse.cli.main(['operators', 'max_pool2d']) == 0\n"
            "found = {'torch', 'pydantic', 'fastapi', 'httpx'} & set(sys.modules)\nassert not found, found"
        )

        done = run_plain(code, ())

        assert (done.returncode, done.stderr) == (0, "")

    def test_what_is_shipped_is_what_the_service_answers(self) -> None:
        """With a URL and without, the same command tells the same."""
        with Client.local() as client:
            lines = client.operators()
            documents = {line.name: client.operator(line.name) for line in lines}

        assert list(bundled_operators()) == [line.name for line in lines]
        assert json.loads(json.dumps(bundled_operators())) == documents

    def test_a_name_that_is_none_is_told_its_nearest(self) -> None:
        """In one line, as everywhere."""
        done = command_line("operators", "maxpool2d", absent=WITH_CLI)

        assert done.returncode == 2
        assert done.stderr.startswith("poolhouse: maxpool2d is no operator; did you mean max_pool2d?")
        assert done.stderr.count("\n") == 1
