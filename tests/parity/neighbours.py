"""Kernels that put elements in other places, scan, sort and count."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from case import FP8, NO_BF16, NUMBERS, Arguments, Case, outputs, whole

KERNEL = """
@jit
def greater(a, b):
    return tl.maximum(a, b)


@jit
def added(a, b):
    return a + b


@jit
def affine(a, b, c, d):
    return a * c, b * c + d


@jit
def kernel(x_ptr, y_ptr, out_ptr, kind_ptr, R: tl.constexpr, C: tl.constexpr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, R)[:, None] * C + tl.arange(0, C)[None, :])
    y = tl.load(y_ptr + tl.arange(0, R)[:, None] * C + tl.arange(0, C)[None, :])
    places = tl.arange(0, C)[None, :] + tl.zeros((R, C), tl.int32)
    {}
    record(out_ptr, kind_ptr, tl.reshape(value, (N,)), N)
"""

MOVES = {
    "tl.flip(x, 0)": 256,
    "x.flip(1)": 256,
    "tl.flip(x, -1)": 256,
    "tl.join(x, y)": 512,
    "tl.interleave(x, y)": 512,
    "tl.gather(x, places ^ 5, 1)": 256,
    "x.gather((places * 7 + 3) % 8, 0)": 256,
    "tl.gather(x, tl.arange(0, 8)[:, None] * 3 + tl.zeros((8, 4), tl.int32), 1)": 32,
}
SCANS = {
    "tl.cumsum(x, 0)": NO_BF16,
    "tl.cumsum(x, 1)": NO_BF16,
    "x.cumsum(1, reverse=True)": NO_BF16,
    "tl.cumsum(x, 1, dtype=tl.int64)": ("int8", "int32"),
    "tl.cumprod(x, 0)": ("int8", "int32", "int64", "uint32", "float32", "float64"),
    "tl.cumprod(x, 1, reverse=True)": ("int32", "uint64"),
    "tl.associative_scan(x, 1, greater)": ("int32", "uint8", "float16", "float32"),
    "tl.associative_scan(x, 0, greater, reverse=True)": ("int32", "float32"),
    "tl.associative_scan((x, y), 1, affine)[1]": ("int32", "int64"),
}
ORDERS = {
    "tl.sort(x)": 256,
    "tl.sort(x, 1, descending=True)": 256,
    "tl.sort(x, descending=1)": 256,
    "tl.topk(x, 32)": 256,
    "tl.topk(x, 4)": 32,
    "tl.topk(x, 1)": 8,
}
SPLITS = (
    "a, b = tl.split(tl.reshape(x, (8, 16, 2)))\n    value = tl.join(b, a)",
    "a, b = tl.reshape(x, (16, 8, 2)).split()\n    value = tl.interleave(b, a)",
)


def neighbours() -> Iterator[Case]:
    """Yield moves of all dtypes, scans of whole numbers, and orders."""
    for text, n in MOVES.items():
        for x in NUMBERS + FP8:
            yield _case("move", text, x, n)
    for statements in SPLITS:
        for x in ("int8", "float32", "float64"):
            yield Case(f"move/{statements} {x}", KERNEL.format(statements), partial(_given, x, 256))
    for text, names in SCANS.items():
        for x in names:
            if x != "int1":
                yield _case("scan", text, x, 256)
    for text, n in ORDERS.items():
        for x in NO_BF16:
            if x != "int1":
                yield _case("order", text, x, n)
    for bins in (8, 64):
        for x in ("int32", "uint8"):  # of int64 the interpreter fails
            call = f"tl.histogram(tl.reshape(x, (256,)) & 7, {bins})"
            yield _case("count", call, x, bins)
    yield _case("reduce", "tl.reduce(x, 1, added)", "int32", 8)
    yield _case("reduce", "tl.reduce(x, 0, greater, keep_dims=True)", "float32", 32)


def _case(family: str, text: str, x: str, n: int) -> Case:
    return Case(f"{family}/{text} {x}", KERNEL.format(f"value = {text}"), partial(_given, x, n))


def _given(x: str, n: int, rng: np.random.Generator) -> Arguments:
    low, high = (0, 2) if x == "int1" else (0 if x.startswith("u") else -3, 4)
    pair = (whole(x, (8, 32), rng, low, high) for _ in range(2))
    return {
        **dict(zip(("x_ptr", "y_ptr"), pair, strict=True)),
        **outputs(n),
        "R": 8,
        "C": 32,
        "N": n,
    }
