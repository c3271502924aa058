"""``tl`` functions that loops go over, or ask: ranges, and the condition of ``while``."""

from __future__ import annotations

from dataclasses import dataclass

from kernbench.language.builtin import builtin, is_none
from kernbench.language.emitter import Emitter
from kernbench.language.values import FALSE, Const, Operand


@dataclass(frozen=True, slots=True)
class LoopRange:
    """What a ``for`` statement iterates over; `static` ones are unrolled."""

    start: Operand
    stop: Operand
    step: Operand
    static: bool

    def __repr__(self) -> str:
        return "a range, which only a for loop takes"


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
    """Return a loop's range; the hints to Triton's compiler mean nothing on this machine.

    Parameters
    ----------
    arg1, arg2 : int or scalar
        Start and stop; `arg1` alone is the stop.
    step : int or scalar
        Default 1.
    num_stages, loop_unroll_factor, disallow_acc_multi_buffer, flatten
        Triton's hints; ignored.
    warp_specialize, disable_licm
        Likewise.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr, n):
    ...     total = 0
    ...     for i in tl.range(0, n, num_stages=3):
    ...         total += i
    ...     tl.store(out_ptr, total)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0])
    ...     _ = kernel[(1,)](out, 5)
    ...     print(out.numpy())
    [10]
    """
    return _range(arg1, arg2, step, static=False)


@builtin()
def static_range(
    e: Emitter, arg1: Operand, arg2: Operand | None = None, step: Operand | None = None
) -> Const:
    """Return a loop's range, unrolled at compile time; its bounds are constexpr.

    Parameters
    ----------
    arg1, arg2 : int
        Start and stop; `arg1` alone is the stop.
    step : int, optional
        Default 1.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     for i in tl.static_range(4):
    ...         tl.store(out_ptr + i, i * i)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [0 1 4 9]
    """
    return _range(arg1, arg2, step, static=True)


@builtin()
def condition(e: Emitter, arg1: Operand, disable_licm: Operand = FALSE) -> Operand:
    """Return the condition of a ``while`` loop.

    Parameters
    ----------
    arg1 : bool or scalar
        The condition.
    disable_licm : bool
        Triton's hint; ignored.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr, n):
    ...     while tl.condition(n % 2 == 0, disable_licm=True):
    ...         n = n // 2
    ...     tl.store(out_ptr, n)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0])
    ...     _ = kernel[(1,)](out, 24)
    ...     print(out.numpy())
    [3]
    """
    return arg1
