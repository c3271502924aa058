"""``tl`` functions that Triton has not: sums and the like that the switch makes (ADR-0072)."""

from __future__ import annotations

from kernbench.language.arithmetic import binary
from kernbench.language.builtin import builtin
from kernbench.language.dtypes import int64
from kernbench.language.emitter import Emitter
from kernbench.language.ops_peer import ZERO, channel_of
from kernbench.language.values import (
    Const,
    Kind,
    Operand,
    Refusal,
    Type,
    Value,
    as_dtype,
    as_python,
    as_shape,
)

SUM = Const("sum")

REDUCTIONS = {
    **{"sum": "add", "min": "min", "max": "max"},
    **{"band": "and", "bor": "or", "bxor": "xor"},
}
"""What the switch does, by the names of collectives."""

FIRST_BITS, STRIDE_BITS, STRIDE_OFFSET = 12, 13, 1 << 12
"""How a group of SIPs is written in one number (csrc/hw/pe/reducer.h)."""


@builtin()
def sip_group(e: Emitter, first: Operand, stride: Operand, size: Operand) -> Value:
    """Return the number by which `reduce_send` knows a group of SIPs, an int64 scalar.

    Parameters
    ----------
    first : int
        SIP of rank 0.
    stride : int
        From the SIP of one rank to that of the next; it may be negative.
    size : int
        Ranks; 1 or more.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> machine = kb.Topology.preset(
    ...     "small",
    ...     {
    ...         "system.sips": 2,
    ...         "system.fabric": {"kind": "switch", "reduction": {"unit": "switch"}},
    ...     },
    ... )
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     group = tl.sip_group(first=0, stride=1, size=2)
    ...     offs = tl.arange(0, 4)
    ...     tl.reduce_send(group, tl.load(x_ptr + offs))
    ...     tl.store(x_ptr + offs, tl.reduce_recv(group, (4,), tl.float32))
    >>> with kb.Context(machine) as ctx:
    ...     parts = [ctx.tensor([float(sip + 1)] * 4, sip=sip) for sip in range(2)]
    ...     for sip, part in enumerate(parts):
    ...         with ctx.device(sip):
    ...             _ = kernel[(1,)](part)
    ...     print(parts[0].numpy())
    [3. 3. 3. 3.]
    """
    from_zero = binary(e, "add", _int64(e, stride, "stride"), Const(STRIDE_OFFSET, int64))
    above = binary(e, "shl", _int64(e, size, "size"), Const(STRIDE_BITS, int64))
    steps = binary(e, "shl", binary(e, "or", from_zero, above), Const(FIRST_BITS, int64))
    return e.value(binary(e, "or", _int64(e, first, "first"), steps))


@builtin()
def reduce_send(
    e: Emitter, group: Operand, value: Operand, op: Operand = SUM, channel: Operand = ZERO
) -> None:
    """Send a tile to the switch, which combines it with those of the group; go on at once.

    The PEs of one number on the group's SIPs meet on a channel.  When each has sent its k-th tile
    there, the switch combines them in order of rank, rounding to their dtype at each step, and
    sends the total to each: the k-th `reduce_recv`.  No more than ``fabric.reduction.slots`` may
    be under way, nor more than ``pe.ipcq.depth``: what goes beyond waits for a `reduce_recv`.

    Parameters
    ----------
    group : int
        As `sip_group` gives it; this SIP is in it.
    value : tensor
        At most ``pe.ipcq.slot`` bytes: floats of 16 bits or more, or integers of 32 or 64 bits.
    op : {"sum", "min", "max", "band", "bor", "bxor"}
        How; the bit-wise ones are for integers.  The same on all ranks.
    channel : int
        From 0 to ``pe.ipcq.channels`` - 1; apart from those of `send`.

    Notes
    -----
    Only a fabric with ``reduction: {unit: switch}`` does it; elsewhere it is a ValueError when the
    kernel runs.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> machine = kb.Topology.preset(
    ...     "small",
    ...     {
    ...         "system.sips": 2,
    ...         "system.fabric": {"kind": "switch", "reduction": {"unit": "switch"}},
    ...     },
    ... )
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     group = tl.sip_group(first=0, stride=1, size=2)
    ...     offs = tl.arange(0, 4)
    ...     tl.reduce_send(group, tl.load(x_ptr + offs))
    ...     tl.store(x_ptr + offs, tl.reduce_recv(group, (4,), tl.float32))
    >>> with kb.Context(machine) as ctx:
    ...     parts = [ctx.tensor([float(sip + 1)] * 4, sip=sip) for sip in range(2)]
    ...     for sip, part in enumerate(parts):
    ...         with ctx.device(sip):
    ...             _ = kernel[(1,)](part)
    ...     print(parts[0].numpy())
    [3. 3. 3. 3.]
    """
    tile = e.value(value)
    if tile.type.is_pointer:
        raise Refusal(f"expected numbers to combine, got a {tile}")
    wanted = as_python(op)
    if wanted not in REDUCTIONS:
        raise Refusal(f"expected op one of {', '.join(REDUCTIONS)}, got {wanted!r}")
    e.emit_effect(
        "reduce_send",
        _int64(e, group, "group"),
        e.to_tile(tile),
        channel_of(e, channel),
        sub=REDUCTIONS[str(wanted)],
    )


@builtin()
def reduce_recv(
    e: Emitter, group: Operand, shape: Operand, dtype: Operand, channel: Operand = ZERO
) -> Value:
    """Return the next total of what a group's PEs sent to the switch by `reduce_send`.

    Parameters
    ----------
    group : int
        As sent.
    shape : int or tuple of int
        As sent; ``()`` is one number.
    dtype : dtype
        As sent.
    channel : int
        As sent.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> machine = kb.Topology.preset(
    ...     "small",
    ...     {
    ...         "system.sips": 2,
    ...         "system.fabric": {"kind": "switch", "reduction": {"unit": "switch"}},
    ...     },
    ... )
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     group = tl.sip_group(first=0, stride=1, size=2)
    ...     offs = tl.arange(0, 4)
    ...     tl.reduce_send(group, tl.load(x_ptr + offs))
    ...     tl.store(x_ptr + offs, tl.reduce_recv(group, (4,), tl.float32))
    >>> with kb.Context(machine) as ctx:
    ...     parts = [ctx.tensor([float(sip + 1)] * 4, sip=sip) for sip in range(2)]
    ...     for sip, part in enumerate(parts):
    ...         with ctx.device(sip):
    ...             _ = kernel[(1,)](part)
    ...     print(parts[0].numpy())
    [3. 3. 3. 3.]
    """
    sizes = () if as_python(shape) == () else as_shape(shape)
    type_ = Type(Kind.TILE, as_dtype(dtype, "dtype"), sizes)
    return e.emit("reduce_recv", type_, _int64(e, group, "group"), channel_of(e, channel))


def _int64(e: Emitter, value: Operand, what: str) -> Value:
    return e.value(e.cast(e.index(value, what), int64))
