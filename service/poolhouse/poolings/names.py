"""The names of poolings, inputs and outputs in a request with several poolings. Pure."""

from __future__ import annotations

import re
from typing import Final

POOLING_NAME: Final = r"(?!__)[A-Za-z0-9_][A-Za-z0-9_-]{0,63}"
"""The pattern of a pooling's name. It has no dot, which separates the parts of an output's name."""
INPUT_NAME: Final = r"(?!__)[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"
"""The pattern of an input's name: those that a file in every format can have."""

_POOLING: Final = re.compile(POOLING_NAME)
_INPUT: Final = re.compile(INPUT_NAME)
NAME_ADVICE: Final = "letters, digits, _ and -, at most 64, without two _ at the start"


def is_pooling_name(name: str) -> bool:
    """Whether a pooling may have this name."""
    return _POOLING.fullmatch(name) is not None


def is_input_name(name: str) -> bool:
    """Whether one of several inputs may have this name."""
    return _INPUT.fullmatch(name) is not None


def output_name(prefix: str, output: str, position: int) -> str:
    """The name of an output: that of its pooling for the first one, with the output's own behind a dot for others.

    Args:
        prefix: the name of the pooling.
        output: the operator's name for it, such as ``indices``.
        position: among the outputs of the pooling, from 0.
    """
    return prefix if position == 0 else f"{prefix}.{output}"


def response_prefix(input_name: str, pooling: str, *, has_one_input: bool, is_only_unnamed: bool) -> str:
    """The name of a pooling's first output in the response.

    Args:
        input_name: of its input.
        pooling: its name.
        has_one_input: whether the request has one input, which has no name.
        is_only_unnamed: whether it is the only pooling of the request and was given no name.
    """
    if has_one_input:
        return pooling
    return input_name if is_only_unnamed else f"{input_name}.{pooling}"
