"""Pictures through the service: the same as decoding them oneself and sending the tensor."""

from __future__ import annotations

import asyncio
import io
import shutil
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import poolhouse
from poolhouse import AsyncClient, Client, Picture
from tests.rest.live_server import POOL, LiveServer

NOISE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


def saved(file_format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, file_format)
    return file.getvalue()


def pooled_tensor(http: httpx.Client, file: bytes, target: str) -> bytes:
    """The response to the decoded picture, as npy."""
    array = np.ascontiguousarray(np.asarray(Image.open(io.BytesIO(file))).transpose(2, 0, 1)[None])
    content = io.BytesIO()
    np.save(content, array)
    response = http.post(target, content=content.getvalue(), headers={"Content-Type": "application/x-npy"})
    assert response.status_code == 200, response.text
    return response.content


@pytest.mark.parametrize("file_format", ["png", "jpeg"])
def test_a_picture_is_pooled_like_its_tensor(client: httpx.Client, file_format: str) -> None:
    """In the body, and in a form; and a PNG answer has the same pixels."""
    file, target = saved(file_format), f"{POOL}?kernel_size=3&stride=2"
    media_type = f"image/{file_format}"
    expected = pooled_tensor(client, file, target)

    whole = client.post(target, content=file, headers={"Content-Type": media_type})
    form = client.post(POOL, files={"input": ("a", file, media_type)}, data={"kernel_size": "3", "stride": "2"})
    as_png = client.post(target, content=file, headers={"Content-Type": media_type, "Accept": "image/*"})

    assert (whole.headers["content-type"], whole.content) == ("application/x-npy", expected)
    assert form.content == expected
    assert as_png.headers["content-type"] == "image/png"
    # The client accepts gzip, and the pixels are compressed already.
    assert "gzip" in client.headers["accept-encoding"]
    assert "content-encoding" not in as_png.headers
    pixels = np.asarray(Image.open(io.BytesIO(as_png.content)))
    np.testing.assert_array_equal(pixels.transpose(2, 0, 1)[None], np.load(io.BytesIO(expected)))


def test_png_is_refused_for_what_is_no_picture(client: httpx.Client) -> None:
    """With the reason, and unless Accept has another type too."""
    headers = {"Content-Type": "image/png", "Accept": "image/png"}
    target = f"{POOL}?kernel_size=2&return_indices=true"

    refused = client.post(target, content=saved("png"), headers=headers)
    second = client.post(target, content=saved("png"), headers={**headers, "Accept": "image/png, */*;q=0.1"})
    floats = client.post(
        f"{POOL}?kernel_size=2&shape=1,3,4,4&dtype=float32",
        content=bytes(192),
        headers={"Content-Type": "application/octet-stream", "Accept": "image/png"},
    )

    assert (refused.status_code, second.headers["content-type"]) == (406, "application/x-npz")
    assert floats.status_code == 406
    assert "float32" in floats.json()["detail"]


def test_the_limit_of_bodies_holds_for_the_decoded_picture(client: httpx.Client) -> None:
    """A small file can hold many pixels."""
    file = io.BytesIO()
    Image.new("RGB", (1000, 1000)).save(file, "png")

    response = client.post(f"{POOL}?kernel_size=2", content=file.getvalue(), headers={"Content-Type": "image/png"})

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_curl_sends_a_form(live_server: LiveServer, client: httpx.Client, tmp_path: Path) -> None:
    """As the documentation shows it."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("needs curl (Debian: apt-get install curl)")
    path = tmp_path / "noise.png"
    path.write_bytes(saved("png"))

    command = [curl, "-sS", "-F", f"input=@{path}", "-F", "kernel_size=2", f"{client.base_url}".rstrip("/") + POOL]
    sent = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout

    assert sent == pooled_tensor(client, saved("png"), f"{POOL}?kernel_size=2")


def test_the_clients_send_pictures_and_get_pictures(client: httpx.Client, tmp_path: Path) -> None:
    """From a path, bytes or an image of Pillow; nothing but the file is needed on the client's machine."""
    path = tmp_path / "noise.jpg"
    path.write_bytes(saved("jpeg"))
    address = str(client.base_url)
    expected = np.load(io.BytesIO(pooled_tensor(client, saved("jpeg"), f"{POOL}?kernel_size=2")))

    async def pool() -> Picture:
        async with AsyncClient(address) as pooling:
            return (await pooling.max_pool2d(Picture(path.read_bytes()), 2)).output

    with Client(address) as pooling:
        found = pooling.max_pool2d(Picture(path), 2)
        of_pillow = pooling.max_pool2d(Picture(Image.open(path)), 2)
        with pytest.raises(poolhouse.NotAcceptable, match="image/png"):
            pooling.max_pool2d(Picture(path), 2, return_indices=True)

    assert found.output.media_type == "image/png"
    assert "compute" in found.timings
    for picture in (found.output, of_pillow.output, asyncio.run(pool())):
        np.testing.assert_array_equal(np.asarray(picture), expected)
    with pytest.raises(poolhouse.Unprocessable, match="neither PNG nor JPEG"):
        Picture(b"GIF89a")
