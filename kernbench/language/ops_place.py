"""``tl`` functions that Triton has not: where a program is in the machine.

PEs are numbered through the whole machine: SIP by SIP, in each cube by cube, as in the op log's
column ``pe`` (ADR-0023).
"""

from __future__ import annotations

from kernbench.language._tables import tables
from kernbench.language.builtin import builtin
from kernbench.language.dtypes import int32
from kernbench.language.emitter import Emitter
from kernbench.language.values import Const, Kind, Operand, Refusal, Type, Value, as_python

MACHINE = Const("machine")


@builtin()
def pe_id(e: Emitter, scope: Operand = MACHINE) -> Value:
    """Return the number of this program's PE, an int32 scalar.

    Parameters
    ----------
    scope : {"machine", "sip", "cube"}
        Within which it is counted; ``"machine"`` is what `send` and `recv` take.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.store(out_ptr + tl.pe_id(), tl.pe_id())
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1] * 2)
    ...     _ = kernel[kb.each_pe](out)
    ...     print(out.numpy())
    [0 1]
    """
    return _place(e, {"machine": "pe", "sip": "pe_in_sip", "cube": "pe_in_cube"}, scope)


@builtin()
def cube_id(e: Emitter, scope: Operand = MACHINE) -> Value:
    """Return the number of this program's cube, counted through the machine or within its SIP.

    Parameters
    ----------
    scope : {"machine", "sip"}
        Within which it is counted.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.store(out_ptr + tl.pe_id(), tl.cube_id())
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1] * 2)
    ...     _ = kernel[kb.each_pe](out)
    ...     print(out.numpy())
    [0 0]
    """
    return _place(e, {"machine": "cube", "sip": "cube_in_sip"}, scope)


@builtin()
def sip_id(e: Emitter) -> Value:
    """Return the number of this program's SIP.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> machine = kb.Topology.preset("small", {"system.sips": 2})
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.store(out_ptr, tl.sip_id())
    >>> with kb.Context(machine) as ctx:
    ...     out = ctx.tensor([-1], sip=1)
    ...     with ctx.device(1):
    ...         _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [1]
    """
    return _place(e, {"machine": "sip"}, MACHINE)


@builtin()
def num_pes(e: Emitter, scope: Operand = MACHINE) -> Value:
    """Return how many PEs the machine, a SIP or a cube has.

    Parameters
    ----------
    scope : {"machine", "sip", "cube"}
        Whose PEs are counted.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.store(out_ptr + tl.pe_id(), tl.num_pes("cube"))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1] * 2)
    ...     _ = kernel[kb.each_pe](out)
    ...     print(out.numpy())
    [2 2]
    """
    return _place(e, {"machine": "pes", "sip": "pes_of_sip", "cube": "pes_of_cube"}, scope)


@builtin()
def num_cubes(e: Emitter, scope: Operand = MACHINE) -> Value:
    """Return how many cubes the machine or a SIP has.

    Parameters
    ----------
    scope : {"machine", "sip"}
        Whose cubes are counted.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.store(out_ptr + tl.pe_id(), tl.num_cubes())
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1] * 2)
    ...     _ = kernel[kb.each_pe](out)
    ...     print(out.numpy())
    [1 1]
    """
    return _place(e, {"machine": "cubes", "sip": "cubes_of_sip"}, scope)


@builtin()
def num_sips(e: Emitter) -> Value:
    """Return how many SIPs the machine has.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     tl.store(out_ptr + tl.pe_id(), tl.num_sips())
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1] * 2)
    ...     _ = kernel[kb.each_pe](out)
    ...     print(out.numpy())
    [1 1]
    """
    return _place(e, {"machine": "sips"}, MACHINE)


def _place(e: Emitter, names: dict[str, str], scope: Operand) -> Value:
    wanted = as_python(scope)
    if wanted not in names:
        raise Refusal(f"expected scope one of {', '.join(names)}, got {wanted!r}")
    return emit_place(e, names[str(wanted)])


def emit_place(e: Emitter, name: str) -> Value:
    """Return the place or count of that name (KB_AT_LIST in csrc/kernel/kir.h): an int32 scalar."""
    return e.emit("place", Type(Kind.SCALAR, int32), imm=tables().places[name])
