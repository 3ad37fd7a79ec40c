"""A record begins empty, is independent of all others, and has no place for what must not be logged."""

from __future__ import annotations

import re
from typing import get_type_hints

import pytest

from poolhouse.rest.observability.request_record import RequestRecord, Stages


def record_of() -> RequestRecord:
    return RequestRecord("POST", "/v1/pool/max_pool2d", b"r1")


def test_a_new_record_tells_only_what_was_received() -> None:
    """A request that is refused at its head leaves the rest as it is."""
    record = record_of()

    assert vars(record) == {"method": "POST", "path": "/v1/pool/max_pool2d", "request_id": b"r1"}
    assert not any(getattr(record, name) for name in get_type_hints(RequestRecord))


def test_records_do_not_share_what_is_noted() -> None:
    """The defaults are those of the class, so none may be changed in place."""
    first, second = record_of(), record_of()
    for name in get_type_hints(RequestRecord):
        default = getattr(first, name)
        hash(default)
        setattr(first, name, "noted")

    assert vars(second) == vars(record_of())
    assert not any(getattr(second, name) for name in get_type_hints(RequestRecord))


def test_every_attribute_is_documented() -> None:
    """Observers read them; and none is a payload, a secret key, or a query, which may hold data."""
    documented = re.findall(r"^        (\w+): ", RequestRecord.__doc__ or "", re.MULTILINE)

    assert sorted(documented) == sorted({*vars(record_of()), *get_type_hints(RequestRecord)})
    assert not {"body", "payload", "headers", "query", "authorization"} & {*documented}


def test_the_stages_of_a_request_do_not_change() -> None:
    """They are read after the response, by several observers."""
    stages = Stages(read_at=1.0, decoded_at=2.0, queue_s=0.5, compute_s=0.25, pooled_at=3.0, encoded_at=4.0)

    assert stages == (1.0, 2.0, 0.5, 0.25, 3.0, 4.0)
    with pytest.raises(AttributeError):
        stages.read_at = 2.0  # type: ignore[misc]  # that it cannot be assigned is what is tested
