"""``libdevice``: CUDA's names for mathematical functions, as far as the machine has them."""

from __future__ import annotations

from typing import Any

from kernbench.language.jit import jit
from kernbench.language.ops_math import abs_ as abs
from kernbench.language.ops_math import div_rn, fma
from kernbench.language.ops_math import pow_ as pow
from kernbench.language.ops_special import (
    ceil,
    cos,
    erf,
    exp,
    exp2,
    floor,
    log,
    log2,
    rsqrt,
    sin,
    sqrt,
    tanh,
)
from kernbench.language.ops_truth import isnan, where

fast_cosf = cos
fast_dividef = div_rn
fast_expf = exp
fast_log2f = log2
fast_logf = log
fast_powf = pow
fast_sinf = sin

__all__ = [
    "abs",
    "ceil",
    "cos",
    "div_rn",
    "erf",
    "exp",
    "exp2",
    "fast_cosf",
    "fast_dividef",
    "fast_expf",
    "fast_log2f",
    "fast_logf",
    "fast_powf",
    "fast_sinf",
    "finitef",
    "floor",
    "fma",
    "isinf",
    "isnan",
    "log",
    "log2",
    "pow",
    "rint",
    "round",
    "rsqrt",
    "sin",
    "sqrt",
    "tanh",
    "trunc",
]


@jit
def isinf(x):  # type: ignore[no-untyped-def]
    """Whether `x` is infinite.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(x_ptr + tl.arange(0, 4), tl.where(tl.libdevice.isinf(x), 0.0, x))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, float("inf"), -2.0, -float("inf")])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [ 1.  0. -2.  0.]
    """
    return abs(x) == float("inf")


@jit
def finitef(x):  # type: ignore[no-untyped-def]
    """Whether `x` is neither infinite nor NaN.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 4))
    ...     tl.store(x_ptr + tl.arange(0, 4), tl.where(tl.libdevice.finitef(x), x, 0.0))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, float("inf"), -2.0, float("nan")])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [ 1.  0. -2.  0.]
    """
    return abs(x) < float("inf")


@jit
def trunc(x):  # type: ignore[no-untyped-def]
    """Return the whole number next to `x` towards zero.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(x_ptr + offs, tl.libdevice.trunc(tl.load(x_ptr + offs)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([-1.5, 0.7, 1.5, 2.5])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [-1.  0.  1.  2.]
    """
    return where(x < 0, ceil(x), floor(x))


@jit
def rint(x):  # type: ignore[no-untyped-def]
    """Return the whole number nearest to `x`; of two, the even one.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(x_ptr + offs, tl.libdevice.rint(tl.load(x_ptr + offs)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([-1.5, 0.7, 1.5, 2.5])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [-2.  1.  2.  2.]
    """
    size = abs(x)
    below = floor(size)
    rest = size - below
    is_odd = below - 2.0 * floor(below * 0.5) == 1.0
    up = (rest > 0.5) | ((rest == 0.5) & is_odd)
    near = where(up, below + 1.0, below)
    return where(x < 0, -near, where(x == 0, x, near))


@jit
def round(x):  # type: ignore[no-untyped-def]
    """Return the whole number nearest to `x`; of two, the one away from zero.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(x_ptr + offs, tl.libdevice.round(tl.load(x_ptr + offs)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([-1.5, 0.7, 1.5, 2.5])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [-2.  1.  2.  3.]
    """
    size = abs(x)
    below = floor(size)
    near = where(size - below >= 0.5, below + 1.0, below)
    return where(x < 0, -near, where(x == 0, x, near))


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"libdevice.{name} is not in kernbench; it has {', '.join(__all__)}: write it with those"
    )
