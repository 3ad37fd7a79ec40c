"""Compare pooling of tokens, spans, segments and boxes with the obvious ways of numpy and torch, and with onnxruntime.

One thread of the CPU. Each row checks that both give the same answers within the rounding of the element type. The
times are those of pooling, without the checks of a request's elements.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from _results import describe_machine, write_result
from kernels import medians_ms
from poolhouse.backend.payload import Payload
from poolhouse.backend.torch_worker import pool_on_cpu
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels import compile_ahead
from poolhouse.operators.catalogue import Catalogue, discover
from poolhouse.operators.plan import Limits, make_plan
from poolhouse.tensors import Tensor

Array = npt.NDArray[Any]
Peer = Callable[[Mapping[str, Array]], Callable[[], Array]]
"""Makes a function that pools these tensors; what is made before is not measured."""

Reduction = Callable[[torch.Tensor], torch.Tensor]

_TOLERANCES: Final = {"float16": 2e-3, "float32": 2e-5}


def _spans_of_torch(
    reduce: Callable[[torch.Tensor], torch.Tensor], tensors: Mapping[str, Array]
) -> Callable[[], Array]:
    x, spans = torch.from_numpy(tensors["input"]), tensors["spans"].tolist()
    return lambda: torch.stack([reduce(x[begin:end]) for begin, end in spans]).numpy()


def _spans_of_numpy(reduce: Callable[[Array], Array], tensors: Mapping[str, Array]) -> Callable[[], Array]:
    x, spans = tensors["input"], tensors["spans"].tolist()
    return lambda: np.stack([reduce(x[begin:end]) for begin, end in spans])


def _masked_mean(tensors: Mapping[str, Array]) -> Callable[[], Array]:
    x, mask = torch.from_numpy(tensors["input"]), torch.from_numpy(tensors["mask"])

    def pool() -> Array:
        wide = mask.unsqueeze(-1).to(x.dtype)
        found: Array = ((x * wide).sum(1) / wide.sum(1)).numpy()
        return found

    return pool


def _torch_rows(reduce: Reduction, tensors: Mapping[str, Array]) -> Callable[[], Array]:
    x = torch.from_numpy(tensors["input"])
    return lambda: np.asarray(reduce(x).numpy())


def _index_add(tensors: Mapping[str, Array]) -> Callable[[], Array]:
    x, segments = torch.from_numpy(tensors["input"]), torch.from_numpy(tensors["segments"])
    count = int(segments.max()) + 1
    return lambda: np.asarray(torch.zeros(count, x.shape[1]).index_add_(0, segments, x).numpy())


def _scatter(reduce: str, tensors: Mapping[str, Array]) -> Callable[[], Array]:
    x, segments = torch.from_numpy(tensors["input"]), torch.from_numpy(tensors["segments"])
    shape, places = (int(segments.max()) + 1, x.shape[1]), segments[:, None].expand_as(x)
    return lambda: np.asarray(torch.zeros(shape).scatter_reduce_(0, places, x, reduce, include_self=False).numpy())


def _onnxruntime(name: str, attributes: Mapping[str, object], tensors: Mapping[str, Array]) -> Callable[[], Array]:
    onnx: Any = import_module("onnx")
    runtime: Any = import_module("onnxruntime")
    helper, types = onnx.helper, onnx.TensorProto
    boxes = tensors["boxes"]
    given = {"x": tensors["input"], "boxes": boxes}
    if name == "RoiAlign":
        given |= {"boxes": np.ascontiguousarray(boxes[:, 1:]), "images": boxes[:, 0].astype(np.int64)}
    node = helper.make_node(name, list(given), ["y"], **attributes)
    inputs = [
        helper.make_tensor_value_info(each, types.INT64 if x.dtype == np.int64 else types.FLOAT, list(x.shape))
        for each, x in given.items()
    ]
    graph = helper.make_graph([node], "g", inputs, [helper.make_tensor_value_info("y", types.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=10)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: np.asarray(session.run(None, given)[0])


def _cases(rng: np.random.Generator) -> list[tuple[str, str, dict[str, Array], dict[str, object], str, Peer]]:
    """The operator, what is pooled, its tensors and fields, and the peer with its name."""
    begins = rng.integers(0, 7900, 500)
    document: dict[str, Array] = {
        "input": rng.standard_normal((8192, 1024)).astype(np.float16),
        "spans": np.stack((begins, begins + rng.integers(50, 290, 500).clip(max=8192 - begins)), 1),
    }
    lengths = rng.integers(64, 512, 32)
    batch: dict[str, Array] = {
        "input": rng.standard_normal((32, 512, 768)).astype(np.float32),
        "mask": (np.arange(512)[None] < lengths[:, None]).astype(np.int64),
    }
    whole: dict[str, Array] = {"input": batch["input"]}
    short: dict[str, Array] = {"input": rng.standard_normal((5000, 16, 384)).astype(np.float32)}
    nodes: dict[str, Array] = {
        "input": rng.standard_normal((100_000, 64)).astype(np.float32),
        "segments": rng.integers(0, 5000, 100_000),
    }
    nodes["segments"][-1] = 4999
    corners = np.sort(rng.uniform(0, 1024, (512, 2, 2)), 1).reshape(512, 4)
    boxes: dict[str, Array] = {
        "input": rng.standard_normal((1, 256, 64, 64)).astype(np.float32),
        "boxes": np.column_stack((np.zeros(512), corners)).astype(np.float32),
    }
    scale = {"spatial_scale": 1 / 16}
    align: dict[str, object] = {"output_height": 7, "output_width": 7, **scale}
    half: dict[str, object] = {"coordinate_transformation_mode": "half_pixel"}
    spans = "500 spans of (8192, 1024)"
    return [
        ("span_pool", spans, document, {"modes": "mean"}, "numpy, x[b:e].mean(0) in float64",
         partial(_spans_of_numpy, lambda x: x.mean(0, dtype=np.float64))),
        ("span_pool", spans, document, {"modes": "mean"}, "torch, x[b:e].float().mean(0)",
         partial(_spans_of_torch, lambda x: x.float().mean(0))),
        ("span_pool", spans, document, {"modes": "max"}, "torch, x[b:e].amax(0)",
         partial(_spans_of_torch, lambda x: x.amax(0))),
        ("token_pool", "(32, 512, 768) with a mask", batch, {"modes": "mean"}, "torch, (x * mask).sum(1) / n",
         _masked_mean),
        ("token_pool", "(32, 512, 768)", whole, {"modes": "mean"}, "torch, x.mean(1)",
         partial(_torch_rows, lambda x: x.mean(1))),
        ("token_pool", "(5000, 16, 384)", short, {"modes": "mean"}, "torch, x.mean(1)",
         partial(_torch_rows, lambda x: x.mean(1))),
        ("token_pool", "(5000, 16, 384)", short, {"modes": "max"}, "torch, x.amax(1)",
         partial(_torch_rows, lambda x: x.amax(1))),
        ("segment_pool", "(100000, 64), 5000 segments", nodes, {"reduce": "sum"}, "torch, index_add_", _index_add),
        ("segment_pool", "(100000, 64), 5000 segments", nodes, {"reduce": "mean"}, "torch, scatter_reduce_",
         partial(_scatter, "mean")),
        ("segment_pool", "(100000, 64), 5000 segments", nodes, {"reduce": "max"}, "torch, scatter_reduce_",
         partial(_scatter, "amax")),
        ("roi_align", "512 boxes of (1, 256, 64, 64)", boxes,
         {"output_size": 7, "sampling_ratio": 2, "aligned": True, **scale}, "onnxruntime",
         partial(_onnxruntime, "RoiAlign", {**align, **half, "sampling_ratio": 2})),
        ("roi_align", "512 boxes of (1, 256, 64, 64)", boxes, {"output_size": 7, "aligned": True, **scale},
         "onnxruntime", partial(_onnxruntime, "RoiAlign", {**align, **half})),
        ("roi_pool", "512 boxes of (1, 256, 64, 64)", boxes, {"output_size": 7, **scale}, "onnxruntime",
         partial(_onnxruntime, "MaxRoiPool", {"pooled_shape": [7, 7], **scale})),
    ]  # fmt: skip


def _pooling_of(
    catalogue: Catalogue, name: str, tensors: Mapping[str, Array], fields: dict[str, object]
) -> Callable[[], Array]:
    given = {each: Tensor(ELEMENT_TYPES[array.dtype.name], array) for each, array in tensors.items()}
    member = catalogue.find(name)
    spec = member.of(**{**member.fields_from_elements(given), **fields})
    plan = make_plan(spec, {each: tensor.metadata for each, tensor in given.items()}, Limits(2**40, 2**60))
    spec.check_elements(given)
    payload = Payload(plan, given)
    return lambda: np.asarray(pool_on_cpu(plan, payload.slice_planes(0, plan.planes), 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of each case")
    options = parser.parse_args()
    machine = describe_machine()
    compile_ahead.load_all()
    torch.set_num_threads(1)
    catalogue = discover()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float | bool]] = {}
    for name, shown, tensors, fields, peer_name, make_peer in _cases(np.random.default_rng(7)):
        ours, peer = _pooling_of(catalogue, name, tensors, fields), make_peer(tensors)
        element = tensors["input"].dtype.name
        found, expected = ours().astype(np.float64), peer().astype(np.float64)
        tolerance = _TOLERANCES[element]
        is_near = np.allclose(found.reshape(expected.shape), expected, rtol=tolerance, atol=tolerance)
        ours_ms, peer_ms = medians_ms((ours, peer), options.seconds)
        settings = ", ".join(f"{field} {value}" for field, value in fields.items() if field != "spatial_scale")
        figures[f"{name} {shown} {settings} {peer_name}"] = {"ours_ms": ours_ms, "peer_ms": peer_ms, "near": is_near}
        rows.append(
            [
                f"`{name}` {settings}",
                shown,
                element,
                peer_name,
                f"{ours_ms:.2f}",
                f"{peer_ms:.2f}",
                f"{peer_ms / ours_ms:.2f}",
                "equal but for rounding" if is_near else "differ",
            ]
        )
    columns = ("pooling", "of", "type", "compared with", "ours, ms", "theirs, ms", "faster by", "answers")
    write_result("regions", machine, columns, rows, figures)


if __name__ == "__main__":
    main()
