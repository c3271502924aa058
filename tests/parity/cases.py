"""Small kernels that Triton and kernbench both run, and what they are given.

Kernels are source text: they name only ``tl`` and ``jit``, which the runner supplies (`define`),
so one text is Triton's under Triton and ours under kernbench.  This file needs NumPy alone.

A kernel hands a value to ``record``, which stores it in its own dtype, and the dtype's number: a
result of the wrong type does not pass as one of the right value.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
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
    """

    name: str
    source: str
    arguments: Callable[[np.random.Generator], Arguments]
    grid: tuple[int, ...] = (1,)
    ulps: int = 0
    scale: float = 0.0
    values: bool = True

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


# --- kernels --------------------------------------------------------------------------------------

TWO = """
@jit
def kernel(x_ptr, y_ptr, out_ptr, kind_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    y = tl.load(y_ptr + offs)
    record(out_ptr, kind_ptr, {}, N)
"""
ONE = """
@jit
def kernel(x_ptr, out_ptr, kind_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    record(out_ptr, kind_ptr, {}, N)
"""
SCALAR = """
@jit
def kernel(x_ptr, s, out_ptr, kind_ptr, N: tl.constexpr):
    s = tl.to_tensor(s)  # the interpreter leaves float arguments to Python
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    record(out_ptr, kind_ptr, {}, N)
"""
COMPARE = """
@jit
def kernel(x_ptr, y_ptr, out_ptr, kind_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    y = tl.load(y_ptr + offs)
    bits = (x == y).to(tl.int32) + (x != y).to(tl.int32) * 2 + (x < y).to(tl.int32) * 4
    bits += (x <= y).to(tl.int32) * 8 + (x > y).to(tl.int32) * 16 + (x >= y).to(tl.int32) * 32
    record(out_ptr, kind_ptr, bits, N)
"""
ARITHMETIC = ("+", "-", "*", "/", "//", "%", "&", "|", "^")


def binary() -> Iterator[Case]:
    """Every operator between tiles of every pair of dtypes."""
    for x, y in product(NUMBERS, NUMBERS):
        for op in ARITHMETIC:
            if x == y == "int1" and op in "+-":
                continue  # the interpreter adds truths by `or`, and does not subtract them
            yield Case(
                f"binary/{x} {op} {y}",
                TWO.format(f"x {op} y"),
                partial(_pair, x, y, op in ("//", "%")),
                values="bfloat16" not in (x, y),
            )
        values = "bfloat16" not in (x, y)
        yield Case(f"compare/{x} {y}", COMPARE, partial(_pair, x, y, False), values=values)
    for x, y in product(INTEGERS, INTEGERS):
        for op in ("<<", ">>"):
            yield Case(f"shift/{x} {op} {y}", TWO.format(f"x {op} y"), partial(_shift, x, y))


def _pair(x: str, y: str, divide: bool, rng: np.random.Generator) -> Arguments:
    made = crossed(x, y, rng)
    if divide and x in INTEGERS and y in INTEGERS:
        divisor = made["y_ptr"].data
        divisor[divisor == 0] = 1  # nothing is promised about division by zero
    return {**made, "N": N}


def _shift(x: str, y: str, rng: np.random.Generator) -> Arguments:
    """By less than the narrowest integer's width: nothing is promised about more."""
    width = min(1 if name == "int1" else np.iinfo(name).bits for name in (x, y))
    amounts = rng.integers(0, min(width, 8), N).astype(STORAGE.get(y, y))
    return {**crossed(x, y, rng), "y_ptr": Tensor(y, amounts), "N": N}


def constants() -> Iterator[Case]:
    """Operators between tiles and Python numbers, on either side."""
    for x in NO_BF16:
        for number in ("3", "-3", "2.5", "True", "300", "2**31", "2**40", "1e300"):
            for op in ("+", "*", "/", "//", "%", "&", "<<", "<", "=="):
                if op == "<<" and number != "3":
                    continue
                if op == "<<" and x == "int1":
                    continue  # nothing is promised about shifting out of the type
                for text in (f"x {op} {number}", f"{number} {op} x"):
                    if text.startswith("3 <<"):
                        continue
                    if x == "int1" and text in ("x + True", "True + x"):
                        continue  # the interpreter adds truths by `or`
                    yield Case(
                        f"constant/{x}: {text}",
                        ONE.format(text),
                        partial(_one, x, op in ("//", "%") and text.endswith("x")),
                    )


def _one(x: str, divisor: bool, rng: np.random.Generator) -> Arguments:
    data = np.tile(edges(x, rng), 16)
    if divisor and x in INTEGERS:
        data[data == 0] = 1
    return {"x_ptr": Tensor(x, data), **outputs(), "N": N}


