"""schemathesis against a live server: the responses match the OpenAPI document."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies
from safetensors.numpy import save as save_safetensors
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.settings import Settings
from tests.contract.document_views import (
    CATALOGUE,
    OCTET,
    POOL,
    Part,
    document_for_binary_bodies,
    document_for_inference,
    document_for_json_bodies,
    operations,
)
from tests.hypothesis_profiles import is_exhaustive, is_thorough
from tests.rest.live_server import LiveServer, run_live_server

EXAMPLES = 4
"""Random requests of each kind to each operation, in addition to the fixed ones at the bounds of every schema."""

REPRESENTATIVE_PATHS = {
    "json": r"^(?!/v1/(pool|plan)/)|/(avg_pool2d|max_unpool1d)$",
    "inference": r"/(infer|index|register)$",
    "binary": "/max_unpool1d$",
    "raw": "/fractional_max_pool2d$",
}
"""An operator with regular windows, one with random windows and one with two tensors, and all other paths once.

Paths with a version do the same as those without."""

Case = schemathesis.Case[schemathesis.APIOperation]  # type: ignore[type-arg]  # schemathesis does not bind them either

Array = npt.NDArray[np.generic]

TYPES = [name for name in ELEMENT_TYPES if name != "bfloat16"]


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    """A small tensor of any type and rank that some operator accepts."""
    dtype = np.dtype(draw(st.sampled_from(TYPES)))
    shape = draw(st.lists(st.integers(0, 5), min_size=2, max_size=5).map(tuple))
    found: Array = draw(numpy_strategies.arrays(dtype, shape))
    return found


def npy(array: Array) -> bytes:
    """The array as an npy file."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def with_indices(array: Array) -> dict[str, Array]:
    """The array, and indices that are valid in every plane."""
    return {"input": array, "indices": np.zeros(array.shape, np.int64)}


def npz(tensors: dict[str, Array]) -> bytes:
    """The tensors as an npz file."""
    file = io.BytesIO()
    np.savez(file, **tensors)  # type: ignore[arg-type]  # numpy's stub mistakes them for allow_pickle
    return file.getvalue()


NAMED = arrays().flatmap(lambda array: st.sampled_from([{"input": array}, with_indices(array)]))
BODIES = {
    "application/x-npy": arrays().map(npy),
    "application/x-npz": NAMED.map(npz),
    "application/vnd.safetensors": NAMED.map(save_safetensors),
    "application/x-safetensors": NAMED.map(save_safetensors),
    OCTET: st.integers(0, 32).map(lambda count: bytes(4 * count)),
}
for media_type, bodies in BODIES.items():
    schemathesis.openapi.media_type(media_type, bodies)


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """A server with default limits, except for memory and work, since other tests run on this machine too."""
    with run_live_server(Settings.model_validate({"port": 0, "max_output_bytes": 2**26, "max_work": 10**8})) as running:
        yield running


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """A session that ignores proxy settings of the environment."""
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


def config(*allowed: str) -> SchemathesisConfig:
    """All checks, with the error statuses that a request may get although it is valid by the document.

    Args:
        allowed: further statuses for such requests.
    """
    return SchemathesisConfig.from_dict(
        {
            "generation": {"deterministic": True, "max-examples": EXAMPLES},
            "checks": {
                # The generated Request-Timeout may be a nanosecond.
                "not_a_server_error": {"expected-statuses": ["2xx", "4xx", "504", *allowed]},
                # A schema cannot relate two values: lists of one level have the same length, padding is at most half
                # of kernel_size, a window fits the input, indices are within the plane of the output.
                "positive_data_acceptance": {"expected-statuses": ["2xx", "422", "504", *allowed]},
                # A text beyond its longest length may make the head too large, which is 431.
                "negative_data_rejection": {"expected-statuses": ["4xx", "5xx"]},
            },
        }
    )


def load(document: Part, *allowed: str) -> schemathesis.BaseSchema:
    """The document as a schema of schemathesis, with all checks."""
    return schemathesis.openapi.from_dict(document, config=config(*allowed))


