"""Commands without the extra that they need: the error that names it, and what works without it."""

from __future__ import annotations

import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement

from poolhouse.commands.registry import COMMANDS
from tests.test_packaging import ROOT, SERVER_LIBRARIES, run_plain

WITH_CLI = tuple(name for name in SERVER_LIBRARIES if name != "click")
"""The libraries that are absent if only the cli extra is installed."""


def command_line(*arguments: str, absent: tuple[str, ...] = SERVER_LIBRARIES) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process without these libraries."""
    return run_plain(f"import poolhouse.cli\nsys.exit(poolhouse.cli.main({list(arguments)!r}))", absent)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("options", [[], ["--help"]], ids=["bare", "help"])
def test_in_the_plain_install_each_command_names_the_extra_that_it_needs(name: str, options: list[str]) -> None:
    """A traceback does not tell, and the wrong extra would install gigabytes of torch for a client."""
    plain = command_line(name, *options)

    assert (plain.returncode, plain.stdout) == (2, "")
    assert plain.stderr == (
        f"poolhouse: click is not installed; poolhouse {name} needs the {COMMANDS[name].extra} extra: "
        f"pip install 'poolhouse[{COMMANDS[name].extra}]'\n"
    )


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []], ids=" ".join)
def test_in_the_plain_install_the_help_lists_each_command_with_its_extra(arguments: list[str]) -> None:
    """Most commands need only click, not the server extra."""
    plain = command_line(*arguments)

    help_text = plain.stdout if arguments else plain.stderr
    assert plain.returncode == (0 if arguments else 2)
    server, cli = help_text.split("pip install 'poolhouse[cli]':")
    assert [name for name, each in COMMANDS.items() if f"  {name} " in cli and each.extra != "cli"] == []
    assert [name for name, each in COMMANDS.items() if f"  {name} " in server and each.extra != "server"] == []
    assert all(f"  {name} " in help_text and each.summary in help_text for name, each in COMMANDS.items())


def test_in_the_plain_install_a_misspelt_command_gets_a_suggestion() -> None:
    """An extra would not help."""
    plain = command_line("pol", "max_pool2d")

    assert plain.returncode == 2
    assert plain.stderr == "poolhouse: pol is not a command; did you mean pool? (see poolhouse --help)\n"


@pytest.mark.parametrize("name", [name for name, each in COMMANDS.items() if each.extra == "cli"])
def test_a_command_that_calls_a_service_starts_with_the_cli_extra(name: str) -> None:
    """Its help needs nothing else."""
    done = command_line(name, "--help", absent=WITH_CLI)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: poolhouse {name}")


@pytest.mark.parametrize("name", [name for name, each in COMMANDS.items() if each.extra == "server"])
def test_a_command_of_the_service_names_the_server_extra(name: str) -> None:
    """With only click it starts, and fails at the next import."""
    arguments = [name, "vision"] if name == "key" else [name]

    done = command_line(*arguments, absent=WITH_CLI)

    assert done.returncode == 2
    assert done.stderr.endswith(
        f" is not installed; poolhouse {name} needs the server extra: pip install 'poolhouse[server]'\n"
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["plan", "max_pool1d", "--shape", "1,4", "--kernel-size", "2"], ["pool", "max_pool1d", "x.npy"]]
)
def test_work_in_this_process_without_the_server_extra_names_both_remedies(arguments: list[str]) -> None:
    """The server extra, or the address of a service."""
    prelude = (
        "import os, tempfile; os.chdir(tempfile.mkdtemp())\nimport numpy; numpy.save('x.npy', numpy.zeros((1, 4)))\n"
    )
    arguments = [*arguments, "--kernel-size", "2", "-o", "y.npy"] if arguments[0] == "pool" else arguments

    done = run_plain(f"{prelude}import poolhouse.cli\nsys.exit(poolhouse.cli.main({arguments!r}))", WITH_CLI)

    assert done.returncode == 2
    assert "without --url this process does the work" in done.stderr
    assert "pip install 'poolhouse[server]'" in done.stderr
    assert "--url http://host:8000" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_base_dependency_is_not_blamed_on_an_extra() -> None:
    """The server extra, with torch, would not repair a broken install."""
    done = command_line("operators", absent=("numpy",))

    assert done.returncode == 2
    assert done.stderr == "poolhouse: numpy is not installed, and every command needs it: pip install numpy\n"


def test_the_server_extra_has_what_the_cli_extra_has() -> None:
    """The registry names one extra per command, and the server's commands need click too."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    assert {Requirement(line).name for line in extras["cli"]} <= {Requirement(line).name for line in extras["server"]}


class TestOperators:
    @pytest.mark.parametrize("arguments", [[], ["max_pool2d"], ["--json"], ["lp_pool1d", "--json"]], ids=" ".join)
    def test_the_operators_are_shown_with_only_the_cli_extra(self, arguments: list[str]) -> None:
        """They are bundled, so neither a service nor torch is needed."""
        done = command_line("operators", *arguments, absent=WITH_CLI)

        assert (done.returncode, done.stderr) == (0, "")
        assert (arguments or ["max_pool2d"])[0].removeprefix("--json") in done.stdout

    def test_they_are_shown_without_importing_torch(self) -> None:
        """Also if the server extra is installed."""
        code = (
            "import poolhouse.cli\nassert poolhouse.cli.main(['operators', 'max_pool2d']) == 0\n"
            "found = {'torch', 'pydantic', 'fastapi', 'httpx'} & set(sys.modules)\nassert not found, found"
        )

        done = run_plain(code, ())

        assert (done.returncode, done.stderr) == (0, "")

    def test_an_unknown_operator_gets_a_suggestion(self) -> None:
        """In one line."""
        done = command_line("operators", "maxpool2d", absent=WITH_CLI)

        assert done.returncode == 2
        assert done.stderr.startswith("poolhouse: maxpool2d is not an operator; did you mean max_pool2d?")
        assert done.stderr.count("\n") == 1
