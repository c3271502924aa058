"""``tl`` functions that Triton has not: messages to other PEs (ADR-0023), and remote memory."""

from __future__ import annotations

import difflib

from kernbench.language.arithmetic import binary
from kernbench.language.builtin import builtin
from kernbench.language.dtypes import int64
from kernbench.language.emitter import Emitter
from kernbench.language.ops_place import emit_place
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

ZERO = Const(0)

VA_OFFSET_BITS = 44
"""A virtual address is the SIP, above so many bits (csrc/mem/address.h)."""


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

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     me, n = tl.pe_id(), tl.num_pes()
    ...     tl.send((me + 1) % n, 10 * me)
    ...     tl.store(out_ptr + me, tl.recv((me + n - 1) % n, (), tl.int32))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1] * 2)
    ...     _ = kernel[kb.each_pe](out)
    ...     print(out.numpy())
    [10  0]
    """
    tile = e.value(value)
    if tile.type.is_pointer:
        raise Refusal(f"expected numbers to send, got a {tile}")
    e.emit_effect("send", _peer(e, dst, "dst"), e.to_tile(tile), channel_of(e, channel))


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

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     me, n = tl.pe_id(), tl.num_pes()
    ...     tl.send((me + 1) % n, tl.full((2,), me, tl.int32))
    ...     row = tl.recv((me + n - 1) % n, (2,), tl.int32)
    ...     tl.store(out_ptr + 2 * me + tl.arange(0, 2), row)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1] * 4)
    ...     _ = kernel[kb.each_pe](out)
    ...     print(out.numpy())
    [1 1 0 0]
    """
    sizes = () if as_python(shape) == () else as_shape(shape)
    type_ = Type(Kind.TILE, as_dtype(dtype, "dtype"), sizes)
    return e.emit("recv", type_, _peer(e, src, "src"), channel_of(e, channel))


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

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> machine = kb.Topology.preset("small", {"system.sips": 2})
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     tl.store(out_ptr, tl.load(tl.remote(x_ptr, sip=1)))
    >>> with kb.Context(machine) as ctx:
    ...     x = [ctx.tensor([10 * sip], sip=sip) for sip in range(2)]
    ...     out = ctx.tensor([-1])
    ...     _ = kernel[(1,)](x[0], out)
    ...     print(out.numpy())
    [10]
    """
    value = e.value(pointer)
    if not value.type.is_pointer:
        raise Refusal(f"expected a pointer or a block of pointers, got a {value}")
    place = e.cast(e.index(sip, "sip"), int64)
    offset = binary(e, "and", e.cast(value, int64), Const((1 << VA_OFFSET_BITS) - 1, int64))
    base = binary(e, "shl", place, Const(VA_OFFSET_BITS, int64))
    moved = e.value(binary(e, "or", offset, base))
    return e.cast(moved, value.type.dtype)


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
    return emit_place(e, peer.value)


def channel_of(e: Emitter, channel: Operand) -> Value | None:
    """Return the channel's register; none for channel 0."""
    if isinstance(channel, Const) and channel.value == 0:
        return None
    return e.index(channel, "channel")
