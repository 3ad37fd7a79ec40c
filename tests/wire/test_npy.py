"""npy bodies, compared with numpy's own reader and writer."""

from __future__ import annotations

import io

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPE_BY_NUMPY_NAME, ELEMENT_TYPES, FLOAT32
from poolhouse.errors import Malformed, Unprocessable
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.npy import NPY, read_array
from tests.wire.tensor_strategies import body_of, round_trip, same_bits, tensors


def saved(array: npt.NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def loaded(body: bytes) -> npt.NDArray[np.generic]:
    array: npt.NDArray[np.generic] = np.load(io.BytesIO(body), allow_pickle=False)
    return array


@given(tensors())
def test_encoding_and_decoding_keep_every_bit(tensor: Tensor) -> None:
    """The output of one request may be the input of the next."""
    back = round_trip(NPY, Message({"output": tensor})).tensors["input"]

    assert same_bits(back, tensor)


@given(tensors())
def test_numpy_reads_what_we_write(tensor: Tensor) -> None:
    """Clients read the response with np.load."""
    array = loaded(body_of(NPY.encode(Message({"output": tensor}))))

    assert array.shape == tensor.shape
    assert array.tobytes() == bytes(tensor.buffer)
    assert array.dtype == (np.dtype("V2") if tensor.dtype is BFLOAT16 else tensor.dtype.storage)


@given(tensors(), st.booleans(), st.booleans())
def test_we_read_what_numpy_writes(tensor: Tensor, big_endian: bool, fortran: bool) -> None:
    """In either byte order, and in C or Fortran order."""
    array = tensor.array
    if tensor.dtype is BFLOAT16:
        array = array.view(ml_dtypes.bfloat16)
    else:
        array = array.astype(tensor.dtype.storage.newbyteorder(">" if big_endian else "<"))
    body = saved(np.asfortranarray(array) if fortran else array)

    read = read_array(memoryview(body), "input")

    assert same_bits(read, tensor)


@pytest.mark.parametrize("name", ELEMENT_TYPE_BY_NUMPY_NAME)
def test_an_aligned_body_is_not_copied(name: str) -> None:
    """The tensor is a view of the body."""
    row = ELEMENT_TYPES[name]
    body = np.frombuffer(bytearray(saved(np.ones((2, 3, 4), row.storage))), dtype=np.uint8)

    read = read_array(body.data, "input")

    assert np.shares_memory(read.array, body)


@pytest.mark.parametrize("name", ELEMENT_TYPE_BY_NUMPY_NAME)
@pytest.mark.parametrize("offset", range(1, 8))
def test_an_unaligned_body_becomes_an_aligned_array(name: str, offset: int) -> None:
    """A body may begin at any offset of a buffer, and the kernels need aligned elements."""
    row = ELEMENT_TYPES[name]
    array = np.arange(24).reshape(2, 3, 4).astype(row.storage)
    buffer = bytearray(offset) + saved(array)

    read = read_array(memoryview(buffer)[offset:], "input")

    assert read.array.flags.aligned
    np.testing.assert_array_equal(read.array, array)


@given(tensors(FLOAT32))
def test_elements_begin_at_a_multiple_of_64(tensor: Tensor) -> None:
    """As numpy does; readers that map the file rely on it."""
    head, payload = NPY.encode(Message({"output": tensor})).chunks

    assert len(head) % 64 == 0
    assert len(payload) == tensor.metadata.nbytes


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }",
        "{'shape': (1, 2), 'fortran_order': False, 'descr': '<f4'}",
        '{"descr": "<f4", "fortran_order": False, "shape": (1L, 2L)}  \n',
        "{'descr':'<f4','fortran_order':False,'shape':(1,2,)}",
    ],
)
def test_headers_of_other_writers_are_read(version: int, header: str) -> None:
    """Libraries in many languages write npy, and so does numpy under Python 2."""
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    body = b"\x93NUMPY" + bytes((version, 0)) + length + header.encode() + np.ones(2, "<f4").tobytes()

    read = read_array(memoryview(body), "input")

    assert read.shape == (1, 2)
    assert read.array.tolist() == [[1.0, 1.0]]


