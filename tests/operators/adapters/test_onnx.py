"""ONNX's operators: its own node tests, onnxruntime on random nodes, and the attributes of its newest opset."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pytest

from poolhouse.errors import Unprocessable
from poolhouse.operators.adapters.onnx import ADAPTATIONS
from tests.frameworks.libraries import NEEDS
from tests.operators.adapters.pooling import Array, plan_of, pool, random_array

NODE_MODULES = ("maxpool", "averagepool", "lppool", "globalmaxpool", "globalaveragepool", "maxunpool")
NEWEST_OPSET = 22
OPSETS = {"RoiAlign": 16, "MaxRoiPool": 16}
"""Operators that onnxruntime has only of an older opset."""


def run_with_onnxruntime(
    operator: str, inputs: list[Array], attributes: Mapping[str, object], outputs: int = 1
) -> list[Array]:
    """The outputs of a graph of one node."""
    onnx: Any = pytest.importorskip("onnx", reason=NEEDS.format("onnx"))
    onnxruntime: Any = pytest.importorskip("onnxruntime", reason=NEEDS.format("onnxruntime"))
    helper = onnx.helper
    given, found = [f"in{at}" for at in range(len(inputs))], [f"out{at}" for at in range(outputs)]
    float32, int64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    graph = helper.make_graph(
        [helper.make_node(operator, given, found, **attributes)],
        "graph",
        [
            helper.make_tensor_value_info(name, float32 if each.dtype == np.float32 else int64, each.shape)
            for name, each in zip(given, inputs, strict=True)
        ],
        [helper.make_tensor_value_info(name, int64 if at else float32, None) for at, name in enumerate(found)],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSETS.get(operator, NEWEST_OPSET))], ir_version=10
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results: list[Array] = session.run(None, dict(zip(given, inputs, strict=True)))
    return results


def random_node(random: Random) -> tuple[str, list[int], dict[str, Any]]:
    """An operator, spatial sizes, and attributes for which the text and onnxruntime agree.

    With auto_pad, onnxruntime leaves dilations and ceil_mode out of the sizes that the text gives; and it crops the
    input where strides are larger than windows, to which TensorFlow's SAME adds nothing.
    """
    operator = random.choice(("MaxPool", "AveragePool", "LpPool"))
    sizes = [random.randint(4, 9) for _ in range(random.choice((1, 2, 3)))]
    kernel = [random.randint(1, 3) for _ in sizes]
    attributes: dict[str, Any] = {"kernel_shape": kernel}
    if random.random() < 0.7:
        attributes["strides"] = [random.randint(1, 3) for _ in sizes]
    if random.random() < 0.3:
        attributes["auto_pad"] = random.choice(("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"))
        attributes["strides"] = [random.randint(1, size) for size in kernel]
    else:
        attributes["ceil_mode"] = random.randint(0, 1)
        if random.random() < 0.6:
            attributes["pads"] = [random.randint(0, size - 1) for size in kernel * 2]
        if all(length >= 5 for length in sizes):
            attributes["dilations"] = [random.randint(1, 2) for _ in sizes]
    if operator == "AveragePool":
        attributes["count_include_pad"] = random.randint(0, 1)
    if operator == "LpPool":
        attributes["p"] = random.choice((1, 2, 3))
    if operator == "MaxPool":
        attributes["storage_order"] = random.randint(0, 1)
    return operator, sizes, attributes


def check_random_nodes(seed: int, count: int) -> None:
    """Compare random nodes with onnxruntime."""
    random = Random(seed)
    for number in range(count):
        operator, sizes, attributes = random_node(random)
        x = random_array(2, 3, *sizes, seed=number)
        ours: dict[str, Any] = {"return_indices": True} if operator == "MaxPool" else {}
        expected = run_with_onnxruntime(operator, [x], attributes, 1 + len(ours))

        found = pool(f"onnx.{operator}", x, **attributes, **ours)

        assert len(found) == len(expected)
        for ours_found, theirs in zip(found.values(), expected, strict=True):
            message = f"{operator} {sizes} {attributes}"
            np.testing.assert_allclose(ours_found, theirs, rtol=1e-4, atol=1e-5, err_msg=message)


def test_random_nodes_equal_onnxruntime() -> None:
    """Values, and indices in both orders."""
    check_random_nodes(0, 40)


@pytest.mark.slow
def test_more_random_nodes_equal_onnxruntime() -> None:
    """The same with more nodes."""
    check_random_nodes(1, 150)


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 3, 5, 6), (1, 2, 4, 3, 5)])
def test_global_poolings_equal_onnxruntime(shape: tuple[int, ...]) -> None:
    """Of every rank."""
    x = random_array(*shape)

    for operator in ("GlobalMaxPool", "GlobalAveragePool"):
        (expected,) = run_with_onnxruntime(operator, [x], {})
        np.testing.assert_allclose(pool(f"onnx.{operator}", x)["output"], expected, rtol=1e-5)
    # onnxruntime has no GlobalLpPool of this opset; ONNX defines it by LpPool.
    (expected,) = run_with_onnxruntime("LpPool", [x], {"kernel_shape": shape[2:], "p": 3})
    np.testing.assert_allclose(pool("onnx.GlobalLpPool", x, p=3)["output"], expected, rtol=1e-5)


def test_unpooling_takes_the_indices_of_pooling_as_in_onnxruntime() -> None:
    """There and back: pooling what was unpooled gives the same values."""
    x = np.abs(random_array(2, 3, 6, 8))
    fields: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}
    pooled = pool("onnx.MaxPool", x, **fields, return_indices=True)
    (expected,) = run_with_onnxruntime("MaxUnpool", [pooled["output"], pooled["indices"]], fields)

    unpooled = pool("onnx.MaxUnpool", {"input": pooled["output"], "indices": pooled["indices"]}, **fields)["output"]

    np.testing.assert_array_equal(unpooled, expected)
    np.testing.assert_array_equal(unpooled, np.where(unpooled != 0, x, 0))
    np.testing.assert_array_equal(pool("onnx.MaxPool", unpooled, **fields)["output"], pooled["output"])


def test_unpooling_lays_a_plane_in_the_corner_of_output_shape() -> None:
    """ONNX's node test test_maxunpool_export_with_output_shape; onnxruntime reads the indices in output_shape."""
    x = np.array([[[[5, 6], [7, 8]]]], np.float32)
    indices = np.array([[[[5, 7], [13, 15]]]], np.int64)
    expected = np.zeros((1, 1, 5, 5), np.float32)
    expected[0, 0, 1::2, 1::2] = x[0, 0]
    fields: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}

    for output_shape in ([1, 1, 5, 5], [5, 5], 5):
        inputs: dict[str, Array] = {"input": x, "indices": indices}
        plan, _ = plan_of("onnx.MaxUnpool", inputs, **fields, output_shape=output_shape)
        found = pool("onnx.MaxUnpool", inputs, **fields, output_shape=output_shape)["output"]
        np.testing.assert_array_equal(found, expected)
        assert "max_unpool2d with output_size" in plan.warnings[0]


