"""npz bodies, compared with numpy and the standard library's zipfile."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.dtypes import BFLOAT16, FLOAT32
from poolhouse.errors import TooLarge, Unprocessable
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.npz import NPZ, read_arrays
from tests.wire.tensor_strategies import NAMES, body_of, round_trip, same_bits, tensors

MESSAGES = st.dictionaries(NAMES, tensors(), min_size=1)


def zipped(arrays: dict[str, npt.NDArray[np.generic]], deflated: bool) -> bytes:
    file = io.BytesIO()
    # numpy's newer type stubs take **arrays for its option allow_pickle, which older versions lack.
    save: Callable[..., None] = np.savez_compressed if deflated else np.savez
    save(file, **arrays)
    return file.getvalue()


@given(MESSAGES)
def test_encoding_and_decoding_keep_every_bit(arrays: dict[str, Tensor]) -> None:
    """The client decodes the server's responses, and the server the client's requests."""
    back = round_trip(NPZ, Message(arrays)).tensors

    assert list(back) == list(arrays)
    assert all(same_bits(back[name], tensor) for name, tensor in arrays.items())


@given(MESSAGES)
def test_numpy_reads_what_we_write(arrays: dict[str, Tensor]) -> None:
    """Clients read the response with np.load; its checksums must be right."""
    body = body_of(NPZ.encode(Message(arrays)))

    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
    with np.load(io.BytesIO(body), allow_pickle=False) as loaded:
        assert set(loaded) == set(arrays)
        for name, tensor in arrays.items():
            assert loaded[name].shape == tensor.shape
            assert loaded[name].tobytes() == bytes(tensor.buffer)


@given(MESSAGES, st.booleans())
def test_we_read_what_numpy_writes(arrays: dict[str, Tensor], deflated: bool) -> None:
    """Clients write requests with savez and savez_compressed."""
    arrays = {name: tensor for name, tensor in arrays.items() if tensor.dtype is not BFLOAT16}
    body = zipped({name: tensor.array for name, tensor in arrays.items()}, deflated)

    back = read_arrays(memoryview(body), 2**20)

    assert set(back) == set(arrays)
    assert all(same_bits(back[name], tensor) for name, tensor in arrays.items())


def test_a_stored_array_is_not_copied() -> None:
    """Each file begins at a multiple of 64 bytes, so its elements are aligned."""
    tensor = Tensor(FLOAT32, np.ones((3, 5), np.float32))
    raw = body_of(NPZ.encode(Message({"input": tensor, "indices": tensor})))
    body = np.frombuffer(bytearray(raw), dtype=np.uint8)

    back = read_arrays(body.data, 2**20)

    assert np.shares_memory(back["input"].array, body)
    assert np.shares_memory(back["indices"].array, body)


@pytest.mark.parametrize("zip_name", ["output", "indices"])
def test_a_streamed_zip_is_read(zip_name: str) -> None:
    """A writer that cannot seek writes sizes after the data; they are in the directory, too."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            piece = bytes(data) if isinstance(data, bytes | bytearray | memoryview) else b""
            self.written += piece
            return len(piece)

    pipe = Pipe()
    file = io.BytesIO()
    np.save(file, np.arange(6, dtype=np.int32).reshape(2, 3))
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{zip_name}.npy", file.getvalue())

    back = read_arrays(memoryview(bytes(pipe.written)), 2**20)

    assert back[zip_name].array.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_limit_counts_all_arrays_together() -> None:
    """Ten arrays below the limit must not pass it together."""
    arrays = {f"a{n}": np.zeros(1000, np.uint8) for n in range(10)}
    body = memoryview(zipped({**arrays}, deflated=True))

    with pytest.raises(TooLarge) as caught:
        read_arrays(body, 10_000)

    assert caught.value.limit_bytes == 10_000
    assert len(read_arrays(body, 20_000)) == 10


def test_other_files_are_ignored() -> None:
    """A README beside the arrays and the Finder's metadata are no arrays; numpy ignores them, too."""
    file = io.BytesIO()
    saved = io.BytesIO()
    np.save(saved, np.arange(6, dtype=np.int32).reshape(2, 3))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("README.md", "camera 3")
        archive.writestr("folder/", "")
        archive.writestr("input.npy", saved.getvalue(), zipfile.ZIP_STORED)
        archive.writestr("__MACOSX/._input.npy", b"\0\5\x16\7")
        archive.writestr("größe.json", "{}" * 2**16)

    back = read_arrays(memoryview(file.getvalue()), 2**12)

    assert {name: tensor.array.tolist() for name, tensor in back.items()} == {"input": [[0, 1, 2], [3, 4, 5]]}


@pytest.mark.parametrize("name", ["my input", "größe", "a/b", "../input", "-x", "x" * 65, ""])
def test_an_array_of_an_unknown_name_is_refused(name: str) -> None:
    """The file is valid, as numpy allows any name; the error says which name to use."""
    body = zipped({name: np.zeros(3, np.float32)}, deflated=False)

    with pytest.raises(Unprocessable, match="name the array to pool 'input'") as caught:
        read_arrays(memoryview(body), 2**20)

    assert caught.value.code == "unknown_tensor"
