"""Tensors in shared memory, over HTTP: regions in and out, and clients that change or destroy them meanwhile."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.shared_memory import SharedMemory as PythonObject
from typing import Any

import numpy as np
import pytest

from poolhouse.shared_memory.regions import SharedMemory
from poolhouse.wire.open_inference.request import RegionRange
from tests.open_inference.conftest import MAX_BODY_BYTES
from tests.open_inference.raw_http import ELEMENTS, HEADER_LENGTH, MAXIMA, Reply, infer_json, json_request, send
from tests.rest.gated_service import CAPACITY_BYTES, GatedService, becomes_true, run_gated_service
from tests.rest.live_server import WAIT_TIMEOUT_S, LiveServer
from tests.shared_memory.shared_object import SharedObject, shared_object

SYSTEM = "/v2/systemsharedmemory"
_names = itertools.count()


@pytest.fixture(scope="module")
def gated() -> Iterator[GatedService]:
    """A service with little memory, whose device can be held."""
    with run_gated_service(shared_memory=True) as running:
        yield running


@pytest.fixture
def client_object() -> Iterator[SharedObject]:
    """An object that begins with the elements of the input, and has room for the output at byte 64."""
    with shared_object(128) as made:
        made.write(ELEMENTS.tobytes())
        yield made


def register(server: LiveServer, name: str, document: object) -> Reply:
    """Register a region as Triton's client does: without Content-Type."""
    return send(server, "POST", f"{SYSTEM}/region/{name}/register", body=json.dumps(document).encode())


def unregister(server: LiveServer, name: str) -> Reply:
    return send(server, "POST", f"{SYSTEM}/region/{name}/unregister", body=b"")


def status_of(server: LiveServer, name: str) -> Reply:
    return send(server, "GET", f"{SYSTEM}/region/{name}/status")


@contextmanager
def registered(server: LiveServer, key: str, nbytes: int = 128, offset: int = 0) -> Iterator[str]:
    """The name of a region that is registered for the time of the block."""
    name = f"region-{next(_names)}"
    reply = register(server, name, {"key": key, "byte_size": nbytes, "offset": offset})
    assert (reply.status, reply.body) == (200, b""), reply.body
    try:
        yield name
    finally:
        assert unregister(server, name).status == 200


def place(region: str, nbytes: int, offset: int = 0) -> dict[str, Any]:
    """The parameters of a tensor in shared memory."""
    return {"shared_memory_region": region, "shared_memory_byte_size": nbytes, "shared_memory_offset": offset}