def scalars() -> Iterator[Case]:
    """Operators between tiles and scalar arguments: these take part in promotion."""
    for x in NUMBERS:
        for s in (3, -3, 2**31, 2**40, 2**63, 2.5, 0.1):
            for op in ("+", "*", "/", "//", "<"):
                yield Case(
                    f"scalar/{x} {op} {s}",
                    SCALAR.format(f"x {op} s"),
                    partial(_scalar, x, s),
                    values=x != "bfloat16",
                )
    for s in (3, -7, 2**40, 2.5):
        for text in ("s + 1", "s * 2.5", "s / 2", "-s", "s < 2", "s + s", "tl.maximum(s, 2)"):
            yield Case(
                f"scalar/alone {s}: {text}",
                SCALAR.format(f"tl.to_tensor({text})"),
                partial(_scalar, "int32", s),
            )


def _scalar(x: str, s: float, rng: np.random.Generator) -> Arguments:
    made = _one(x, False, rng)
    return {"x_ptr": made.pop("x_ptr"), "s": s, **made}


def casts() -> Iterator[Case]:
    """Conversions between all dtypes."""
    for x, y in product(NUMBERS + FP8, NUMBERS + FP8):
        if x != y and (x in FP8 or y in FP8) and not {x, y} & {"float16", "float32"}:
            continue  # the interpreter fails
        yield Case(
            f"cast/{x} to {y}",
            ONE.format(f"x.to(tl.{y})"),
            partial(_cast, x, y),
            # To bf16 the interpreter converts fp32 alone, and truncates: see _cast.
            values=y != "bfloat16" or x in ("float32", "bfloat16"),
        )
    for x, y in (
        ("float32", "int32"),
        ("int64", "float64"),
        ("float16", "int16"),
        ("uint8", "int8"),
    ):
        for a, b in ((x, y), (y, x)):
            yield Case(
                f"cast/bits of {a} as {b}",
                ONE.format(f"x.to(tl.{b}, bitcast=True)"),
                partial(_one, a, False),
            )


def _cast(x: str, y: str, rng: np.random.Generator) -> Arguments:
    """Floats become integers only where the integers hold them: nothing is promised about more."""
    if x in FP8:
        data = np.arange(N, dtype=np.uint8)
        if x != y:
            data[data & (0x78 if x == "float8e4nv" else 0x7C) == 0] = 0  # it loses subnormals,
            data[data & 0x7F >= (0x7F if x == "float8e4nv" else 0x7C)] = 0  # and specials
        return {"x_ptr": Tensor(x, data), **outputs(), "N": N}
    if x in FLOATS and y in INTEGERS:
        low = 0 if y.startswith("u") or y == "int1" else -100
        data = rng.uniform(low, 2 if y == "int1" else 100, N)
        return {"x_ptr": Tensor(x, to_storage(data, x)), **outputs(), "N": N}
    if x in FLOATS:
        spread = rng.standard_normal(N) * 2.0 ** rng.integers(-20, 20, N)
        spread[:16] = [
            0,
            -0.0,
            np.inf,
            -np.inf,
            np.nan,
            65504,
            65519,
            65520,
            1e-8,
            6e-8,
            1e30,
            -1e30,
            448,
            57344,
            1e-3,
            2.0**-16,
        ]
        if y in FP8 or y == "bfloat16":
            # Values that need no rounding: the interpreter rounds halves up, or truncates.
            spread = rng.integers(-7, 8, N) / 8
        return {"x_ptr": Tensor(x, to_storage(spread, x)), **outputs(), "N": N}
    return _one(x, False, rng)


def unary() -> Iterator[Case]:
    """Operators and functions of one tile, all dtypes."""
    for x in NUMBERS:
        for text in ("-x", "~x", "tl.abs(x)", "x * x", "tl.where(x > 1, x, x * x)"):
            if (text == "~x" and x.startswith("u")) or (text == "-x" and x == "int1"):
                continue  # the interpreter fails
            yield Case(
                f"unary/{text} {x}",
                ONE.format(text),
                partial(_unequal_zeros if text == "-x" else _one, x, False),
                values=x != "bfloat16",
            )
        for name in ("exp", "log", "sqrt", "floor", "sin", "erf", "rsqrt"):
            yield Case(
                f"refused/{name} {x}",
                ONE.format(f"tl.{name}(x)"),
                partial(_one, x, False),
                values=False,
            )