ALIASES = [
    "bool_",
    "byte",
    "ubyte",
    "short",
    "intc",
    "int",
    "int_",
    "intp",
    "long",
    "longlong",
    "ushort",
    "uintc",
    "uint",
    "uintp",
    "ulong",
    "ulonglong",
    "half",
    "single",
    "double",
    "float",
]
NAMES = [*ELEMENT_TYPES, *ALIASES]
CODES = [*"?bBhHiIlLqQpPefd", *(row.npy_descr[1:] for row in ELEMENT_TYPES.values())]
OTHERS = [
    "uint128",
    "u3",
    "c8",
    "complex64",
    "f16",
    "O",
    "|O",
    "object",
    "U3",
    "S1",
    "M8[s]",
    "V4",
    "f4,i4",
    "2f4",
    "",
    "f4x",
    "F4",
    "٣",
]
DESCRIPTIONS = [order + code for order in ("", "<", ">", "=", "|") for code in (*CODES, *NAMES, *OTHERS)]


def file_of(descr: str, data: bytes, shape: str = "(1, 2)") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x03\x00" + len(header).to_bytes(4, "little") + header + data


def dtype_of(descr: str) -> np.dtype[np.generic] | None:
    """numpy's dtype of the description, or None."""
    try:
        return np.dtype(descr)
    except (TypeError, ValueError, SyntaxError):
        return None


@pytest.mark.parametrize("descr", DESCRIPTIONS)
def test_a_type_description_has_numpys_meaning(descr: str) -> None:
    """The format allows every argument of numpy.dtype: names, letters, either byte order."""
    found = dtype_of(descr)
    if found is not None and found.name in ELEMENT_TYPE_BY_NUMPY_NAME:
        body = file_of(repr(descr), np.array([[1, 0]]).astype(found).tobytes())

        read = read_array(memoryview(body), "input")

        assert read.dtype is ELEMENT_TYPE_BY_NUMPY_NAME[found.name]
        np.testing.assert_array_equal(read.array, loaded(body))
    elif descr.lstrip("<>=|") in ("V2", "bfloat16") and (found is not None or descr == "bfloat16"):
        body = file_of(repr(descr), bytes((0x80, 0x3F, 0, 0)))

        assert bytes(read_array(memoryview(body), "input").buffer) == bytes((0x80, 0x3F, 0, 0))
    else:
        with pytest.raises(Unprocessable) as caught:
            read_array(memoryview(file_of(repr(descr), bytes(64))), "indices")

        assert (caught.value.code, caught.value.problems[0].pointer) == ("unsupported_dtype", "/indices")


@pytest.mark.parametrize(
    "descr", ["[('a', '<f4')]", "('<f4', (2,))", "{'names': ['a'], 'formats': ['<f4']}", "[('', '<f4')]", "( '<f4',2)"]
)
def test_a_composed_type_is_refused(descr: str) -> None:
    """Records and subarrays are numpy types that cannot be pooled."""
    with pytest.raises(Unprocessable, match="composed of others"):
        read_array(memoryview(file_of(descr, bytes(64))), "input")


@pytest.mark.parametrize(
    "shape",
    [
        "(1, 5L\xa0,)",
        "(2,\x1c3)",
        "(1,\u20032)",
        "(\u0661, 2)",
        "(1\x85, 2)",
        "(\xb2, 2)",
        "(1, 2)\xa0",
        "(1 1, 2)",
        "(1, 2LL)",
        "(1,, 2)",
        "(+1, 2)",
        "(1_0, 2)",
        "(0x1, 2)",
        "(1,\x00 2)",
    ],
)
def test_a_shape_is_written_in_ascii(shape: str) -> None:
    """Python's functions differ in what they accept as a space or a digit; two of these shapes once caused a 500."""
    for descr in ("'<f4'", '"float32"'):
        with pytest.raises(Malformed):
            read_array(memoryview(file_of(descr, bytes(64), shape)), "input")


@given(st.text(st.sampled_from("()[]{}'\"0123456789L,-: \t\xa0\x1c\x85\u0661\u2003TFdescrshape<f4"), max_size=40))
def test_any_header_is_read_or_refused(text: str) -> None:
    """No header raises another error."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {text}}}".encode()
    body = b"\x93NUMPY\x03\x00" + len(header).to_bytes(4, "little") + header

    try:
        read = read_array(memoryview(body), "input")
    except (Malformed, Unprocessable):
        return
    assert read.array.size == 0


def test_the_query_becomes_text_fields() -> None:
    """dtype and shape have a meaning for raw bodies only; here the operator refuses them as unknown fields."""
    body = memoryview(saved(np.ones((1, 2, 2), np.float32)))

    message = NPY.decode(body, {"kernel_size": "2", "dtype": "float32"}, 2**20)

    assert message.text_fields == {"kernel_size": "2", "dtype": "float32"}
    assert list(message.tensors) == ["input"]


def test_one_file_holds_one_array() -> None:
    """A response with indices needs another format."""
    assert NPY.accepts_outputs(1)
    assert not NPY.accepts_outputs(2)
