"""``tl`` functions that tell Triton's compiler something, and this machine nothing."""

from __future__ import annotations

from kernbench.language.builtin import builtin
from kernbench.language.emitter import Emitter
from kernbench.language.values import Operand


@builtin(method=True)
def multiple_of(e: Emitter, input: Operand, values: Operand) -> Operand:
    """`input` itself; Triton's hint has no meaning on this machine.

    Parameters
    ----------
    input : tensor
        Whatever it is.
    values : int or tuple of int
        Ignored.

    Returns
    -------
    tensor
        `input`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.multiple_of(x, 2))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([2, 4, 6, 8])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [2 4 6 8]
    """
    return input


@builtin()
def max_contiguous(e: Emitter, input: Operand, values: Operand) -> Operand:
    """`input` itself; Triton's hint has no meaning on this machine.

    Parameters
    ----------
    input : tensor
        Whatever it is.
    values : int or tuple of int
        Ignored.

    Returns
    -------
    tensor
        `input`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.max_contiguous(tl.arange(0, 4), 4)
    ...     tl.store(x_ptr + offs, offs)
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [0 1 2 3]
    """
    return input


@builtin()
def max_constancy(e: Emitter, input: Operand, values: Operand) -> Operand:
    """`input` itself; Triton's hint has no meaning on this machine.

    Parameters
    ----------
    input : tensor
        Whatever it is.
    values : int or tuple of int
        Ignored.

    Returns
    -------
    tensor
        `input`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(x_ptr + offs, tl.max_constancy(offs // 2, 2))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [0 0 1 1]
    """
    return input


@builtin()
def assume(e: Emitter, cond: Operand) -> None:
    """Nothing; Triton's hint has no meaning on this machine.

    Parameters
    ----------
    cond : scalar
        Ignored.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, n):
    ...     tl.assume(n > 0)
    ...     tl.store(x_ptr, n)
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([0])
    ...     _ = kernel[(1,)](x, 5)
    ...     print(x.numpy())
    [5]
    """
