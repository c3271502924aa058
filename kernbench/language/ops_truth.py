"""``tl`` functions of truths: ``where``, and what makes them of numbers."""

from __future__ import annotations

from kernbench.language import arithmetic
from kernbench.language.builtin import builtin
from kernbench.language.emitter import Emitter
from kernbench.language.values import Operand, Value


@builtin(method=True)
def where(e: Emitter, condition: Operand, x: Operand, y: Operand) -> Value:
    """`x` where `condition` holds, `y` elsewhere; both are computed.

    Parameters
    ----------
    condition : tensor or bool
        What is not a truth value holds where it is not 0.
    x, y : tensor or number
        Broadcast to one shape, and promoted to one type.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.where(x > 0, x, 0.0))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([-2.0, -0.5, 0.0, 3.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [0. 0. 0. 3.]
    """
    return arithmetic.where(e, condition, x, y)


@builtin(method=True)
def logical_and(e: Emitter, x: Operand, y: Operand) -> Operand:
    """Whether both are true, element by element.

    Parameters
    ----------
    x, y : tensor or number
        Broadcast to one shape; what is not 0 is true.

    Returns
    -------
    tensor
        Of int1.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.logical_and(x > 1, x < 4))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1, 2, 3, 4])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [0 1 1 0]
    """
    return arithmetic.binary(e, "and", arithmetic.truth(e, x), arithmetic.truth(e, y))


@builtin(method=True)
def logical_or(e: Emitter, x: Operand, y: Operand) -> Operand:
    """Whether one of both is true, element by element.

    Parameters
    ----------
    x, y : tensor or number
        Broadcast to one shape; what is not 0 is true.

    Returns
    -------
    tensor
        Of int1.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.logical_or(x < 2, x > 3))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1, 2, 3, 4])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [1 0 0 1]
    """
    return arithmetic.binary(e, "or", arithmetic.truth(e, x), arithmetic.truth(e, y))


@builtin(method=True)
def isnan(e: Emitter, x: Operand) -> Operand:
    """Whether `x` is not a number.

    Parameters
    ----------
    x : tensor or number
        Only floats can be.

    Returns
    -------
    tensor
        Of int1.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.where(tl.isnan(x), 0.0, x))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, float("nan"), 3.0, float("nan")])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [1. 0. 3. 0.]
    """
    value = e.value(x)
    return arithmetic.binary(e, "ne", value, value)
