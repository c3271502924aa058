"""In the switch: it adds up what comes from all ranks, where the fabric has one that does."""

from __future__ import annotations

from kernbench.ccl.call import Call, Plan
from kernbench.ccl.kernels import in_switch
from kernbench.ccl.phases import Phase, ring_phase
from kernbench.ccl.registry import algorithm

IN_SWITCH = 1
"""Of `fabric.reduction.unit`: none, switch."""

NEEDS = (
    "a fabric whose switch reduces (system.fabric.reduction.unit: switch), SIPs at even steps, and "
    "a sum, minimum or maximum of floats of 16 bits or more, or these and bit-wise operations of "
    "integers of 32 or 64 bits"
)


def _fits(call: Call) -> bool:
    system = call.context.topology.system
    assert system is not None
    least = 2 if call.dtype.is_floating() else 4
    known = call.op != "product" and call.dtype.itemsize >= least
    return system["reduction.unit"] == IN_SWITCH and call.group.stride is not None and known


def _phases(call: Call) -> list[Phase]:
    system = call.context.topology.system
    assert system is not None
    # Up one link and down one: as when all send to the next one.
    through = ring_phase(call.size, call.nbytes, 1)
    return [Phase(through.messages, beside_fs=int(system["reduction.latency_fs"]))]


def _plan(call: Call, keeps: bool) -> Plan:
    system = call.context.topology.system
    assert system is not None
    chunks = call.chunks(1)
    slots = min(int(system["reduction.slots"]), chunks.span // chunks.block)
    return Plan(
        in_switch.reduce,
        (
            *(call.given, call.taken, call.count, call.part, slots * chunks.block),
            *(call.group.sips[0], call.group.stride, call.size, keeps, call.channel),
        ),
        {
            "OP": call.op,
            "SWITCH_OP": "sum" if call.op == "avg" else call.op,
            "B": chunks.block,
            "EVEN": chunks.even,
        },
    )


@algorithm("all_reduce", "in_switch", fits=_fits, needs=NEEDS, phases=_phases)
def all_reduce(call: Call) -> Plan:
    """Send every block to the switch once, and take its total once: ``n / B``."""
    return _plan(call, keeps=True)


@algorithm("reduce", "in_switch", fits=_fits, needs=NEEDS, phases=_phases)
def reduce(call: Call) -> Plan:
    """Do what all_reduce does; only the root keeps the totals."""
    return _plan(call, keeps=call.rank == call.root)
