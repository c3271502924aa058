"""Kernels that work element by element: arithmetic, casts, functions, choices."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np
from case import (
    FLOATS,
    FP8,
    INTEGERS,
    NO_BF16,
    NUMBERS,
    STORAGE,
    Arguments,
    Case,
    N,
    Tensor,
    crossed,
    edges,
    outputs,
    to_storage,
    uniform,
    whole,
)

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
