"""``tl`` functions that make values: where the program is, ranges, constant tensors."""

from __future__ import annotations

from kernbench.language.arithmetic import binary
from kernbench.language.builtin import builtin
from kernbench.language.dtypes import int32
from kernbench.language.emitter import Emitter, check_shape
from kernbench.language.values import (
    Const,
    Kind,
    Operand,
    Refusal,
    Type,
    Value,
    as_dtype,
    as_int,
    as_shape,
    is_number,
)


@builtin()
def program_id(e: Emitter, axis: Operand) -> Value:
    """Place of this program in the grid, along `axis` 0, 1 or 2; an int32 scalar.

    Parameters
    ----------
    axis : {0, 1, 2}
        Known at compile time.

    Returns
    -------
    scalar
        From 0 to ``num_programs(axis)`` - 1.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     i = tl.program_id(0)
    ...     tl.store(out_ptr + i, 10 * i)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 3)
    ...     _ = kernel[(3,)](out)
    ...     print(out.numpy())
    [ 0 10 20]
    """
    return e.emit("program_id", Type(Kind.SCALAR, int32), imm=_axis(axis))


@builtin()
def num_programs(e: Emitter, axis: Operand) -> Value:
    """Size of the grid along `axis`; an int32 scalar.

    Parameters
    ----------
    axis : {0, 1, 2}
        Known at compile time.

    Returns
    -------
    scalar
        1 along an axis that the grid does not have.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.store(out_ptr + tl.program_id(0), tl.num_programs(0))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 3)
    ...     _ = kernel[(3,)](out)
    ...     print(out.numpy())
    [3 3 3]
    """
    return e.emit("num_programs", Type(Kind.SCALAR, int32), imm=_axis(axis))


def _axis(axis: Operand) -> int:
    number = as_int(axis, "axis")
    if number not in (0, 1, 2):
        raise Refusal(f"expected axis 0, 1 or 2, got {number}")
    return number


@builtin()
def arange(e: Emitter, start: Operand, end: Operand) -> Value:
    """``start, start + 1, ... end - 1``: an int32 index block; its length is a power of 2.

    Parameters
    ----------
    start, end : int
        Known at compile time.

    Notes
    -----
    PE_CPU holds it as start and stride, whatever its length (ADR-0041).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, 3 * offs + 1)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [ 1  4  7 10]
    """
    first, last = as_int(start, "start"), as_int(end, "end")
    if last <= first:
        raise Refusal(f"expected end above start, got arange({first}, {last})")
    if not -(2**31) <= first < last <= 2**31:
        raise Refusal(f"expected bounds that fit int32, got arange({first}, {last})")
    type_ = Type(Kind.BLOCK, int32, (last - first,))
    return e.emit("arange", type_, imm=("int", first))


@builtin()
def full(e: Emitter, shape: Operand, value: Operand, dtype: Operand) -> Value:
    """Return a tensor of `shape` that holds `value` everywhere.

    Parameters
    ----------
    shape : int or tuple of int
        Known at compile time.
    value : number or scalar
        Converted to `dtype`.
    dtype : dtype
        Of the result.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.store(out_ptr + tl.arange(0, 4), tl.full((4,), 7, tl.int32))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [7 7 7 7]
    """
    sizes, target = as_shape(shape), as_dtype(dtype, "dtype")
    check_shape(sizes)
    if is_number(value) and isinstance(value, Const):
        number = value.value
        assert isinstance(number, (bool, int, float))
        if isinstance(number, float) and target.is_int():
            number = int(number)
        return e.splat(e.constant(number, target), sizes)
    scalar = e.value(value)
    if scalar.type.rank:
        raise Refusal(f"expected a scalar value, got a {scalar}; use tl.broadcast_to")
    return e.broadcast(e.cast(scalar, target), sizes)


@builtin()
def zeros(e: Emitter, shape: Operand, dtype: Operand) -> Value:
    """Return a tensor of zeros.

    Parameters
    ----------
    shape : int or tuple of int
        Known at compile time.
    dtype : dtype
        Of the result.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     total = tl.zeros((4,), tl.float32)
    ...     for i in range(3):
    ...         total += i
    ...     tl.store(out_ptr + tl.arange(0, 4), total)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [3. 3. 3. 3.]
    """
    result = full.function(e, shape, Const(0), dtype)
    assert isinstance(result, Value)
    return result


@builtin()
def zeros_like(e: Emitter, input: Operand) -> Value:
    """Return a tensor of zeros with the shape and dtype of `input`.

    Parameters
    ----------
    input : tensor
        Whose values do not count.

    Returns
    -------
    tensor
        Of its type and shape.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.zeros_like(x))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [0. 0. 0. 0.]
    """
    model = e.value(input)
    zero = e.constant(0, model.type.element)
    return e.splat(zero, model.type.shape) if model.type.rank else zero


@builtin()
def to_tensor(e: Emitter, x: Operand) -> Value:
    """Return the number as a tensor, with Triton's type for it.

    Parameters
    ----------
    x : number, scalar or tensor
        A bool is int1, an int int32 or wider, a float fp32.

    Returns
    -------
    scalar or tensor
        With a dtype.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.store(out_ptr, tl.to_tensor(3).to(tl.float32) / 2)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0])
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [1.5]
    """
    return e.value(x)


def cdiv_on_host(x: int, div: int) -> int:
    """``ceil(x / div)`` of integers."""
    return -(-int(x) // int(div))


def next_power_of_2_on_host(n: int) -> int:
    """Return the least power of 2 that is at least `n`."""
    return 1 << max(int(n) - 1, 0).bit_length()


@builtin(host=cdiv_on_host, method=True)
def cdiv(e: Emitter, x: Operand, div: Operand) -> Operand:
    """``(x + div - 1) // div``: how many pieces of `div` cover `x`.

    In a kernel, and on the host, where it gives the size of a grid.

    Parameters
    ----------
    x, div : int, scalar or tensor
        Integers.

    Returns
    -------
    int, scalar or tensor
        Rounded up.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> tl.cdiv(1000, 128)
    8
    """
    return binary(e, "floordiv", binary(e, "add", x, binary(e, "sub", div, Const(1))), div)


@builtin(host=next_power_of_2_on_host)
def next_power_of_2(e: Emitter, n: Operand) -> Const:
    """Return the least power of 2 that is at least `n`, which is known at compile time.

    In a kernel, and on the host, where it gives the size of a block.

    Parameters
    ----------
    n : int
        1 or more.

    Returns
    -------
    int
        Known at compile time.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> tl.next_power_of_2(1000)
    1024
    """
    return Const(next_power_of_2_on_host(as_int(n, "n")))
