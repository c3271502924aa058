"""Rings: each rank speaks to its two neighbours only."""

from __future__ import annotations

from kernbench.ccl.call import Call, Plan
from kernbench.ccl.kernels import ring
from kernbench.ccl.registry import algorithm


@algorithm("all_reduce", "ring")
def all_reduce(call: Call) -> Plan:
    """Pass chunks around, twice: ``2 (p - 1)`` steps of ``1 / p`` of the tensor each."""
    chunks = call.chunks(call.size)
    return Plan(
        ring.all_reduce,
        (
            *(call.input, call.output, call.count, call.part, chunks.span),
            *(call.rank, call.size, call.neighbour(1), call.neighbour(-1), call.channel),
        ),
        {"OP": call.op, "B": chunks.block, "EVEN": chunks.even},
    )
