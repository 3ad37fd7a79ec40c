"""Call a live service with KServe's own client, and check our InferenceService against KServe's types.

Arguments: the URL of the service, the address of its gRPC server, and the file of the InferenceService.
"""

import asyncio
import re
import sys
from pathlib import Path

import httpx
import kserve
import kubernetes.client
import numpy as np
import yaml
from kserve.protocol.infer_type import RequestedOutput

X = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
EXPECTED = np.array([[[[6, 8], [14, 16]]]], np.float32)
NOTHING = "there_is_none"


def request(model: str, *, is_binary: bool, **parameters: object) -> kserve.InferRequest:
    """A request with the tensor X, whose output has the form of its input."""
    tensor = kserve.InferInput("input", list(X.shape), "FP32")
    tensor.set_data_from_numpy(X, binary_data=is_binary)
    outputs = [RequestedOutput("output", {"binary_data": True})] if is_binary else None
    return kserve.InferRequest(model, [tensor], parameters=parameters, request_outputs=outputs)


def check(response: kserve.InferResponse, model: str) -> None:
    """Check the tensor of a response."""
    (output,) = response.outputs
    assert (response.model_name, output.name, output.datatype) == (model, "output", "FP32"), response
    assert np.array_equal(output.as_numpy(), EXPECTED), output.as_numpy()


async def call_rest(url: str) -> None:
    """Ask for the state of server and model, infer in JSON and binary, and be refused."""
    async with kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2")) as client:
        assert await client.is_server_live(url) is True
        assert await client.is_server_ready(url) is True
        assert await client.is_model_ready(url, "max_pool2d")
        assert not await client.is_model_ready(url, NOTHING)
        for is_binary in (False, True):
            for model in ("max_pool2d", "max_pool2d.k2s2"):
                fields = {} if "." in model else {"kernel_size": 2, "stride": "2,2"}
                check(await client.infer(url, request(model, is_binary=is_binary, **fields), model), model)
        refused = None
        try:
            await client.infer(url, request("max_pool2d", is_binary=True, kernel_size=9), "max_pool2d")
        except httpx.HTTPStatusError as error:
            refused = error
        assert refused is not None, "a window that does not fit was not refused"
        assert refused.response.status_code == 400, refused
        assert "kernel_size" in str(refused), refused


async def call_grpc(address: str) -> None:
    """The same over gRPC."""
    client = kserve.InferenceGRPCClient(address)
    try:
        assert await client.is_server_live() is True
        assert await client.is_server_ready() is True
        assert await client.is_model_ready("max_pool2d") is True
        fields = {"kernel_size": 2, "stride": "2,2"}
        check(await client.infer(request("max_pool2d", is_binary=True, **fields)), "max_pool2d")
    finally:
        await client.close()


def check_type(document: object, type_name: str, at: str) -> int:
    """Check a part of a manifest against the type of KServe's or Kubernetes' client; returns the members checked.

    Both ignore unknown members, which the cluster refuses or drops.
    """
    if listed := re.fullmatch(r"list\[(.*)\]", type_name):
        assert isinstance(document, list), f"{at} is no list"
        return sum(check_type(each, listed[1], f"{at}/{index}") for index, each in enumerate(document))
    declared = getattr(kserve, type_name, None) or getattr(kubernetes.client, type_name, None)
    if declared is None or not hasattr(declared, "attribute_map"):
        expected = {"str": str, "int": int, "bool": bool}.get(type_name, object)
        assert isinstance(document, expected), f"{at} is {document!r}, and no {type_name}"
        return 1
    assert isinstance(document, dict), f"{at} is no {type_name}"
    types = {name: declared.openapi_types[attribute] for attribute, name in declared.attribute_map.items()}
    for name in document:
        assert name in types, f"{at}/{name}: {type_name} has no such member"
    return 1 + sum(check_type(value, types[name], f"{at}/{name}") for name, value in document.items())


def main(url: str, grpc_address: str, manifest: str) -> None:
    asyncio.run(call_rest(url))
    print("KServe's client gets the right tensors over HTTP, in JSON and binary, and reads a refusal")
    asyncio.run(call_grpc(grpc_address))
    print("KServe's client gets the right tensors over gRPC")
    document = yaml.safe_load(Path(manifest).read_text(encoding="utf-8"))
    checked = check_type(document, "V1beta1InferenceService", "")
    assert checked > 60, checked
    print(f"the InferenceService has only members that KServe knows; {checked} were checked")


main(*sys.argv[1:])
