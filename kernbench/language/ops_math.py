"""``tl`` functions of values, element by element."""

from __future__ import annotations

import enum

from kernbench.language import arithmetic
from kernbench.language.arithmetic import elementwise, extremum, promoted
from kernbench.language.builtin import builtin
from kernbench.language.emitter import Emitter
from kernbench.language.values import TRUE, Operand, Refusal, Value


@builtin("abs", method=True)
def abs_(e: Emitter, x: Operand) -> Operand:
    """Return the magnitude of `x`, of any number type.

    Parameters
    ----------
    x : tensor or number
        Of any number type.

    Returns
    -------
    tensor or number
        Of the same type; the least integer stays what it is, as it has no counterpart.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.abs(x))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([-2.0, -0.5, 0.0, 3.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [2.  0.5 0.  3. ]
    """
    return arithmetic.absolute(e, x)


class PropagateNan(enum.IntEnum):
    """What ``maximum`` and ``minimum`` make of a number and a NaN: NONE, the number.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> tl.PropagateNan.NONE
    <PropagateNan.NONE: 0>
    """

    NONE = 0
    ALL = 0xFFFF


def _refuse_nan_propagation(propagate_nan: Operand | None) -> None:
    if propagate_nan is not None and "ALL" in str(propagate_nan):
        raise Refusal("propagate_nan=ALL is not supported; only NONE is")


@builtin()
def maximum(e: Emitter, x: Operand, y: Operand, propagate_nan: Operand | None = None) -> Operand:
    """Return the greater of `x` and `y`, element by element; of a number and a NaN, the number.

    Parameters
    ----------
    x, y : tensor or number
        Broadcast to one shape, and promoted to one type.
    propagate_nan : PropagateNan, optional
        NONE, the only one supported.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.maximum(x, 0.0))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([-2.0, -0.5, 0.0, 3.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [0. 0. 0. 3.]
    """
    _refuse_nan_propagation(propagate_nan)
    return extremum(e, "max", x, y)


@builtin()
def minimum(e: Emitter, x: Operand, y: Operand, propagate_nan: Operand | None = None) -> Operand:
    """Return the smaller of `x` and `y`, element by element; of a number and a NaN, the number.

    Parameters
    ----------
    x, y : tensor or number
        Broadcast to one shape, and promoted to one type.
    propagate_nan : PropagateNan, optional
        NONE, the only one supported.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.minimum(x, 0.0))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([-2.0, -0.5, 0.0, 3.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [-2.  -0.5  0.   0. ]
    """
    _refuse_nan_propagation(propagate_nan)
    return extremum(e, "min", x, y)


@builtin()
def clamp(
    e: Emitter, x: Operand, min: Operand, max: Operand, propagate_nan: Operand | None = None
) -> Value:
    """`x`, raised to `min` and lowered to `max`; of floats.

    Parameters
    ----------
    x, min, max : tensor or number
        Floats, broadcast to one shape.
    propagate_nan : PropagateNan, optional
        NONE, the only one supported.

    Returns
    -------
    tensor
        Of the promoted type.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.clamp(x, -1.0, 1.0))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([-2.0, -0.5, 0.0, 3.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [-1.  -0.5  0.   1. ]
    """
    _refuse_nan_propagation(propagate_nan)
    value = extremum(e, "min", extremum(e, "max", x, min), max)
    if not value.type.element.is_floating():
        raise Refusal(f"tl.clamp expects floats, got {value.type.dtype}")
    return value


@builtin()
def fma(e: Emitter, x: Operand, y: Operand, z: Operand) -> Value:
    """``x * y + z``, rounded once.

    Parameters
    ----------
    x, y, z : tensor or number
        Floats, broadcast to one shape and promoted to one type.

    Returns
    -------
    tensor
        Of that type.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.fma(x, x, 1.0))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [ 2.  5. 10. 17.]
    """
    left, right, _ = promoted(e, x, y)
    addend, product, type_ = promoted(e, z, left)
    if not type_.is_floating():
        raise Refusal(f"tl.fma expects floats, got {type_}")
    return elementwise(e, "fma", [product, e.cast(right, type_), addend], type_)


@builtin()
def fdiv(e: Emitter, x: Operand, y: Operand, ieee_rounding: Operand | None = None) -> Operand:
    """``x / y`` of floats; always rounded as IEEE says.

    Parameters
    ----------
    x, y : tensor or number
        Floats, broadcast to one shape and promoted to one type.
    ieee_rounding : bool, optional
        Ignored.

    Returns
    -------
    tensor
        Of that type.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.fdiv(x, 4.0))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [0.25 0.5  0.75 1.  ]
    """
    left, right, type_ = promoted(e, x, y)
    if not type_.is_floating():
        raise Refusal(f"tl.fdiv expects floats, got {type_}")
    return elementwise(e, "div", [left, right], type_)


@builtin("div_rn")
def div_rn(e: Emitter, x: Operand, y: Operand) -> Operand:
    """``x / y`` of floats, rounded to nearest.

    Parameters
    ----------
    x, y : tensor or number
        Floats, broadcast to one shape and promoted to one type.

    Returns
    -------
    tensor
        Of that type.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.div_rn(x, 4.0))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [0.25 0.5  0.75 1.  ]
    """
    return fdiv.compile(e, [x, y], {})


@builtin("pow", method=True)
def pow_(e: Emitter, x: Operand, y: Operand) -> Operand:
    """`x` to the power of `y`; of floats.

    Parameters
    ----------
    x, y : tensor or number
        Floats, broadcast to one shape and promoted to one type.

    Returns
    -------
    tensor
        Of that type.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.pow(x, 2.0))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [ 1.  4.  9. 16.]
    """
    return arithmetic.binary(e, "pow", x, y)


@builtin("add")
def add(e: Emitter, x: Operand, y: Operand, sanitize_overflow: Operand = TRUE) -> Operand:
    """``x + y``.

    Parameters
    ----------
    x, y : tensor or number
        Broadcast to one shape, and promoted to one type.
    sanitize_overflow : bool
        Accepted; integers wrap, always.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.add(x, 1))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [2. 3. 4. 5.]
    """
    return arithmetic.binary(e, "add", x, y)


@builtin("sub")
def sub(e: Emitter, x: Operand, y: Operand, sanitize_overflow: Operand = TRUE) -> Operand:
    """``x - y``.

    Parameters
    ----------
    x, y : tensor or number
        Broadcast to one shape, and promoted to one type.
    sanitize_overflow : bool
        Accepted; integers wrap, always.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.sub(x, 1))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [0. 1. 2. 3.]
    """
    return arithmetic.binary(e, "sub", x, y)


@builtin("mul")
def mul(e: Emitter, x: Operand, y: Operand, sanitize_overflow: Operand = TRUE) -> Operand:
    """``x * y``.

    Parameters
    ----------
    x, y : tensor or number
        Broadcast to one shape, and promoted to one type.
    sanitize_overflow : bool
        Accepted; integers wrap, always.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.mul(x, 3))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [ 3.  6.  9. 12.]
    """
    return arithmetic.binary(e, "mul", x, y)
