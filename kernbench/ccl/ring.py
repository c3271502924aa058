"""Rings: each rank speaks to its two neighbours only, one way around or both."""

from __future__ import annotations

from kernbench.ccl.call import Call, Chunks, Plan
from kernbench.ccl.kernels import bidirectional, ring
from kernbench.ccl.phases import Phase, ring_phase
from kernbench.ccl.registry import algorithm


def _neighbours(call: Call) -> tuple[int, ...]:
    return call.rank, call.size, call.neighbour(1), call.neighbour(-1), call.channel


def _along(call: Call) -> tuple[int, ...]:
    """Return where this rank is on the way around from the root."""
    from_root = (call.rank - call.root) % call.size
    return from_root, call.size, call.neighbour(1), call.neighbour(-1), call.channel


def _constants(chunks: Chunks) -> dict[str, int | bool]:
    return {"B": chunks.block, "EVEN": chunks.even}


def _twice(call: Call) -> list[Phase]:
    return [ring_phase(call.size, -(-call.nbytes // call.size), 2 * (call.size - 1))]


def _once(call: Call) -> list[Phase]:
    return [ring_phase(call.size, call.nbytes, call.size - 1)]


def _twice_both_ways(call: Call) -> list[Phase]:
    return [ring_phase(call.size, -(-call.nbytes // call.size), 2 * (call.size - 1), True)]


def _once_both_ways(call: Call) -> list[Phase]:
    return [ring_phase(call.size, call.nbytes, call.size - 1, True)]


def _chain(call: Call) -> list[Phase]:
    links = [(rank, (rank + 1) % call.size, call.nbytes) for rank in range(call.size - 1)]
    return [Phase(tuple(links), steps=call.size - 1)]


@algorithm("all_reduce", "ring", phases=_twice)
def all_reduce(call: Call) -> Plan:
    """Pass chunks around, twice: ``2 (p - 1)`` steps of ``1 / p`` of the tensor each."""
    chunks = call.chunks(call.size)
    return Plan(
        ring.all_reduce,
        (call.input, call.output, call.count, call.part, chunks.span, *_neighbours(call)),
        {"OP": call.op, **_constants(chunks)},
    )


@algorithm("reduce_scatter", "ring", phases=_once)
def reduce_scatter(call: Call) -> Plan:
    """Pass parts around once, combining them: ``p - 1`` steps."""
    chunks = call.chunks(1)
    return Plan(
        ring.reduce_scatter,
        (call.input, call.output, call.count, call.part, chunks.span, *_neighbours(call)),
        {"OP": call.op, **_constants(chunks)},
    )


@algorithm("all_gather", "ring", phases=_once)
def all_gather(call: Call) -> Plan:
    """Pass parts around once: ``p - 1`` steps."""
    chunks = call.chunks(1)
    return Plan(
        ring.all_gather,
        (call.input, call.output, call.count, call.part, chunks.span, *_neighbours(call)),
        _constants(chunks),
    )


@algorithm("broadcast", "ring", phases=_chain)
def broadcast(call: Call) -> Plan:
    """Pass the tensor along, block by block: all links at once."""
    chunks = call.chunks(1)
    return Plan(
        ring.broadcast,
        (call.given, call.taken, call.count, call.part, *_along(call)),
        {"COPIES": call.copies, **_constants(chunks)},
    )


@algorithm("reduce", "ring", phases=_chain)
def reduce(call: Call) -> Plan:
    """Combine along the ring towards the root, block by block."""
    chunks = call.chunks(1)
    return Plan(
        ring.reduce,
        (call.given, call.taken, call.count, call.part, *_along(call)),
        {"OP": call.op, **_constants(chunks)},
    )


@algorithm("all_reduce", "bidirectional_ring", phases=_twice_both_ways)
def all_reduce_both_ways(call: Call) -> Plan:
    """Do what `ring` does with half of the tensor each way around."""
    chunks = call.chunks(call.size, halves=True)
    return Plan(
        bidirectional.all_reduce,
        (call.input, call.output, call.count, call.part, chunks.span, *_neighbours(call)),
        {"OP": call.op, **_constants(chunks)},
    )


@algorithm("reduce_scatter", "bidirectional_ring", phases=_once_both_ways)
def reduce_scatter_both_ways(call: Call) -> Plan:
    """Do what `ring` does with half of the tensor each way around."""
    chunks = call.chunks(1, halves=True)
    return Plan(
        bidirectional.reduce_scatter,
        (call.input, call.output, call.count, call.part, chunks.span, *_neighbours(call)),
        {"OP": call.op, **_constants(chunks)},
    )


@algorithm("all_gather", "bidirectional_ring", phases=_once_both_ways)
def all_gather_both_ways(call: Call) -> Plan:
    """Do what `ring` does with half of the tensor each way around."""
    chunks = call.chunks(1, halves=True)
    return Plan(
        bidirectional.all_gather,
        (call.input, call.output, call.count, call.part, chunks.span, *_neighbours(call)),
        _constants(chunks),
    )