def functions() -> Iterator[Case]:
    """Mathematical functions.

    Ours err by at most 1 ulp in fp32; NumPy, by which the interpreter computes, by up to 4 (its own
    tests' bound); composed ones (sigmoid, softmax) by a few more.
    """
    names = {
        "exp": (-80, 80, 4),
        "exp2": (-100, 100, 4),
        "log": (1e-6, 1e6, 4),
        "cos": (-30, 30, 5),
        "log2": (1e-6, 1e6, 4),
        "sqrt": (0, 1e6, 0),
        "sin": (-30, 30, 5),
        "erf": (-4, 4, 4),
        "floor": (-99, 99, 0),
        "ceil": (-99, 99, 0),
        "rsqrt": (1e-6, 1e6, 2),
        "sigmoid": (-30, 30, 8),
    }
    for dtype in ("float32", "float64"):
        for name, (low, high, ulps) in names.items():
            yield Case(
                f"function/{name} {dtype}",
                ONE.format(f"tl.{name}(x)"),
                partial(_random, dtype, low, high),
                ulps=ulps,
            )
    specials = {"exp": 4, "exp2": 4, "log": 4, "log2": 4, "sqrt": 0, "floor": 0, "ceil": 0}
    for name, ulps in specials.items():
        yield Case(
            f"function/{name} of specials",
            ONE.format(f"tl.{name}(x)"),
            partial(_one, "float32", False),
            ulps=ulps,
        )
    for text in ("tl.fma(x, y, x)", "tl.fdiv(x, y)", "tl.div_rn(x, y)", "tl.clamp(x, -1.0, y)"):
        # The interpreter rounds x * y before it adds; small whole numbers make that exact.
        yield Case(f"function/{text}", TWO.format(text), partial(_whole_pair, "float32"))
    for text in ("tl.cdiv(x, 7)", "tl.cdiv(x, y)", "x // -3", "x % -3", "-x // 3", "(-x) % 3"):
        yield Case(f"function/{text}", TWO.format(text), partial(_whole_pair, "int32"))


def _random(dtype: str, low: float, high: float, rng: np.random.Generator) -> Arguments:
    return {"x_ptr": uniform(dtype, N, rng, low, high), **outputs(), "N": N}


def _whole_pair(dtype: str, rng: np.random.Generator) -> Arguments:
    x, y = whole(dtype, N, rng, -50, 50), whole(dtype, N, rng, 1, 20)
    return {"x_ptr": x, "y_ptr": y, **outputs(), "N": N}


def choices() -> Iterator[Case]:
    """``where``, ``minimum`` and ``maximum`` between all pairs of dtypes."""
    texts = ("tl.where(x == x, x, y)", "tl.minimum(x, y)", "tl.maximum(x, y)")
    for x, y in product(NUMBERS, NUMBERS):
        for text in texts:
            yield Case(
                f"choice/{text} {x} {y}",
                TWO.format(text),
                partial(_unequal_zeros, x, y),
                values="bfloat16" not in (x, y),
            )
    for x in NO_BF16:
        for number in ("3", "-3", "2.5", "True", "2**40"):
            for text in (f"tl.where(x == x, x, {number})", f"tl.maximum(x, {number})"):
                yield Case(
                    f"choice/{text} {x}",
                    ONE.format(text),
                    partial(_unequal_zeros, x, None),
                )


def _unequal_zeros(x: str, y: str | bool | None, rng: np.random.Generator) -> Arguments:
    """Neither NaN, which the interpreter always propagates, nor zeros of two signs."""
    made = _pair(x, y, False, rng) if isinstance(y, str) else _one(x, False, rng)
    for tensor in made.values():
        if isinstance(tensor, Tensor) and tensor.data.dtype.kind == "f":
            tensor.data[np.isnan(tensor.data) | (tensor.data == 0)] = 9
    return made


BLOCKS = """
@jit
def kernel(out_ptr, kind_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = (offs * 37 - 4000).to(tl.{})
    y = (offs % 5 + 1).to(tl.{})
    record(out_ptr, kind_ptr, {}, N)
"""
ALONE = """
@jit
def kernel(out_ptr, kind_ptr, N: tl.constexpr):
    zero = tl.program_id(0)  # what range gives is Python's under the interpreter
    for place in range(N):
        i = zero + place
        x = (i * 37 - 500).to(tl.{})
        y = (i % 5 + 1).to(tl.{})
        record(out_ptr, kind_ptr, {}, 1, i)
"""