@pytest.mark.parametrize("wrong", [-1, 16, 15, 2**62, -(2**63)])
def test_an_index_of_another_plane_is_refused(wrong: int) -> None:
    """Here index 15 belongs to the first plane, and is sent for the second."""
    indices = np.array([[[[0, 1]], [[16, 17]]]], np.int64)
    indices[0, 1, 0, 1] = wrong
    inputs: dict[str, Array] = {"input": np.ones((1, 2, 1, 2), np.float32), "indices": indices}
    fields: dict[str, Any] = {"kernel_shape": [4, 2], "strides": [1, 2]}

    if wrong == 16:
        assert pool("onnx.MaxUnpool", inputs, **fields)["output"].sum() == 3
        return
    with pytest.raises(Unprocessable, match="count through the whole output") as refused:
        plan_of("onnx.MaxUnpool", inputs, **fields)

    assert refused.value.code == "index_out_of_range"


def test_converting_indices_is_in_the_plan() -> None:
    """Limits and scheduling rely on the steps and the memory of a plan."""
    x = random_array(1, 2, 200, 200)
    fields: dict[str, Any] = {"kernel_shape": 2, "return_indices": True}
    plain, _ = plan_of("max_pool2d", {"input": x}, kernel_size=2, stride=1, return_indices=True)
    rows, _ = plan_of("onnx.MaxPool", {"input": x}, **fields)
    columns, _ = plan_of("onnx.MaxPool", {"input": x}, **fields, storage_order=1)

    # About as many steps an index as were measured, of nanoseconds.
    assert 0.5 <= (rows.plane_steps - plain.plane_steps) / 199**2 <= 3
    assert 5 <= (columns.plane_steps - plain.plane_steps) / 199**2 <= 25
    assert plain.workspace_bytes < rows.workspace_bytes < columns.workspace_bytes


