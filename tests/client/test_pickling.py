"""Pickling and copying of results, errors, models and clients."""

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

CopyFunction = Callable[[object], object]


def _pickled(protocol: int) -> CopyFunction:
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


COPIES: Final[dict[str, CopyFunction]] = {
    **{f"pickle-{protocol}": _pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
each_copy = pytest.mark.parametrize("copy_of", COPIES.values(), ids=list(COPIES))


@each_copy
def test_a_result_can_be_copied(copy_of: CopyFunction, any_client: AnyClient) -> None:
    """A worker process returns results."""
    pooled = any_client.pool("max_pool1d", np.zeros((1, 4), np.float32), kernel_size=2, return_indices=True)
    pooled.__dict__["later"] = "an attribute of a later version"

    restored = copy_of(pooled)

    assert type(restored) is Pooled
    assert isinstance(restored, Pooled)
    np.testing.assert_array_equal(restored.output, pooled.output)
    np.testing.assert_array_equal(restored.indices, pooled.indices)
    arrays = {name: vars(each).pop("outputs") for name, each in (("restored", restored), ("pooled", pooled))}
    assert list(arrays["restored"]) == list(arrays["pooled"]) == ["output", "indices"]
    assert restored.__dict__ == pooled.__dict__
    assert restored.timings
    assert restored.request_id


@each_copy
def test_plans_and_summaries_can_be_copied(copy_of: CopyFunction, any_client: AnyClient) -> None:
    """A copy is equal to the original."""
    plan = any_client.call("plan", "max_pool2d", (2, 3, 4, 4), "bfloat16", kernel_size=2)
    summaries = any_client.call("operators")

    assert isinstance(plan, Plan)
    assert isinstance(summaries, tuple)
    assert isinstance(summaries[0], OperatorSummary)
    assert copy_of(plan) == plan
    assert copy_of(summaries) == summaries


@each_copy
@pytest.mark.parametrize("name", ELEMENT_TYPES)
def test_an_element_type_is_a_singleton(copy_of: CopyFunction, name: str) -> None:
    """The code compares ``dtype is BFLOAT16``."""
    dtype = ELEMENT_TYPES[name]
    tensor = Tensor(dtype, np.ones((1, 2), dtype.storage))

    restored = copy_of(tensor)

    assert isinstance(restored, Tensor)
    assert restored.dtype is copy_of(dtype) is dtype
    np.testing.assert_array_equal(restored.array, tensor.array)
    assert copy_of(TensorMetadata(dtype, (1, 2))) == TensorMetadata(dtype, (1, 2))


def test_a_message_can_be_pickled() -> None:
    """With its tensors and fields."""
    message = Message({"input": Tensor(BFLOAT16, np.ones((1, 2), np.uint16))}, {"kernel_size": 2})

    restored = pickle.loads(pickle.dumps(message))

    assert restored.json_fields == message.json_fields
    assert restored.tensors["input"].dtype is BFLOAT16


def error_classes() -> list[type[PoolhouseError]]:
    """All subclasses of PoolhouseError in the package."""
    for module in pkgutil.walk_packages(poolhouse.__path__, "poolhouse."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = [PoolhouseError]
    for error_class in found:
        found += [each for each in error_class.__subclasses__() if each.__module__.startswith("poolhouse.")]
    return found[1:]


def make_error(error_class: type[PoolhouseError]) -> PoolhouseError:
    """Make an error of this class with all attributes set."""
    if issubclass(error_class, UnexpectedAnswer):
        error: PoolhouseError = error_class(502, "HTTP 502")
    elif issubclass(error_class, ConnectionFailed):
        error = error_class("connection refused")
    else:
        code = next(code for code, known in CODES.items() if known is error_class)
        error = error_class(
            code,
            "the detail",
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


ERROR_CLASSES = error_classes()


def test_every_error_class_is_tested() -> None:
    """The walk finds those of the service and those of the client."""
    assert {*CODES.values(), ConnectionFailed, TimedOut, UnexpectedAnswer} <= set(ERROR_CLASSES)


@each_copy
@pytest.mark.parametrize("error_class", ERROR_CLASSES, ids=[each.__name__ for each in ERROR_CLASSES])
def test_an_error_can_be_copied_with_all_attributes(copy_of: CopyFunction, error_class: type[PoolhouseError]) -> None:
    """A process pool that cannot unpickle an error waits for ever."""
    error = make_error(error_class)

    restored = copy_of(error)

    assert type(restored) is error_class
    assert isinstance(restored, error_class)
    assert str(restored) == str(error)
    assert restored.args == error.args
    assert restored.__dict__ == error.__dict__
    assert restored.status == error.status


class Unreachable(ConnectionFailed):
    """A caller's own class, with other constructor arguments than its base."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port} cannot be reached")
        self.host = host


def test_a_callers_own_error_class_can_be_pickled() -> None:
    """Whatever its constructor arguments are."""
    restored = pickle.loads(pickle.dumps(Unreachable("h", 1)))

    assert type(restored) is Unreachable
    assert (str(restored), restored.host) == ("h:1 cannot be reached", "h")


def raise_error(error_class: type[PoolhouseError]) -> None:
    """Raise an error; runs in a worker process."""
    raise make_error(error_class)


def pool_validly(client: Client) -> object:
    """Pool; runs in a worker process."""
    return client.max_pool1d([[1.0, 2.0]], 2)


def pool_invalidly(client: Client) -> object:
    """Send a request that is refused; runs in a worker process."""
    return client.max_pool1d([[1.0, 2.0]], 0)


@pytest.mark.slow
def test_process_pools_return_errors_and_results(live_server: LiveServer) -> None:
    """Both of Python's process pools; a pool that cannot unpickle a result waits for ever."""
    context = multiprocessing.get_context("spawn")
    with Client(live_server.url) as client:
        with context.Pool(1) as pool:
            for error_class in ERROR_CLASSES:
                with pytest.raises(error_class):
                    pool.apply_async(raise_error, (error_class,)).get(WAIT_TIMEOUT_S)
            pooled = pool.apply_async(pool_validly, (client,)).get(WAIT_TIMEOUT_S)
            with pytest.raises(Unprocessable, match="kernel_size"):
                pool.apply_async(pool_invalidly, (client,)).get(WAIT_TIMEOUT_S)
        with concurrent.futures.ProcessPoolExecutor(1, context) as executor:
            with pytest.raises(UnexpectedAnswer):
                executor.submit(raise_error, UnexpectedAnswer).result(WAIT_TIMEOUT_S)
            restored = executor.submit(pool_validly, client).result(WAIT_TIMEOUT_S)

    assert isinstance(pooled, Pooled)
    assert isinstance(restored, Pooled)
    assert pooled.output == restored.output == [[2.0]]
    assert pooled.request_id


@pytest.mark.parametrize("client_class", [Client, AsyncClient])
@pytest.mark.parametrize("url", ["http://localhost:1/under", "https://localhost:1", "unix:/run/s"])
def test_an_unpickled_client_has_the_same_options_and_new_connections(
    client_class: type[Client] | type[AsyncClient], url: str
) -> None:
    """A worker process calls the same service over its own sockets."""
    client = client_class(url, timeout=7, connect_timeout=3, read_timeout=4, max_retries=5, max_answer_bytes=6)
    derived = client.with_options(timeout=None)

    restored, restored_derived = pickle.loads(pickle.dumps((client, derived)))

    assert type(restored) is client_class
    assert restored._options == client._options
    assert restored_derived._options == derived._options
    assert restored._prefix == client._prefix
    assert type(restored._transport) is type(client._transport)
    assert restored._transport is not client._transport
    assert restored._transport is restored_derived._transport
    assert restored._budget is restored_derived._budget is not client._budget


def test_a_pickled_client_calls() -> None:
    """It is open, even if the original was closed."""
    with run_scripted_server(lambda _: EMPTY_LIST) as server:
        with Client(server.url) as client:
            client.operators()
        with pickle.loads(pickle.dumps(client)) as restored:
            assert restored.operators() == ()


def test_an_unpickled_local_client_has_its_own_service() -> None:
    """Tests may use it in several processes."""
    with Client.local() as client, pickle.loads(pickle.dumps(client)) as restored:
        assert restored.max_pool1d([[1.0, 2.0]], 2).output == [[2.0]]
        assert restored._transport is not client._transport


def test_a_copied_client_calls_over_the_same_connections() -> None:
    """Both ``copy`` and ``deepcopy``."""
    with Client() as client:
        shallow, deep = copy.copy(client), copy.deepcopy(client)

    assert shallow._transport is deep._transport is client._transport
    assert shallow._options == client._options


KEY = "key-42"


@pytest.mark.parametrize("client_class", [Client, AsyncClient])
def test_a_key_stays_out_of_a_pickle(
    client_class: type[Client] | type[AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models are published as files, which must not contain the key."""
    pickled = pickle.dumps(client_class(api_key=KEY))
    assert KEY.encode() not in pickled

    monkeypatch.setenv("POOLHOUSE_API_KEY", "another")
    restored = pickle.loads(pickled)

    assert dict(restored._options.headers)["Authorization"] == "Bearer another"
    assert b"another" not in pickle.dumps(restored)


def test_an_unpickled_client_without_its_key_raises_unauthorized(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it sends a request: the service's own 401 would not name the cause."""
    monkeypatch.delenv("POOLHOUSE_API_KEY", raising=False)
    with run_scripted_server(lambda _: EMPTY_LIST) as server:
        restored = pickle.loads(pickle.dumps(Client(server.url, api_key=KEY)))
        twice = pickle.loads(pickle.dumps(restored))
        for client in (restored, twice, restored.with_options(timeout=3)):
            with pytest.raises(Unauthorized, match="POOLHOUSE_API_KEY") as caught:
                client.operators()
            assert KEY not in str(caught.value)

        assert not server.heads


def test_an_unpickled_client_that_had_no_key_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address comes from the file, so the key of this process must not be sent to it."""
    pickled = pickle.dumps(Client())
    monkeypatch.setenv("POOLHOUSE_API_KEY", KEY)

    assert "Authorization" not in dict(pickle.loads(pickled)._options.headers)


def test_a_client_with_a_password_in_its_address_cannot_be_pickled() -> None:
    """The file must not contain the password, and the process that reads it has no other source for it."""
    for client in (Client("http://ann:secret@localhost:1"), AsyncClient("https://ann:secret@localhost:1")):
        with pytest.raises(TypeError, match=r"http.?://localhost:1 cannot be pickled, since its address has") as caught:
            pickle.dumps(client)
        assert "secret" not in str(caught.value)
    assert b"secret" not in pickle.dumps(Client("http://ann:secret@localhost:1", uds="/run/s"))


class Picklable(httpx.Client):
    """An httpx client of a caller's own that can be pickled."""

    def __reduce__(self) -> tuple[type[Picklable], tuple[()]]:
        return Picklable, ()


def test_a_client_with_an_httpx_client_that_cannot_be_pickled_names_it() -> None:
    """The error of httpx names only a lock."""
    clients = Client(http_client=httpx.Client()), AsyncClient(http_client=httpx.AsyncClient())
    for client in clients:
        with pytest.raises(TypeError, match=r"a client with an httpx\.\w+ of your own cannot be pickled"):
            pickle.dumps(client)

    with Client(http_client=Picklable()) as client, pickle.loads(pickle.dumps(client)) as restored:
        assert isinstance(restored._transport._http, Picklable)


@pytest.fixture
def model() -> Iterator[torch.nn.Module]:
    """A model whose layers use a service in this process."""
    with Client.local() as client:
        yield torch.nn.Sequential(nn.MaxPool1d(2, client=client), nn.AvgPool1d(2, client=client))


def test_a_model_is_saved_and_loaded(model: torch.nn.Module) -> None:
    """Its layers share one client, as before."""
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)

    loaded = torch.load(file, weights_only=False)

    with loaded[0]._client as client:
        assert loaded[1]._client is client
        assert loaded(torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])).tolist() == [[[3.0]]]


def test_a_layer_that_uses_the_shared_client_is_saved_without_one() -> None:
    """The environment of the process that loads it names the service."""
    layer = pickle.loads(pickle.dumps(nn.MaxPool2d(3)))

    assert layer._client is None
    assert layer.kernel_size == 3
