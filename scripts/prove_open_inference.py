"""Call a running service with real tools of the Open Inference Protocol, and compare it with a real Triton.

Called by scripts/prove_open_inference. perf_analyzer and KServe's client call the service. Then it and Triton get the
requests of _open_inference_cases.py and the calls of _open_inference_rpc_cases.py, byte for byte the same, and must
give the same answers, except where a difference is listed. With --verbose it prints every answer over HTTP.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np
from _open_inference_cases import (
    DIFFERENCES,
    GIVEN_REGION,
    INPUT_MODELS,
    NUMPY_TYPE,
    REGION_BYTES,
    RESULT_REGION,
    Case,
    X,
    cases,
)
from _open_inference_rpc_cases import RpcCase, rpc_cases
from _termination import terminate_children_on_sigterm
from google.protobuf import json_format

import _triton
from _harness import run_poolhouse
from poolhouse.rpc.messages import CLASSES, PACKAGE, SERVICE

ROOT: Final = Path(__file__).resolve().parent.parent
PERF_ANALYZER: Final = ROOT / "build" / "perf_analyzer"
KSERVE: Final = ROOT / "build" / "kserve"
SHARED_MEMORY: Final = Path("/dev/shm")

PRESET: Final = "max_pool2d.k2s2"
"""The preset that perf_analyzer and KServe's client call: perf_analyzer cannot send parameters over HTTP."""
CONCURRENCIES: Final = (1, 8, 64)
JSON_TENSORS: Final = ("--input-tensor-format", "json", "--output-tensor-format", "json")
SHARED_TENSORS: Final = ("--shared-memory", "system", "--output-shared-memory-size", "16384")
WINDOWS: Final = 3
WINDOW_MS: Final = 500
SHAPE: Final = "1,8,32,32"
TIMEOUT_S: Final = 60.0


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"prove_open_inference: {text}", file=sys.stderr, flush=True)


# ---- perf_analyzer


