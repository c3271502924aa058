"""``tl`` functions of compile time: assertions, prints, tuples; and the checks at run time."""

from __future__ import annotations

from kernbench.language.arithmetic import binary, logical_not, truth
from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import int1, int32
from kernbench.language.emitter import Emitter
from kernbench.language.ops_reduce import max_
from kernbench.language.values import (
    EMPTY,
    Const,
    Kind,
    Named,
    Operand,
    Pack,
    Refusal,
    StaticAssertRefusal,
    Type,
    as_python,
)

SPACE, NEWLINE = Const(" "), Const("\n")


@builtin("tuple")
def tuple_(e: Emitter, args: Operand) -> Pack:
    """Return a tuple of the items of one; also the type of tuples, for ``isinstance``.

    Parameters
    ----------
    args : tuple or list
        The items.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr, n):
    ...     pair = tl.tuple([n, n + 1])
    ...     tl.static_assert(isinstance(pair, tl.tuple))
    ...     tl.store(out_ptr, pair[0] * pair[1])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0])
    ...     _ = kernel[(1,)](out, 3)
    ...     print(out.numpy())
    [12]
    """
    if not isinstance(args, Pack):
        raise Refusal(f"expected a tuple or a list, got a {args}")
    return Pack(args.listed)


@builtin()
def static_assert(e: Emitter, cond: Operand, msg: Operand = EMPTY) -> None:
    """Stop compiling when `cond`, known at compile time, does not hold.

    Parameters
    ----------
    cond : bool
        Known at compile time.
    msg : str
        For the error.

    Raises
    ------
    CompileTimeAssertionFailure
        With the line; autotune counts it as a configuration that takes for ever.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr, N: tl.constexpr):
    ...     tl.static_assert(N <= 8, "N is too large")
    ...     tl.store(out_ptr, N)
    >>> with kb.Context("small") as ctx:
    ...     _ = kernel[(1,)](ctx.tensor([0]), N=16)
    Traceback (most recent call last):
        ...
    kernbench.errors.CompileTimeAssertionFailure: ...: static_assert failed: N is too large...
    """
    if not as_python(cond):
        text = as_python(msg)
        raise StaticAssertRefusal(f"static_assert failed{f': {text}' if text else ''}")


@builtin()
def static_print(
    e: Emitter,
    *values: Operand,
    sep: Operand = SPACE,
    end: Operand = NEWLINE,
    file: Operand | None = None,
    flush: Operand | None = None,
) -> None:
    """Print while compiling: compile-time values as they are, others by their type.

    Parameters
    ----------
    *values : anything
        What to print.
    sep, end : str
        Between them, and after the last.
    file : None
        Standard output is where it goes.
    flush : bool
        Accepted; all is shown when the kernel is compiled.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr, N: tl.constexpr):
    ...     tl.static_print("N is", N)
    ...     tl.store(out_ptr, N)
    >>> with kb.Context("small") as ctx:
    ...     _ = kernel[(1,)](ctx.tensor([0]), N=16)
    N is 16
    """
    if file is not None and not is_none(file):
        raise Refusal(f"static_print goes to standard output, got file={file}; leave `file` out")
    joined = str(as_python(sep)).join(shown(value) for value in values)
    e.prints.append(joined + str(as_python(end)))


def shown(operand: Operand) -> str:
    """Text of an operand for prints and f-strings."""
    if isinstance(operand, Const):
        return str(operand.value)
    if isinstance(operand, Pack) and (operand.kind is None or isinstance(operand.kind, Named)):
        items = ", ".join(shown(item) for item in operand.listed)
        return f"{operand.kind or ''}({items})"
    return str(operand)


@builtin()
def device_assert(
    e: Emitter, cond: Operand, msg: Operand = EMPTY, mask: Operand | None = None
) -> None:
    """Stop the launch with `msg` when `cond` does not hold.

    A scalar condition is checked always.  One that has a shape, or that a tile holds, is checked
    only in a kernel compiled with ``@kb.jit(debug=True)``: PE_CPU would have to wait for it.

    Parameters
    ----------
    cond : tensor, scalar or bool
        What must hold.
    msg : str
        For the error.
    mask : tensor of truths, optional
        Where it must.

    Raises
    ------
    KernbenchError
        At the next wait or read of the host, with the kernel's line and the program.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr, n):
    ...     tl.device_assert(n < 8, "n is too large")
    ...     tl.store(out_ptr, n)
    >>> with kb.Context("small") as ctx:
    ...     _ = kernel[(1,)](ctx.tensor([0]), 16)
    ...     ctx.synchronize()
    Traceback (most recent call last):
        ...
    kernbench.errors.KernbenchError: kernel:2: program 0: assertion failed: n is too large...
    """
    text = str(as_python(msg)) or "device_assert failed"
    value = e.value(cond)
    if value.type.kind is not Kind.SCALAR:
        if not e.debug:
            return
        failing = e.value(logical_not(e, value))
        if not is_none(mask) and mask is not None:
            failing = e.value(binary(e, "and", failing, truth(e, mask)))
        if failing.type.rank:
            failing = e.value(max_.compile(e, [e.cast(failing, int32)], {}))
        value = e.condition(failing)
        value = e.emit("scalar", Type(Kind.SCALAR, int1), value, sub="not")
    e.emit_effect("assert", e.condition(value), imm=("text", text))


@builtin()
def inline_asm_elementwise(e: Emitter, *args: Operand, **kwargs: Operand) -> Operand:
    """Refused: this machine has no PTX.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.inline_asm_elementwise("add", "=r", [], tl.int32, True, 1)
    >>> with kb.Context("small") as ctx:
    ...     _ = kernel[(1,)](ctx.tensor([0]))
    Traceback (most recent call last):
        ...
    kernbench.errors.CompilationError: ...: inline assembly is PTX...
    """
    raise Refusal("inline assembly is PTX, which this machine does not have")