def known_early() -> Iterator[Case]:
    """Operators between what is computed before any tile is: index blocks, and scalars."""
    operators = (*(f"x {op} y" for op in (*ARITHMETIC, "<<", ">>", "<", "==")), "-x", "tl.abs(x)")
    texts = (*operators, "tl.minimum(x, y)", "tl.where(x > 9, x, y)", "x * 3 - 1", "7 - x")
    for kind, source, n in (("block", BLOCKS, N), ("alone", ALONE, 32)):
        for x, text in product((*INTEGERS[1:], "float16", "float32", "float64"), texts):
            if x in FLOATS and text == "-x":
                continue  # Triton's -0.0 is 0.0
            for y in (
                (x,) if kind == "alone" or "y" not in text else dict.fromkeys((x, "int32", "int64"))
            ):
                yield Case(
                    f"{kind}/{x} {y}: {text}", source.format(x, y, text), partial(_nothing, n)
                )


def _nothing(n: int, rng: np.random.Generator) -> Arguments:
    return {**outputs(n), "N": n}


# --- reductions -----------------------------------------------------------------------------------

REDUCE = """
@jit
def kernel(x_ptr, out_ptr, kind_ptr, R: tl.constexpr, C: tl.constexpr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, R)[:, None] * C + tl.arange(0, C)[None, :])
    record(out_ptr, kind_ptr, {}, N)
"""


def reductions() -> Iterator[Case]:
    """Reductions over each axis, of all dtypes; whole numbers, so that sums are exact."""
    for x in NUMBERS:
        for name, axis in product(
            ("sum", "max", "min", "argmax", "argmin", "xor_sum"), (0, 1, None)
        ):
            if name.startswith("arg") and axis is None:
                continue
            n = {0: 32, 1: 8, None: 1}[axis]
            yield Case(
                f"reduce/{name} {x} axis={axis}",
                REDUCE.format(f"tl.{name}(x, {axis})"),
                partial(_matrix, x, n),
                values=x != "bfloat16",
            )
    extras = {
        "tl.sum(x, 1, dtype=tl.int64)": ("int8", 8),
        "tl.sum(x, 0, dtype=tl.float32)": ("float16", 32),
        "tl.ravel(tl.sum(x, 0, keep_dims=True))": ("float32", 32),
        "tl.ravel(tl.max(x, 1, keep_dims=True))": ("int16", 8),
        "tl.max(x, 1, return_indices=True)[1]": ("float32", 8),
        "tl.min(x, 1, return_indices=True)[0]": ("int8", 8),
        "tl.sum(x > 0, 1)": ("float32", 8),
        "x.sum(0)": ("int32", 32),
        "tl.sum(tl.sum(x, 1), 0)": ("int32", 1),
        "tl.max(x)": ("float64", 1),
    }
    for text, (x, n) in extras.items():
        yield Case(f"reduce/{text} {x}", REDUCE.format(text), partial(_matrix, x, n))
    for name, x in product(("max", "min"), ("float16", "float32", "float64")):
        yield Case(
            f"reduce/{name} of specials {x}",
            REDUCE.format(f"tl.{name}(x, 0)"),
            partial(_special_matrix, x),
        )
    for x in ("float32", "float64"):
        for axis, n in ((0, 32), (1, 8), (None, 1)):
            # Positive terms: a sum in any order errs by less than (terms - 1) * u; twice, for two.
            yield Case(
                f"reduce/sum of random {x} axis={axis}",
                REDUCE.format(f"tl.sum(x, {axis})"),
                partial(_positive_matrix, x, n),
                ulps={0: 16, 1: 64, None: 512}[axis],
            )


def _matrix(x: str, n: int, rng: np.random.Generator) -> Arguments:
    low = 0 if x.startswith("u") or x == "int1" else -9
    data = whole(x, (8, 32), rng, low, 2 if x == "int1" else 10)
    return {"x_ptr": data, **outputs(), "R": 8, "C": 32, "N": n}


def _special_matrix(x: str, rng: np.random.Generator) -> Arguments:
    """Infinities, and NaNs, which the maximum of a row passes over."""
    made = _matrix(x, 32, rng)
    data = made["x_ptr"].data
    data[0], data[1, ::2], data[2, ::3], data[3:, :2] = np.nan, np.inf, -np.inf, np.nan
    data[:, 5] = np.inf
    return made


def _positive_matrix(x: str, n: int, rng: np.random.Generator) -> Arguments:
    return {**_matrix(x, n, rng), "x_ptr": uniform(x, (8, 32), rng, 0.1, 1)}


# --- shapes, memory, control flow -----------------------------------------------------------------