def request_of(source: Mapping[str, Any] | None = None, target: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A request whose input, output or both are in shared memory."""
    given = json_request() if source is None else json_request(data=None, parameters=source)
    return given if target is None else given | {"outputs": [{"name": "output", "parameters": target}]}


def output_in(found: SharedObject, offset: int = 64) -> list[float]:
    """The output in an object."""
    elements: list[float] = np.frombuffer(found.read(offset, 16), "<f4").tolist()
    return elements


def test_tensors_are_read_and_written_in_shared_memory(server: LiveServer, client_object: SharedObject) -> None:
    """The response describes the output, and has neither its elements nor a place of them."""
    with registered(server, client_object.key, 124, 4) as name:
        client_object.write(ELEMENTS.tobytes(), 4)

        reply = infer_json(server, request_of(place(name, 64), place(name, 16, 60)))

        assert reply.status == 200, reply.body
        assert HEADER_LENGTH.lower() not in reply.headers
        assert reply.headers["content-type"] == "application/json"
        assert reply.document()["outputs"] == [{"name": "output", "datatype": "FP32", "shape": [1, 1, 2, 2]}]
        assert output_in(client_object) == MAXIMA


def test_only_the_input_or_only_the_output(server: LiveServer, client_object: SharedObject) -> None:
    """Each tensor has a place of its own."""
    with registered(server, client_object.key) as name:
        assert infer_json(server, request_of(place(name, 64))).document()["outputs"][0]["data"] == MAXIMA
        assert infer_json(server, request_of(None, place(name, 64, 64))).status == 200
        assert output_in(client_object) == MAXIMA
        assert client_object.read(80) == bytes(48), "the rest of a range that is too large stays as it is"


def test_objects_of_python(server: LiveServer) -> None:
    """Python's multiprocessing gives the key without its slash."""
    made = PythonObject(create=True, size=128)
    try:
        elements = made.buf
        assert elements is not None, "it is open"
        elements[:64] = ELEMENTS.tobytes()
        with registered(server, made.name) as name:
            assert infer_json(server, request_of(place(name, 64), place(name, 16, 64))).status == 200
            assert np.frombuffer(bytes(elements[64:80]), "<f4").tolist() == MAXIMA
    finally:
        del elements
        made.close()
        made.unlink()


def test_status_and_unregistering(server: LiveServer, client_object: SharedObject) -> None:
    """A client can ask what is registered, and unregister twice."""
    entry = {"name": "", "key": client_object.key, "offset": 8, "byte_size": 64}
    with registered(server, client_object.key, 64, 8) as first, registered(server, client_object.key, 64, 8) as second:
        rows = json.loads(send(server, "GET", f"{SYSTEM}/status").body)

        assert [each for each in rows if each["key"] == client_object.key] == [
            entry | {"name": first},
            entry | {"name": second},
        ]
        assert json.loads(status_of(server, second).body) == [entry | {"name": second}]
        for _ in range(2):
            reply = unregister(server, second)
            assert (reply.status, reply.body) == (200, b"")
        refused = status_of(server, second)
        assert (refused.status, repr(second) in refused.refusal()) == (404, True)
        assert status_of(server, first).status == 200
        assert send(server, "POST", f"{SYSTEM}/unregister", body=b"").status == 200
        assert json.loads(send(server, "GET", f"{SYSTEM}/status").body) == []
    assert not client_object.descriptors


def test_a_name_cannot_be_registered_twice(server: LiveServer, client_object: SharedObject) -> None:
    """Requests that rely on the first registration would read another object."""
    with registered(server, client_object.key) as name, shared_object(4) as other:
        reply = register(server, name, {"key": other.key, "byte_size": 4})

        assert (reply.status, "already" in reply.refusal()) == (400, True)
        assert json.loads(status_of(server, name).body)[0]["key"] == client_object.key


@pytest.mark.parametrize(
    "changed",
    [
        *({"key": key} for key in ("", "/", "///", "a/../b", "/..", "../shm/x", "a\0b", "x" * 300, "/sem.x", "none")),
        *({"key": key} for key in (None, 5, True, ["/x"], {"b64": "x"})),
        *({"byte_size": size} for size in (0, 129, -1, 2**63, 2**64, 10**30, 64.0, True, "64", None)),
        *({"offset": offset} for offset in (1, 128, -1, 2**63 - 1, 2**63, 2**64 - 32, 1.0, False, "0", None)),
        {"size": 4},
    ],
    ids=lambda changed: str(changed)[:40],
)
def test_an_invalid_registration_is_refused(
    server: LiveServer, client_object: SharedObject, changed: dict[str, object]
) -> None:
    """A key must not lead to another file, and a size that overflows must not look small."""
    reply = register(server, "refused", {"key": client_object.key, "byte_size": 128, "offset": 0} | changed)

    assert reply.status == 400, reply.body
    assert "/dev/shm/" not in reply.refusal()
    assert status_of(server, "refused").status == 404
    assert not client_object.descriptors


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"{", b"\xff", b'{"key":"/x"}', b'{"byte_size":4}'])
def test_a_registration_without_its_members_is_refused(server: LiveServer, body: bytes) -> None:
    """Triton's status for most of these is 500."""
    reply = send(server, "POST", f"{SYSTEM}/region/refused/register", body=body)

    assert (reply.status, bool(reply.refusal())) == (400, True)


def test_a_long_registration_is_refused(server: LiveServer) -> None:
    """A registration holds no elements."""
    reply = register(server, "refused", {"key": "x" * 2**17, "byte_size": 4})

    assert (reply.status, bool(reply.refusal())) == (413, True)


@pytest.mark.parametrize("path", [f"{SYSTEM}/status", f"{SYSTEM}/region/r/status"])
def test_other_methods_are_refused(server: LiveServer, path: str) -> None:
    """The refusal has the protocol's form."""
    reply = send(server, "POST", path, body=b"")

    assert (reply.status, bool(reply.refusal())) == (405, True)


@pytest.mark.parametrize(
    ("nbytes", "offset"), [(64, 65), (64, 2**64 - 32), (64, 2**63 - 1), (64, 2**63 - 64), (64, 2**32), (64, -1)]
)
@pytest.mark.parametrize("is_input", [True, False])
def test_no_request_reaches_beyond_its_region(
    server: LiveServer, client_object: SharedObject, nbytes: int, offset: int, is_input: bool
) -> None:
    """The bytes behind a region belong to somebody else."""
    with registered(server, client_object.key, 128) as name:
        range_ = place(name, nbytes, offset)
        reply = infer_json(server, request_of(range_) if is_input else request_of(None, range_))

    assert (reply.status, bool(reply.refusal())) == (400, True)
    assert client_object.read(64) == bytes(64)


