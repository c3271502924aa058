"""Recursive halving and doubling: ranks exchange ever smaller halves, then ever larger ones."""

from __future__ import annotations

from kernbench.ccl.call import Call, Plan
from kernbench.ccl.kernels import halving
from kernbench.ccl.phases import Phase
from kernbench.ccl.registry import algorithm


def _phases(call: Call) -> list[Phase]:
    power = 1 << (call.size.bit_length() - 1)
    extra = [(power + i, i, call.nbytes) for i in range(call.size - power)]
    phases = [Phase(tuple(extra), 2, 2)] if extra else []
    bit, nbytes = power // 2, -(-call.nbytes // 2)
    while bit:
        pairs = [(rank, rank ^ bit, nbytes) for rank in range(power)]
        phases.append(Phase(tuple(pairs), 2, 2))
        bit, nbytes = bit // 2, -(-nbytes // 2)
    return phases


@algorithm("all_reduce", "halving_doubling", phases=_phases)
def all_reduce(call: Call) -> Plan:
    """Halve and double: ``2 log2 p`` steps, and no more bytes than a ring.

    Where the size is no power of 2, the ranks beyond one give their values to others first.
    """
    chunks = call.chunks(call.size)
    power = 1 << (call.size.bit_length() - 1)
    return Plan(
        halving.all_reduce,
        (
            *(call.input, call.output, call.count, call.part, chunks.span),
            *(call.rank, call.size, power, *call.peers(), call.channel),
        ),
        {
            "OP": call.op,
            "B": chunks.block,
        },
    )