SHAPES = {
    "x[:, None] + y[None, :]": 1,
    "tl.expand_dims(x, 1) * tl.expand_dims(y, 0)": 1,
    "tl.broadcast_to(x[:, None], (16, 16))": 1,
    "tl.broadcast_to(y[None, :], 16, 16) - x[:, None]": 1,
    "tl.trans(x[:, None] - y[None, :])": 1,
    "(x[:, None] - y[None, :]).T": 1,
    "tl.permute(x[:, None] - y[None, :], (1, 0))": 1,
    "tl.trans(tl.reshape(x[:, None] - y[None, :], (4, 8, 8)), 2, 0, 1)": 1,
    "tl.reshape(x[:, None] - y[None, :], (32, 8))": 1,
    "(x[:, None] - y[None, :]).reshape(8, 32)": 1,
    "tl.view(x[:, None] - y[None, :], (64, 4))": 1,
    "tl.where(x[:, None] > y[None, :], x[:, None], -1)": 1,
    "tl.full((16, 16), 3, tl.int8)": 0,
    "tl.full((16, 16), 3.7, tl.float16)": 0,
    "tl.full((16, 16), 200, tl.uint8)": 0,
    "tl.full((16, 16), 1, tl.int1)": 0,
    "tl.zeros((16, 16), tl.float64)": 0,
    "tl.zeros((16, 16), dtype=tl.int64) + 2**40": 0,
    "tl.zeros_like(x[:, None] + y[None, :])": 0,
    "tl.arange(0, 16)[:, None] * 1000000000 + y[None, :] * 0": 1,
    "(tl.arange(0, 16) * 16)[:, None] + tl.arange(0, 16)[None, :]": 0,
    "(tl.arange(0, 16)[:, None] // 3) % 4 - tl.arange(0, 16)[None, :]": 0,
    "(tl.arange(0, 16)[:, None] - 8) // 3 + (tl.arange(0, 16)[None, :] - 8) % 3": 0,
    "tl.arange(0, 16)[:, None] << 30 | tl.arange(0, 16)[None, :]": 0,
    "(tl.arange(0, 16)[:, None] - 8 >> 1) ^ tl.arange(0, 16)[None, :]": 0,
    "tl.arange(0, 16).to(tl.int64)[:, None] * 1000000000 + tl.arange(0, 16)[None, :]": 0,
    "tl.arange(0, 16).to(tl.uint8)[:, None] - tl.arange(0, 16).to(tl.uint8)[None, :]": 0,
    "tl.arange(0, 16)[:, None] / 3 + tl.arange(0, 16)[None, :]": 0,
    "(tl.arange(0, 16)[:, None] < 5) & (tl.arange(0, 16)[None, :] >= 3)": 0,
    "tl.arange(0, 16)[:, None].to(tl.int8) * 30 + tl.arange(0, 16)[None, :].to(tl.int8)": 0,
    "tl.minimum(tl.arange(0, 16)[:, None], 5) + tl.maximum(tl.arange(0, 16)[None, :], 7)": 0,
}
GRID_OF_TWO = """
@jit
def kernel(x_ptr, y_ptr, out_ptr, kind_ptr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, 16))
    y = tl.load(y_ptr + tl.arange(0, 16))
    value = {}
    record(out_ptr, kind_ptr, tl.reshape(value, (256,)), N)
"""


def shapes() -> Iterator[Case]:
    """Broadcasting, views, and arithmetic of index blocks."""
    for text in SHAPES:
        for dtype in ("int32", "float32") if SHAPES[text] else ("int32",):
            yield Case(f"shape/{text} {dtype}", GRID_OF_TWO.format(text), partial(_rows, dtype))


def _rows(dtype: str, rng: np.random.Generator) -> Arguments:
    x, y = whole(dtype, 16, rng, -9, 10), whole(dtype, 16, rng, -9, 10)
    return {"x_ptr": x, "y_ptr": y, **outputs(), "N": N}


