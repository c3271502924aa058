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
    """Place of this program in the grid, along `axis` 0, 1 or 2; an int32 scalar."""
    return e.emit("program_id", Type(Kind.SCALAR, int32), imm=_axis(axis))


@builtin()
def num_programs(e: Emitter, axis: Operand) -> Value:
    """Size of the grid along `axis`; an int32 scalar."""
    return e.emit("num_programs", Type(Kind.SCALAR, int32), imm=_axis(axis))


def _axis(axis: Operand) -> int:
    number = as_int(axis, "axis")
    if number not in (0, 1, 2):
        raise Refusal(f"expected axis 0, 1 or 2, got {number}")
    return number


@builtin()
def arange(e: Emitter, start: Operand, end: Operand) -> Value:
    """``start, start + 1, ... end - 1``: an int32 index block; its length is a power of 2."""
    first, last = as_int(start, "start"), as_int(end, "end")
    if last <= first:
        raise Refusal(f"expected end above start, got arange({first}, {last})")
    if not -(2**31) <= first < last <= 2**31:
        raise Refusal(f"expected bounds that fit int32, got arange({first}, {last})")
    type_ = Type(Kind.BLOCK, int32, (last - first,))
    return e.emit("arange", type_, imm=("int", first))


@builtin()
def full(e: Emitter, shape: Operand, value: Operand, dtype: Operand) -> Value:
    """Return a tensor of `shape` that holds `value` everywhere."""
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
    """Return a tensor of zeros."""
    result = full.function(e, shape, Const(0), dtype)
    assert isinstance(result, Value)
    return result


@builtin()
def zeros_like(e: Emitter, input: Operand) -> Value:
    """Return a tensor of zeros with the shape and dtype of `input`."""
    model = e.value(input)
    zero = e.constant(0, model.type.element)
    return e.splat(zero, model.type.shape) if model.type.rank else zero


@builtin()
def to_tensor(e: Emitter, x: Operand) -> Value:
    """Return the number as a tensor, with Triton's type for it."""
    return e.value(x)


@builtin(method=True)
def multiple_of(e: Emitter, input: Operand, values: Operand) -> Operand:
    """`input` itself; Triton's hint has no meaning on this machine."""
    return input


@builtin()
def max_contiguous(e: Emitter, input: Operand, values: Operand) -> Operand:
    """`input` itself; Triton's hint has no meaning on this machine."""
    return input


@builtin()
def max_constancy(e: Emitter, input: Operand, values: Operand) -> Operand:
    """`input` itself; Triton's hint has no meaning on this machine."""
    return input


@builtin()
def assume(e: Emitter, cond: Operand) -> None:
    """Nothing; Triton's hint has no meaning on this machine."""


def cdiv_on_host(x: int, div: int) -> int:
    """``ceil(x / div)`` of integers."""
    return -(-int(x) // int(div))


def next_power_of_2_on_host(n: int) -> int:
    """Return the least power of 2 that is at least `n`."""
    return 1 << max(int(n) - 1, 0).bit_length()


@builtin(host=cdiv_on_host, method=True)
def cdiv(e: Emitter, x: Operand, div: Operand) -> Operand:
    """``(x + div - 1) // div``: how many pieces of `div` cover `x`."""
    return binary(e, "floordiv", binary(e, "add", x, binary(e, "sub", div, Const(1))), div)


@builtin(host=next_power_of_2_on_host)
def next_power_of_2(e: Emitter, n: Operand) -> Const:
    """Return the least power of 2 that is at least `n`, which is known at compile time."""
    return Const(next_power_of_2_on_host(as_int(n, "n")))
