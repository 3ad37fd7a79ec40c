"""Pictures there and back, and against Pillow used directly."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.errors import Malformed, TooLarge, UnsupportedMediaType
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.codecs import codec_for_content_type
from poolhouse.wire.images import decoder
from poolhouse.wire.images.codec import JPEG, PNG
from poolhouse.wire.images.decoder import decode_picture, read_header
from poolhouse.wire.images.png_writer import picture_problem
from tests.hostile.picture_files import chunk, jpeg, png

LIMIT_BYTES = 2**30
NOISE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def planes_of(file: bytes) -> npt.NDArray[np.generic]:
    """The pixels as ``(H, W, C)``."""
    planes: npt.NDArray[np.generic] = decode_picture(memoryview(file), LIMIT_BYTES).array[0]
    return planes.transpose(1, 2, 0)


@pytest.mark.parametrize("name", ["uint8", "uint16"])
def test_png_there_and_back_is_the_same_tensor(name: str) -> None:
    """Every number of channels, also where Pillow alone would keep 8 of 16 bits."""
    dtype = ELEMENT_TYPES[name]
    generator = np.random.default_rng(1)
    for channels in (1, 2, 3, 4):
        for height, width in ((1, 1), (7, 5), (130, 700)):
            array = generator.integers(0, 2 ** (8 * dtype.itemsize), (1, channels, height, width), dtype.storage)
            # Smooth rows choose other filters than noise.
            array[..., height // 2 :, :].sort(axis=-1)
            encoded = b"".join(PNG.encode(Message({"output": Tensor(dtype, array)})).chunks)

            decoded = PNG.decode(memoryview(encoded), {"kernel_size": "2"}, LIMIT_BYTES)

            assert decoded.tensors["input"].dtype is dtype
            np.testing.assert_array_equal(decoded.tensors["input"].array, array)
            assert decoded.text_fields == {"kernel_size": "2"}


def test_pillow_reads_what_is_written() -> None:
    """The files are for others."""
    for channels, mode in ((1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")):
        array = np.random.default_rng(2).integers(0, 256, (1, channels, 40, 30), np.uint8)
        (chunk,) = PNG.encode(Message({"output": Tensor(ELEMENT_TYPES["uint8"], array)})).chunks

        image = Image.open(io.BytesIO(chunk))

        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image).reshape(40, 30, channels), array[0].transpose(1, 2, 0))


@pytest.mark.parametrize("file_format", ["png", "jpeg"])
def test_a_picture_is_upright_whatever_its_orientation(file_format: str) -> None:
    """Cameras store the pixels as the sensor has them, and say how to turn them."""
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = saved(Image.fromarray(NOISE), file_format, exif=exif)

        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))

        np.testing.assert_array_equal(planes_of(file), np.asarray(upright))
        assert read_header(memoryview(file), LIMIT_BYTES).metadata.shape == (1, 3, upright.height, upright.width)


def test_each_kind_of_file_gives_the_pixels_that_pillow_gives() -> None:
    """Palettes are expanded, alpha and the order of colours are kept."""
    image = Image.fromarray(NOISE)
    palette, black_and_white = image.convert("P"), image.convert("1")
    rows = [
        (saved(palette, "png"), palette.convert("RGB")),
        (saved(black_and_white, "png"), black_and_white.convert("L")),
        (saved(image.convert("L"), "jpeg"), Image.open(io.BytesIO(saved(image.convert("L"), "jpeg")))),
    ]
    transparent = saved(palette, "png", transparency=3)
    rows.append((transparent, Image.open(io.BytesIO(transparent)).convert("RGBA")))
    for options in ({"progressive": True}, {"quality": 40}, {"subsampling": 0, "comment": b"x" * 999}):
        file = saved(image, "jpeg", **options)
        rows.append((file, Image.open(io.BytesIO(file))))

    for file, expected in rows:
        np.testing.assert_array_equal(planes_of(file).squeeze(), np.asarray(expected))


def test_what_follows_a_jpeg_picture_is_passed_over() -> None:
    """Phones append films and further pictures."""
    file = saved(Image.fromarray(NOISE), "jpeg")

    np.testing.assert_array_equal(planes_of(file + b"\xff\xda" * 2**12), planes_of(file))


def test_memory_is_known_from_the_header() -> None:
    """It is reserved before decoding: at least the tensor, and the decoder's own pixels."""
    for codec, file in ((PNG, saved(Image.fromarray(NOISE), "png")), (JPEG, saved(Image.fromarray(NOISE), "jpeg"))):
        needed = codec.decode_extra_bytes(memoryview(file))

        assert needed >= len(file) + 3 * NOISE.nbytes
        with pytest.raises(TooLarge, match="decoded"):
            codec.decode(memoryview(file), {}, NOISE.nbytes - 1)


def test_without_pillow_pictures_are_refused_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the body is read."""
    decoder.is_pillow_installed.cache_clear()
    monkeypatch.setattr(decoder, "find_spec", lambda name: None)
    try:
        for media_type in ("image/png", "image/jpeg"):
            with pytest.raises(UnsupportedMediaType, match="pip install"):
                codec_for_content_type(media_type)
    finally:
        decoder.is_pillow_installed.cache_clear()


@pytest.mark.parametrize(
    ("shape", "dtype", "problem"),
    [
        ((1, 3, 4, 4), "uint8", None),
        ((2, 4, 4), "uint16", None),
        ((1, 5, 4, 4), "uint8", "shape"),
        ((2, 3, 4, 4), "uint8", "shape"),
        ((1, 3, 0, 4), "uint8", "shape"),
        ((1, 3, 4), "float32", "float32"),
    ],
)
def test_only_pictures_are_written_as_png(shape: tuple[int, ...], dtype: str, problem: str | None) -> None:
    """Anything else would be rounded or cut."""
    found = picture_problem({"output": TensorMetadata(ELEMENT_TYPES[dtype], shape)})

    assert found is None if problem is None else problem in (found or "")


def test_a_picture_of_too_many_pixels_is_refused_by_its_header() -> None:
    """Whatever the limit of bodies is."""
    with pytest.raises(TooLarge, match="pixels; the limit"):
        read_header(memoryview(png(size=(2**13, 2**13 + 1))), 2**40)


def test_many_chunks_before_the_pixels_are_refused() -> None:
    """The header is read on the event loop."""
    with pytest.raises(Malformed, match="too many chunks"):
        read_header(memoryview(png(*[chunk(b"teXt")] * 2000)), LIMIT_BYTES)


def test_a_jpeg_file_of_many_scans_is_refused() -> None:
    """Each scan may take a few bytes, and passes over all pixels."""
    file = jpeg(size=(1100, 1100), progressive=True)
    scan = file[file.rindex(b"\xff\xda") : -2][:60]

    with pytest.raises(Malformed, match="scans"):
        decode_picture(memoryview(file[:-2] + scan * 1000 + file[-2:]), LIMIT_BYTES)


def test_a_decoder_that_sees_another_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory was reserved for the size that we read."""
    file = saved(Image.fromarray(NOISE), "png")
    monkeypatch.setattr(decoder, "read_header", lambda body, limit: read_header(body, limit)._replace(height=5))

    with pytest.raises(Malformed, match="two headers"):
        decode_picture(memoryview(file), LIMIT_BYTES)