def test_a_range_too_small_for_its_output_is_refused(server: LiveServer, client_object: SharedObject) -> None:
    """The refusal names both sizes, so that the client knows what to give."""
    with registered(server, client_object.key) as name:
        reply = infer_json(server, request_of(None, place(name, 15, 64)))

    assert reply.status == 400
    assert "16 bytes" in reply.refusal()
    assert "15" in reply.refusal()
    assert client_object.read(64) == bytes(64)


@pytest.mark.parametrize("is_input", [True, False])
def test_an_unknown_region_is_refused(server: LiveServer, is_input: bool) -> None:
    """Like Triton's, the status is 400: the model exists, and the request is wrong."""
    range_ = place("nowhere", 64)
    reply = infer_json(server, request_of(range_) if is_input else request_of(None, range_))

    assert (reply.status, "'nowhere'" in reply.refusal()) == (400, True)


@pytest.mark.parametrize("left", [0, 63])
def test_an_object_that_its_client_makes_shorter(server: LiveServer, client_object: SharedObject, left: int) -> None:
    """One such request ended Triton for all clients, by SIGBUS."""
    with registered(server, client_object.key) as name, shared_object(128) as other:
        other.write(ELEMENTS.tobytes())
        client_object.truncate(left)
        with registered(server, other.key) as healthy:
            for request in (
                request_of(place(name, 64)),
                request_of(None, place(name, 16, 64)),
                request_of(place(healthy, 64), place(name, 16, 64)),
            ):
                reply = infer_json(server, request)

                assert (reply.status, "shorter" in reply.refusal()) == (400, True)
            assert client_object.path.stat().st_size == left
            assert infer_json(server, request_of(place(healthy, 64))).document()["outputs"][0]["data"] == MAXIMA
    assert not client_object.descriptors


def test_an_object_without_a_name_stays_usable(server: LiveServer, client_object: SharedObject) -> None:
    """Clients unlink an object as soon as all have it open, so that it cannot be left behind."""
    with registered(server, client_object.key) as name:
        client_object.unlink()

        assert infer_json(server, request_of(place(name, 64))).document()["outputs"][0]["data"] == MAXIMA
    assert not client_object.descriptors