_FUZZED = {"max_pool2d", "avg_pool1d", "max_unpool2d", "fractional_max_pool3d", "mode_pool2d", "pyramid_pool2d"}
_OTHERS = f"/({'|'.join(re.escape(name) for name in CATALOGUE.names if name not in _FUZZED)})$"


def select_operations(kind: str, schema: schemathesis.BaseSchema) -> schemathesis.BaseSchema:
    """All operations in the profile ``exhaustive``, those of few operators in ``thorough``, else the representative
    ones for this kind of body.

    The mark ``slow`` would not help: schemathesis generates the requests when pytest collects the tests, in every
    process of a run, also for deselected tests.
    """
    if is_exhaustive():
        return schema
    return (
        schema.exclude(path_regex=_OTHERS) if is_thorough() else schema.include(path_regex=REPRESENTATIVE_PATHS[kind])
    )


JSON = select_operations("json", load(document_for_json_bodies()))
BINARY = select_operations("binary", load(document_for_binary_bodies(raw=False)))
# An input must have one source of its elements, a region may not exist, settings need an admin key, and models are
# fixed.
INFERENCE = select_operations("inference", load(document_for_inference(), "400", "403", "404", "501"))
# The length of a raw body must fit its shape; for shapes that are too large to be sent it does not.
RAW = select_operations("raw", load(document_for_binary_bodies(raw=True), "400", "413"))

bounded = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@JSON.parametrize()
@bounded
def test_json_requests_match_the_document(case: Case, server: LiveServer, session: requests.Session) -> None:
    """Clients are generated from the document, and fail where it is wrong."""
    case.call_and_validate(base_url=server.url, session=session)


@INFERENCE.parametrize()
@bounded
def test_inference_requests_match_the_document(case: Case, server: LiveServer, session: requests.Session) -> None:
    """Its errors have another form than those of the other paths, also those of routing."""
    case.call_and_validate(base_url=server.url, session=session)


@BINARY.parametrize()
@bounded
def test_binary_requests_match_the_document(case: Case, server: LiveServer, session: requests.Session) -> None:
    """Query strings are described for binary bodies only, which fast clients use."""
    case.call_and_validate(base_url=server.url, session=session)


@RAW.parametrize()
@bounded
def test_raw_requests_match_the_document(case: Case, server: LiveServer, session: requests.Session) -> None:
    """Raw elements have no header of their own, so clients depend on the document."""
    fit_body(case)
    case.call_and_validate(base_url=server.url, session=session)


def fit_body(case: Case) -> None:
    """Give a raw request a body of the length of its shape, if shape and type are valid and small."""
    query = case.query or {}
    dtype = ELEMENT_TYPES.get(str(query.get("dtype")))
    shape = str(query.get("shape"))
    if dtype is not None and re.fullmatch(r"[0-9., ()\[\]]+", shape):
        nbytes = math.prod(map(int, re.findall(r"([0-9]+)(?:[.]0+)?", shape))) * dtype.itemsize
        if nbytes <= 2**16:
            case.body = bytes(nbytes)


def test_a_wrong_statement_in_the_document_is_found(server: LiveServer, session: requests.Session) -> None:
    """The checks must be able to find a fault."""
    wrong = document_for_json_bodies()
    for path, operation in operations(wrong):
        if path == "/version":
            operation["responses"] = {"200": {"description": "", "content": {"text/plain": {}}}}

    case = load(wrong)["/version"]["GET"].Case()

    with pytest.raises(FailureGroup, match="Content-Type"):
        case.call_and_validate(base_url=server.url, session=session)


def test_the_views_contain_every_operator() -> None:
    """An operator that a view lacks would not be tested."""
    names = set(CATALOGUE.names)

    assert {
        path.removeprefix(POOL) for path, _ in operations(document_for_json_bodies()) if path.startswith(POOL)
    } == names
    assert {path.removeprefix(POOL) for path, _ in operations(document_for_binary_bodies(raw=False))} == names
