"""Small kernels that Triton and kernbench both run, and what they are given.

Kernels are source text: they name only ``tl`` and ``jit``, which the runner supplies (`define`),
so one text is Triton's under Triton and ours under kernbench.  This file needs NumPy alone.

A kernel hands a value to ``record``, which stores it in its own dtype, and the dtype's number: a
result of the wrong type does not pass as one of the right value.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

N = 256
INTEGERS = ("int1", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
FP8 = ("float8e4nv", "float8e5")
NUMBERS = INTEGERS + FLOATS
NO_BF16 = tuple(name for name in NUMBERS if name != "bfloat16")
STORAGE = {"int1": "bool", "bfloat16": "uint16", "float8e4nv": "uint8", "float8e5": "uint8"}

PRELUDE = (
    """
@jit
def record(out_ptr, kind_ptr, value, N: tl.constexpr, first=0):
    kind = 0
"""
    + "".join(
        f"    if value.dtype == tl.{name}:\n        kind = {number}\n"
        for number, name in enumerate(NUMBERS + FP8, 1)
    )
    + """
    tl.store(kind_ptr, kind)
    offs = first + tl.arange(0, N)
    if value.dtype == tl.int1:
        tl.store(out_ptr.to(tl.pointer_type(tl.int8)) + offs, value.to(tl.int8))
    else:
        tl.store(out_ptr.to(tl.pointer_type(value.dtype)) + offs, value)
"""
)


@dataclass(frozen=True)
class Tensor:
    """An array for a kernel; bf16, fp8 and truths as their bytes."""

    dtype: str
    data: np.ndarray[Any, Any]


Arguments = dict[str, Any]  # a Tensor, or a number, by parameter


@dataclass(frozen=True)
class Case:
    """One kernel and its arguments.

    Attributes
    ----------
    name : str
        Family and details, such as ``"binary/int8 // uint8"``.
    source : str
        The kernel's text, called ``kernel``; helpers before it.
    arguments : callable
        Makes the arguments, in order, from a generator of random numbers.  Those whose name begins
        with ``out`` or is ``kind_ptr`` are compared.
    grid : tuple of int
        Sizes of the grid.
    ulps : int
        How far floats may differ, in units of the last place; 0: not at all.
    scale : float
        The least magnitude whose last place counts as one: for results of a cancellation.
    values : bool
        False compares the dtype alone: the oracle does not compute these values.
    prints : bool
        Whether what it prints is compared, too.
    """

    name: str
    source: str
    arguments: Callable[[np.random.Generator], Arguments]
    grid: tuple[int, ...] = (1,)
    ulps: int = 0
    scale: float = 0.0
    values: bool = True
    prints: bool = False

    def make(self, seed: int = 0) -> Arguments:
        """Return the arguments; equal on both sides for equal seeds."""
        return self.arguments(np.random.default_rng([seed, *self.name.encode()]))


def define(case: Case, tl: Any, jit: Callable[..., Any]) -> Any:
    """Return the case's kernel under this `tl` and `jit`."""
    filename = f"<parity {case.name}>"
    text = PRELUDE + case.source
    # Both compilers read the text through `inspect`.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    scope: dict[str, Any] = {"tl": tl, "jit": jit, "__name__": "parity"}
    exec(compile(text, filename, "exec"), scope)
    return scope["kernel"]


def is_output(name: str) -> bool:
    """Tell whether an argument is compared."""
    return name.startswith("out") or name == "kind_ptr"


# --- values ---------------------------------------------------------------------------------------


def edges(dtype: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Sixteen values of this type: its limits, specials, and some at random."""
    if dtype == "int1":
        return np.array([0, 1] * 8, bool)
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        special = [0, 1, 2, 3, 7, 100, info.max, info.max - 1, info.min, info.min + 1]
        special += [-1, -2, -7] if info.min else [info.max // 2, info.max // 2 + 1, 5]
        rest = rng.integers(info.min, info.max, 3, dtype=dtype, endpoint=True)
        return np.concatenate([np.array(special, dtype), rest])
    values = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -3.0, 7.0, 100.0, np.inf, -np.inf, np.nan]
    data = np.concatenate([values, rng.standard_normal(3)])
    return to_storage(data, dtype)


def to_storage(data: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    """Convert floats to what a tensor of this dtype holds."""
    if dtype == "bfloat16":
        return (np.asarray(data, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    with np.errstate(over="ignore"):
        return np.asarray(data).astype(STORAGE.get(dtype, dtype))


def crossed(x: str, y: str, rng: np.random.Generator) -> Arguments:
    """Every edge of `x` with every edge of `y`."""
    left, right = edges(x, rng), edges(y, rng)
    return {
        "x_ptr": Tensor(x, np.repeat(left, 16)),
        "y_ptr": Tensor(y, np.tile(right, 16)),
        **outputs(),
    }


def outputs(n: int = N) -> Arguments:
    """Return what ``record`` writes to: room for `n` values of 8 bytes, and the dtype's number."""
    return {
        "out_ptr": Tensor("int64", np.zeros(n, np.int64)),
        "kind_ptr": Tensor("int32", np.zeros(1, np.int32)),
    }


def uniform(
    dtype: str, shape: tuple[int, ...] | int, rng: np.random.Generator, low: float, high: float
) -> Tensor:
    """Random floats in an interval."""
    return Tensor(dtype, to_storage(rng.uniform(low, high, shape), dtype))


def whole(
    dtype: str, shape: tuple[int, ...] | int, rng: np.random.Generator, low: int, high: int
) -> Tensor:
    """Random whole numbers, of any dtype."""
    return Tensor(dtype, to_storage(rng.integers(low, high, shape), dtype))
