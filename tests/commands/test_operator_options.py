"""The fields of an operator as options: all of them, with texts that the service reads."""

from __future__ import annotations

from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.commands import operator_options
from poolhouse.commands.group import poolhouse
from poolhouse.commands.operator_options import OperatorCommands, field_options, operator_help, operator_names
from poolhouse.operators.catalogue import discover
from tests.hypothesis_profiles import scaled_examples

CATALOGUE = discover()


def parse(operator: str, *arguments: str) -> dict[str, object]:
    """The values that a command gets for these arguments."""
    given: dict[str, object] = {}
    command = click.Command(operator, callback=lambda **spec: given.update(spec), params=field_options(operator))
    command.main(list(arguments), standalone_mode=False)
    return given


def test_the_operators_are_those_of_the_catalogue() -> None:
    """The commands are read from the client's methods, which are generated from the catalogue."""
    assert operator_names() == sorted(CATALOGUE.names)


@pytest.mark.parametrize("name", operator_names())
def test_every_tensor_of_every_operator_is_an_option(name: str) -> None:
    """A file for pooling and a shape for a plan, with its meaning in the help."""
    declared = CATALOGUE.find(name).companions

    assert [(each.name, each.is_required) for each in operator_options.companions(name)] == [
        (each.name, each.is_required) for each in declared
    ]
    for command in ("pool", "plan") if declared else ():
        help_text = CliRunner().invoke(poolhouse, [command, name, "--help"], terminal_width=2000).output
        for each in declared:
            assert f"--{each.name.replace('_', '-')} " in help_text
            assert each.meaning in help_text


@pytest.mark.parametrize("name", operator_names())
def test_every_field_of_every_operator_is_an_option(name: str) -> None:
    """With its meaning in the help."""
    help_text = CliRunner().invoke(poolhouse, ["pool", name, "--help"], terminal_width=2000).output

    for field in CATALOGUE.find(name).fields():
        assert f"--{field.name.replace('_', '-')}" in help_text
        assert field.meaning.replace("``", "").split(";")[0][:40] in help_text.replace("``", "")


@pytest.mark.parametrize("name", operator_names())
def test_only_required_fields_are_required(name: str) -> None:
    """The service has the defaults of the others; an option that is not given is not sent."""
    fields = CATALOGUE.find(name).fields()
    options = {option.name: option for option in field_options(name)}

    assert list(options) == [field.name for field in fields]
    assert [each for each, option in options.items() if option.required] == [
        field.name for field in fields if field.is_required
    ]
    assert "``" not in operator_help(name)


def test_only_given_fields_have_a_value() -> None:
    """A default of the client could differ from the service's."""
    spec = parse("max_pool2d", "--kernel-size", "3", "--no-ceil-mode")

    assert {name: value for name, value in spec.items() if value is not None} == {
        "kernel_size": "3",
        "ceil_mode": False,
    }


ENTRIES = st.tuples(st.sampled_from(["", " ", "  "]), st.integers(-99, 10**12), st.sampled_from(["", " "]))


@scaled_examples(100)
@given(st.lists(ENTRIES, min_size=1, max_size=3))
def test_a_list_may_have_spaces_beside_its_commas(entries: list[tuple[str, int, str]]) -> None:
    """Users type ``3, 2`` in quotes; whether the numbers are valid is for the service to say."""
    text = ",".join(f"{before}{number}{after}" for before, number, after in entries)

    spec = parse("max_pool3d", f"--kernel-size={text}")

    assert spec["kernel_size"] == ",".join(str(number) for _, number, _ in entries)


@scaled_examples(100)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_may_have_the_form_that_python_prints(number: float) -> None:
    """Users copy values from their programs."""
    assert float(str(parse("lp_pool1d", "--kernel-size=1", f"--norm-type={number!r}")["norm_type"])) == number


@pytest.mark.parametrize("text", ["", "3 2", "3;2", "3x2", "3,", ",3", "3,,2", "0x3", "2.0", "null", "[3,2]", "a"])
def test_a_text_of_another_form_is_refused_before_it_is_sent(text: str) -> None:
    """The file need not be read and sent for it."""
    with pytest.raises(click.BadParameter, match="is not an integer, or one for each axis: 3,2"):
        parse("max_pool2d", f"--kernel-size={text}")


@pytest.mark.parametrize(("text", "accepted"), [("null,7", True), ("NULL", True), ("7", True), ("none,7", False)])
def test_an_axis_of_the_output_size_may_be_kept(text: str, accepted: bool) -> None:
    """Only where the operator takes null for an axis."""
    if accepted:
        assert parse("adaptive_avg_pool2d", f"--output-size={text}")["output_size"] == text
        return
    with pytest.raises(click.BadParameter, match="where null keeps the axis"):
        parse("adaptive_avg_pool2d", f"--output-size={text}")


@pytest.mark.parametrize("text", ["1", "1,2", "1:0,2:1", "same", "same_lower", "valid"])
def test_every_form_of_padding_is_an_option(text: str) -> None:
    """The service reads the text."""
    assert parse("max_pool2d", "--kernel-size=3", f"--padding={text}")["padding"] == text


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--kernel-size=5", "--padding=SAME"], 'Write "same".'),
        (["--kernel-size=5", "--padding=same_upper"], 'Write "same".'),
        (["--kernel-size=5", "--padding=1:2:3"], "pairs before:after, one for each axis: 1:0,2:1"),
    ],
)
def test_a_padding_mode_of_another_library_gets_our_word(arguments: list[str], hint: str) -> None:
    """TensorFlow and ONNX write them in capitals."""
    with pytest.raises(click.BadParameter) as refused:
        parse("max_pool2d", *arguments)

    assert hint in refused.value.message


def test_no_other_option_gets_the_hint_on_padding() -> None:
    """It would explain the wrong option."""
    with pytest.raises(click.BadParameter) as refused:
        parse("max_pool2d", "--kernel-size=same")

    assert "For" not in refused.value.message


class TestOperatorCommands:
    @pytest.fixture
    def made(self) -> list[str]:
        """The operators whose commands were made."""
        return []

    @pytest.fixture
    def group(self, made: list[str]) -> OperatorCommands:
        """A group of commands that return their name."""

        def make_command(operator: str) -> click.Command:
            made.append(operator)
            callback: Callable[[], str] = lambda: operator  # noqa: E731, the type of a lambda argument is not checked
            return click.Command(operator, callback=callback)

        return OperatorCommands(make_command, "pool", help="h", epilog="e")

    def test_only_the_named_command_is_made(self, group: OperatorCommands, made: list[str]) -> None:
        """Making all of them would read every signature for each call."""
        assert group.main(["avg_pool1d"], standalone_mode=False) == "avg_pool1d"
        assert made == ["avg_pool1d"]

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("MaxPool2d", "did you mean max_pool2d?"),
            ("AveragePool", "did you mean avg_pool1d, avg_pool2d or avg_pool3d?"),
            ("everything", "see poolhouse operators"),
        ],
    )
    def test_an_unknown_operator_gets_a_suggestion(
        self, group: OperatorCommands, made: list[str], name: str, hint: str
    ) -> None:
        """Names of other libraries are known."""
        with pytest.raises(click.UsageError, match=f"{name} is not an operator; ") as refused:
            group.main([name], standalone_mode=False)

        assert hint in refused.value.message
        assert made == []
