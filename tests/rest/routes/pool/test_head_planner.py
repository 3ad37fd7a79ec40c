"""Plans of heads: what is refused before the body, what a cached plan depends on, and prepared response headers."""

from __future__ import annotations

import pytest

from poolhouse.errors import PoolhouseError
from poolhouse.rest.http.head import Head
from poolhouse.rest.routes.pool.head_plan import HeadPlan
from poolhouse.rest.routes.pool.head_planner import HeadPlanner, response_header_lines
from poolhouse.service import PoolingService
from poolhouse.settings import Settings

QUERY = "shape=1,1,4,4&dtype=float32&kernel_size=2"
OCTET = "application/octet-stream"
JSON = "application/json"


@pytest.fixture(scope="module")
def pooling() -> PoolingService:
    """A service that is not started, since planning needs no device."""
    return PoolingService.from_settings(Settings.model_validate({"device": "cpu"}))


@pytest.fixture
def planner(pooling: PoolingService) -> HeadPlanner:
    """A planner with an empty cache."""
    return HeadPlanner(pooling, Settings.model_validate({"max_json_bytes": 1 << 16}))


def head_of(query: str = QUERY, **headers: str) -> Head:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Head("POST", f"/v1/pool/any?{query}".encode(), "1.1", pairs, keeps_alive=True)


def plan_of(planner: HeadPlanner, query: str = QUERY, operator: str = "max_pool2d", **headers: str) -> HeadPlan:
    given = {"content_type": OCTET, "content_length": "64", **headers}
    return planner.plan_of(head_of(query, **given), operator)


def test_equal_heads_share_a_plan_whatever_their_other_headers_are(planner: HeadPlanner) -> None:
    """Credentials and ids differ in every request, and must neither be kept nor prevent a hit."""
    first = plan_of(planner, authorization="Bearer one", x_request_id="1")

    assert plan_of(planner, authorization="Bearer two", user_agent="x") is first


@pytest.mark.parametrize(
    "other",
    [
        {"query": QUERY + "&stride=1"},
        {"operator": "avg_pool2d"},
        {"content_type": JSON},
        {"content_length": "63", "content_encoding": "gzip"},
        {"content_encoding": "gzip"},
        {"accept": JSON},
        {"accept_encoding": "gzip"},
    ],
)
def test_a_plan_depends_on_each_of_these(planner: HeadPlanner, other: dict[str, str]) -> None:
    """A plan of another request would pool with its fields, or answer in its format."""
    first = plan_of(planner)

    second = plan_of(planner, **other)

    assert second is not first
    assert plan_of(planner) is first
    assert plan_of(planner, **other) is second


def test_the_length_of_the_body_is_a_part_of_the_plan(planner: HeadPlanner) -> None:
    """A body in another codec may have any length, and each is charged by its own."""
    plans = [plan_of(planner, "", content_type=JSON, content_length=length) for length in ("10", "11")]
    unknown = planner.plan_of(head_of("", content_type=JSON, transfer_encoding="chunked"), "max_pool2d")

    assert [plan.length for plan in (*plans, unknown)] == [10, 11, None]


