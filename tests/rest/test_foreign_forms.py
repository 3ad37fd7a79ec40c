"""What a browser sends without asking, such as a form, may come from pages of the service's own origin only."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.hostile.picture_files import field, file_part, form, png
from tests.rest.live_server import POOL

FORM = form(field("kernel_size"), file_part(png()))
FORM_TYPE = "multipart/form-data; boundary=limit"
FOREIGN = "https://page.test"


def send(client: httpx.Client, origin: str | None, body: bytes | Iterator[bytes] = FORM, **headers: str) -> object:
    """The status of a form from a page of this origin, and the code of a refusal."""
    given = {"Content-Type": FORM_TYPE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    response = client.post(POOL, content=body, headers=given if origin is None else {**given, "Origin": origin})
    return response.status_code if response.status_code == 200 else (response.status_code, response.json()["code"])


REFUSED = (403, "origin_not_allowed")


def test_a_form_of_a_foreign_page_is_refused(client: httpx.Client) -> None:
    """Also sent in chunks, from a file, and from a page that is served by another port of the same host."""
    own_host = client.base_url.host

    for origin in (FOREIGN, "null", "", f"http://{own_host}", f"http://{own_host}:1", f"https://{own_host}.page.test"):
        assert send(client, origin) == REFUSED, origin
    assert send(client, FOREIGN, iter([FORM])) == REFUSED
    assert send(client, FOREIGN, Sec_Fetch_Site="cross-site") == REFUSED
    assert send(client, FOREIGN, Sec_Fetch_Site="same-site") == REFUSED
    refused = client.post(POOL, content=FORM, headers={"Content-Type": FORM_TYPE, "Origin": FOREIGN})
    assert FOREIGN in refused.json()["detail"]
    assert "cors_origins" in refused.json()["detail"]


def test_other_forms_are_pooled(client: httpx.Client) -> None:
    """Those of programs, of pages of the service's own origin, and of such pages behind a proxy that replaces Host."""
    own = str(client.base_url).rstrip("/")

    assert [send(client, None), send(client, own), send(client, own.upper())] == [200, 200, 200]
    assert send(client, own, iter([FORM])) == 200
    assert send(client, "https://proxy.test", Sec_Fetch_Site="same-origin") == 200


@pytest.mark.parametrize("media_type", ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", None])
def test_the_inference_protocol_takes_no_unasked_body_of_a_foreign_page(
    client: httpx.Client, media_type: str | None
) -> None:
    """It reads JSON whatever the type says, and a page may send plain text anywhere. JSON needs a preflight request."""
    content = (
        b'{"inputs": [{"name": "input", "shape": [1, 2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]}], '
        b'"parameters": {"kernel_size": 2}}'
    )
    path = "/v2/models/max_pool2d/infer"
    typed = {} if media_type is None else {"Content-Type": media_type}

    refused = client.post(path, content=content, headers={**typed, "Origin": FOREIGN})
    index = client.post("/v2/repository/index", content=b"{}", headers={**typed, "Origin": FOREIGN})
    of_program = client.post(path, content=content, headers=typed)
    asked = client.post(path, content=content, headers={"Content-Type": "application/json", "Origin": FOREIGN})

    assert (refused.status_code, index.status_code) == (403, 403)
    assert "origin" in refused.json()["error"]
    assert (of_program.status_code, asked.status_code) == (200, 200)