def test_pads_contradict_auto_pad_only_if_they_pad() -> None:
    """Exporters write pads of zero."""
    x = random_array(1, 1, 5, 5)
    fields: dict[str, Any] = {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}

    assert pool("onnx.MaxPool", x, **fields, pads=[0, 0, 0, 0])["output"].shape == x.shape
    with pytest.raises(Unprocessable) as refused:
        pool("onnx.MaxPool", x, **fields, pads=[0, 0, 0, 1])
    assert [(each.pointer, each.code) for each in refused.value.problems] == [("/pads", "conflict")]


def test_the_attributes_are_those_of_the_newest_opset() -> None:
    """By name, with ONNX's defaults; a new attribute makes this test fail. ``return_indices`` is the second output,
    and ``output_shape`` an input of ONNX's."""
    onnx: Any = pytest.importorskip("onnx", reason=NEEDS.format("onnx"))

    for adaptation, _ in ADAPTATIONS:
        theirs = onnx.defs.get_schema(adaptation.name).attributes
        ours = {row.name: row for row in adaptation.attributes if row.name not in ("return_indices", "output_shape")}
        assert ours.keys() == theirs.keys(), adaptation.name
        for name, row in ours.items():
            default = theirs[name].default_value
            if default.HasField("name") and default.name:
                value = onnx.helper.get_attribute_value(default)
                assert row.default == (value.decode() if isinstance(value, bytes) else value), name


@cache
def node_cases() -> list[Any]:
    """ONNX's node tests of pooling; importing their modules computes them, which takes seconds."""
    pytest.importorskip("onnx", reason=NEEDS.format("onnx"))
    for name in NODE_MODULES:
        importlib.import_module(f"onnx.backend.test.case.node.{name}")
    found: list[Any] = importlib.import_module("onnx.backend.test.case.node")._NodeTestCases
    return found


def calls_of(case: Any) -> Iterator[tuple[str, list[Array], dict[str, Any], list[Array]]]:
    """The operator, the inputs, the fields and the expected outputs of a node test."""
    helper = importlib.import_module("onnx.helper")
    (node,) = case.model.graph.node
    fields = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    fields = {name: value.decode() if isinstance(value, bytes) else value for name, value in fields.items()}
    for inputs, outputs in case.data_sets:
        if node.op_type == "MaxPool":
            fields["return_indices"] = len(outputs) == 2
        if node.op_type == "MaxUnpool" and len(inputs) == 3:
            fields["output_shape"] = inputs.pop().tolist()
        yield node.op_type, inputs, fields, outputs


@pytest.mark.slow
def test_onnx_s_own_node_tests_pass() -> None:
    """All of them, with the tolerance of each."""
    ran = 0
    for case in node_cases():
        for operator, inputs, fields, expected in calls_of(case):
            names = ("input", "indices")[: len(inputs)]
            found = pool(f"onnx.{operator}", dict(zip(names, inputs, strict=True)), **fields)
            assert len(found) == len(expected), case.name
            for ours, theirs in zip(found.values(), expected, strict=True):
                assert ours.dtype == theirs.dtype, case.name
                np.testing.assert_allclose(ours, theirs, rtol=case.rtol, atol=case.atol, err_msg=case.name)
            ran += 1
    assert ran >= 50