def test_a_head_is_planned_once(planner: HeadPlanner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that repeats its head byte for byte gets the same head object, which keeps its plan."""
    head = head_of(content_type=OCTET, content_length="64")
    first = planner.plan_of(head, "max_pool2d")
    monkeypatch.setattr(planner, "_cached_plan", lambda *key: pytest.fail("it was planned again"))

    assert planner.plan_of(head, "max_pool2d") is first


def test_long_heads_are_planned_anew(planner: HeadPlanner) -> None:
    """Otherwise the keys of the cache could take megabytes."""
    accept = ", ".join([OCTET] * 30)

    assert plan_of(planner, accept=accept) is not plan_of(planner, accept=accept)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"operator": "max_pol2d"}, "unknown_operator"),
        ({"content_type": "text/plain"}, "unsupported_media_type"),
        ({"content_type": JSON, "content_length": str((1 << 16) + 1)}, "body_too_large"),
        ({"content_type": "application/x-npy", "content_length": str(1 << 40)}, "body_too_large"),
        ({"accept": "text/html"}, "not_acceptable"),
        ({"content_encoding": "br"}, "unsupported_encoding"),
        ({"content_length": "60"}, "malformed_body"),
        ({"query": "shape=1,1,4,4&dtype=float32"}, "invalid_fields"),
        ({"query": "shape=1,1,4,4&dtype=float8&kernel_size=2"}, "unsupported_dtype"),
        ({"query": QUERY + "&kernel_size=2"}, "invalid_fields"),
        ({"query": QUERY.replace("size=2", "size=9")}, "window_does_not_fit"),
    ],
)
def test_what_no_body_could_make_valid_is_refused_by_its_head(
    planner: HeadPlanner, change: dict[str, str], code: str
) -> None:
    """A client learns it before it sends a gigabyte."""
    with pytest.raises(PoolhouseError) as caught:
        plan_of(planner, **change)

    assert caught.value.code == code


def test_a_json_body_has_a_limit_of_its_own(planner: HeadPlanner) -> None:
    """The same length is accepted as binary, where it costs a tenth of the memory."""
    length = str((1 << 16) + 1)

    assert plan_of(planner, "", content_type="application/x-npy", content_length=length).length == (1 << 16) + 1


@pytest.mark.parametrize(
    ("headers", "accept", "compression", "is_inflated"),
    [
        ({}, None, None, False),
        ({"accept": "*/*"}, None, None, False),
        ({"accept": JSON}, JSON, None, False),
        ({"accept_encoding": "gzip, zstd"}, None, "zstd", False),
        ({"content_encoding": "identity"}, None, None, False),
        ({"content_encoding": "gzip"}, None, None, True),
    ],
)
def test_the_headers_of_a_head_are_understood(
    planner: HeadPlanner, headers: dict[str, str], accept: str | None, compression: str | None, is_inflated: bool
) -> None:
    """The values that most clients send by themselves ask for nothing."""
    plan = plan_of(planner, **headers)

    assert (plan.accept, plan.compression, plan.is_inflated) == (accept, compression, is_inflated)


def test_a_raw_body_is_planned_from_its_query(planner: HeadPlanner) -> None:
    """Its headers are the same for every body, so they are serialized once."""
    plan = plan_of(planner)

    assert plan.raw is not None
    assert plan.raw.metadata.shape == (1, 1, 4, 4)
    assert plan.raw.plan.output_bytes == 16
    assert plan.raw.is_view
    assert plan.raw.header_lines is not None
    assert plan.raw.header_lines.startswith(
        b"content-type: application/octet-stream\r\ncontent-length: 16\r\ntensor-metadata: "
    )
    assert plan.query == {}


@pytest.mark.parametrize(
    "change",
    [
        {"accept": JSON},
        {"query": "shape=1,1,64,64&dtype=float32&kernel_size=1", "content_length": "16384", "accept_encoding": "gzip"},
        {"operator": "fractional_max_pool2d", "query": "shape=1,1,4,4&dtype=float32&kernel_size=2&output_size=2"},
    ],
)
def test_headers_that_depend_on_the_body_are_not_prepared(planner: HeadPlanner, change: dict[str, str]) -> None:
    """Another format, a compressed length, or a seed that is drawn for each request."""
    plan = plan_of(planner, **change)

    assert plan.raw is not None
    assert plan.raw.header_lines is None


def test_a_compressed_raw_body_may_have_any_length(planner: HeadPlanner) -> None:
    """The length of its shape is that of the inflated bytes, which are checked later."""
    plan = plan_of(planner, content_length="20", content_encoding="gzip")

    assert plan.raw is not None
    assert (plan.length, plan.raw.plan.input_bytes) == (20, 64)


def test_booleans_are_no_view_of_their_body(planner: HeadPlanner) -> None:
    """Each byte must be 0 or 1, so all are looked at before."""
    plan = plan_of(planner, QUERY.replace("float32", "bool"), content_length="16")

    assert plan.raw is not None
    assert not plan.raw.is_view


def test_response_headers_are_serialized_in_lower_case() -> None:
    """HTTP/1.1 syntax; a header value cannot begin another header."""
    lines = response_header_lines("a/b", 7, [("Pool-Warning", "é")])

    assert lines == b"content-type: a/b\r\ncontent-length: 7\r\npool-warning: \xe9\r\n"
    with pytest.raises(RuntimeError, match="control characters"):
        response_header_lines("a/b", 7, [("x", "1\r\ny: 2")])
