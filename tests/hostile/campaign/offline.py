"""The parts of the campaign without a server: codecs, inference requests, JSON against a reference, operators.

Each runs until its time is over, and returns the number of cases and the faults found.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from poolhouse import dtypes
from poolhouse.backend.torch_worker import run_plan
from poolhouse.errors import PoolhouseError
from poolhouse.operators.plan import Plan
from poolhouse.wire.codecs import CODECS
from tests.hostile.hostile_bodies import LIMIT_BYTES
from tests.hostile.inference.decoding import decode_inference
from tests.hostile.random_inferences import damaged_inference
from tests.hostile.random_requests import damaged
from tests.operators.random_cases import CPU, OPERATORS, Case, random_case
from tests.operators.region_cases import FLOATS, MAKERS, RegionCase
from tests.operators.region_cases import random_case as random_region_case

Outcome = tuple[int, list[str]]

_JSON: Final = next(codec for codec in CODECS if codec.is_json)
_ALLOWED: Final = (400, 413, 415, 422)
# Memory of the interpreter's own tables that decoding may use in addition to a multiple of the body's length.
_FREE_BYTES: Final = 64 * 2**20


def codecs(random: Random, seconds: float) -> Outcome:
    """Decode damaged bodies, with their codec or another one: the result is a message or one of our errors, and the
    tensors hold no more than the body can."""

    def one() -> str | None:
        request = damaged(random)
        codec = random.choice(CODECS)
        query = dict(pair.partition("=")[::2] for pair in request.target.partition("?")[2].split("&") if "=" in pair)
        try:
            message = codec.decode(memoryview(request.body), query, LIMIT_BYTES)
        except PoolhouseError as refusal:
            return None if refusal.status in _ALLOWED else f"{codec.name}: {refusal!r} to {request.body[:200]!r}"
        held = sum(tensor.metadata.nbytes for tensor in message.tensors.values())
        if held > max(8 * len(request.body), LIMIT_BYTES):
            return f"{codec.name}: {held} bytes of elements in a body of {len(request.body)}: {request.body[:200]!r}"
        return None

    return _until(seconds, one)


def inferences(random: Random, seconds: float) -> Outcome:
    """Plan and decode damaged inference requests: the result is a prepared request or one of our errors, its tensors
    hold no more than the body can, and its response is not longer than what is charged."""

    def one() -> str | None:
        request = damaged_inference(random)
        model = request.target.partition("/models/")[2].rpartition("/infer")[0]
        try:
            decoded = decode_inference(model, request.headers, request.body)
        except PoolhouseError as refusal:
            return None if refusal.status in (404, *_ALLOWED) else f"{refusal!r} to {request.body[:200]!r}"
        tensors = decoded.prepared.tensors
        held = sum(tensor.metadata.nbytes for tensor in tensors.values())
        if held > max(8 * len(request.body), LIMIT_BYTES):
            return f"{held} bytes of elements in a body of {len(request.body)}: {request.body[:200]!r}"
        plan = decoded.prepared.plan
        if not isinstance(plan, Plan):
            # Several poolings need the engine; the attacks on a live service send them.
            return None
        try:
            plan.spec.check_elements(tensors)
            outputs = run_plan(plan, tensors, CPU)
        except PoolhouseError as refusal:
            return None if refusal.status in _ALLOWED else f"{refusal!r} to {request.body[:200]!r}"
        encoded = decoded.encode(outputs, 0.0, 0.0)
        made = encoded.nbytes - sum(tensor.metadata.nbytes for tensor in outputs.values())
        if decoded.text_bytes and made > decoded.text_bytes:
            return f"{made} bytes of text, and {decoded.text_bytes} are charged: {request.body[:200]!r}"
        return None

    return _until(seconds, one)


def json_texts(random: Random, seconds: float) -> Outcome:
    """Decode JSON, valid and damaged, and compare with the standard library's strict parser and numpy."""

    def one() -> str | None:
        text = _text(random)
        expected = _reference(text)
        try:
            message = _JSON.decode(memoryview(text), {}, LIMIT_BYTES)
        except PoolhouseError as refusal:
            if refusal.status not in _ALLOWED:
                return f"{refusal!r} to {text[:300]!r}"
            return f"refused ({refusal.detail}) though it is whole: {text[:300]!r}" if expected is not None else None
        if expected is None:
            # The codec accepts more than the reference: tensors other than plain float32 lists.
            return None if _strict(text) is not None else f"read though it is no JSON: {text[:300]!r}"
        read = message.tensors["input"].array
        if read.shape != expected.shape or read.tobytes() != expected.tobytes():
            return f"{read.tolist()} where the reference reads {expected.tolist()}: {text[:300]!r}"
        return None

    return _until(seconds, one)


