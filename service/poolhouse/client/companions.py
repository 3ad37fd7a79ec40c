"""The tensors of a call beside ``input``: which keywords and which entries of a map they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from poolhouse.client.arrays import is_array
from poolhouse.client.operators import COMPANIONS
from poolhouse.errors import Unprocessable
from poolhouse.suggestions import name_hint
from poolhouse.tensor_names import TENSOR_TYPES


def split_keywords(operator: str, keywords: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Divide the keywords of a call into tensors and fields.

    A keyword with the name of a tensor is a tensor, unless it is None, or the operator takes none of this name and the
    value is a number or a text. The service refuses a tensor that the operator does not take.

    Args:
        operator: its name.
        keywords: of the call.

    Raises:
        Unprocessable: ``invalid_fields``: an array has the name of no tensor.
    """
    taken = COMPANIONS.get(operator, {})
    tensors: dict[str, object] = {}
    fields: dict[str, object] = {}
    for name, value in keywords.items():
        is_single = isinstance(value, bool | int | float | str | np.generic)
        if value is not None and (name in taken or (name in TENSOR_TYPES and not is_single)):
            tensors[name] = value
        elif taken and is_array(value):
            hint = name_hint(name, taken, f"beside input it takes {', '.join(taken)}.")
            raise Unprocessable(
                "invalid_fields", f"{name} is an array, but {operator} takes no tensor of this name; {hint}"
            )
        else:
            fields[name] = value
    return tensors, fields


def join_tensors(given: object, tensors: Mapping[str, object]) -> dict[str, object]:
    """The tensors of a call by name, ``input`` first.

    Args:
        given: the input, or tensors by name with ``input`` among them.
        tensors: further ones, for those names that are not given.

    Raises:
        Unprocessable: ``missing_tensor``: ``input`` is not among those by name.
    """
    named = given if isinstance(given, Mapping) else {"input": given}
    if "input" not in named:
        names = ", ".join(map(str, named)) or "none"
        raise Unprocessable("missing_tensor", f"there is no tensor 'input', the one to pool; got {names}.")
    return {"input": named["input"], **tensors, **named}