BODIES = {
    "masked load": "v = tl.load(x_ptr + offs, mask=offs < n)",
    "masked load, other": "v = tl.load(x_ptr + offs, mask=offs < n, other=-5)",
    "masked load, other of a float": "v = tl.load(x_ptr + offs, mask=offs % 3 == 0, other=2.75)",
    "masked load, other a tile": (
        "v = tl.load(x_ptr + offs, mask=offs > n, other=tl.load(y_ptr + offs))"
    ),
    "gather": "v = tl.load(x_ptr + (offs * 7) % N)",
    "gather by a tile": "v = tl.load(x_ptr + tl.abs(tl.load(y_ptr + offs)).to(tl.int32))",
    "masked store": (
        "v = tl.load(x_ptr + offs)\n    tl.store(out2_ptr + offs, v * 2, mask=offs < n)"
    ),
    "scatter": "v = tl.load(x_ptr + offs)\n    tl.store(out2_ptr + (N - 1 - offs), v)",
    "store casts": "v = tl.load(x_ptr + offs)\n    tl.store(out3_ptr + offs, v * 10)",
    "store of a scalar": "v = offs\n    tl.store(out2_ptr + offs, 7, mask=offs >= n)",
    "store below a tile's mask": (
        "v = tl.load(x_ptr + offs)\n    tl.store(out2_ptr + offs, v, mask=v > 0)"
    ),
    "load of one element": "v = tl.load(x_ptr + 3) + offs",
    "loop, carried tile": (
        "v = tl.load(x_ptr + offs)\n    for i in range(n % 7):\n        v = v * 2 + i"
    ),
    "loop, carried scalar": (
        "s = 0\n    for i in range(0, n, 3):\n        s += i * i\n    v = offs + s"
    ),
    "loop down": "s = 1\n    for i in range(n, 0, -5):\n        s = s * 3 + i\n    v = offs + s",
    "loop of tl.range": "s = n\n    for i in tl.range(0, 5):\n        s += i\n    v = offs * s",
    "static_range": (
        "v = tl.load(x_ptr + offs)\n    for i in tl.static_range(1, 6, 2):\n        v += i * offs"
    ),
    "while": (
        "s = n\n    c = 0\n    while s > 1:\n        s = s // 2 if s % 2 == 0 else 3 * s + 1\n"
        "        c += 1\n    v = offs + c"
    ),
    "while on a loaded value": (
        "s = tl.load(y_ptr)\n    c = 0\n    while c < 20 and s < 100:\n"
        "        s = s * 2 + 1\n        c += 1\n    v = offs + c"
    ),
    "ternary": "v = offs * 2 if n > 100 else offs - 1",
    "ternary of constexpr": "v = offs * 2 if N > 100 else offs - 1",
    "if else": (
        "v = tl.load(x_ptr + offs)\n    if n > 50:\n        v += 1\n    else:\n        v -= 1"
    ),
    "if of a loaded value": (
        "v = offs\n    if tl.load(y_ptr + 1) > 0:\n        v = offs + 1\n"
        "    elif n > 3:\n        v = offs + 2"
    ),
    "early return": "v = offs\n    if n > 1000:\n        return",
    "constexpr": "K: tl.constexpr = N // 3 + 2**3 - 5 % 3\n    v = offs * K + (N / 2)",
    "constexpr of a negative": "K: tl.constexpr = -7 // 2\n    v = offs * K + (-7 % 3)",
    "scalar // and %": "v = offs + (n - 100) // 7 * 1000 + (n - 100) % 7",
    "scalar wraps": "v = offs + n * 2000000000",
    "cdiv": "v = offs + tl.cdiv(n, 16) * tl.cdiv(N, 100)",
    "float argument": "v = offs * f",
    "float argument alone": "g = f * 3\n    v = g + offs.to(tl.float64)",
    "float argument and float16": "v = tl.load(x_ptr + offs).to(tl.float16) * f",
    "math of a scalar": "v = offs.to(tl.float32) + tl.sqrt(f * f)",
    "min and max of scalars": "v = offs + min(n, 50) * max(n, 3)",
    "chained conditions": "v = offs\n    if 0 < n and not n > 900 or N == 3:\n        v = offs * 3",
    "tuple": "a, b = n + 1, n * 2\n    a, b = b, a\n    v = offs * a - b",
    "x += dot-like sum": "v = tl.zeros([N], tl.float32)\n    for i in range(3):\n"
    "        v += tl.load(x_ptr + offs) * i",
    "multiple_of": "v = tl.multiple_of(offs, 8) + tl.max_contiguous(offs, 8)",
    "int64 offsets": "v = tl.load(x_ptr + offs.to(tl.int64) * 1)",
    "pointer that advances": (
        "p = x_ptr + offs\n    v = tl.load(p)\n    for i in range(2):\n        p += 1\n"
        "        v += tl.load(p, mask=offs < N - 2, other=0)"
    ),
    "pointer differences": "v = (x_ptr + offs - 3 + 3).to(tl.int64) - x_ptr.to(tl.int64)",
}
CONTROL = """
@jit
def kernel(
    x_ptr, y_ptr, out2_ptr, out3_ptr, n, f, out_ptr, kind_ptr, N: tl.constexpr
):
    f = tl.to_tensor(f)
    offs = tl.arange(0, N)
    {}
    record(out_ptr, kind_ptr, v, N)
"""


def bodies() -> Iterator[Case]:
    """Memory and control flow."""
    for name, body in BODIES.items():
        for x in ("int32", "float32", "int8"):
            if x != "int32" and "x_ptr" not in body:
                continue
            if x == "int8" and name == "loop, carried tile":
                continue  # changes its dtype: Triton's compiler refuses, its interpreter does not
            yield Case(f"body/{name} {x}", CONTROL.format(body), partial(_body, x))


