"""The inputs of a request with several poolings: which of its tensors are pooled, and which go with them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.poolings.names import is_input_name
from poolhouse.wire.quoting import quote_clipped

INPUT: Final = "input"
MAX_INPUTS: Final = 64

_Item = TypeVar("_Item")


class GivenTensors(NamedTuple, Generic[_Item]):
    """The tensors of a request, or their metadata.

    Attributes:
        inputs: those that are pooled, by name; the one input of a request without names is ``input``.
        companions: further inputs of operators that take several, such as ``indices``; only beside one input.
        has_one_input: whether the one input has no name, so that outputs are named by their poolings alone.
    """

    inputs: Mapping[str, _Item]
    companions: Mapping[str, _Item]
    has_one_input: bool


def split_tensors(tensors: Mapping[str, _Item], *, are_named: bool) -> GivenTensors[_Item]:
    """Tell inputs from companions: a tensor named ``input`` is the one input, otherwise all of them are inputs.

    Args:
        tensors: of the request, by name.
        are_named: whether they are inputs whatever their names, as in the object ``inputs`` of a JSON body.

    Raises:
        Unprocessable: there is no input, there are too many, or one has a name that no output can begin with.
    """
    if INPUT in tensors and not are_named:
        companions = {name: each for name, each in tensors.items() if name != INPUT}
        return GivenTensors({INPUT: tensors[INPUT]}, companions, has_one_input=True)
    if not tensors:
        message = "there is no input; send one tensor named input, or several under names of their own."
        raise Unprocessable("missing_tensor", message, problems=(FieldProblem("/inputs", "missing", message),))
    check_input_names(tensors)
    return GivenTensors(dict(tensors), {}, has_one_input=False)


def check_input_names(names: Collection[str]) -> None:
    """Refuse too many inputs, and names that no output can begin with.

    Raises:
        Unprocessable: ``invalid_fields``.
    """
    # guard: many-inputs-have-limit
    if len(names) > MAX_INPUTS:
        message = f"there are {len(names)} inputs; send at most {MAX_INPUTS}, and more in further requests."
        raise Unprocessable("invalid_fields", message, problems=(FieldProblem("/inputs", "length", message),))
    for name in names:
        if is_input_name(name):
            continue
        message = (
            f"an input has the name {quote_clipped(name)}; names of inputs are letters, digits, _, - and dots, at most "
            "64, and begin with a letter, a digit or one _."
        )
        pointer = "/inputs/" + name[:60].replace("~", "~0").replace("/", "~1")
        raise Unprocessable("invalid_fields", message, problems=(FieldProblem(pointer, "type", message),))
