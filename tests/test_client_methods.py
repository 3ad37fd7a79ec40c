"""scripts/client_methods.py renders the typed methods of the clients."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest

from poolhouse.dtypes import FLOAT32, INT64
from poolhouse.operators.catalogue import Catalogue
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import field
from poolhouse.operators.inputs import TensorInput
from poolhouse.operators.operator import operator
from poolhouse.operators.region_operator import RegionOperator
from poolhouse.operators.word_types import Words

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "client_methods.py"


@operator("row_pool", ranks=())
class RowPool(RegionOperator):
    """Pools rows."""

    shape_rule: ClassVar[str] = "any"
    companions: ClassVar[tuple[TensorInput, ...]] = (
        TensorInput("spans", (INT64,), "(S, 2): where each row begins and ends."),
        TensorInput("weights", (FLOAT32,), "(T): the weight of each token.", is_required=False),
    )

    modes: tuple[str, ...] = field(Words(("mean", "max")), "How.", default=("mean",), example="max")
    return_indices: bool = field(Flag(), "Whether to return indices.", default=False, example=True)


@pytest.fixture(scope="module")
def client_methods() -> ModuleType:
    """scripts/client_methods.py as a module; scripts is no package."""
    spec = importlib.util.spec_from_file_location("client_methods_of_tests", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_method_has_required_tensors_before_the_fields_and_optional_ones_as_keywords(
    client_methods: ModuleType,
) -> None:
    """Of three overloads and the method itself, only those that need ``return_indices`` have it as a keyword."""
    text = client_methods.render_method(RowPool, "def", "")

    before = ["input: ArrayT,", "spans: TensorLike,", 'modes: str | Sequence[str] = ("mean",),']
    after = ["weights: TensorLike | None = None,"]
    parameters = [
        [line.strip() for line in part.partition("    ) ->")[0].splitlines() if line.startswith("        ")][1:]
        for part in text.split("def row_pool(")[1:]
    ]
    assert parameters == [
        [*before, "return_indices: Literal[False] = False,", "*,", *after],
        [*before, "*,", "return_indices: Literal[True],", *after],
        [*before, "*,", "return_indices: bool,", *after],
        [*before, "return_indices: bool = False,", "*,", *after],
    ]


def test_a_method_passes_and_describes_every_tensor(client_methods: ModuleType) -> None:
    """In the order of its parameters."""
    text = client_methods.render_method(RowPool, "async def", "await ")

    lines = [line.strip() for line in text.splitlines()]
    described = [line for line in lines if line.startswith(("input: the", "spans: (", "modes: How", "weights: ("))]
    assert described == [
        "input: the tensor to pool.",
        "spans: (S, 2): where each row begins and ends.",
        "modes: How.",
        "weights: (T): the weight of each token.",
    ]
    at = lines.index("pooled = await self._pool(")
    assert lines[at + 1 : at + 7] == [
        '"row_pool",',
        "{",
        '"input": input,',
        '"spans": spans,',
        '"weights": weights,',
        "},",
    ]


def test_the_table_has_every_operator_that_takes_more_than_the_input(client_methods: ModuleType) -> None:
    """The client plans and converts by it."""
    text = client_methods.render_client_operators(Catalogue([RowPool]))

    assert (
        'COMPANIONS: Final[Mapping[str, Mapping[str, bool]]] = {\n    "row_pool": {"spans": True, "weights": False},\n}'
        in text
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [("same", '"same"'), (None, "None"), (0.5, "0.5"), ((1, 2), "(1, 2)"), (("mean",), '("mean",)'), ((), "()")],
)
def test_a_default_is_written_as_source(client_methods: ModuleType, value: object, text: str) -> None:
    """As a formatter would write it."""
    assert client_methods.literal(value) == text
