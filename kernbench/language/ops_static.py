"""``tl`` functions of compile time: ranges, assertions, prints; and the checks at run time."""

from __future__ import annotations

from dataclasses import dataclass

from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import int1, int32
from kernbench.language.emitter import Emitter
from kernbench.language.values import (
    EMPTY,
    Const,
    Kind,
    Operand,
    Pack,
    Refusal,
    StaticAssertRefusal,
    Type,
    as_python,
)

SPACE, NEWLINE = Const(" "), Const("\n")


@dataclass(frozen=True, slots=True)
class LoopRange:
    """What a ``for`` statement iterates over; `static` ones are unrolled."""

    start: Operand
    stop: Operand
    step: Operand
    static: bool


def _range(arg1: Operand, arg2: Operand | None, step: Operand | None, static: bool) -> Const:
    stride = Const(1) if is_none(step) or step is None else step
    if arg2 is None or is_none(arg2):
        return Const(LoopRange(Const(0), arg1, stride, static))
    return Const(LoopRange(arg1, arg2, stride, static))


@builtin("range")
def range_(
    e: Emitter,
    arg1: Operand,
    arg2: Operand | None = None,
    step: Operand | None = None,
    num_stages: Operand | None = None,
    loop_unroll_factor: Operand | None = None,
    disallow_acc_multi_buffer: Operand | None = None,
    flatten: Operand | None = None,
    warp_specialize: Operand | None = None,
    disable_licm: Operand | None = None,
) -> Const:
    """Return a loop's range; the hints to Triton's compiler mean nothing on this machine."""
    return _range(arg1, arg2, step, static=False)


@builtin()
def static_range(
    e: Emitter, arg1: Operand, arg2: Operand | None = None, step: Operand | None = None
) -> Const:
    """Return a loop's range, unrolled at compile time; its bounds are constexpr."""
    return _range(arg1, arg2, step, static=True)


@builtin()
def static_assert(e: Emitter, cond: Operand, msg: Operand = EMPTY) -> None:
    """Stop compiling when `cond`, known at compile time, does not hold."""
    if not as_python(cond):
        text = as_python(msg)
        raise StaticAssertRefusal(f"static_assert failed{f': {text}' if text else ''}")


@builtin()
def static_print(
    e: Emitter, *values: Operand, sep: Operand = SPACE, end: Operand = NEWLINE
) -> None:
    """Print while compiling: compile-time values as they are, others by their type."""
    joined = str(as_python(sep)).join(shown(value) for value in values)
    e.prints.append(joined + str(as_python(end)))


def shown(operand: Operand) -> str:
    """Text of an operand for prints and f-strings."""
    if isinstance(operand, Const):
        return str(operand.value)
    if isinstance(operand, Pack):
        return f"({', '.join(shown(item) for item in operand.items)})"
    return str(operand)


@builtin()
def device_assert(
    e: Emitter, cond: Operand, msg: Operand = EMPTY, mask: Operand | None = None
) -> None:
    """Stop the launch with `msg` when `cond` does not hold.

    A scalar condition is checked always.  One that has a shape, or that a tile holds, is checked
    only in a kernel compiled with ``@kb.jit(debug=True)``: PE_CPU would have to wait for it.
    """
    text = str(as_python(msg)) or "device_assert failed"
    value = e.value(cond)
    if value.type.kind is not Kind.SCALAR:
        if not e.debug:
            return
        from kernbench.language.arithmetic import logical_not, truth
        from kernbench.language.ops_tile import max_

        failing = e.value(logical_not(e, value))
        if not is_none(mask) and mask is not None:
            from kernbench.language.arithmetic import binary

            failing = e.value(binary(e, "and", failing, truth(e, mask)))
        if failing.type.rank:
            failing = e.value(max_.compile(e, [e.cast(failing, int32)], {}))
        value = e.condition(failing)
        value = e.emit("scalar", Type(Kind.SCALAR, int1), value, sub="not")
    e.emit_effect("assert", e.condition(value), imm=("text", text))


@builtin()
def inline_asm_elementwise(e: Emitter, *args: Operand, **kwargs: Operand) -> Operand:
    """Refused: this machine has no PTX."""
    raise Refusal("inline assembly is PTX, which this machine does not have")
