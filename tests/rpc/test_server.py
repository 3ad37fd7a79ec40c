"""The gRPC server as a process: start, drain, cancelled calls, keys and TLS."""

from __future__ import annotations

import asyncio
import queue
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from tritonclient.grpc import InferenceServerClient

from poolhouse.rest.app import create_app
from poolhouse.rpc.messages import CLASSES
from poolhouse.rpc.server import GrpcServer
from poolhouse.settings import Settings
from tests.rest.gated_process import GatedProcess, run_gated_process
from tests.rest.gated_service import becomes_true, parse_metrics
from tests.rest.live_server import WAIT_TIMEOUT_S
from tests.rest.service_process import service_process
from tests.rest.test_tls import certificate
from tests.rpc.raw_calls import ELEMENTS, MAXIMA, PATH, output_of, refusal, request_message, send
from tests.rpc.test_inference import input_of

INFER = PATH + "ModelInfer"


def metric(gated: GatedProcess, name: str, **labels: str) -> float:
    with gated.server.client() as client:
        return parse_metrics(client.get("/metrics").text).get((name, frozenset(labels.items())), 0.0)


def is_ready(channel: grpc.Channel) -> bool:
    found: bool = CLASSES["ServerReadyResponse"].FromString(send(channel, b"", "ServerReady")).ready
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_cancelled_calls_end_and_admitted_ones_survive_a_drain() -> None:
    """A client that has gone must not be pooled for; one that waits gets its response, and new ones go elsewhere."""
    message = request_message().SerializeToString()
    with (
        run_gated_process(grpc_port=0, grace_period_s=3600) as gated,
        grpc.insecure_channel(f"127.0.0.1:{gated.server.grpc_port}") as channel,
    ):
        method = channel.unary_unary(INFER)
        gated.set_gate("close")
        # The first one's batch is at the gate; the second one's waits in the queue.
        running = method.future(message, timeout=WAIT_TIMEOUT_S)
        assert becomes_true(lambda: metric(gated, "poolhouse_jobs") == 1)
        queued = [method.future(message, timeout=WAIT_TIMEOUT_S) for _ in range(2)]
        expired = method.future(message, timeout=0.2)
        assert becomes_true(lambda: metric(gated, "poolhouse_jobs") == 4)
        queued[0].cancel()
        assert becomes_true(lambda: metric(gated, "poolhouse_jobs") == 2)
        # An open stream without a request holds up nothing.
        requests = queue.Queue[bytes | None]()
        stream = channel.stream_stream(PATH + "ModelStreamInfer")(iter(requests.get, None), timeout=WAIT_TIMEOUT_S)

        gated.process.send_signal(signal.SIGTERM)
        assert becomes_true(lambda: not is_ready(channel))
        code, text = refusal(channel, message)
        gated.set_gate("open")
        pooled = [output_of(each.result(WAIT_TIMEOUT_S)).tolist() for each in (running, queued[1])]
        exit_code = gated.process.wait(WAIT_TIMEOUT_S)
        requests.put(None)

    assert stream.code() is grpc.StatusCode.UNAVAILABLE
    assert expired.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert (code, "shutting down" in text) == ("UNAVAILABLE", True)
    assert pooled == [MAXIMA, MAXIMA]
    assert exit_code == 0


KEY, ADMIN_KEY = "0123456789abcdef", "fedcba9876543210"
KEYS = f"""
[reader]
key = "{KEY}"
[admin]
key = "{ADMIN_KEY}"
admin = true
[slow]
key = "0000000000000000"
requests_per_s = 0.001
burst = 1
"""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")
def test_keys_quotas_and_tls(tmp_path: Path) -> None:
    """The same certificate and the same keys as those of HTTP protect the port, and calls are logged like requests."""
    made, key = certificate(tmp_path, "pools")
    (tmp_path / "keys.toml").write_text(KEYS)
    message = request_message().SerializeToString()

    def with_key(name: str) -> dict[str, Any]:
        return {"metadata": [("authorization", f"Bearer {name}")]}

    with service_process(
        grpc_port="0",
        device="cpu",
        log_requests="true",
        tls_certificate=str(made),
        tls_key=str(key),
        api_keys_file=str(tmp_path / "keys.toml"),
    ) as service:
        address = f"localhost:{service.server.grpc_port}"
        trusted = grpc.ssl_channel_credentials(made.read_bytes())
        with grpc.secure_channel(address, trusted) as channel:
            pooled = output_of(send(channel, message, **with_key(KEY))).tolist()
            live = CLASSES["ServerLiveResponse"].FromString(send(channel, b"", "ServerLive")).live
            refusals = [
                refusal(channel, message),
                refusal(channel, message, **with_key("x" * 16)),
                refusal(channel, b"", "ServerMetadata"),
                refusal(channel, b"", "NoSuchMethod"),
            ]
            quota = [refusal(channel, message, **with_key("0" * 16))[0] for _ in range(2)]
            stream = channel.stream_stream(PATH + "ModelStreamInfer")(iter([message]), timeout=WAIT_TIMEOUT_S)
            with pytest.raises(grpc.RpcError) as refused_stream:
                next(stream)
        with InferenceServerClient(address, ssl=True, root_certificates=str(made)) as triton:
            headers = {"authorization": f"Bearer {ADMIN_KEY}"}
            changed = triton.update_log_settings({"log_verbose_level": 1}, headers=headers).settings
            found = triton.infer("max_pool2d.k2s2"[:10], [input_of(ELEMENTS)], headers=headers).as_numpy("output")
        lines = [service.next_log_line() for _ in range(2)]
        replaced, new_key = certificate(tmp_path / "new", "other")
        made.write_bytes(replaced.read_bytes())
        key.write_bytes(new_key.read_bytes())
        service.process.send_signal(signal.SIGHUP)

        def accepts_new() -> bool:
            with grpc.secure_channel(address, grpc.ssl_channel_credentials(made.read_bytes())) as renewed:
                return refusal(renewed, b"", "ServerLive")[0] == "OK"

        assert becomes_true(accepts_new)

    assert pooled == MAXIMA
    assert live
    assert [code for code, _ in refusals] == ["UNAUTHENTICATED", "UNAUTHENTICATED", "UNAUTHENTICATED", "UNIMPLEMENTED"]
    assert quota == ["OK", "RESOURCE_EXHAUSTED"]
    assert refused_stream.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert changed["log_verbose_level"].uint32_param == 1
    assert found.size
    assert INFER in lines[0]


def test_a_port_in_use_is_an_error() -> None:
    """Otherwise two services would share the port, and each get half of the connections."""

    async def start() -> None:
        GrpcServer(app.service)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        app = create_app(Settings.model_validate({"device": "cpu", "grpc_port": taken.getsockname()[1]}))
        with pytest.raises(ValueError, match="the port is in use"):
            asyncio.run(start())