def operators(random: Random, seconds: float) -> Outcome:
    """Random specs, small and extreme: the outputs have the shapes and bytes of the plan, and the process grows by
    no more than the plan says."""

    def one() -> str | None:
        drawn: Case | RegionCase | None = random_case(random, random.choice(OPERATORS))
        if random.random() < 1 / 6:
            drawn = random_region_case(random, random.choice(tuple(MAKERS)), random.choice(FLOATS))
        if drawn is None:
            return None
        plan = drawn.plan
        # A first call, not measured, compiles the kernels.
        outputs = drawn.run()
        with growing() as growth:
            drawn.run()
        for name, metadata in plan.outputs.items():
            if outputs[name].metadata != metadata:
                return f"{name} is {outputs[name].metadata}, and the plan says {metadata}: {drawn!r:.300}"
        if growth.nbytes > plan.held_bytes + _FREE_BYTES:
            return f"{growth.nbytes} bytes more, and the plan says {plan.held_bytes}: {drawn!r:.300}"
        return None

    return _until(seconds, one)


def _until(seconds: float, one: Callable[[], str | None]) -> Outcome:
    ends, count, faults = time.monotonic() + seconds, 0, []
    while time.monotonic() < ends:
        count += 1
        try:
            fault = one()
        except Exception as error:  # any exception: those that are not ours are the faults to find
            fault = f"{error!r}"
        if fault is not None:
            faults.append(fault)
    return count, faults


@dataclass(slots=True)
class Growth:
    """The most that resident memory grew."""

    nbytes: int = 0


@contextmanager
def growing() -> Iterator[Growth]:
    """The peak growth of this process while the block runs, as the kernel reports it."""
    growth = Growth()
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_bytes()
    yield growth
    growth.nbytes = _peak_bytes() - before


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


def _number(random: Random) -> str:
    whole = str(random.choice((0, 1, 9, 10, 255, 2**24 + 1, 2**53 + 1, 2**64, random.getrandbits(90))))
    fraction = random.choice(("", "", ".0", ".5", "." + str(random.getrandbits(60)), ".000000000000000000001"))
    exponent = random.choice(("", "", "", "e0", "E+5", "e-7", f"e{random.randint(-60, 30)}", "e-400"))
    return random.choice(("", "", "-")) + whole + fraction + exponent


def _list(random: Random, shape: tuple[int, ...]) -> str:
    if not shape:
        return _number(random)
    space = random.choice(("", "", " ", "\n\t"))
    return f"[{space}" + f"{space},{space}".join(_list(random, shape[1:]) for _ in range(shape[0])) + f"{space}]"


def _text(random: Random) -> bytes:
    shape = tuple(random.randint(1, 4) for _ in range(random.randint(2, 4)))
    if random.random() < 0.02:
        shape = (1, 100, 100)
    text = bytearray(f'{{"input": {_list(random, shape)}, "kernel_size": 1}}'.encode())
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        at = random.randrange(len(text) + 1)
        match random.randrange(3):
            case 0:
                text[at:at] = random.choice(
                    (b"[", b"]", b",", b"-", b"+", b".", b"0", b"e", b'"', b"{", b"}", b"\x00", b"N")
                )
            case 1:
                del text[at : at + random.randrange(4)]
            case _:
                text[at : at + 1] = bytes((random.randrange(256),))
    return bytes(text)


def _strict(text: bytes) -> object:
    """The result of parsing by RFC 8259; None if it is invalid."""

    def refuse(_: object) -> object:
        raise ValueError

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        return json.loads(text.decode("utf-8"), parse_constant=refuse, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None


def _reference(text: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None:
    """The tensor of a text that must be accepted: a rectangular list of numbers that are finite as float32."""
    document = _strict(text)
    if not isinstance(document, Mapping) or set(document) != {"input", "kernel_size"}:
        return None
    if document["kernel_size"] != 1 or isinstance(document["kernel_size"], bool):
        return None
    given = document["input"]
    if not isinstance(given, list) or not _numbers_alone(given):
        return None
    # The json module parses -0 as the integer 0; among floats it is -0.0.
    signed = json.loads(text, parse_int=float)["input"]
    try:
        exact = np.array(signed, np.float64)
    except ValueError:
        return None
    with np.errstate(over="ignore"):
        narrow = exact.astype(np.float32)
    dtype = dtypes.FLOAT32
    return narrow.astype(dtype.storage) if narrow.ndim >= 2 and bool(np.isfinite(narrow).all()) and exact.size else None


def _numbers_alone(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_numbers_alone, value))
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(float(value))


PARTS: Final[tuple[tuple[str, Callable[[Random, float], Outcome]], ...]] = (
    ("mutated bodies through every codec", codecs),
    ("mutated inference requests", inferences),
    ("JSON against a strict reference", json_texts),
    ("operators against their plan", operators),
)
