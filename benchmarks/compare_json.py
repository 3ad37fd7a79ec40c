"""Compare our reading and printing of tensors as JSON with orjson and numpy: megabytes of text per second, one thread.

``numpy.array`` makes an array of orjson's lists; our reader releases the GIL and refuses what is no tensor.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from _results import describe_machine, write_result
from kernels import medians_ms
from poolhouse.dtypes import ELEMENT_TYPES
from poolhouse.kernels.compile_ahead import load_all
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.json.codec import JSON

SHAPES: Final = {"tiny": (1, 1, 4, 4), "small": (1, 3, 32, 32), "medium": (1, 64, 56, 56), "large": (4, 64, 112, 112)}


def _arrays_with_json(shape: tuple[int, ...]) -> dict[str, tuple[npt.NDArray[np.generic], str]]:
    """Arrays, each with its JSON text as a client would send it."""
    double = np.random.default_rng(7).standard_normal(shape)
    single = double.astype(np.float32)
    return {
        "float32, shortest": (single, orjson.dumps(single, option=orjson.OPT_SERIALIZE_NUMPY).decode()),
        "float32, as Python prints its float64": (single, json.dumps(single.tolist())),
        "float64": (double, json.dumps(double.tolist())),
        "int64": ((double * 1000).astype(np.int64), json.dumps((double * 1000).astype(np.int64).tolist())),
    }


def _read_by_orjson(text: bytes, storage: np.dtype[np.generic]) -> npt.NDArray[np.generic]:
    return np.array(orjson.loads(text)["input"]["data"], storage)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of each case")
    options = parser.parse_args()
    machine = describe_machine()
    load_all()
    rows: list[list[str]] = []
    figures: dict[str, dict[str, float]] = {}
    for size, shape in SHAPES.items():
        for kind, (array, data) in _arrays_with_json(shape).items():
            text = f'{{"input":{{"dtype":"{array.dtype.name}","data":{data}}},"kernel_size":2}}'.encode()
            message = Message({"output": Tensor(ELEMENT_TYPES[array.dtype.name], array)})
            assert np.array_equal(JSON.decode(memoryview(text), {}, 1 << 30).tensors["input"].array, array)
            printed = JSON.encode(message).nbytes
            functions: tuple[Callable[[], object], ...] = (
                partial(JSON.decode, memoryview(text), {}, 1 << 30),
                partial(_read_by_orjson, text, array.dtype),
                partial(JSON.encode, message),
                partial(orjson.dumps, {"output": {"data": array}}, option=orjson.OPT_SERIALIZE_NUMPY),
            )
            read, read_by_orjson, write_, written_by_orjson = (
                nbytes / ms / 1e3
                for nbytes, ms in zip(
                    (len(text), len(text), printed, printed), medians_ms(functions, options.seconds), strict=True
                )
            )
            figures[f"{size} {kind}"] = {
                "read_mb_s": read,
                "read_by_orjson_mb_s": read_by_orjson,
                "printed_mb_s": write_,
                "printed_by_orjson_mb_s": written_by_orjson,
            }
            rows.append(
                [
                    size,
                    kind,
                    f"{len(text):,}",
                    f"{read:.0f}",
                    f"{read_by_orjson:.0f}",
                    f"{read / read_by_orjson:.1f}",
                    f"{write_:.0f}",
                    f"{written_by_orjson:.0f}",
                ]
            )
    write_result(
        "json",
        machine,
        [
            "size",
            "numbers",
            "bytes",
            "read, MB/s",
            "orjson and numpy, MB/s",
            "ratio",
            "printed, MB/s",
            "orjson, MB/s",
        ],
        rows,
        figures,
    )


if __name__ == "__main__":
    main()
