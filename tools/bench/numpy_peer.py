"""What NumPy does with the tiles of `csrc/bench/replay.c`: a line of JSON for each figure.

python tools/bench/numpy_peer.py dot|asked

One thread, in CPU time, as bench_replay measures: `dot` the best of several; `asked` names its
operations, then measures once what each line of standard input names.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

M = N = 128
ROUNDS = 8
DTYPES = [
    "float32",
    "float16",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]
# Our name of an operation, NumPy's function, and the kinds of dtype.  What NumPy lacks has no peer.
FUNCTIONS: tuple[tuple[str, Any, str], ...] = (
    ("neg", np.negative, "fiu"), ("abs", np.absolute, "fiu"), ("not", np.invert, "iu"),
    ("add", np.add, "fiu"), ("sub", np.subtract, "fiu"), ("mul", np.multiply, "fiu"),
    ("div", np.divide, "f"), ("floordiv", np.floor_divide, "iu"), ("mod", np.fmod, "fiu"),
    ("min", np.minimum, "fiu"), ("max", np.maximum, "fiu"), ("and", np.bitwise_and, "iu"),
    ("or", np.bitwise_or, "iu"), ("xor", np.bitwise_xor, "iu"), ("shl", np.left_shift, "iu"),
    ("shr", np.right_shift, "iu"), ("eq", np.equal, "fiu"), ("ne", np.not_equal, "fiu"),
    ("lt", np.less, "fiu"), ("le", np.less_equal, "fiu"), ("gt", np.greater, "fiu"),
    ("ge", np.greater_equal, "fiu"), ("sqrt", np.sqrt, "f"), ("floor", np.floor, "f"),
    ("ceil", np.ceil, "f"), ("exp", np.exp, "f"), ("exp2", np.exp2, "f"), ("log", np.log, "f"),
    ("log2", np.log2, "f"), ("sin", np.sin, "f"), ("cos", np.cos, "f"), ("tanh", np.tanh, "f"),
    ("pow", np.power, "f"),
)  # fmt: skip


def measure(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the seconds of one call, after one that warms the caches."""
    best = float("inf")
    call()
    for _ in range(rounds):
        begin = end = time.process_time()
        n = 0
        while end - begin < 0.002:
            call()
            n += 1
            end = time.process_time()
        best = min(best, (end - begin) / n)
    return best


def report(what: str, dtype: str, value: float, unit: str) -> None:
    """Print one figure."""
    print(json.dumps({"what": what, "dtype": dtype, "value": value, "unit": unit}), flush=True)


def values(dtype: str, m: int = M, n: int = N) -> np.ndarray:
    """Return a tile of what bench_replay computes with: 1.000 to 5.000."""
    i = np.arange(m * n, dtype=np.int64)
    return (1 + (i * 7919 % 4001) / 1000).astype(np.float32).astype(dtype).reshape(m, n)


def calls(dtype: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the names and calls of all operations on a dtype."""
    a, b = values(dtype), values(dtype)
    for name, function, kinds in FUNCTIONS:
        if a.dtype.kind in kinds:
            args = (a, b)[: function.nin]
            out = function(*args)
            yield name, lambda f=function, x=args, o=out: f(*x, out=o)  # type: ignore[misc]
    out, row, column, wide = a + b, b[:1].copy(), b[:, :1].copy(), a.astype(np.float32)
    condition, turned = a > 2, a.T.copy()
    yield "where", lambda: np.where(condition, a, b)
    yield "add row", lambda: np.add(a, row, out=out)
    yield "add column", lambda: np.add(a, column, out=out)
    yield "to float32", lambda: np.copyto(wide, a)
    yield "sum of columns", lambda: np.sum(a, axis=0, dtype=dtype)
    yield "max of columns", lambda: np.max(a, axis=0)
    yield "sum of rows", lambda: np.sum(a, axis=1, dtype=dtype)
    yield "max of rows", lambda: np.max(a, axis=1)
    yield "transpose", lambda: np.copyto(turned, a.T)


def answer() -> None:
    """Print the names of all operations, then nanoseconds an element of each that is asked for."""
    known = {f"{dtype} {what}": call for dtype in DTYPES for what, call in calls(dtype)}
    print(json.dumps({"operations": list(known)}), flush=True)
    for line in sys.stdin:
        dtype, what = line.strip().split(" ", 1)
        report(what, dtype, measure(known[f"{dtype} {what}"], 1) * 1e9 / (M * N), "ns")


def blas() -> str:
    """Confine OpenBLAS to one thread and return the name of its kernels."""
    folder = Path(np.__file__).parent.parent / "numpy.libs"
    for path in folder.glob("*openblas*"):
        library = ctypes.CDLL(str(path))
        for prefix in ("scipy_", ""):
            for suffix in ("64_", ""):
                name = getattr(library, f"{prefix}openblas_get_corename{suffix}", None)
                if name:
                    name.restype = ctypes.c_char_p
                    getattr(library, f"{prefix}openblas_set_num_threads{suffix}")(1)
                    return str(name().decode())
    return "unknown"


def dots() -> None:
    """Print the name of OpenBLAS' kernels and GFLOP/s."""
    print(json.dumps({"isa": blas()}))
    for m, n, k in ((512, 512, 512), (128, 128, 64)):
        for dtype in ("float32", "float64"):
            a, b, c = values(dtype, m, k), values(dtype, k, n), np.empty((m, n), dtype)
            seconds = measure(lambda a=a, b=b, c=c: np.matmul(a, b, out=c))  # type: ignore[misc]
            report(f"dot {m}x{n}x{k}", dtype, 2e-9 * m * n * k / seconds, "GFLOP/s")


if __name__ == "__main__":
    {"dot": dots, "asked": answer}[sys.argv[1]]()
