"""The codecs of both protocols refuse every hostile body: quickly, in little memory, with one of our errors."""

from __future__ import annotations

import time
import tracemalloc
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import FLOAT32, INT64
from poolhouse.errors import PoolhouseError
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import Codec
from poolhouse.wire.codecs import CODECS, codec_for_content_type
from poolhouse.wire.inflate import Inflater
from poolhouse.wire.open_inference.body import HEADER_LENGTH
from poolhouse.wire.query import parse_query
from poolhouse.wire.raw import RAW
from tests.hostile.hostile_bodies import HOSTILE_BODIES, LIMIT_BYTES
from tests.hostile.hostile_body import HostileBody
from tests.hostile.inference.all_rows import HOSTILE_INFERENCES
from tests.hostile.inference.decoding import decode_inference
from tests.hostile.inference.hostile_inference import HostileInference
from tests.hypothesis_profiles import scaled_examples

CHUNK_BYTES = 64 * 1024
WORST_MS = 50
LONGEST_CHARS = 1500
"""A refusal lists eight unknown fields at most."""
HOSTILE: tuple[HostileBody | HostileInference, ...] = (*HOSTILE_BODIES, *HOSTILE_INFERENCES)


@lru_cache(maxsize=1)
def body_of(hostile_name: str) -> bytes:
    return next(hostile for hostile in HOSTILE if hostile.name == hostile_name).make()


def receive(hostile: HostileBody | HostileInference, body: bytes) -> None:
    """Decode a body as the server does."""
    if isinstance(hostile, HostileInference):
        decode_inference(hostile.model, hostile.headers, body)
        return
    codec = codec_for_content_type(hostile.media_type or None)
    query = parse_query(hostile.query.encode())
    inflater = Inflater(hostile.headers.get("Content-Encoding", ""), LIMIT_BYTES)
    whole = bytearray()
    for start in range(0, len(body), CHUNK_BYTES):
        for piece in inflater.feed(memoryview(body)[start : start + CHUNK_BYTES]):
            whole += piece
    inflater.finish()
    codec.decode(memoryview(whole), query, LIMIT_BYTES)


def refusal_of(hostile: HostileBody | HostileInference, body: bytes) -> PoolhouseError:
    with pytest.raises(PoolhouseError) as caught:
        receive(hostile, body)
    return caught.value


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_body_is_refused_with_little_time_and_memory(hostile: HostileBody | HostileInference) -> None:
    """One client must not be able to delay others, or to fill the memory with few bytes.

    It learns what is wrong, and nothing about our internals.
    """
    body = body_of(hostile.name)

    times: list[float] = []
    for _ in range(3):
        # Of this thread, so that a busy machine does not count.
        start = time.thread_time()
        refusal = refusal_of(hostile, body)
        times.append(1000 * (time.thread_time() - start))
        if times[-1] <= WORST_MS:
            break
    tracemalloc.start()
    try:
        refusal_of(hostile, body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert min(times) <= WORST_MS
    assert peak <= 2 * LIMIT_BYTES
    if isinstance(hostile, HostileInference):
        # Responses of this protocol have 400 instead of 422.
        assert (refusal.code, 400 if refusal.status == 422 else refusal.status) == (hostile.code, hostile.status)
    else:
        assert refusal.status in hostile.statuses, refusal
    assert 20 < len(refusal.detail) < LONGEST_CHARS
    assert not any(word in refusal.detail for word in ("orjson", "zlib", "Traceback", ".py:", "site-packages"))


def test_hostile_bodies_have_unique_names() -> None:
    """Names must be unique, since reports and the live test use them."""
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE) >= 350


GOOD: dict[str, tuple[Message, dict[str, str]]] = {
    codec.name: (
        Message(
            {"input": Tensor(FLOAT32, np.array([[[np.nan, -np.inf, 0.1]]], np.float32))}
            | (
                {"indices": Tensor(INT64, np.array([[[2**62]]]))}
                if codec.accepts_outputs(2) and codec is not RAW
                else {}
            ),
            text_fields={"kernel_size": "2"} if codec.name == "safetensors" else {},
        ),
        {"shape": "1,1,3", "dtype": "float32"} if codec is RAW else {},
    )
    for codec in CODECS
}


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@given(data=st.data())
@scaled_examples(300)
def test_a_damaged_body_is_decoded_or_refused(codec: Codec, data: st.DataObject) -> None:
    """Any bit may flip: the result is a tensor within the body's bytes, or one of our errors."""
    message, query = GOOD[codec.name]
    body = bytearray(b"".join(codec.encode(message).chunks))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        piece = data.draw(
            st.sampled_from((b"", b"\0", b"\xff", b"[", b"]", b'"', b"{", b"9", b"-", b",")) | st.binary(max_size=4)
        )
        body[at : at + data.draw(st.integers(0, 4))] = piece

    try:
        read = codec.decode(memoryview(body), query, LIMIT_BYTES)
    except PoolhouseError as refusal:
        status = refusal.status
    else:
        status = 200
        assert sum(tensor.metadata.nbytes for tensor in read.tensors.values()) <= len(body) * 8

    assert status in (200, 400, 413, 422)


GOOD_INFERENCE = (
    b'{"id":"1","inputs":[{"name":"input","shape":[1,1,3],"datatype":"FP32","data":[NaN,-Infinity,0.1]},{"name":'
    b'"indices","shape":[1,1,3],"datatype":"INT64","parameters":{"binary_data_size":24}}],"parameters":'
    b'{"kernel_size":1,"binary_data_output":true}}'
)


@given(data=st.data())
@scaled_examples(300)
def test_a_damaged_inference_request_is_decoded_or_refused(data: st.DataObject) -> None:
    """The same for a JSON part and the bytes behind it, whose length the head gives."""
    body = bytearray(GOOD_INFERENCE + bytes(24))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        piece = data.draw(
            st.sampled_from((b"", b"\0", b"\xff", b"[", b"]", b'"', b"{", b"9", b"-", b",", b"data", b"NaN"))
        )
        body[at : at + data.draw(st.integers(0, 4))] = piece
    length = len(GOOD_INFERENCE) + data.draw(st.sampled_from((0, 0, 0, -1, 1, len(body) - len(GOOD_INFERENCE))))

    try:
        decoded = decode_inference("max_unpool1d", {HEADER_LENGTH: str(length)}, bytes(body))
    except PoolhouseError as refusal:
        status = refusal.status
    else:
        status = 200
        assert sum(tensor.metadata.nbytes for tensor in decoded.prepared.tensors.values()) <= len(body) * 8

    assert status in (200, 400, 413, 422)
