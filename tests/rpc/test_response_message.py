"""The bytes of a response are those that protobuf reads, although its elements do not pass through protobuf."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rpc.messages import CLASSES
from poolhouse.rpc.response_message import head_of, id_field, raw_chunks, stream_chunks, stream_error, varint

parameter_values = st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5)


@given(
    st.text(max_size=200),
    st.dictionaries(st.text(max_size=5), parameter_values, max_size=3),
    st.lists(st.binary(max_size=300), max_size=4),
)
def test_protobuf_reads_the_parts(
    request_id: str, parameters: dict[str, bool | int | float | str], elements: list[bytes]
) -> None:
    """A client must find the same id, parameters and elements."""
    head = head_of("m", "1", parameters, [("output", "FP32", (2, 3))])
    parts = [head, id_field(request_id), *raw_chunks(elements)]

    alone = CLASSES["ModelInferResponse"].FromString(b"".join(parts))
    streamed = CLASSES["ModelStreamInferResponse"].FromString(b"".join(stream_chunks(parts)))

    assert (alone.model_name, alone.model_version, alone.id) == ("m", "1", request_id)
    assert {name: getattr(each, each.WhichOneof("choice")) for name, each in alone.parameters.items()} == parameters
    assert (alone.outputs[0].name, list(alone.outputs[0].shape)) == ("output", [2, 3])
    assert list(alone.raw_output_contents) == elements
    assert (streamed.infer_response, streamed.error_message) == (alone, "")


@given(st.text(min_size=1, max_size=300), st.text(max_size=300))
def test_protobuf_reads_an_error(text: str, request_id: str) -> None:
    """Both have lengths of one byte or more."""
    found = CLASSES["ModelStreamInferResponse"].FromString(stream_error(text, request_id))

    assert (found.error_message, found.infer_response.id) == (text, request_id)


@given(st.integers(0, 2**64 - 1))
def test_numbers_are_written_as_protobuf_writes_them(number: int) -> None:
    """A wrong length would hide all that follows."""
    field = CLASSES["Duration"](count=number).SerializeToString()

    assert varint(number) == (field[1:] or b"\0")