def _body(x: str, rng: np.random.Generator) -> Arguments:
    return {
        "x_ptr": whole(x, N, rng, -9, 10),
        "y_ptr": whole("int32", N, rng, 1, 90),
        "out2_ptr": Tensor(x, to_storage(np.zeros(N), x)),
        "out3_ptr": Tensor("int8", np.zeros(N, np.int8)),
        "n": 97,
        "f": 0.1,
        **outputs(),
        "N": N,
    }


DOT = """
@jit
def kernel(x_ptr, y_ptr, z_ptr, out_ptr, kind_ptr, M: tl.constexpr, K: tl.constexpr):
    m, k = tl.arange(0, M), tl.arange(0, K)
    x = tl.load(x_ptr + m[:, None] * K + k[None, :])
    y = tl.load(y_ptr + k[:, None] * M + m[None, :])
    z = tl.load(z_ptr + m[:, None] * M + m[None, :])
    record(out_ptr, kind_ptr, tl.reshape({}, (M * M,)), M * M)
"""


def dots() -> Iterator[Case]:
    """Matrix products: whole numbers are exact; random positive ones may differ by K roundings."""
    texts = (
        "tl.dot(x, y)",
        "tl.dot(x, y, acc=z, out_dtype=z.dtype)",
        "z + tl.dot(x, y)",
        "tl.dot(x, y, out_dtype=tl.float16)",
        "tl.dot(x, tl.trans(x))",
        "tl.dot(x, y, input_precision='ieee')",
    )
    for x, text in product(("float16", "float32", "float64", "int8", "uint8", "int32"), texts):
        acc = {"int8": "int32", "float64": "float64"}.get(x, "float32")
        yield Case(f"dot/{text} {x}", DOT.format(text), partial(_dot, x, acc, True))
    for x in ("float16", "float32"):
        for text in ("tl.dot(x, y)", "tl.dot(x, y, z)"):
            yield Case(
                f"dot/{text} random {x}",
                DOT.format(text),
                partial(_dot, x, "float32", False),
                ulps=64,
            )


def _dot(x: str, acc: str, exact: bool, rng: np.random.Generator) -> Arguments:
    low = 0 if x.startswith("u") else -4
    a, b = whole(x, (16, 32), rng, low, 5), whole(x, (32, 16), rng, low, 5)
    z = whole(acc, (16, 16), rng, -9, 10)
    if not exact:
        a, b = uniform(x, (16, 32), rng, 0.1, 1), uniform(x, (32, 16), rng, 0.1, 1)
        z = uniform(acc, (16, 16), rng, 0.1, 1)
    return {"x_ptr": a, "y_ptr": b, "z_ptr": z, **outputs(), "M": 16, "K": 32}


PROGRAMS = """
@jit
def kernel(out_ptr, B: tl.constexpr):
    i, j, k = tl.program_id(0), tl.program_id(1), tl.program_id(axis=2)
    ni, nj, nk = tl.num_programs(0), tl.num_programs(1), tl.num_programs(2)
    place = (i * nj + j) * nk + k
    offs = place * B + tl.arange(0, B)
    tl.store(out_ptr + offs, i * 1000000 + j * 10000 + k * 100 + ni + nj + nk + tl.arange(0, B))
"""
SOFTMAX = """
@jit
def kernel(x_ptr, out_ptr, stride, rows, columns, BLOCK: tl.constexpr):
    start, step = tl.program_id(0), tl.num_programs(0)
    for row in tl.range(start, rows, step):
        offs = tl.arange(0, BLOCK)
        mask = offs < columns
        x = tl.load(x_ptr + row * stride + offs, mask=mask, other=-float("inf"))
        numerator = tl.exp(x - tl.max(x, axis=0))
        tl.store(out_ptr + row * stride + offs, numerator / tl.sum(numerator, axis=0), mask=mask)
"""
LAYER_NORM = """
@jit
def kernel(x_ptr, out_ptr, w_ptr, b_ptr, out_mean_ptr, stride, N, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    out_ptr += row * stride
    x_ptr += row * stride
    total = tl.zeros([BLOCK], dtype=tl.float32)
    for off in range(0, N, BLOCK):
        cols = off + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + cols, mask=cols < N, other=0.).to(tl.float32)
    mean = tl.sum(total, axis=0) / N
    square = tl.zeros([BLOCK], dtype=tl.float32)
    for off in range(0, N, BLOCK):
        cols = off + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + cols, mask=cols < N, other=0.).to(tl.float32)
        x = tl.where(cols < N, x - mean, 0.)
        square += x * x
    rstd = 1 / tl.sqrt(tl.sum(square, axis=0) / N + eps)
    tl.store(out_mean_ptr + row, mean)
    for off in range(0, N, BLOCK):
        cols = off + tl.arange(0, BLOCK)
        mask = cols < N
        w = tl.load(w_ptr + cols, mask=mask)
        b = tl.load(b_ptr + cols, mask=mask)
        x = tl.load(x_ptr + cols, mask=mask, other=0.).to(tl.float32)
        tl.store(out_ptr + cols, (x - mean) * rstd * w + b, mask=mask)
"""
MATMUL = """
@jit
def kernel(a_ptr, b_ptr, out_ptr, M, N, K, B: tl.constexpr, G: tl.constexpr):
    pid = tl.program_id(axis=0)
    rows, columns = tl.cdiv(M, B), tl.cdiv(N, B)
    group = pid // (G * columns)
    first = group * G
    size = min(rows - first, G)
    i = first + ((pid % (G * columns)) % size)
    j = (pid % (G * columns)) // size
    m, n, k = (i * B + tl.arange(0, B)) % M, (j * B + tl.arange(0, B)) % N, tl.arange(0, B)
    a = a_ptr + (m[:, None] * K + k[None, :])
    b = b_ptr + (k[:, None] * N + n[None, :])
    acc = tl.zeros((B, B), dtype=tl.float32)
    for step in range(0, tl.cdiv(K, B)):
        x = tl.load(a, mask=k[None, :] < K - step * B, other=0.0)
        y = tl.load(b, mask=k[:, None] < K - step * B, other=0.0)
        acc = tl.dot(x, y, acc)
        a += B
        b += B * N
    m, n = i * B + tl.arange(0, B), j * B + tl.arange(0, B)
    c = out_ptr + N * m[:, None] + n[None, :]
    tl.store(c, acc.to(tl.float16), mask=(m[:, None] < M) & (n[None, :] < N))
"""


