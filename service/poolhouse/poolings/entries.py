"""The list ``poolings`` of a request: read and checked, apart from what needs the shapes of the inputs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from poolhouse.errors import MAX_PROBLEMS, FieldProblem, NotFound, PoolhouseError, Unprocessable
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.operator import Operator
from poolhouse.poolings.names import NAME_ADVICE, is_pooling_name
from poolhouse.wire.json.key_checks import count_keys, refuse_duplicate_keys
from poolhouse.wire.json.refusals import strict_loads
from poolhouse.wire.quoting import describe_value, quote_clipped

POOLINGS: Final = "poolings"
"""The field that holds the list."""
MAX_POOLINGS: Final = 32
MAX_TEXT_CHARS: Final = 64 * 1024
"""The longest list that is given as text."""
MEMBERS: Final = ("operator", "name", "of", "returned")
"""The members of a pooling that are no fields of its operator."""

_Refuse = Callable[[str, str, str], None]
"""Adds a problem with a member of a pooling: its name, the code and the message."""


class Pooling(NamedTuple):
    """One pooling of the list.

    Attributes:
        position: in the list.
        operator: its class.
        name: given, or that of the operator.
        is_named: whether the name was given.
        source: the earlier output that it pools; empty for the input.
        companions: earlier outputs that are its further inputs, by the operator's name for them.
        without: further inputs that it does not take of the request.
        fields: of the operator, as JSON values.
        is_returned: whether its outputs are in the response.
    """

    position: int
    operator: type[Operator]
    name: str
    is_named: bool
    source: str
    companions: Mapping[str, str]
    without: frozenset[str]
    fields: Mapping[str, object]
    is_returned: bool

    @property
    def pointer(self) -> str:
        """Its position in the request, as a JSON pointer."""
        return f"/{POOLINGS}/{self.position}"


def read_poolings(value: object, catalogue: Catalogue) -> tuple[Pooling, ...]:
    """Read the list.

    Args:
        value: from a JSON body, or as text.
        catalogue: the operators.

    Raises:
        Unprocessable: ``invalid_fields``, with a JSON pointer for each problem, up to a bound.
    """
    entries = parse_text(value) if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise poolings_error(
            "type", f"{POOLINGS} is {describe_value(entries)}; write a list of objects, each with an operator."
        )
    if not 1 <= len(entries) <= MAX_POOLINGS:
        raise poolings_error(
            "length",
            f"{POOLINGS} holds {len(entries)} poolings; give 1 to {MAX_POOLINGS}, and more in further requests.",
        )
    problems: list[FieldProblem] = []
    found = [_read_entry(index, entry, catalogue, problems) for index, entry in enumerate(entries)]
    read = [each for each in found if each is not None]
    problems += _repeated_names(read)
    if len(read) == len(entries) and not any(each.is_returned for each in read):
        problems.append(
            FieldProblem(f"/{POOLINGS}", "conflict", "every pooling has returned false, so that nothing is returned.")
        )
    if problems:
        raise invalid_fields_error(problems)
    return tuple(read)


def parse_text(text: str) -> object:
    """Parse a list that is given as text: in a query string, in the metadata of a file, or in a parameter.

    Raises:
        Unprocessable: it is too long, no JSON, or has a key twice in one object.
    """
    # guard: text-of-poolings-has-limit
    if len(text) > MAX_TEXT_CHARS:
        raise poolings_error("length", f"{POOLINGS} has {len(text)} characters; write at most {MAX_TEXT_CHARS}.")
    try:
        encoded = text.encode()
        value = strict_loads(encoded)
    except (PoolhouseError, UnicodeEncodeError) as error:
        why = error.detail.partition(": ")[2] if isinstance(error, PoolhouseError) else "it is no valid Unicode."
        raise poolings_error(
            "type",
            f'{POOLINGS} is no JSON: {why} Write a list such as [{{"operator": "max_pool2d", "kernel_size": 2}}].',
        ) from None
    # guard: deep-poolings-are-refused
    count_keys({POOLINGS: value})
    refuse_duplicate_keys(encoded)
    return value


def poolings_error(code: str, message: str) -> Unprocessable:
    """The error for the list as a whole."""
    return Unprocessable("invalid_fields", message, problems=(FieldProblem(f"/{POOLINGS}", code, message),))


def missing_poolings_error() -> Unprocessable:
    """The error for a request without the list."""
    return poolings_error(
        "missing",
        f'This path needs the field {POOLINGS}: a list such as [{{"operator": "max_pool2d", "kernel_size": 2}}], in a '
        "JSON body, in the query string as JSON text, or in the metadata of a safetensors file. For one pooling, name "
        "the operator in the path: /v1/pool/max_pool2d.",
    )


def invalid_fields_error(problems: Sequence[FieldProblem]) -> Unprocessable:
    """The error for these problems, the first of which are listed."""
    messages = [each.message for each in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        messages.append(f"and {len(problems) - MAX_PROBLEMS} more")
    return Unprocessable("invalid_fields", "; ".join(messages), problems=problems[:MAX_PROBLEMS])


def _read_entry(index: int, entry: object, catalogue: Catalogue, problems: list[FieldProblem]) -> Pooling | None:
    """One pooling; None if it has a problem, which is added to ``problems``."""
    known = len(problems)

    def refuse(member: str, code: str, message: str) -> None:
        pointer = f"/{POOLINGS}/{index}" + (f"/{member}" if member else "")
        problems.append(FieldProblem(pointer, code, f"{POOLINGS}[{index}]: {message}"))

    if not isinstance(entry, dict):
        refuse("", "type", f"it is {describe_value(entry)}; write an object with an operator and its fields")
        return None
    operator = _find_operator(entry, catalogue, refuse)
    name = entry.get("name")
    if name is not None and not (isinstance(name, str) and is_pooling_name(name)):
        refuse("name", "type", f"the name is {describe_value(name)}; write {NAME_ADVICE}")
    source = entry.get("of")
    if source is not None and (not isinstance(source, str) or not source):
        refuse("of", "type", f'of is {describe_value(source)}; write the name of an earlier output, such as "a"')
    is_returned = entry.get("returned", True)
    if not isinstance(is_returned, bool):
        refuse("returned", "type", f"returned is {describe_value(is_returned)}; write true or false")
    inputs = () if operator is None else operator.inputs[1:]
    companions = {each: entry[each] for each in inputs if entry.get(each) is not None}
    without = frozenset(each for each in inputs if each in entry and each not in companions)
    for each, value in companions.items():
        if not isinstance(value, str) or not value:
            message = f'{each} is {describe_value(value)}; write the name of an earlier output, such as "a.{each}"'
            refuse(each, "type", message)
    if operator is None or len(problems) > known:
        return None
    fields = {key: value for key, value in entry.items() if key not in MEMBERS and key not in inputs}
    return Pooling(
        index,
        operator,
        name or operator.name,
        name is not None,
        source or "",
        companions,
        without,
        fields,
        bool(is_returned),
    )


def _find_operator(entry: Mapping[str, object], catalogue: Catalogue, refuse: _Refuse) -> type[Operator] | None:
    operator = entry.get("operator")
    if not isinstance(operator, str):
        if operator is None:
            refuse("operator", "missing", 'the operator is missing; add for example "operator": "max_pool2d"')
        else:
            refuse("operator", "type", f"the operator is {describe_value(operator)}; write the name of one")
        return None
    try:
        return catalogue.find(operator)
    except NotFound as unknown:
        refuse("operator", "unknown", unknown.detail)
        return None


def _repeated_names(poolings: Sequence[Pooling]) -> list[FieldProblem]:
    first: dict[str, int] = {}
    problems: list[FieldProblem] = []
    for each in poolings:
        before = first.setdefault(each.name, each.position)
        if before != each.position:
            how = "has the name" if each.is_named else "has no name and so that of its operator,"
            message = (
                f"{POOLINGS}[{each.position}]: it {how} {quote_clipped(each.name)}, as {POOLINGS}[{before}] has; "
                "give each a name of its own"
            )
            problems.append(FieldProblem(f"{each.pointer}/name", "duplicate", message))
    return problems