def test_large_tensors_in_shared_memory(server: LiveServer) -> None:
    """They are copied in threads, and may be as large as a binary body."""
    shape = (1, 4, 512, 512)
    elements = np.random.default_rng(1).random(shape, "<f4")
    assert elements.nbytes == MAX_BODY_BYTES
    with shared_object(elements.nbytes * 2) as large, registered(server, large.key, elements.nbytes * 2) as name:
        large.write(elements.tobytes())
        source = json_request(data=None, shape=list(shape), parameters=place(name, elements.nbytes))
        target = {"name": "output", "parameters": place(name, elements.nbytes // 4, elements.nbytes)}

        reply = infer_json(server, source | {"outputs": [target]})

        assert reply.status == 200, reply.body
        found = np.frombuffer(large.read(elements.nbytes, elements.nbytes // 4), "<f4").reshape(1, 4, 256, 256)
        assert np.array_equal(found, elements.reshape(1, 4, 256, 2, 256, 2).max((3, 5)))


def test_larger_tensors_in_shared_memory_are_refused(server: LiveServer) -> None:
    """An object can have any size without taking memory, and its copy in the service takes all of it."""
    nbytes = MAX_BODY_BYTES + 512
    with shared_object(nbytes) as large, registered(server, large.key, nbytes) as name:
        shape = [1, 1, nbytes // 512, 128]
        reply = infer_json(server, json_request(data=None, shape=shape, parameters=place(name, nbytes)))

    assert (reply.status, str(MAX_BODY_BYTES) in reply.refusal()) == (413, True)


def test_an_invalid_boolean_in_shared_memory(server: LiveServer) -> None:
    """Elements in shared memory are checked like those of a body."""
    with shared_object(16) as made, registered(server, made.key, 16) as name:
        made.write(b"\x01" * 15 + b"\x02")
        reply = infer_json(server, json_request(datatype="BOOL", data=None, parameters=place(name, 16)))

    assert (reply.status, "neither 0 nor 1" in reply.refusal()) == (400, True)


# ---- clients that interfere with their own requests


def unpool_request(name: str) -> dict[str, Any]:
    """A request that puts four elements at the places of its indices."""
    return {
        "inputs": [
            {"name": "input", "shape": [1, 1, 2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]},
            {"name": "indices", "shape": [1, 1, 2, 2], "datatype": "INT64", "parameters": place(name, 32)},
        ],
        "parameters": {"kernel_size": 2},
    }


VALID_INDICES = np.array([0, 2, 8, 10], "<i8").tobytes()
INVALID_INDICES = np.array([0, 2, 2**40, -1], "<i8").tobytes()


def test_indices_that_change_after_they_were_read_have_no_effect(gated: GatedService) -> None:
    """Indices are checked in a copy; in place, a client could change them between the check and the kernel."""
    with shared_object(32) as made, registered(gated.server, made.key, 32) as name:
        made.write(VALID_INDICES)
        with ThreadPoolExecutor(1) as thread:
            with gated.gate.closed():
                waiting = thread.submit(infer_json, gated.server, unpool_request(name), "max_unpool2d")
                assert gated.gate.batch_arrived.wait(WAIT_TIMEOUT_S)
                made.write(INVALID_INDICES)
            reply = waiting.result()
        refused = infer_json(gated.server, unpool_request(name), "max_unpool2d")

    assert reply.document()["outputs"][0]["data"] == [1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0]
    assert (refused.status, bool(refused.refusal())) == (400, True)


def test_indices_that_change_all_the_time_do_no_harm(server: LiveServer) -> None:
    """Whatever mixture of bytes is read, it is either valid or refused."""
    stop = threading.Event()
    with shared_object(32) as made, registered(server, made.key, 32) as name, made.path.open("r+b", 0) as file:

        def change() -> None:
            while not stop.is_set():
                for indices in (VALID_INDICES, INVALID_INDICES):
                    file.seek(0)
                    file.write(indices)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            found = {infer_json(server, unpool_request(name), "max_unpool2d").status for _ in range(30)}
        finally:
            stop.set()
            thread.join()

    assert found <= {200, 400}


UNREGISTER: list[Callable[[LiveServer, str], Reply]] = [
    unregister,
    lambda server, _: send(server, "POST", f"{SYSTEM}/unregister", body=b""),
]


@pytest.mark.parametrize("forget", UNREGISTER)
def test_a_region_that_is_unregistered_during_a_request(
    gated: GatedService, client_object: SharedObject, forget: Callable[[LiveServer, str], Reply]
) -> None:
    """The request ends as it began; the name is free at once, and the object is closed with the request."""
    with registered(gated.server, client_object.key) as name, ThreadPoolExecutor(1) as thread:
        with gated.gate.closed():
            waiting = thread.submit(infer_json, gated.server, request_of(place(name, 64), place(name, 16, 64)))
            assert gated.gate.batch_arrived.wait(WAIT_TIMEOUT_S)
            assert forget(gated.server, name).status == 200
            assert status_of(gated.server, name).status == 404
            assert infer_json(gated.server, request_of(place(name, 64))).status == 400
            assert client_object.descriptors == 1
            client_object.unlink()
        assert waiting.result().status == 200
        assert not client_object.descriptors


def test_an_object_that_is_made_shorter_during_a_request(gated: GatedService, client_object: SharedObject) -> None:
    """The output has no place any more, and only this request fails."""
    with registered(gated.server, client_object.key) as name, ThreadPoolExecutor(1) as thread:
        with gated.gate.closed():
            waiting = thread.submit(infer_json, gated.server, request_of(place(name, 64), place(name, 16, 64)))
            assert gated.gate.batch_arrived.wait(WAIT_TIMEOUT_S)
            client_object.truncate(64)
        reply = waiting.result()

    assert (reply.status, "shorter" in reply.refusal()) == (400, True)
    assert client_object.path.stat().st_size == 64
    assert not client_object.descriptors


def test_an_input_in_shared_memory_is_charged_before_it_is_copied(
    gated: GatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred bytes of JSON name gigabytes: with the memory budget full, they must not be allocated."""
    read: list[RegionRange] = []
    real_read = SharedMemory.read

    def recorded_read(memory: SharedMemory, source: RegionRange) -> memoryview:
        read.append(source)
        return real_read(memory, source)

    monkeypatch.setattr(SharedMemory, "read", recorded_read)
    side = 1024
    nbytes = 4 * side * side
    assert nbytes > CAPACITY_BYTES
    with shared_object(nbytes) as large, registered(gated.server, large.key, nbytes) as name:
        source = json_request(data=None, shape=[1, 1, side, side], parameters=place(name, nbytes))
        with ThreadPoolExecutor(1) as thread:
            with gated.gate.closed():
                waiting = thread.submit(infer_json, gated.server, json_request())
                assert gated.gate.batch_arrived.wait(WAIT_TIMEOUT_S)
                refused = infer_json(gated.server, source)
                unknown = infer_json(
                    gated.server, json_request(data=None, shape=[1, 1, side, side], parameters=place("x", nbytes))
                )
            assert waiting.result().status == 200

    assert (refused.status, json.loads(refused.body)["code"]) == (503, "overloaded")
    assert unknown.status == 400, "what the client did wrong is told first"
    assert not read
    assert becomes_true(lambda: gated.metric("poolhouse_held_bytes") == 0)