def tutorials() -> Iterator[Case]:
    """Whole kernels, as Triton's tutorials have them."""
    for grid in ((3, 4, 5), (7,), (2, 3)):
        yield Case(f"program/{grid}", PROGRAMS, _programs, grid)
    # exp within 4 ulps, a sum of 97 terms, one division; the sum dominates.
    yield Case("tutorial/softmax", SOFTMAX, _softmax, (4,), ulps=100)
    # (x - mean) cancels: bounded against 2, the size of x, not against the result.
    yield Case("tutorial/layer norm", LAYER_NORM, _layer_norm, (5,), ulps=128, scale=2)
    # Whole numbers: exact.
    yield Case("tutorial/matmul", MATMUL, _matmul, (9,))


def _programs(rng: np.random.Generator) -> Arguments:
    return {"out_ptr": Tensor("int32", np.zeros(480, np.int32)), "B": 8}


def _softmax(rng: np.random.Generator) -> Arguments:
    out = Tensor("float32", np.zeros((9, 97), np.float32))
    x = uniform("float32", (9, 97), rng, -4, 4)
    return {"x_ptr": x, "out_ptr": out, "stride": 97, "rows": 9, "columns": 97, "BLOCK": 128}


def _layer_norm(rng: np.random.Generator) -> Arguments:
    return {
        "x_ptr": uniform("float32", (5, 200), rng, -2, 2),
        "out_ptr": Tensor("float32", np.zeros((5, 200), np.float32)),
        "w_ptr": uniform("float32", 200, rng, 0, 1),
        "b_ptr": uniform("float32", 200, rng, 0, 1),
        "out_mean_ptr": Tensor("float32", np.zeros(5, np.float32)),
        "stride": 200,
        "N": 200,
        "eps": 1e-5,
        "BLOCK": 64,
    }


def _matmul(rng: np.random.Generator) -> Arguments:
    a, b = whole("float16", (40, 50), rng, -4, 5), whole("float16", (50, 45), rng, -4, 5)
    out = Tensor("float16", np.zeros((40, 45), np.float16))
    return {"a_ptr": a, "b_ptr": b, "out_ptr": out, "M": 40, "N": 45, "K": 50, "B": 16, "G": 2}


FAMILIES: tuple[Callable[[], Iterator[Case]], ...] = (
    binary,
    constants,
    scalars,
    casts,
    unary,
    functions,
    choices,
    known_early,
    reductions,
    shapes,
    bodies,
    dots,
    tutorials,
)


def all_cases() -> list[Case]:
    """Every case; their names differ."""
    cases = [case for family in FAMILIES for case in family()]
    names = [case.name for case in cases]
    repeated = (
        {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()
    )
    if repeated:
        raise ValueError(f"expected names that differ, got more than one of {sorted(repeated)}")
    return cases
