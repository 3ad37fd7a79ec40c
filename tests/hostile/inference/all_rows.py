"""All hostile inference requests."""

from __future__ import annotations

from typing import Final

from tests.hostile.inference import binary_parts, calls, json_parts, pictures
from tests.hostile.inference.hostile_inference import HostileInference

OF_JSON: Final[tuple[HostileInference, ...]] = (
    *json_parts.SYNTAX,
    *json_parts.MEMBERS,
    *json_parts.SHAPES,
    *calls.PARAMETERS,
    *calls.OUTPUTS,
    *calls.REGIONS,
)
"""Those that only the parser of the JSON part refuses."""
OF_HEADS: Final[tuple[HostileInference, ...]] = (
    *binary_parts.LENGTHS,
    *binary_parts.SIZES,
    *binary_parts.CODINGS,
    *pictures.PICTURES,
    *calls.HEADERS,
    *calls.MODELS,
)
"""Those that depend on the head, too."""
HOSTILE_INFERENCES: Final = (*OF_JSON, *OF_HEADS)
