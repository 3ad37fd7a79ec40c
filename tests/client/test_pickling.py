"""What a caller holds, handed to another process or written to a file: results, errors, models, clients."""

from __future__ import annotations

import concurrent.futures
import copy
import importlib
import io
import multiprocessing
import pickle
import pkgutil
from collections.abc import Callable, Iterator
from typing import Final

import httpx
import numpy as np
import pytest
import torch

import poolhouse
from poolhouse import nn
from poolhouse.client.clients import AsyncClient, Client
from poolhouse.client.errors import ConnectionFailed, TimedOut, UnexpectedAnswer
from poolhouse.client.results import OperatorSummary, Plan, Pooled
from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPES
from poolhouse.errors import CODES, FieldProblem, PoolhouseError, Unauthorized, Unprocessable
from poolhouse.tensors import Message, Tensor, TensorMetadata
from tests.client.conftest import AnyClient
from tests.client.test_transports import EMPTY_LIST, run_scripted_server
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer

Copy = Callable[[object], object]


def _pickled(protocol: int) -> Copy:
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


COPIES: Final[dict[str, Copy]] = {
    **{f"pickle-{protocol}": _pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
each_copy = pytest.mark.parametrize("copied", COPIES.values(), ids=list(COPIES))


@each_copy
def test_a_result_survives(copied: Copy, any_client: AnyClient) -> None:
    """A worker of a pool hands back what it pooled."""
    pooled = any_client.pool("max_pool1d", np.zeros((1, 4), np.float32), kernel_size=2, return_indices=True)
    pooled.__dict__["later"] = "what a later version keeps beside the pair"

    again = copied(pooled)

    assert type(again) is Pooled
    assert isinstance(again, Pooled)
    np.testing.assert_array_equal(again.output, pooled.output)
    np.testing.assert_array_equal(again.indices, pooled.indices)
    assert again.__dict__ == pooled.__dict__
    assert again.timings
    assert again.request_id


@each_copy
def test_what_a_client_says_survives(copied: Copy, any_client: AnyClient) -> None:
    """Plans and lines of the catalogue are values, and equal after the journey."""
    plan = any_client.call("plan", "max_pool2d", (2, 3, 4, 4), "bfloat16", kernel_size=2)
    lines = any_client.call("operators")

    assert isinstance(plan, Plan)
    assert isinstance(lines, tuple)
    assert isinstance(lines[0], OperatorSummary)
    assert copied(plan) == plan
    assert copied(lines) == lines


@each_copy
@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_an_element_type_stays_the_only_one_of_its_name(copied: Copy, name: str) -> None:
    """Code asks ``dtype is BFLOAT16``; a second one would be read as numbers of 16 bits."""
    dtype = ELEMENT_TYPES[name]
    tensor = Tensor(dtype, np.ones((1, 2), dtype.storage))

    again = copied(tensor)

    assert isinstance(again, Tensor)
    assert again.dtype is copied(dtype) is dtype
    np.testing.assert_array_equal(again.array, tensor.array)
    assert copied(TensorMetadata(dtype, (1, 2))) == TensorMetadata(dtype, (1, 2))


def test_a_message_survives() -> None:
    """The whole of what travels between parts of the service."""
    message = Message({"input": Tensor(BFLOAT16, np.ones((1, 2), np.uint16))}, {"kernel_size": 2})

    again = pickle.loads(pickle.dumps(message))

    assert again.json_fields == message.json_fields
    assert again.tensors["input"].dtype is BFLOAT16


def error_classes() -> list[type[PoolhouseError]]:
    """Every class of ours below PoolhouseError, wherever it stands."""
    for module in pkgutil.walk_packages(poolhouse.__path__, "poolhouse."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = [PoolhouseError]
    for kind in found:
        found += [each for each in kind.__subclasses__() if each.__module__.startswith("poolhouse.")]
    return found[1:]


def error_of(kind: type[PoolhouseError]) -> PoolhouseError:
    """One of this class with everything that an error can carry."""
    if issubclass(kind, UnexpectedAnswer):
        error: PoolhouseError = kind(502, "HTTP 502")
    elif issubclass(kind, ConnectionFailed):
        error = kind("nobody listens")
    else:
        code = next(code for code, known in CODES.items() if known is kind)
        error = kind(
            code,
            "what, and how to mend it",
            problems=[FieldProblem("/kernel_size", "range", "0 is too small")],
            limit_bytes=4,
            headers={"allow": "GET"},
        )
    error.retry_after_s = 1.5
    error.request_id = "r1"
    error.problem = {"code": error.code}
    error.input_index = 3
    error.add_note("a note")
    return error


KINDS = error_classes()


def test_every_class_of_error_is_tried() -> None:
    """The walk finds those of the wire and those of the client."""
    assert {*CODES.values(), ConnectionFailed, TimedOut, UnexpectedAnswer} <= set(KINDS)


@each_copy
@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_an_error_survives_with_all_it_carries(copied: Copy, kind: type[PoolhouseError]) -> None:
    """A process pool that cannot read an error back waits for its result for ever."""
    error = error_of(kind)

    again = copied(error)

    assert type(again) is kind
    assert isinstance(again, kind)
    assert str(again) == str(error)
    assert again.args == error.args
    assert again.__dict__ == error.__dict__
    assert again.status == error.status


class Unreachable(ConnectionFailed):
    """As a caller may make one: of other arguments than it hands on."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port} cannot be reached")
        self.host = host


def test_a_callers_own_kind_of_error_survives() -> None:
    """However it is made."""
    again = pickle.loads(pickle.dumps(Unreachable("h", 1)))

    assert type(again) is Unreachable
    assert (str(again), again.host) == ("h:1 cannot be reached", "h")


def raised(kind: type[PoolhouseError]) -> None:
    """Runs in a worker."""
    raise error_of(kind)


def pooled_by(client: Client) -> object:
    """Runs in a worker."""
    return client.max_pool1d([[1.0, 2.0]], 2)


def refused_by(client: Client) -> object:
    """Runs in a worker."""
    return client.max_pool1d([[1.0, 2.0]], 0)


def test_a_pool_of_processes_hands_errors_and_results_back(live_server: LiveServer) -> None:
    """Both kinds of pool that Python has; one that could not read an answer would wait for ever."""
    spawning = multiprocessing.get_context("spawn")
    with Client(live_server.url) as client:
        with spawning.Pool(1) as pool:
            for kind in KINDS:
                with pytest.raises(kind):
                    pool.apply_async(raised, (kind,)).get(WAIT_TIMEOUT_S)
            pooled = pool.apply_async(pooled_by, (client,)).get(WAIT_TIMEOUT_S)
            with pytest.raises(Unprocessable, match="kernel_size"):
                pool.apply_async(refused_by, (client,)).get(WAIT_TIMEOUT_S)
        with concurrent.futures.ProcessPoolExecutor(1, spawning) as executor:
            with pytest.raises(UnexpectedAnswer):
                executor.submit(raised, UnexpectedAnswer).result(WAIT_TIMEOUT_S)
            again = executor.submit(pooled_by, client).result(WAIT_TIMEOUT_S)

    assert isinstance(pooled, Pooled)
    assert isinstance(again, Pooled)
    assert pooled.output == again.output == [[2.0]]
    assert pooled.request_id


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("url", ["http://localhost:1/under", "https://localhost:1", "unix:/run/s"])
def test_a_pickled_client_keeps_its_options_and_connects_anew(kind: type[Client] | type[AsyncClient], url: str) -> None:
    """A worker calls the same service in the same way, over sockets of its own."""
    client = kind(url, timeout=7, connect_timeout=3, read_timeout=4, max_retries=5, max_answer_bytes=6)
    twin = client.with_options(timeout=None)

    again, its_twin = pickle.loads(pickle.dumps((client, twin)))

    assert type(again) is kind
    assert again._options == client._options
    assert its_twin._options == twin._options
    assert again._prefix == client._prefix
    assert type(again._transport) is type(client._transport)
    assert again._transport is not client._transport
    assert again._transport is its_twin._transport
    assert again._budget is its_twin._budget is not client._budget


def test_a_pickled_client_calls() -> None:
    """And is open, though the first was closed."""
    with run_scripted_server(lambda _: EMPTY_LIST) as listener:
        with Client(listener.url) as client:
            client.operators()
        with pickle.loads(pickle.dumps(client)) as again:
            assert again.operators() == ()


def test_a_local_client_is_a_service_in_each_process() -> None:
    """Its tests may run in several."""
    with Client.local() as client, pickle.loads(pickle.dumps(client)) as again:
        assert again.max_pool1d([[1.0, 2.0]], 2).output == [[2.0]]
        assert again._transport is not client._transport


def test_a_copied_client_calls_over_the_same_connections() -> None:
    """In one process there is no reason for others."""
    with Client() as client:
        shallow, deep = copy.copy(client), copy.deepcopy(client)

    assert shallow._transport is deep._transport is client._transport
    assert shallow._options == client._options


KEY = "key-of-ours-42"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_key_stays_out_of_a_pickle(kind: type[Client] | type[AsyncClient], monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are published as files, and whoever reads one would have the key."""
    written = pickle.dumps(kind(api_key=KEY))
    assert KEY.encode() not in written

    monkeypatch.setenv("POOLHOUSE_API_KEY", "another")
    again = pickle.loads(written)

    assert dict(again._options.headers)["Authorization"] == "Bearer another"
    assert b"another" not in pickle.dumps(again)


def test_a_client_without_the_key_it_had_says_so_before_it_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's own 401 would send its reader to look for a mistake in the key."""
    monkeypatch.delenv("POOLHOUSE_API_KEY", raising=False)
    with run_scripted_server(lambda _: EMPTY_LIST) as listener:
        again = pickle.loads(pickle.dumps(Client(listener.url, api_key=KEY)))
        twice = pickle.loads(pickle.dumps(again))
        for client in (again, twice, again.with_options(timeout=3)):
            with pytest.raises(Unauthorized, match="POOLHOUSE_API_KEY") as caught:
                client.operators()
            assert KEY not in str(caught.value)

        assert not listener.heads


def test_a_client_that_had_no_key_takes_none_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address came with the file, and the key of whoever reads it is not for that address."""
    written = pickle.dumps(Client())
    monkeypatch.setenv("POOLHOUSE_API_KEY", KEY)

    assert "Authorization" not in dict(pickle.loads(written)._options.headers)


def test_a_password_in_an_address_is_not_written() -> None:
    """As a key; but where else it would come from, nothing says."""
    for client in (Client("http://ann:secret@localhost:1"), AsyncClient("https://ann:secret@localhost:1")):
        with pytest.raises(TypeError, match=r"http.?://localhost:1 cannot be pickled: a password") as caught:
            pickle.dumps(client)
        assert "secret" not in str(caught.value)
    assert b"secret" not in pickle.dumps(Client("http://ann:secret@localhost:1", uds="/run/s"))


class Picklable(httpx.Client):
    """An httpx client of a caller's own that says how it is made."""

    def __reduce__(self) -> tuple[type[Picklable], tuple[()]]:
        return Picklable, ()


def test_a_client_with_an_httpx_client_says_what_cannot_be_pickled() -> None:
    """Certificates and pools of connections cannot; httpx's own words are about a lock."""
    given = Client(http_client=httpx.Client()), AsyncClient(http_client=httpx.AsyncClient())
    for client in given:
        with pytest.raises(TypeError, match="an http_client of its own cannot be pickled"):
            pickle.dumps(client)

    with Client(http_client=Picklable()) as client, pickle.loads(pickle.dumps(client)) as again:
        assert isinstance(again._transport._http, Picklable)


@pytest.fixture
def model() -> Iterator[torch.nn.Module]:
    """A model whose layers pool through a service in this process."""
    with Client.local() as client:
        yield torch.nn.Sequential(nn.MaxPool1d(2, client=client), nn.AvgPool1d(2, client=client))


def test_a_model_is_saved_and_loaded(model: torch.nn.Module) -> None:
    """As every model of torch; its layers share a client after it as before."""
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)

    loaded = torch.load(file, weights_only=False)

    with loaded[0]._client as client:
        assert loaded[1]._client is client
        assert loaded(torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])).tolist() == [[[3.0]]]


def test_a_layer_that_uses_the_shared_client_is_saved_without_one() -> None:
    """Where it is loaded, the environment says which service it calls."""
    layer = pickle.loads(pickle.dumps(nn.MaxPool2d(3)))

    assert layer._client is None
    assert layer.kernel_size == 3
