"""Targeted attacks by requests of the Open Inference Protocol; see :mod:`.targeted_attacks`."""

from __future__ import annotations

import json
from contextlib import suppress
from random import SystemRandom
from threading import Event
from typing import Final

from poolhouse.wire.open_inference.body import HEADER_LENGTH
from tests.hostile.campaign.targeted_attacks import (
    TargetedAttack,
    connected,
    exchange,
    repeated,
    request_head,
    run_in_parallel,
)
from tests.hostile.inference.hostile_inference import INFER, entry, request

_LARGEST: Final = 2**31 - 1


def inference(model: str, document: object, binary: bytes = b"", *lines: str) -> bytes:
    """A complete inference request; a document of bytes is sent as it is."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    length = len(text) + len(binary)
    return request_head(INFER.format(model), f"{HEADER_LENGTH}: {len(text)}", *lines, length=length) + text + binary


def _tensor(datatype: str, *shape: int, nbytes: int) -> dict[str, object]:
    return entry(datatype=datatype, shape=shape, data=None, parameters={"binary_data_size": nbytes})


def _classes(number: int) -> list[object]:
    return [{"name": "output", "parameters": {"classification": number}}]


def distinct_inferences(port: int, stop: Event) -> None:
    """Requests that differ in every word that is remembered."""
    random = SystemRandom()
    while not stop.is_set():
        with suppress(OSError), connected(port) as connection:
            for _ in range(1000):
                number = random.randint(1, 1 << 30)
                parameters = {"kernel_size": 1, "stride": number, "binary_data_output": True}
                document = request(
                    _tensor("FP32", 1, 1, 2, nbytes=8), id="x" * random.randint(0, 700), parameters=parameters
                )
                sent = inference("max_pool1d", document, bytes(8), f"Pool-Parameters: padding=0&seed={number}")
                if stop.is_set() or not exchange(connection, sent):
                    break


INFERENCE_ATTACKS: Final = (
    TargetedAttack(
        "classifications of as many elements as are allowed",
        repeated(
            [
                inference(
                    "adaptive_avg_pool2d",
                    request(
                        _tensor("FP64", 1, 1, 1, 1, nbytes=8),
                        outputs=_classes(_LARGEST),
                        parameters={"output_size": [256, 256]},
                    ),
                    b"\xff\xff\xff\xff\xff\xff\xef\x7f",
                ),
                inference(
                    "adaptive_avg_pool2d",
                    request(
                        _tensor("FP32", 1, 1, 1, 1, nbytes=4),
                        outputs=_classes(1),
                        parameters={"output_size": [4096, 8192]},
                    ),
                    bytes(4),
                ),
            ],
            4,
        ),
    ),
    TargetedAttack(
        "classifications of millions of empty rows",
        repeated(
            [
                inference(
                    "max_pool1d",
                    request(
                        _tensor("FP32", 200_000_000, 0, 4, nbytes=0),
                        outputs=_classes(1),
                        parameters={"kernel_size": 1},
                    ),
                )
            ],
            4,
        ),
    ),
    TargetedAttack(
        "booleans of 100 MB behind a short JSON part",
        repeated(
            [
                inference(
                    "max_pool2d",
                    request(_tensor("BOOL", 1, 1, 10_000, 10_000, nbytes=10**8), parameters={"kernel_size": 2}),
                    b"\1" * 10**8,
                )
            ],
            2,
        ),
    ),
    TargetedAttack(
        "inference requests of much JSON",
        repeated(
            [
                inference("max_pool1d", b'{"inputs":[' + b"{}," * 1_000_000),
                inference("max_pool1d", b'{"inputs":[{"data":[' + b"NaN," * 1_000_000 + b"1]}]}"),
                inference("max_pool1d", b'{"inputs":[{"data":' + b"[" * 4_000_000),
                inference("max_pool1d", b'{"parameters":{' + b",".join(b'"%d":1' % n for n in range(200_000)) + b"}}"),
                inference("max_pool1d", b'{"id":"' + b"\\u0001" * 170_000 + b'"}'),
                inference(
                    "max_pool1d",
                    request(entry(shape=[1, 1, 2_000_000], data=[1.5] * 2_000_000), parameters={"kernel_size": 2}),
                ),
            ],
            3,
        ),
    ),
    TargetedAttack(
        "inference requests of one region that is not registered, and unknown names",
        repeated(
            [
                inference(
                    "max_pool1d",
                    request(
                        entry(
                            shape=[1, 1, 2**28],
                            data=None,
                            parameters={"shared_memory_region": "r", "shared_memory_byte_size": 2**30},
                        )
                    ),
                ),
                inference("adaptive_max_pool2x" * 20, request()),
                inference("pool", request(parameters={"op": "adaptive_max_pool2x" * 2000})),
                inference("max_pool2d", request(parameters={f"kernel_sise{n}": 1 for n in range(1000)})),
            ],
            20,
        ),
    ),
    TargetedAttack("inference requests, no two alike", run_in_parallel(distinct_inferences, 4)),
)
