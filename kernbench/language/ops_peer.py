"""``tl`` functions that Triton has not: where a program is, and messages to other PEs.

PEs are numbered through the whole machine: SIP by SIP, in each cube by cube, as in the op log's
column ``pe`` (ADR-0023).
"""

from __future__ import annotations

import difflib

from kernbench.language._tables import tables
from kernbench.language.arithmetic import binary
from kernbench.language.builtin import builtin
from kernbench.language.dtypes import int32, int64
from kernbench.language.emitter import Emitter
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

DIRECTIONS = (
    *("east", "west", "north", "south"),
    *("next_pe", "previous_pe", "next_sip", "previous_sip"),
)
"""Neighbours: the PE of the same number in the next cube or SIP, or the next of the same cube."""

MACHINE, ZERO, SUM = Const("machine"), Const(0), Const("sum")

REDUCTIONS = {
    **{"sum": "add", "min": "min", "max": "max"},
    **{"band": "and", "bor": "or", "bxor": "xor"},
}
"""What the switch does, by the names of collectives."""

FIRST_BITS, STRIDE_BITS, STRIDE_OFFSET = 12, 13, 1 << 12
"""How a group of SIPs is written in one number (csrc/hw/pe/reducer.h)."""

VA_OFFSET_BITS = 44
"""A virtual address is the SIP, above so many bits (csrc/mem/address.h)."""


@builtin()
def pe_id(e: Emitter, scope: Operand = MACHINE) -> Value:
    """Return the number of this program's PE, an int32 scalar.

    Parameters
    ----------
    scope : {"machine", "sip", "cube"}
        Within which it is counted; ``"machine"`` is what `send` and `recv` take.
    """
    return _place(e, {"machine": "pe", "sip": "pe_in_sip", "cube": "pe_in_cube"}, scope)


@builtin()
def cube_id(e: Emitter, scope: Operand = MACHINE) -> Value:
    """Return the number of this program's cube, counted through the machine or within its SIP."""
    return _place(e, {"machine": "cube", "sip": "cube_in_sip"}, scope)


@builtin()
def sip_id(e: Emitter) -> Value:
    """Return the number of this program's SIP."""
    return _place(e, {"machine": "sip"}, MACHINE)


@builtin()
def num_pes(e: Emitter, scope: Operand = MACHINE) -> Value:
    """Return how many PEs the machine, a SIP or a cube has."""
    return _place(e, {"machine": "pes", "sip": "pes_of_sip", "cube": "pes_of_cube"}, scope)


@builtin()
def num_cubes(e: Emitter, scope: Operand = MACHINE) -> Value:
    """Return how many cubes the machine or a SIP has."""
    return _place(e, {"machine": "cubes", "sip": "cubes_of_sip"}, scope)


@builtin()
def num_sips(e: Emitter) -> Value:
    """Return how many SIPs the machine has."""
    return _place(e, {"machine": "sips"}, MACHINE)


@builtin()
def send(e: Emitter, dst: Operand, value: Operand, channel: Operand = ZERO) -> None:
    """Send a tile to another PE, which gets it by `recv`; the program goes on at once.

    The message waits for a free slot of the ring from this PE to `dst` on `channel`; messages of a
    ring arrive in program order.

    Parameters
    ----------
    dst : int or str
        A PE counted through the machine, or a direction: ``"east"``, ``"west"``, ``"north"``,
        ``"south"`` (the PE of the same number in the next cube of the SIP's grid), ``"next_pe"``,
        ``"previous_pe"`` (of the cube, around), ``"next_sip"``, ``"previous_sip"`` (around).
    value : tensor or number
        At most ``pe.ipcq.slot`` bytes.
    channel : int
        From 0 to ``pe.ipcq.channels`` - 1.
    """
    tile = e.value(value)
    if tile.type.is_pointer:
        raise Refusal(f"expected numbers to send, got a {tile}")
    e.emit_effect("send", _peer(e, dst, "dst"), e.to_tile(tile), _channel(e, channel))


@builtin()
def recv(
    e: Emitter, src: Operand, shape: Operand, dtype: Operand, channel: Operand = ZERO
) -> Value:
    """Return the next tile that another PE sent here; the program goes on until it needs it.

    Parameters
    ----------
    src : int or str
        The sender, as `send`'s ``dst``.
    shape : int or tuple of int
        As sent; ``()`` is one number.
    dtype : dtype
        As sent.
    channel : int
        As sent.
    """
    sizes = () if as_python(shape) == () else as_shape(shape)
    type_ = Type(Kind.TILE, as_dtype(dtype, "dtype"), sizes)
    return e.emit("recv", type_, _peer(e, src, "src"), _channel(e, channel))


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
        _channel(e, channel),
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
    """
    sizes = () if as_python(shape) == () else as_shape(shape)
    type_ = Type(Kind.TILE, as_dtype(dtype, "dtype"), sizes)
    return e.emit("reduce_recv", type_, _int64(e, group, "group"), _channel(e, channel))


@builtin()
def remote(e: Emitter, pointer: Operand, sip: Operand) -> Value:
    """Return the pointer to the same place in another SIP's memory, for loads and stores there.

    A tensor lies at the same place on each SIP where the SIPs' tensors were made alike, in one
    order.  The fabric carries the accesses; nothing but `send`, `recv` and `barrier` orders them
    with what the other SIP does, and a store is there when `debug_barrier` has returned.

    Parameters
    ----------
    pointer : pointer or block of pointers
        Into a tensor.
    sip : int
        Whose memory; one that has no tensor there is a PageFaultError at the access.
    """
    value = e.value(pointer)
    if not value.type.is_pointer:
        raise Refusal(f"expected a pointer or a block of pointers, got a {value}")
    place = e.cast(e.index(sip, "sip"), int64)
    offset = binary(e, "and", e.cast(value, int64), Const((1 << VA_OFFSET_BITS) - 1, int64))
    base = binary(e, "shl", place, Const(VA_OFFSET_BITS, int64))
    moved = e.value(binary(e, "or", offset, base))
    return e.cast(moved, value.type.dtype)


def _place(e: Emitter, names: dict[str, str], scope: Operand) -> Value:
    wanted = as_python(scope)
    if wanted not in names:
        raise Refusal(f"expected scope one of {', '.join(names)}, got {wanted!r}")
    return _emit_place(e, names[str(wanted)])


def _emit_place(e: Emitter, name: str) -> Value:
    return e.emit("place", Type(Kind.SCALAR, int32), imm=tables().places[name])


def _peer(e: Emitter, peer: Operand, what: str) -> Value:
    if not (isinstance(peer, Const) and isinstance(peer.value, str)):
        return e.index(peer, what)
    if peer.value not in DIRECTIONS:
        near = difflib.get_close_matches(peer.value, DIRECTIONS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise Refusal(
            f"expected {what} to be a PE's number or one of {', '.join(DIRECTIONS)}, "
            f"got {peer.value!r}{hint}"
        )
    return _emit_place(e, peer.value)


def _int64(e: Emitter, value: Operand, what: str) -> Value:
    return e.value(e.cast(e.index(value, what), int64))


def _channel(e: Emitter, channel: Operand) -> Value | None:
    if isinstance(channel, Const) and channel.value == 0:
        return None
    return e.index(channel, "channel")
