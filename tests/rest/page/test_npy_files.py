"""The page reads npy files as numpy writes them, and writes files that numpy reads."""

from __future__ import annotations

import base64
import io
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from tests.rest.browser import needs_chromium
from tests.rest.page.opened_page import OpenedPage

pytestmark = [pytest.mark.browser, needs_chromium]

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
BASE64 = "((data) => btoa(Array.from(new Uint8Array(data.buffer), (byte) => String.fromCharCode(byte)).join('')))"
"""A function of JavaScript: lists of numbers take playwright seconds."""
ORDERS: tuple[Literal["C", "F"], ...] = ("C", "F")
BYTE_ORDERS: tuple[Literal["<", ">"], ...] = ("<", ">")
SHAPES: list[tuple[int, ...]] = [(), (0,), (5,), (3, 4), (2, 3, 4), (2, 0, 3)]
ROUND_TRIP = """({ readNpy, writeNpy }, texts) => texts.map((text) => {
  const { dtype, shape, data } = readNpy(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  return { dtype, shape, file: btoa(String.fromCharCode(...writeNpy({ dtype, shape, data }))) };
})"""


def sample(dtype: str, shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """An array with extreme and special elements."""
    generator = np.random.default_rng(3)
    count = int(np.prod(shape))
    kind = np.dtype(dtype)
    if kind.kind == "f":
        values = generator.normal(size=count).astype(kind)
        values[:3] = np.array([np.nan, -np.inf, -0.0], kind)[:count]
    elif kind.kind == "b":
        values = generator.integers(0, 2, count).astype(kind)
    else:
        limits = np.iinfo(kind)
        values = generator.integers(limits.min, limits.max, count, dtype=kind, endpoint=True)
        values[:2] = np.array([limits.min, limits.max], kind)[:count]
    return values.reshape(shape)


def stored(
    array: npt.NDArray[np.generic], order: Literal["C", "F"], byte_order: Literal["<", ">"]
) -> npt.NDArray[np.generic]:
    """An array in this order of its elements and bytes."""
    swapped: npt.NDArray[np.generic] = np.asarray(array, array.dtype.newbyteorder(byte_order))
    return np.asarray(swapped, order=order)


def npy(array: npt.NDArray[np.generic], version: tuple[int, int] | None = None) -> bytes:
    """An npy file, in this version of the format."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version, allow_pickle=False)
    return file.getvalue()


def test_every_type_order_and_version_is_read_and_written(opened: OpenedPage) -> None:
    """Files come from big-endian instruments, from Fortran and from Matlab."""
    arrays = [
        (stored(sample(dtype, shape), order, byte_order), version)
        for dtype in DTYPES
        for shape in SHAPES
        for order in ORDERS
        for byte_order in BYTE_ORDERS
        for version in ((1, 0), (2, 0), (3, 0))[: 3 if dtype == "f4" else 1]
    ]
    files = [base64.b64encode(npy(array, version)).decode() for array, version in arrays]

    found = opened.run_module("npy.js", ROUND_TRIP, files)

    for (array, _), each in zip(arrays, found, strict=True):
        written = np.load(io.BytesIO(base64.b64decode(each["file"])), allow_pickle=False)
        assert each["dtype"] == array.dtype.newbyteorder("=").name
        assert each["shape"] == list(array.shape)
        assert written.tobytes() == array.astype(written.dtype).tobytes()
        assert written.shape == array.shape


def test_a_dropped_file_is_pooled(opened: OpenedPage) -> None:
    """People drag files onto a page."""
    array = np.arange(36, dtype=">i2").reshape(1, 6, 6)
    opened.show("max_pool2d", {"kernel_size": "3"})

    opened.page.locator("#input").evaluate(
        """(node, text) => {
          document.getElementById("result").setAttribute("aria-busy", "true");
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          transfer.items.add(new File([bytes], "dropped.npy"));
          node.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        base64.b64encode(npy(np.asfortranarray(array))).decode(),
    )
    opened.wait()

    assert opened.outputs()["output"] == [[["14", "17"], ["32", "35"]]]
    assert opened.captions()["output"] == "output int16 (1, 2, 2)"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_every_half_is_the_float_that_torch_reads(opened: OpenedPage, dtype: str) -> None:
    """JavaScript has no such type; the page decodes and rounds them itself."""
    torch = pytest.importorskip("torch")
    bits = np.arange(65536, dtype=np.uint16)
    expected = torch.from_numpy(bits.view(np.int16)).view(getattr(torch, dtype)).float().numpy()

    found = opened.run_module(
        "tensors.js",
        f"""({{ numbersOf, tensorFromNumbers }}, dtype) => {{
          const numbers = numbersOf({{ dtype, data: Uint16Array.from({{ length: 65536 }}, (_, bits) => bits) }});
          return [{BASE64}(numbers), {BASE64}(tensorFromNumbers(dtype, [65536], numbers).data)];
        }}""",
        dtype,
    )

    numbers, encoded = (base64.b64decode(each) for each in found)
    np.testing.assert_array_equal(np.frombuffer(numbers, np.float32), expected)
    is_number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.frombuffer(encoded, np.uint16)[is_number], bits[is_number])


def test_numbers_are_rounded_to_halves_as_numpy_does(opened: OpenedPage) -> None:
    """Ties go to the even neighbour, also among subnormal numbers and at the end of the range."""
    generator = np.random.default_rng(5)
    halves = np.arange(0, 0x7C00, dtype=np.uint16).view(np.float16).astype(float)
    between = (halves[:-1] + halves[1:]) / 2
    numbers = np.concatenate([between, -between, generator.normal(size=2000), [65519.9, 65520.0, 1e300, 5e-324]])

    found = opened.run_module(
        "tensors.js",
        f"""({{ tensorFromNumbers }}, text) => {{
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          const numbers = new Float64Array(bytes.buffer);
          return {BASE64}(tensorFromNumbers("float16", [numbers.length], numbers).data);
        }}""",
        base64.b64encode(numbers.tobytes()).decode(),
    )

    with np.errstate(over="ignore"):
        expected = numbers.astype(np.float16).view(np.uint16)
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(found), np.uint16), expected)