def measure_load(
    port: int,
    protocol: str,
    model: str,
    tensors: str = "binary",
    options: Sequence[str] = (),
    concurrencies: Sequence[int] = CONCURRENCIES,
) -> None:
    """Run NVIDIA's load generator at each concurrency; it fails on the first error in a response.

    Args:
        port: of the service.
        protocol: http or grpc.
        model: to call.
        tensors: how they are passed, for the message.
        options: that make it pass them so.
        concurrencies: numbers of requests at a time.
    """
    libraries = PERF_ANALYZER / "nvidia" / "cuda_runtime" / "lib"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    rates = []
    for concurrency in concurrencies:
        command = [str(PERF_ANALYZER / "bin" / "perf_analyzer"), "-m", model, "-i", protocol]
        command += ["-u", f"127.0.0.1:{port}", "--shape", f"input:{SHAPE}", "--concurrency-range", str(concurrency)]
        # No measurement is unstable: the windows prove that all responses are right, not how fast they are.
        command += ["-p", str(WINDOW_MS), "--max-trials", str(WINDOWS), "--stability-percentage", "100000"]
        run = subprocess.run(
            [*command, "-v", *options], env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        printed = run.stdout + run.stderr
        assert run.returncode == 0, f"{' '.join(command)} ended with {run.returncode}:\n{printed}"
        assert not re.search(r"fail|error|warning", printed, re.IGNORECASE), printed
        windows = re.findall(r"Pass \[\d+\] throughput: ([0-9.]+) infer/sec", printed)
        assert len(windows) == WINDOWS, printed
        assert all(float(rate) > 0 for rate in windows), printed
        rates.append(f"{float(windows[-1]):,.0f}")
    say(
        f"perf_analyzer measured {WINDOWS} windows of {model} over {protocol} with {tensors} tensors without an error, "
        f"{', '.join(map(str, concurrencies))} at a time: {', '.join(rates)} requests/s"
    )


# ---- KServe


def call_with_kserve(port: int, grpc_port: int) -> None:
    """Run KServe's client, and check the InferenceService against KServe's types."""
    command = [str(KSERVE / "bin" / "python"), str(ROOT / "tests" / "languages" / "kserve" / "call.py")]
    command += [
        f"http://127.0.0.1:{port}",
        f"127.0.0.1:{grpc_port}",
        str(ROOT / "deploy" / "kserve" / "inferenceservice.yaml"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    for line in run.stdout.splitlines():
        say(line)


# ---- Triton


@dataclass(frozen=True)
class Answer:
    """A response, in the parts that are compared, and as it came.

    Attributes:
        status: of HTTP; its class is compared.
        document: the JSON part; of a refusal, whether it is an object with the text ``error``.
        trailing: the bytes behind the JSON part.
        coding: the content coding.
        written: the contents of the shared memory object that receives the output.
        text: the start of the body, for messages.
    """

    status: int
    document: object
    trailing: bytes
    coding: str
    written: bytes
    text: str

    @property
    def status_class(self) -> int:
        """The first digit of the status."""
        return self.status // 100

    def compared(self) -> tuple[object, ...]:
        """The parts that must agree."""
        return self.status_class, self.document, self.trailing, self.coding, self.written


def ask(port: int, case: Case) -> Answer:
    """Send a request on a connection of its own."""
    region = SHARED_MEMORY / case.region if case.region else None
    if region is not None:
        region.write_bytes(bytes(REGION_BYTES))
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.putrequest(case.method, case.path, skip_accept_encoding=True)
        for name, value in case.headers.items():
            connection.putheader(name, value)
        if case.method == "POST":
            connection.putheader("Content-Length", str(len(case.body)))
        connection.endheaders(case.body)
        response = connection.getresponse()
        body, coding = response.read(), response.headers.get("Content-Encoding", "")
        if coding:
            body = gzip.decompress(body) if coding == "gzip" else zlib.decompress(body)
        length = int(response.headers.get("Inference-Header-Content-Length", len(body)))
        text = body[:length].decode()
        document = compared_document(case, response.status, json.loads(text) if text else None)
        written = b"" if region is None else region.read_bytes()
        return Answer(response.status, document, body[length:], coding, written, text[:300])
    finally:
        connection.close()


def compared_document(case: Case, status: int, document: Any) -> object:
    """Leave out what may differ: the words of refusals, and how a number is printed."""
    if status != 200:
        return isinstance(document, dict) and isinstance(document.get("error"), str)
    for each in document if isinstance(document, list) else [document]:
        for name in case.ignored:
            each.pop(name, None)
    if isinstance(document, dict):
        for each in document.get("outputs", []):
            if "data" in each and each["datatype"] in NUMPY_TYPE:
                each["data"] = np.array(each["data"], NUMPY_TYPE[each["datatype"]]).tobytes()
    return document


def member_paths(document: object, at: str = "") -> set[str]:
    """The paths of all members, those of a list's entries together."""
    if isinstance(document, list):
        return set().union(*(member_paths(each, at) for each in document))
    if not isinstance(document, dict):
        return set()
    return set().union(*({f"{at}/{name}"} | member_paths(value, f"{at}/{name}") for name, value in document.items()))


def fault_in(case: Case, ours: Answer, tritons: Answer) -> str | None:
    """What is wrong with the two answers to a case."""
    if ours.status >= 500 and ours.status != 501:
        return "we answer as if it were our fault"
    if case.members_only:
        if more := member_paths(ours.document) - member_paths(tritons.document):
            return f"we have members that Triton has not: {sorted(more)}"
        agree = (ours.status, bool(ours.document)) == (tritons.status, bool(tritons.document))
    else:
        agree = ours.compared() == tritons.compared()
    if not case.differs:
        return None if agree else "the answers differ, and no difference is listed"
    if agree:
        return f"the answers agree, although {case.differs!r} is listed"
    expected = DIFFERENCES[case.differs].status_classes
    if (tritons.status_class, ours.status_class) != expected:
        return f"the classes of the statuses are other than those of {case.differs!r}"
    return None


def describe(case: Case, ours: Answer, tritons: Answer) -> str:
    """A case with both answers, for messages."""
    lines = [f"{case.name}: {case.method} {case.path} {dict(case.headers)} {case.body[:300]!r}"]
    for name, answer in (("poolhouse", ours), ("Triton", tritons)):
        lines.append(f"  {name}: {answer.status} {answer.coding} {answer.text} {answer.trailing[:32]!r}")
    return "\n".join(lines)


@dataclass(frozen=True)
class RpcAnswer:
    """The answer to a call over gRPC.

    Attributes:
        code: of the status.
        text: of a refusal.
        document: the fields of the response.
    """

    code: grpc.StatusCode
    text: str
    document: object

    @property
    def status_class(self) -> int:
        """The class of the HTTP status that says the same."""
        if self.code is grpc.StatusCode.OK:
            return 2
        return 4 if self.code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND) else 5


def call(channel: grpc.Channel, case: RpcCase) -> RpcAnswer:
    """Make a call."""
    method = channel.unary_unary(f"/{PACKAGE}.{SERVICE}/{case.method}")
    try:
        found = method(case.request.SerializeToString(), timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        return RpcAnswer(error.code(), error.details(), None)
    document = json_format.MessageToDict(CLASSES[case.response].FromString(found))
    for name in case.ignored:
        document.pop(name, None)
    return RpcAnswer(grpc.StatusCode.OK, "", document)


def rpc_fault_in(case: RpcCase, ours: RpcAnswer, tritons: RpcAnswer) -> str | None:
    """What is wrong with the two answers to a call."""
    if ours.status_class == 5:
        return "we answer as if it were our fault"
    if case.differs:
        expected = DIFFERENCES[case.differs].status_classes
        is_shown = (tritons.status_class, ours.status_class) == expected
        return None if is_shown else f"the classes of the statuses are other than those of {case.differs!r}"
    if (ours.status_class, ours.document) == (tritons.status_class, tritons.document):
        return None
    return "the answers differ, and no difference is listed"


def compare_calls(our_port: int, triton_port: int) -> tuple[list[str], int, int]:
    """Make all calls over gRPC to both servers; returns the faults, and the numbers of calls and of differing ones."""
    faults, made = [], list(rpc_cases())
    with (
        grpc.insecure_channel(f"127.0.0.1:{our_port}") as ours,
        grpc.insecure_channel(f"127.0.0.1:{triton_port}") as tritons,
    ):
        for case in made:
            answers = call(ours, case), call(tritons, case)
            if fault := rpc_fault_in(case, *answers):
                faults.append(
                    f"{fault}\n{case.name}, {case.method}:\n  poolhouse: {answers[0]}\n  Triton: {answers[1]}"
                )
    return faults, len(made), sum(bool(case.differs) for case in made)


def write_repository(folder: Path) -> None:
    """Write the models of :data:`INPUT_MODELS` for Triton."""
    for name, datatypes in INPUT_MODELS.items():
        dims = [-1] * (3 if "1d" in name else 4)
        inputs = zip(("input", "indices"), datatypes, strict=False)
        outputs = [("output", datatypes[0]), *([("indices", "INT64")] if name.startswith("max_pool") else [])]
        lines = ['backend: "python"', "max_batch_size: 0", "instance_group [ { kind: KIND_CPU count: 1 } ]"]
        lines += ["dynamic_batching { }", "model_transaction_policy { decoupled: false }"]
        for kind, tensors in (("input", inputs), ("output", outputs)):
            lines += [
                f'{kind} [ {{ name: "{each}" data_type: TYPE_{type_} dims: {dims} }} ]' for each, type_ in tensors
            ]
        version = folder / name / "1"
        version.mkdir(parents=True)
        (folder / name / "config.pbtxt").write_text("\n".join(lines), encoding="utf-8")
        shutil.copy2(ROOT / "tests" / "triton" / "model.py", version)


@contextmanager
def shared_memory_objects() -> Iterator[None]:
    """Make the shared memory objects of the cases."""
    given = SHARED_MEMORY / GIVEN_REGION
    result = SHARED_MEMORY / RESULT_REGION
    try:
        given.write_bytes(X.tobytes().ljust(REGION_BYTES, b"\0"))
        result.write_bytes(bytes(REGION_BYTES))
        yield
    finally:
        given.unlink(missing_ok=True)
        result.unlink(missing_ok=True)


def compare_with_triton(our_port: int, our_grpc_port: int, *, verbose: bool) -> None:
    """Send all cases to both servers, and compare the answers."""
    faults, shown = [], {case.differs for case in rpc_cases()}
    sent = list(cases())
    grpc_port = free_port()
    options = ["--allow-grpc", "true", "--grpc-address", "127.0.0.1", "--grpc-port", str(grpc_port)]
    with ExitStack() as stack:
        repository = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_repository(repository)
        stack.enter_context(shared_memory_objects())
        triton_port = stack.enter_context(_triton.run_server(repository, *options))
        version = _triton.server_version(triton_port)
        for case in sent:
            ours, tritons = ask(our_port, case), ask(triton_port, case)
            if verbose:
                print(describe(case, ours, tritons))
            shown.add(case.differs)
            if fault := fault_in(case, ours, tritons):
                faults.append(f"{fault}\n{describe(case, ours, tritons)}")
        rpc_faults, calls, other_calls = compare_calls(our_grpc_port, grpc_port)
    faults += rpc_faults
    assert not faults, f"{len(faults)} of {len(sent)} requests and {calls} calls:\n" + "\n".join(faults)
    assert shown == {"", *DIFFERENCES}, f"no request shows {sorted(DIFFERENCES.keys() - shown)}"
    agreeing = sum(not case.differs for case in sent)
    say(
        f"Triton {version} and poolhouse answer {agreeing} of {len(sent)} requests over HTTP and "
        f"{calls - other_calls} of {calls} calls over gRPC alike, and the others in the {len(DIFFERENCES)} ways that "
        "docs/open_inference.md lists"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="print all answers over HTTP")
    parser.add_argument("--only", choices=("load", "kserve", "triton"), help="one of the three proofs")
    options = parser.parse_args()
    with ExitStack() as stack:
        models_file = Path(stack.enter_context(tempfile.TemporaryDirectory()), "models.json")
        presets: dict[str, object] = {PRESET: {"operator": "max_pool2d", "fields": {"kernel_size": 2, "stride": 2}}}
        presets |= {name: {"operator": name.partition(".")[0]} for name in INPUT_MODELS if "." in name}
        models_file.write_text(json.dumps(presets), encoding="utf-8")
        grpc_port = free_port()
        settings = ["--models-file", str(models_file), "--shared-memory", "true", "--grpc-port", str(grpc_port)]
        port = stack.enter_context(run_poolhouse(*settings, "--device", "cpu"))
        if options.only in (None, "load"):
            measure_load(port, "http", "max_pool2d")
            measure_load(port, "http", PRESET, "JSON", JSON_TENSORS)
            measure_load(grpc_port, "grpc", "max_pool2d")
            for each, protocol in ((port, "http"), (grpc_port, "grpc")):
                measure_load(each, protocol, PRESET, "shared", SHARED_TENSORS, (8,))
        if options.only in (None, "kserve"):
            call_with_kserve(port, grpc_port)
        if options.only in (None, "triton"):
            compare_with_triton(port, grpc_port, verbose=options.verbose)


if __name__ == "__main__":
    terminate_children_on_sigterm()
    main()
