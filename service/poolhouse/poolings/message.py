"""Read a decoded message as a request with several poolings: its list and its inputs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from poolhouse.errors import MAX_PROBLEMS, FieldProblem
from poolhouse.operators.catalogue import Catalogue
from poolhouse.poolings.entries import (
    POOLINGS,
    Pooling,
    invalid_fields_error,
    missing_poolings_error,
    read_poolings,
)
from poolhouse.poolings.tensors import GivenTensors, split_tensors
from poolhouse.tensors import Message, Note, Tensor
from poolhouse.wire.query import duplicate_field_error
from poolhouse.wire.quoting import quote_clipped


class PoolingsRequest(NamedTuple):
    """A request with several poolings.

    Attributes:
        poolings: the list.
        given: the tensors.
    """

    poolings: tuple[Pooling, ...]
    given: GivenTensors[Tensor]


def read_request(message: Message, catalogue: Catalogue, *, are_named: bool) -> PoolingsRequest:
    """Read the request of a message.

    Args:
        message: decoded.
        catalogue: the operators.
        are_named: see :func:`.tensors.split_tensors`.

    Raises:
        Unprocessable: the list is missing or invalid, there are fields outside of it, or the tensors are invalid.
    """
    value = find_list(message.json_fields, message.text_fields, message.notes)
    return PoolingsRequest(read_poolings(value, catalogue), split_tensors(message.tensors, are_named=are_named))


def find_list(
    json_fields: Mapping[str, object], text_fields: Mapping[str, str], notes: Mapping[str, Note] | None = None
) -> object:
    """The value of ``poolings``, and nothing else: fields of operators are within its poolings.

    Args:
        json_fields: of the body.
        text_fields: of the query string or the form.
        notes: texts from the metadata of a file; those of other programs are ignored.

    Raises:
        Unprocessable: it is missing or given twice, or there are other fields.
    """
    texts = {name: note.text for name, note in (notes or {}).items() if note.is_field or name == POOLINGS}
    refuse_other_fields((*json_fields, *text_fields, *texts))
    found = [fields[POOLINGS] for fields in (json_fields, text_fields, texts) if POOLINGS in fields]
    if not found:
        raise missing_poolings_error()
    if len(found) > 1:
        raise duplicate_field_error(POOLINGS, f"/{POOLINGS}", "in several places")
    return found[0]


def refuse_other_fields(names: Collection[str]) -> None:
    """Refuse fields beside the list.

    Raises:
        Unprocessable: ``invalid_fields``.
    """
    others = [name for name in names if name != POOLINGS]
    if others:
        raise invalid_fields_error(
            [
                FieldProblem(
                    "/" + name[:80].replace("~", "~0").replace("/", "~1"),
                    "unknown",
                    f"{quote_clipped(name)} is not a field of this path; write the fields of an operator into its "
                    f"object in {POOLINGS}",
                )
                for name in others[: MAX_PROBLEMS + 1]
            ]
        )
