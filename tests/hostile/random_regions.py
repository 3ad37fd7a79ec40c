"""Valid inference requests whose tensors are in shared memory, for the random mixture.

Other requests of the mixture unregister all regions, so a client registers its two regions before each such request,
and a response that names a missing region is no fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

import numpy as np

from poolhouse.tensors import Tensor
from tests.hostile.inference.hostile_inference import INFER
from tests.hostile.random_inferences import difference
from tests.hostile.random_requests import PLANE_BYTES, Request, draw_fitting_case
from tests.hostile.server_process import Reply
from tests.operators.random_cases import Case
from tests.shared_memory.shared_object import SharedObject, shared_object

LABEL: Final = "inference in shared memory"
_REGION_BYTES: Final = 4 * PLANE_BYTES
_MAX_GAP: Final = 64
_UNUSED: Final = 0xA5
"""The bytes of the output region that no result may change."""


class ClientRegions:
    """One client's two objects in shared memory, and the names of their regions.

    Args:
        name: differs between clients.
        given: holds inputs.
        found: receives outputs.
    """

    def __init__(self, name: str, given: SharedObject, found: SharedObject) -> None:
        self._objects = {f"{name}-given": given, f"{name}-found": found}
        (self._given, self._given_object), (self._found, self._found_object) = self._objects.items()

    def registrations(self) -> list[Request]:
        """Requests that register both regions; those that are registered already are refused, which is no fault."""
        return [
            Request(
                "registration",
                "POST",
                f"/v2/systemsharedmemory/region/{name}/register",
                {},
                json.dumps({"key": each.key, "offset": 0, "byte_size": _REGION_BYTES}).encode(),
            )
            for name, each in self._objects.items()
        ]

    def valid_inference(self, random: Random) -> Request:
        """A valid request with all tensors in the regions, at random positions."""
        drawn = draw_fitting_case(random)
        while sum(each.nbytes + _MAX_GAP for each in drawn.plan.outputs.values()) > _REGION_BYTES:
            drawn = draw_fitting_case(random)
        document = {
            "inputs": self._place_inputs(random, drawn),
            "outputs": self._place_outputs(random, drawn),
            "parameters": drawn.spec.field_values(),
        }
        return Request(
            LABEL,
            "POST",
            INFER.format(drawn.spec.name),
            {},
            json.dumps(document).encode(),
            find_fault=lambda reply: self._find_fault(reply, drawn, document),
        )

    def _place_inputs(self, random: Random, drawn: Case) -> list[dict[str, Any]]:
        entries, position = [], 0
        for name, tensor in drawn.tensors.items():
            position += random.randrange(_MAX_GAP)
            self._given_object.write(bytes(tensor.buffer), position)
            entries.append(
                {
                    "name": name,
                    "shape": list(tensor.shape),
                    "datatype": tensor.dtype.open_inference_name,
                    "parameters": _region(self._given, position, tensor.metadata.nbytes),
                }
            )
            position += tensor.metadata.nbytes
        return entries

    def _place_outputs(self, random: Random, drawn: Case) -> list[dict[str, Any]]:
        self._found_object.write(bytes([_UNUSED]) * _REGION_BYTES)
        entries, position = [], 0
        for name, metadata in drawn.plan.outputs.items():
            position += random.randrange(_MAX_GAP)
            # A region may be larger than its output.
            nbytes = metadata.nbytes + random.randrange(2)
            entries.append({"name": name, "parameters": _region(self._found, position, nbytes)})
            position += nbytes
        return entries

    def _find_fault(self, reply: Reply, drawn: Case, document: dict[str, Any]) -> str | None:
        """What is wrong with the output region, as a sentence."""
        expected, content = drawn.run(), self._found_object.read()
        unused = np.full(len(content), True)
        for entry in document["outputs"]:
            tensor: Tensor = expected[entry["name"]]
            begin = entry["parameters"].get("shared_memory_offset", 0)
            end = begin + tensor.metadata.nbytes
            unused[begin:end] = False
            if (fault := difference(content[begin:end], tensor)) is not None:
                return f"{fault} in {entry['name']}"
        if bool((np.frombuffer(content, np.uint8)[unused] != _UNUSED).any()):
            return "bytes beside the outputs were changed"
        return None


@contextmanager
def client_regions(name: str) -> Iterator[ClientRegions]:
    """The regions of one client, which exist for the time of the block."""
    with shared_object(_REGION_BYTES) as given, shared_object(_REGION_BYTES) as found:
        yield ClientRegions(name, given, found)


def _region(name: str, offset: int, nbytes: int) -> dict[str, object]:
    placed: dict[str, object] = {"shared_memory_region": name, "shared_memory_byte_size": nbytes}
    return placed | ({"shared_memory_offset": offset} if offset else {})
